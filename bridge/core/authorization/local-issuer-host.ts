import { and, asc, eq, sql } from 'drizzle-orm';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import { createGatherer } from '../../../ledger-service/platform/gatherer.ts';
import type { Clock, Timers } from '../../../ledger-service/vocabulary/time.ts';
import { insertRows, isOneOf } from '../../platform/rows.ts';
import { cardAccounts, cardAdvices, cardAuthorizations } from '../../schema/issuer-host.ts';
import type { IssuerAdvice, IssuerAnswer, IssuerPort, IssuerRequest } from './issuer-port.ts';

/** How the holder of a card is served: a blocked card is declined, a silent issuer holds the money and says nothing. */
export type CardConduct = 'usual' | 'partial' | 'blocked' | 'silent';

export type CardAccount = Readonly<{
  instrumentToken: string;
  issuerId: string;
  currency: string;
  balance: bigint;
  conduct: CardConduct;
}>;

type Dependencies = Readonly<{ database: Database; clock: Clock; timers: Timers; answerWithinMilliseconds: number }>;

const SHARD = 0;
const LARGEST_BATCH = 128;

/** Opens a cardholder's account; one that is open already stays as it is. */
export async function openCardAccount(database: Database, account: CardAccount): Promise<void> {
  await database.drizzle
    .insert(cardAccounts)
    .values({ ...account, shard: SHARD, held: 0n })
    .onConflictDoNothing();
}

/**
 * An issuer's own host with real accounts, for runs without a connection to a card network.
 *
 * Every answer is what its accounts say at that moment: holds lower what is available, captures lower the balance, and
 * a reversal that arrives before its request keeps that request from ever being approved.
 */
export function createLocalIssuerHost(dependencies: Dependencies): IssuerPort {
  const { database, clock, timers } = dependencies;
  const together = { largestBatch: LARGEST_BATCH, concurrentBatches: 1, isOneCommandsFault: () => true };
  const requests = createGatherer<IssuerRequest, Decided>({
    ...together,
    work: (batch) => inDatabaseTransaction(database, (transaction) => decideTogether(transaction, batch, clock.now())),
  });
  const advices = createGatherer<IssuerAdvice, undefined>({
    ...together,
    work: async (batch) => {
      await inDatabaseTransaction(database, (transaction) => adviseTogether(transaction, batch, clock.now()));
      return batch.map(() => undefined);
    },
  });
  return {
    async authorize(request) {
      try {
        const { answer, conduct } = await requests.add(request);
        if (conduct !== 'silent') return answer;
        await timers.wait(dependencies.answerWithinMilliseconds);
        return { kind: 'silent' };
      } catch {
        return { kind: 'silent' };
      }
    },
    async reverse({ retrievalReference, instrumentToken }) {
      await inDatabaseTransaction(database, (transaction) =>
        reverse(transaction, retrievalReference, instrumentToken, clock.now()),
      );
    },
    async advise(advice) {
      await advices.add(advice);
    },
  };
}

type Decided = Readonly<{ answer: IssuerAnswer; conduct: CardConduct }>;

/** Many requests in one database transaction: accounts locked in the order of their tokens, decided one by one. */
async function decideTogether(
  transaction: DatabaseTransaction,
  requests: readonly IssuerRequest[],
  now: Date,
): Promise<readonly Decided[]> {
  const tokens = [...new Set(requests.map(({ instrumentToken }) => instrumentToken))];
  const rows = await transaction
    .select()
    .from(cardAccounts)
    .where(and(eq(cardAccounts.shard, SHARD), isOneOf(cardAccounts.instrumentToken, tokens)))
    .orderBy(asc(cardAccounts.instrumentToken))
    .for('update');
  const accounts = new Map(rows.map((row) => [row.instrumentToken, row]));
  const drafts = requests.map((request) => {
    const account = accounts.get(request.instrumentToken);
    if (!account || account.issuerId !== request.issuerId || account.currency !== request.amount.asset) {
      return { request, conduct: 'usual' as const, approved: 0n, responseCode: '14', isKnown: false };
    }
    const available = account.balance - account.held;
    const asked = request.amount.minorUnits;
    const { conduct } = account;
    const approved = conduct === 'blocked' ? 0n : asked <= available ? asked : conduct === 'partial' ? available : 0n;
    accounts.set(request.instrumentToken, { ...account, held: account.held + approved });
    return { request, conduct, approved, responseCode: approvalCode(conduct, asked, approved), isKnown: true };
  });
  const known = drafts.filter(({ isKnown }) => isKnown);
  const inserted = await insertRows(
    transaction,
    cardAuthorizations,
    known.map(({ request, approved, responseCode }) => ({
      shard: SHARD,
      retrievalReference: request.retrievalReference,
      instrumentToken: request.instrumentToken,
      responseCode,
      approved,
      held: approved,
      recordedAt: now,
      reversedAt: null,
    })),
    [cardAuthorizations.retrievalReference],
  );
  // What is there already: a reversal came first, or the same request came twice. Neither is approved a second time.
  const fresh = new Set(inserted.map((row) => String(row.retrieval_reference)));
  const isFresh = ({ request }: (typeof drafts)[number]) => fresh.has(request.retrievalReference);
  await moveHolds(
    transaction,
    known.filter(isFresh).map(({ request, approved }) => ({ ...request, held: approved, balance: 0n })),
  );
  return drafts.map((draft): Decided => {
    const { request, conduct, approved, responseCode, isKnown } = draft;
    if (!isKnown || !isFresh(draft) || approved === 0n) {
      const code = isKnown && !isFresh(draft) ? '05' : responseCode;
      return { answer: { kind: 'declined', responseCode: code }, conduct };
    }
    const amount = { minorUnits: approved, asset: request.amount.asset };
    return { answer: { kind: 'approved', amount, responseCode: responseCode as '00' | '10' }, conduct };
  });
}

function approvalCode(conduct: CardConduct, asked: bigint, approved: bigint): string {
  if (conduct === 'blocked') return '62';
  if (approved === 0n) return '51';
  return approved === asked ? '00' : '10';
}

async function reverse(
  transaction: DatabaseTransaction,
  retrievalReference: string,
  instrumentToken: string,
  now: Date,
): Promise<void> {
  // The row is made to exist before it is locked, so that a request that comes later finds the reversal.
  await transaction
    .insert(cardAuthorizations)
    .values({
      shard: SHARD,
      retrievalReference,
      instrumentToken,
      responseCode: '05',
      approved: 0n,
      held: 0n,
      recordedAt: now,
      reversedAt: now,
    })
    .onConflictDoNothing();
  const authorization = await lockAuthorization(transaction, retrievalReference);
  if (!authorization || authorization.reversedAt) return;
  const { instrumentToken: token, held } = authorization;
  await moveHolds(transaction, [{ instrumentToken: token, held: -held, balance: 0n }]);
  await transaction
    .update(cardAuthorizations)
    .set({ held: 0n, reversedAt: now })
    .where(sameAuthorization(retrievalReference));
}

/**
 * Many advices in one database transaction; one that the accounts do not bear undoes all, and each is told by itself.
 */
async function adviseTogether(
  transaction: DatabaseTransaction,
  advices: readonly IssuerAdvice[],
  now: Date,
): Promise<void> {
  const references = [...new Set(advices.map(({ retrievalReference }) => retrievalReference))];
  const rows = await transaction
    .select()
    .from(cardAuthorizations)
    .where(and(eq(cardAuthorizations.shard, SHARD), isOneOf(cardAuthorizations.retrievalReference, references)))
    .orderBy(asc(cardAuthorizations.retrievalReference))
    .for('update');
  const authorizations = new Map(rows.map((row) => [row.retrievalReference, row]));
  const inserted = await insertRows(
    transaction,
    cardAdvices,
    advices.map(({ adviceId, retrievalReference, kind, amount }) => ({
      shard: SHARD,
      adviceId,
      retrievalReference,
      kind,
      amount: amount.minorUnits,
      recordedAt: now,
    })),
    [cardAdvices.adviceId],
  );
  const fresh = new Set(inserted.map((row) => String(row.advice_id)));
  const moves: HoldMove[] = [];
  const changed = new Map<string, bigint>();
  for (const { adviceId, retrievalReference, kind, amount } of advices) {
    if (!fresh.delete(adviceId)) continue;
    const authorization = authorizations.get(retrievalReference);
    if (!authorization) throw new Error(`the issuer has no authorization ${retrievalReference}`);
    const { instrumentToken, held } = authorization;
    const { minorUnits } = amount;
    if (kind === 'refund') {
      moves.push({ instrumentToken, held: 0n, balance: minorUnits });
      continue;
    }
    if (minorUnits > held) throw new Error(`the issuer holds ${held}, not ${minorUnits}`);
    authorizations.set(retrievalReference, { ...authorization, held: held - minorUnits });
    changed.set(retrievalReference, held - minorUnits);
    moves.push({ instrumentToken, held: -minorUnits, balance: kind === 'capture' ? -minorUnits : 0n });
  }
  if (changed.size > 0) {
    const held = [...changed].map(([reference, amount]) => ({ reference, held: amount.toString() }));
    await transaction.execute(sql`
      update issuer_host.card_authorizations a set held = x.held
      from json_to_recordset(${JSON.stringify(held)}::json) as x(reference text, held numeric)
      where a.shard = ${SHARD} and a.retrieval_reference = x.reference`);
  }
  await moveHolds(transaction, moves);
}

async function lockAuthorization(transaction: DatabaseTransaction, retrievalReference: string) {
  const [row] = await transaction
    .select()
    .from(cardAuthorizations)
    .where(sameAuthorization(retrievalReference))
    .for('update');
  return row;
}

type HoldMove = Readonly<{ instrumentToken: string; held: bigint; balance: bigint }>;

/** Adds to what is held and to the balance, in the order of the tokens. */
async function moveHolds(transaction: DatabaseTransaction, moves: readonly HoldMove[]): Promise<void> {
  const sums = new Map<string, HoldMove>();
  for (const { instrumentToken, held, balance } of moves) {
    const before = sums.get(instrumentToken);
    sums.set(instrumentToken, {
      instrumentToken,
      held: held + (before?.held ?? 0n),
      balance: balance + (before?.balance ?? 0n),
    });
  }
  if (sums.size === 0) return;
  const rows = [...sums.values()]
    .sort((left, right) => (left.instrumentToken < right.instrumentToken ? -1 : 1))
    .map(({ instrumentToken, held, balance }) => ({
      token: instrumentToken,
      held: held.toString(),
      balance: balance.toString(),
    }));
  const text = JSON.stringify(rows);
  await transaction.execute(sql`
    with moved as (select * from json_to_recordset(${text}::json) as x(token text, held numeric, balance numeric)),
    locked as (
      select a.instrument_token from issuer_host.card_accounts a join moved on moved.token = a.instrument_token
      where a.shard = ${SHARD} order by a.instrument_token for update of a)
    update issuer_host.card_accounts a set held = a.held + moved.held, balance = a.balance + moved.balance
    from moved join locked on locked.instrument_token = moved.token
    where a.shard = ${SHARD} and a.instrument_token = moved.token`);
}

function sameAuthorization(retrievalReference: string) {
  return and(eq(cardAuthorizations.shard, SHARD), eq(cardAuthorizations.retrievalReference, retrievalReference));
}
