import { postEntries } from '../../../ledger-service/journal/operations/post-entries.ts';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import { assertInvariant, SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import { type IdentifierSource, type Shard, uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Amount, WireAmount } from '../../../ledger-service/vocabulary/money.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import { EVERYTHING, type Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import { readCursor, writeCursor } from '../../platform/cursor.ts';
import type { EventData } from '../../platform/events/catalogue.ts';
import { claimOnce, completeOnce, type OnceRequest, viewerOf } from '../../platform/once.ts';
import type { DomainEvent, Outbox } from '../../platform/outbox.ts';
import { findMerchant } from '../participants/operations.ts';
import { closeStanding, findStanding, type StandingView } from '../participants/standings.ts';
import { chargeBackPayment, lockDisputedPayment, representPayment } from '../payments/operations/charge-back.ts';
import {
  type DisputeCause,
  type DisputeDecision,
  type DisputeRefusal,
  decideAcceptance,
  decideDeadline,
  decideEvidence,
  decideOpening,
  decideOutcome,
  type ReasonCode,
} from './domain.ts';
import {
  type DisputeRow,
  type EvidenceRow,
  insertDispute,
  insertEvidence,
  loadDispute,
  loadDisputes,
  loadDueDisputes,
  loadEvidence,
  saveDispute,
} from './store.ts';

export type DisputeDependencies = Readonly<{
  database: Database;
  clock: Clock;
  identifiers: IdentifierSource;
  outbox: Outbox;
}>;

export const DISPUTE_DEADLINES = 'dispute-deadlines';
const ENDED_AT_ONCE = 100;

export type DisputeView = Readonly<{
  disputeId: string;
  paymentId: string;
  merchantId: string;
  issuerId: string;
  reasonCode: string;
  issuerReference: string | null;
  amount: WireAmount;
  merchantAmount: WireAmount;
  state: DisputeRow['state'];
  cause: DisputeCause | null;
  openedAt: string;
  evidenceDueAt: string;
  dueAt: string | null;
  endedAt: string | null;
  evidence: readonly Readonly<{
    number: number;
    statement: string;
    files: EvidenceRow['files'];
    submittedAt: string;
  }>[];
}>;

type Answer = Readonly<{ dispute: DisputeView; replayed: boolean }>;
type Named = Readonly<{ shard: Shard; disputeId: string }>;

/**
 * Opens a dispute: the issuer charges a captured payment back, in full or in part.
 *
 * Shape:   { paymentId, reasonCode, amount, issuerReference? } → the dispute, with the merchant's deadline
 * Units:   minor units of the payer's asset
 * Errors:  thrown, nothing changed: PAYMENT_UNKNOWN, DISPUTE_UNSUITABLE, DISPUTE_TOO_LATE, PAYMENT_PHASE_UNSUITABLE,
 *          AMOUNT_NOT_POSITIVE, ASSET_MISMATCH, AMOUNT_EXCEEDS_CAPTURED, IDEMPOTENCY_KEY_REUSED
 * Effects: in one database transaction, under the payment's lock: the dispute, the chargeback's movement and entry,
 *          events payment.chargedBack (which clears it into the open window) and dispute.opened
 */
export async function openDispute(
  dependencies: DisputeDependencies,
  command: Readonly<{
    shard: Shard;
    paymentId: string;
    reasonCode: ReasonCode;
    amount: Amount;
    issuerReference?: string | undefined;
  }>,
  once: OnceRequest,
): Promise<Answer> {
  const { clock, identifiers } = dependencies;
  return answerOnce(
    dependencies,
    once,
    async (transaction, disputeId, events) => {
      const { shard, paymentId, reasonCode, amount } = command;
      const now = clock.now();
      const viewer = viewerOf(once);
      const locked = await lockDisputedPayment(transaction, { shard, paymentId, viewer });
      const decision = accepted(decideOpening(reasonCode, locked.occurredAt, now));
      const charged = await chargeBackPayment(transaction, { shard, paymentId, amount, viewer, now });
      const { payment, target } = charged;
      const row: DisputeRow = {
        shard,
        disputeId,
        paymentId,
        merchantId: payment.merchantId,
        issuerId: payment.issuerId,
        acquirerId: payment.acquirerId,
        reasonCode,
        issuerReference: command.issuerReference ?? null,
        asset: amount.asset,
        amount: amount.minorUnits,
        merchantAsset: target.asset,
        merchantAmount: target.minorUnits,
        state: decision.state,
        cause: decision.cause,
        chargebackSequence: charged.sequence,
        openedAt: now,
        evidenceDueAt: decision.dueAt!,
        dueAt: decision.dueAt,
        endedAt: null,
      };
      await insertDispute(transaction, row);
      events.push(...charged.events, disputeEvent(row, 'dispute.opened'));
      return viewOf(row, []);
    },
    identifiers.next('dis', command.shard),
  );
}

/**
 * The merchant answers a dispute.
 *
 * Shape:   a statement, and files by name, size and digest; what lies in them stays with the merchant
 * Errors:  thrown, nothing changed: DISPUTE_UNKNOWN, EVIDENCE_TOO_LATE, DISPUTE_STATE_UNSUITABLE, IDEMPOTENCY_KEY_REUSED
 * Effects: evidence, state and event dispute.evidenceSubmitted in one database transaction
 */
export async function submitEvidence(
  dependencies: DisputeDependencies,
  command: Named & Readonly<{ statement: string; files: EvidenceRow['files'] }>,
  once: OnceRequest,
): Promise<Answer> {
  return answerOnce(dependencies, once, async (transaction, _, events) => {
    const now = dependencies.clock.now();
    const row = await lockDispute(transaction, command, viewerOf(once), ['merchantId']);
    const { state, cause, dueAt } = accepted(decideEvidence(row, now));
    const changed: DisputeRow = { ...row, state, cause, dueAt };
    const evidence = await loadEvidence(transaction, row.shard, row.disputeId);
    const { statement, files } = command;
    const named = { shard: row.shard, disputeId: row.disputeId, number: evidence.length + 1 };
    const added: EvidenceRow = { ...named, statement, files, submittedAt: now };
    await insertEvidence(transaction, added);
    await saveDispute(transaction, row, { state, cause, dueAt });
    events.push(disputeEvent(changed, 'dispute.evidenceSubmitted', added.number));
    return viewOf(changed, [...evidence, added]);
  });
}

/** The merchant gives in; the cardholder keeps what was charged back. Errors as {@link submitEvidence}, but for time. */
export async function acceptDispute(
  dependencies: DisputeDependencies,
  command: Named,
  once: OnceRequest,
): Promise<Answer> {
  return answerOnce(dependencies, once, async (transaction, _, events) => {
    const row = await lockDispute(transaction, command, viewerOf(once), ['merchantId']);
    return end(dependencies, transaction, row, accepted(decideAcceptance(row)), events);
  });
}

/**
 * The issuer decides on what the merchant has answered, or takes its claim back.
 *
 * Shape:   `won`: the merchant is right, and gets everything back · `lost`: the cardholder is
 * Errors:  thrown, nothing changed: DISPUTE_UNKNOWN, DISPUTE_STATE_UNSUITABLE, IDEMPOTENCY_KEY_REUSED
 * Effects: in one database transaction: state, event dispute.won or dispute.lost; when won, the movement and entry that
 *          give back what was charged back, and the event payment.represented
 */
export async function decideDispute(
  dependencies: DisputeDependencies,
  command: Named & Readonly<{ outcome: 'won' | 'lost' }>,
  once: OnceRequest,
): Promise<Answer> {
  return answerOnce(dependencies, once, async (transaction, _, events) => {
    const row = await lockDispute(transaction, command, viewerOf(once), ['issuerId']);
    return end(dependencies, transaction, row, accepted(decideOutcome(row, command.outcome)), events);
  });
}

/**
 * Ends every dispute whose deadline has passed: against the merchant who did not answer, for it where the issuer did not
 * decide.
 *
 * Effects: a database transaction for each; → how many were ended
 */
export async function endOverdueDisputes(dependencies: DisputeDependencies): Promise<number> {
  const { database, clock, outbox } = dependencies;
  const due = await loadDueDisputes(database.drizzle, clock.now(), ENDED_AT_ONCE);
  let ended = 0;
  for (const { shard, disputeId } of due) {
    const events: DomainEvent[] = [];
    await inDatabaseTransaction(database, async (transaction) => {
      events.length = 0;
      const row = await lockDispute(transaction, { shard, disputeId }, EVERYTHING, []);
      const decision = decideDeadline(row, clock.now());
      if (!decision) return;
      await end(dependencies, transaction, row, accepted(decision), events);
      await outbox.emit(transaction, events);
      ended += 1;
    });
    outbox.ringFor(events);
  }
  return ended;
}

/** Errors: thrown DISPUTE_UNKNOWN, also for one that is none of the viewer's. */
export async function findDispute(
  database: Database,
  { shard, disputeId }: Named,
  viewer: Viewer = EVERYTHING,
): Promise<DisputeView> {
  const row = own(await loadDispute(database.drizzle, shard, disputeId), disputeId, viewer, PARTIES);
  return viewOf(row, await loadEvidence(database.drizzle, shard, disputeId));
}

/**
 * A page of disputes, newest first, each with its evidence.
 *
 * Errors: thrown FIELD_INVALID for a cursor that was never given out
 */
export async function listDisputes(
  database: Database,
  query: Readonly<{
    shard: Shard;
    limit: number;
    paymentId?: string | undefined;
    state?: DisputeRow['state'] | undefined;
    cursor?: string | undefined;
  }>,
  viewer: Viewer = EVERYTHING,
): Promise<Readonly<{ disputes: readonly DisputeView[]; nextCursor: string | null }>> {
  const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor, 'dis');
  const rows = await loadDisputes(database.drizzle, { ...query, viewer }, cursor, query.limit + 1);
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    disputes: await Promise.all(
      page.map(async (row) => viewOf(row, await loadEvidence(database.drizzle, row.shard, row.disputeId))),
    ),
    nextCursor: rows.length > query.limit && last ? writeCursor(last.openedAt, last.disputeId) : null,
  };
}

/**
 * A merchant leaves: nothing is netted from it any more, so what it owes and will owe is borne by its reserve, and then
 * written off: by its acquirer, or by the intermediary for a merchant that is paid in coins.
 *
 * Errors:  thrown PARTICIPANT_UNKNOWN
 * Effects: its standing, and the entry merchant.left where it owed something; leaving twice changes nothing
 */
export async function closeMerchant(
  { database, clock }: Pick<DisputeDependencies, 'database' | 'clock'>,
  { shard, merchantId }: Readonly<{ shard: Shard; merchantId: string }>,
): Promise<StandingView> {
  const { payoutAsset: asset, acquirerId } = await findMerchant(database, shard, merchantId);
  await inDatabaseTransaction(database, async (transaction) => {
    const now = clock.now();
    const borne = await closeStanding(transaction, { shard, merchantId, asset }, now);
    if (!borne || borne.fromReserve + borne.writtenOff === 0n) return;
    const isFiat = acquirerId !== undefined;
    const owed = `merchant/${merchantId}/${isFiat ? 'payable' : 'receivable'}`;
    const name = (role: string) => uuidFromMeaning('merchant-left', shard, merchantId, asset, role);
    const legs = [
      ['fromReserve', `merchant/${merchantId}/reserve`, borne.fromReserve],
      ['writtenOff', isFiat ? `acquirer/${acquirerId}/losses` : 'intermediary/losses', borne.writtenOff],
    ] as const;
    const entry = {
      shard,
      entryIdentifier: name('entry'),
      kind: 'merchant.left',
      subject: merchantId,
      eventAt: now,
      transfers: legs
        .filter(([, , minorUnits]) => minorUnits > 0n)
        .map(([role, debit, minorUnits]) => ({
          transferIdentifier: name(role),
          kind: 'post' as const,
          debit,
          credit: owed,
          amount: { minorUnits, asset },
        })),
    };
    const [result] = await postEntries(transaction, [entry], { now });
    assertInvariant(result?.outcome === 'posted', `the books take what ${merchantId} can no longer bear`);
  });
  return findStanding(database, { shard, merchantId });
}

/** Claims the key, does the work, emits and keeps the answer, in one database transaction. */
async function answerOnce(
  { database, clock, outbox }: DisputeDependencies,
  once: OnceRequest,
  work: (transaction: DatabaseTransaction, resourceId: string, events: DomainEvent[]) => Promise<DisputeView>,
  resourceId = '',
): Promise<Answer> {
  const events: DomainEvent[] = [];
  const answer = await inDatabaseTransaction(database, async (transaction): Promise<Answer> => {
    events.length = 0;
    const claim = await claimOnce<DisputeView>(transaction, once, resourceId, clock);
    if (claim.kind === 'answered') return { dispute: claim.outcome, replayed: true };
    const dispute = await work(transaction, resourceId, events);
    await outbox.emit(transaction, events);
    await completeOnce(transaction, once, dispute);
    return { dispute, replayed: false };
  });
  outbox.ringFor(events);
  return answer;
}

async function end(
  dependencies: DisputeDependencies,
  transaction: DatabaseTransaction,
  row: DisputeRow,
  { state, cause, dueAt }: Accepted,
  events: DomainEvent[],
): Promise<DisputeView> {
  const now = dependencies.clock.now();
  const changed: DisputeRow = { ...row, state, cause, dueAt, endedAt: now };
  await saveDispute(transaction, row, { state, cause, dueAt, endedAt: now });
  if (state === 'won') {
    const { shard, paymentId, chargebackSequence } = row;
    events.push(
      ...(await representPayment(dependencies, transaction, { shard, paymentId, chargebackSequence, now })),
      disputeEvent(changed, 'dispute.won'),
    );
  } else events.push(disputeEvent(changed, 'dispute.lost'));
  return viewOf(changed, await loadEvidence(transaction, row.shard, row.disputeId));
}

type Accepted = Extract<DisputeDecision, { outcome: 'accepted' }>;
type Party = 'merchantId' | 'issuerId' | 'acquirerId';
const PARTIES: readonly Party[] = ['merchantId', 'issuerId', 'acquirerId'];

/** The payment's lock is the dispute's too: whatever changes either holds it. */
async function lockDispute(
  transaction: DatabaseTransaction,
  { shard, disputeId }: Named,
  viewer: Viewer,
  movers: readonly Party[],
): Promise<DisputeRow> {
  const found = own(await loadDispute(transaction, shard, disputeId), disputeId, viewer, movers);
  await lockDisputedPayment(transaction, { shard, paymentId: found.paymentId, viewer: EVERYTHING });
  return own(await loadDispute(transaction, shard, disputeId), disputeId, viewer, movers);
}

/** Somebody else's is answered like one that was never there. */
function own(
  row: DisputeRow | undefined,
  disputeId: string,
  { participantId }: Viewer,
  movers: readonly Party[],
): DisputeRow {
  if (row && (participantId === undefined || movers.some((party) => row[party] === participantId))) return row;
  throw new SettlementError('DISPUTE_UNKNOWN', `no dispute ${JSON.stringify(disputeId)}`, { disputeId });
}

function accepted(decision: DisputeDecision): Accepted {
  if (decision.outcome === 'accepted') return decision;
  throw errorOf(decision);
}

function errorOf(refusal: DisputeRefusal): SettlementError {
  switch (refusal.code) {
    case 'DISPUTE_TOO_LATE':
      return new SettlementError(refusal.code, `the last moment was ${refusal.lastAt.toISOString()}`, {
        lastAt: refusal.lastAt.toISOString(),
      });
    case 'EVIDENCE_TOO_LATE':
      return new SettlementError(refusal.code, `evidence was due by ${refusal.dueAt.toISOString()}`, {
        dueAt: refusal.dueAt.toISOString(),
      });
    case 'DISPUTE_STATE_UNSUITABLE':
      return new SettlementError(refusal.code, `the dispute is ${refusal.state}`, { state: refusal.state });
  }
}

type DisputeTopic = 'dispute.opened' | 'dispute.evidenceSubmitted' | 'dispute.won' | 'dispute.lost';

/** Numbered under the payment, whose lock whoever changes a dispute holds. */
function disputeEvent(row: DisputeRow, topic: DisputeTopic, mark = 0): DomainEvent {
  const { issuerId: _, issuerReference: __, evidence: ___, ...told } = viewOf(row, []);
  const data: EventData<DisputeTopic> = { dispute: told };
  return {
    shard: row.shard,
    topic,
    subject: row.disputeId,
    meaning: [mark],
    payload: { disputeId: row.disputeId, paymentId: row.paymentId },
    published: { subject: row.paymentId, ownerId: row.merchantId, data },
  };
}

function viewOf(row: DisputeRow, evidence: readonly EvidenceRow[]): DisputeView {
  return {
    disputeId: row.disputeId,
    paymentId: row.paymentId,
    merchantId: row.merchantId,
    issuerId: row.issuerId,
    reasonCode: row.reasonCode,
    issuerReference: row.issuerReference,
    amount: { minorUnits: row.amount.toString(), asset: row.asset },
    merchantAmount: { minorUnits: row.merchantAmount.toString(), asset: row.merchantAsset },
    state: row.state,
    cause: row.cause,
    openedAt: row.openedAt.toISOString(),
    evidenceDueAt: row.evidenceDueAt.toISOString(),
    dueAt: row.dueAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
    evidence: evidence.map(({ number, statement, files, submittedAt }) => ({
      number,
      statement,
      files,
      submittedAt: submittedAt.toISOString(),
    })),
  };
}
