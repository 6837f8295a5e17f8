import { and, eq, sql } from 'drizzle-orm';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import type { Clock, Timers } from '../../../ledger-service/vocabulary/time.ts';
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
  return {
    async authorize(request) {
      try {
        const { answer, conduct } = await inDatabaseTransaction(database, (transaction) =>
          decide(transaction, request, clock.now()),
        );
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
      await inDatabaseTransaction(database, (transaction) => advise(transaction, advice, clock.now()));
    },
  };
}

async function decide(
  transaction: DatabaseTransaction,
  request: IssuerRequest,
  now: Date,
): Promise<Readonly<{ answer: IssuerAnswer; conduct: CardConduct }>> {
  const [account] = await transaction
    .select()
    .from(cardAccounts)
    .where(and(eq(cardAccounts.shard, SHARD), eq(cardAccounts.instrumentToken, request.instrumentToken)))
    .for('update');
  if (!account || account.issuerId !== request.issuerId || account.currency !== request.amount.asset) {
    return { answer: { kind: 'declined', responseCode: '14' }, conduct: 'usual' };
  }
  const available = account.balance - account.held;
  const asked = request.amount.minorUnits;
  const approved =
    account.conduct === 'blocked' ? 0n : asked <= available ? asked : account.conduct === 'partial' ? available : 0n;
  const responseCode = approvalCode(account.conduct, asked, approved);
  const inserted = await transaction
    .insert(cardAuthorizations)
    .values({
      shard: SHARD,
      retrievalReference: request.retrievalReference,
      instrumentToken: request.instrumentToken,
      responseCode,
      approved,
      held: approved,
      recordedAt: now,
    })
    .onConflictDoNothing()
    .returning({ retrievalReference: cardAuthorizations.retrievalReference });
  // Already there: a reversal came first, or the same request came twice. Neither is approved a second time.
  if (inserted.length === 0) return { answer: { kind: 'declined', responseCode: '05' }, conduct: account.conduct };
  if (approved === 0n) return { answer: { kind: 'declined', responseCode }, conduct: account.conduct };
  await moveHold(transaction, request.instrumentToken, approved, 0n);
  const amount = { minorUnits: approved, asset: request.amount.asset };
  return { answer: { kind: 'approved', amount, responseCode: responseCode as '00' | '10' }, conduct: account.conduct };
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
  await moveHold(transaction, authorization.instrumentToken, -authorization.held, 0n);
  await transaction
    .update(cardAuthorizations)
    .set({ held: 0n, reversedAt: now })
    .where(sameAuthorization(retrievalReference));
}

async function advise(transaction: DatabaseTransaction, advice: IssuerAdvice, now: Date): Promise<void> {
  const authorization = await lockAuthorization(transaction, advice.retrievalReference);
  if (!authorization) throw new Error(`the issuer has no authorization ${advice.retrievalReference}`);
  const inserted = await transaction
    .insert(cardAdvices)
    .values({
      shard: SHARD,
      adviceId: advice.adviceId,
      retrievalReference: advice.retrievalReference,
      kind: advice.kind,
      amount: advice.amount.minorUnits,
      recordedAt: now,
    })
    .onConflictDoNothing()
    .returning({ adviceId: cardAdvices.adviceId });
  if (inserted.length === 0) return;
  const amount = advice.amount.minorUnits;
  if (advice.kind === 'refund') return moveHold(transaction, authorization.instrumentToken, 0n, amount);
  if (amount > authorization.held) throw new Error(`the issuer holds ${authorization.held}, not ${amount}`);
  await transaction
    .update(cardAuthorizations)
    .set({ held: authorization.held - amount })
    .where(sameAuthorization(advice.retrievalReference));
  await moveHold(transaction, authorization.instrumentToken, -amount, advice.kind === 'capture' ? -amount : 0n);
}

async function lockAuthorization(transaction: DatabaseTransaction, retrievalReference: string) {
  const [row] = await transaction
    .select()
    .from(cardAuthorizations)
    .where(sameAuthorization(retrievalReference))
    .for('update');
  return row;
}

async function moveHold(
  transaction: DatabaseTransaction,
  instrumentToken: string,
  held: bigint,
  balance: bigint,
): Promise<void> {
  await transaction
    .update(cardAccounts)
    .set({ held: sql`${cardAccounts.held} + ${held}`, balance: sql`${cardAccounts.balance} + ${balance}` })
    .where(and(eq(cardAccounts.shard, SHARD), eq(cardAccounts.instrumentToken, instrumentToken)));
}

function sameAuthorization(retrievalReference: string) {
  return and(eq(cardAuthorizations.shard, SHARD), eq(cardAuthorizations.retrievalReference, retrievalReference));
}
