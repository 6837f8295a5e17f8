import { type DatabaseTransaction, inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { termsFromJson, voidCall } from '../../../chain/escrow.ts';
import { enqueueChainCalls } from '../../../chain/operations/submit-calls.ts';
import { claimOnce, completeOnce, type OnceRequest, viewerOf } from '../../../platform/once.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import { CHAIN_SUBMISSION, type PaymentDependencies } from '../dependencies.ts';
import { decideExpiry, decideVoid, nextEscrowSequence } from '../domain.ts';
import { releaseEntry } from '../postings.ts';
import {
  callOfMovement,
  closedEvents,
  convertedBetween,
  errorOfRefusal,
  partiesOf,
  paymentEvent,
  releaseRisks,
  riskIn,
  wire,
} from '../shared.ts';
import {
  columnsOf,
  insertMovement,
  loadExpired,
  loadMovements,
  lockPayment,
  type PaymentRow,
  savePayment,
  stateOf,
} from '../store.ts';
import { type PaymentView, viewOfPayment } from '../view.ts';
import { requirePayment, requirePosted } from './locked-payment.ts';

export type VoidPayment = Readonly<{ shard: Shard; paymentId: string }>;

const EXPIRED_AT_ONCE = 100;

/**
 * Gives back all that is still held.
 *
 * Errors:  thrown, nothing changed: PAYMENT_UNKNOWN, PAYMENT_PHASE_UNSUITABLE, IDEMPOTENCY_KEY_REUSED
 * Effects: in one database transaction: a card's hold is released and payment.voided written; a crypto payer's void is
 *          asked for on chain, and posted when it is final there
 */
export async function voidPayment(
  dependencies: PaymentDependencies,
  command: VoidPayment,
  once: OnceRequest,
): Promise<Readonly<{ payment: PaymentView; replayed: boolean }>> {
  const { database, clock, identifiers, outbox } = dependencies;
  const events: DomainEvent[] = [];
  const result = await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const claim = await claimOnce<PaymentView>(transaction, once, identifiers.next('voi', command.shard), clock);
    if (claim.kind === 'answered') return { payment: claim.outcome, replayed: true };
    const row = await requirePayment(transaction, command.shard, command.paymentId, viewerOf(once));
    const changed = await release(dependencies, transaction, row, 'void', events);
    await outbox.emit(transaction, events);
    const payment = viewOfPayment(changed, await loadMovements(transaction, row.shard, [row.paymentId]));
    await completeOnce(transaction, once, payment);
    return { payment, replayed: false };
  });
  outbox.ringFor(events);
  if (!result.replayed && result.payment.termsHash) outbox.ring(CHAIN_SUBMISSION);
  return result;
}

/**
 * Releases what is held of every payment whose time is over, and fails those that were never authorized.
 *
 * Effects: a database transaction for each payment; → how many were released
 */
export async function expirePayments(dependencies: PaymentDependencies): Promise<number> {
  const { database, clock, outbox } = dependencies;
  const due = await loadExpired(database.drizzle, clock.now(), EXPIRED_AT_ONCE);
  for (const { shard, paymentId } of due) {
    const events: DomainEvent[] = [];
    await inDatabaseTransaction(database, async (transaction) => {
      events.length = 0;
      const row = await lockPayment(transaction, shard, paymentId);
      if (!row || clock.now() < row.authorizationExpiresAt) return;
      if (row.phase === 'open') await release(dependencies, transaction, row, 'expiry', events);
      else if (row.phase === 'requires_action') {
        const failed: PaymentRow = { ...row, phase: 'failed', declineCode: 'AUTHORIZATION_EXPIRED' };
        await savePayment(transaction, row, { phase: failed.phase, declineCode: failed.declineCode });
        await releaseRisks(transaction, [{ row: failed }]);
        events.push(paymentEvent(failed, 'payment.failed', 'failed', {}));
      }
      await outbox.emit(transaction, events);
    });
    outbox.ringFor(events);
  }
  if (due.length > 0) outbox.ring(CHAIN_SUBMISSION);
  return due.length;
}

async function release(
  dependencies: PaymentDependencies,
  transaction: DatabaseTransaction,
  row: PaymentRow,
  cause: 'void' | 'expiry',
  events: DomainEvent[],
): Promise<PaymentRow> {
  const now = dependencies.clock.now();
  const decision = cause === 'void' ? decideVoid(stateOf(row)) : decideExpiry(stateOf(row), now);
  if (decision.outcome === 'declined') throw errorOfRefusal(decision);
  const changed: PaymentRow = { ...row, ...columnsOf(decision.state) };
  const { sequence } = changed;
  const onChain = row.terms !== null;
  const escrowSequence = onChain
    ? nextEscrowSequence(await loadMovements(transaction, row.shard, [row.paymentId]))
    : null;
  // A partial approval promised less than the quote's target: only that much is reserved, and given back.
  const released = convertedBetween(row, row.authorized - decision.moved.minorUnits, row.authorized);
  await savePayment(transaction, row, columnsOf(decision.state));
  await insertMovement(transaction, {
    shard: row.shard,
    paymentId: row.paymentId,
    sequence,
    kind: cause,
    state: onChain ? 'accepted' : 'final',
    amount: released.source.minorUnits,
    targetAmount: 0n,
    spreadAmount: 0n,
    feeAmount: 0n,
    escrowSequence,
    occurredAt: now,
    recordedAt: now,
    finalAt: onChain ? null : now,
  });
  if (escrowSequence !== null) {
    const call = voidCall(dependencies.deployment, termsFromJson(row.terms), escrowSequence);
    await enqueueChainCalls(transaction, [callOfMovement(call, row, sequence)], now);
  } else {
    await requirePosted(transaction, releaseEntry(partiesOf(row), sequence, cause, released, now), now);
    const source = wire(released.source);
    const told = { movement: { sequence, amount: source }, cause };
    events.push(paymentEvent(changed, 'payment.voided', sequence, told, { sequence, source, cause }));
  }
  events.push(...closedEvents(row, changed));
  await releaseRisks(transaction, [{ row, amount: riskIn(row, released) }]);
  return changed;
}
