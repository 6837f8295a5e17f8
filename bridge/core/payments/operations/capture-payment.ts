import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import { type DatabaseTransaction, inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { type Amount, multiplyByBasisPointsDown } from '../../../../ledger-service/vocabulary/money.ts';
import { captureCall, termsFromJson } from '../../../chain/escrow.ts';
import { enqueueChainCalls } from '../../../chain/operations/submit-calls.ts';
import { claimOnce, completeOnce, type OnceRequest } from '../../../platform/once.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import { feesOf } from '../../fees/domain.ts';
import { CHAIN_SUBMISSION, type PaymentDependencies } from '../dependencies.ts';
import { decideCapture, escrowSequenceOf } from '../domain.ts';
import { captureEntry } from '../postings.ts';
import { convertedBetween, errorOfRefusal, partiesOf, paymentEvent, releaseRisk } from '../shared.ts';
import {
  columnsOf,
  insertMovement,
  loadMovements,
  lockPayment,
  type PaymentRow,
  savePayment,
  stateOf,
} from '../store.ts';
import { type PaymentView, viewOfPayment } from '../view.ts';

export type CapturePayment = Readonly<{ shard: Shard; paymentId: string; amount: Amount }>;

/**
 * Captures part or all of what is held.
 *
 * Shape:   { paymentId, amount } → the payment with its new movement
 * Units:   minor units of the payer's asset
 * Errors:  thrown, nothing changed: PAYMENT_UNKNOWN, PAYMENT_PHASE_UNSUITABLE, AMOUNT_NOT_POSITIVE, ASSET_MISMATCH,
 *          AUTHORIZATION_EXPIRED, AMOUNT_EXCEEDS_HOLD, IDEMPOTENCY_KEY_REUSED · LEDGER_UNAVAILABLE (retryable)
 * Effects: in one database transaction: a card's hold is posted and payment.captured written; a crypto payer's capture
 *          is asked for on chain, and posted when it is final there
 */
export async function capturePayment(
  dependencies: PaymentDependencies,
  command: CapturePayment,
  once: OnceRequest,
): Promise<Readonly<{ payment: PaymentView; replayed: boolean }>> {
  const { database, clock, identifiers, outbox } = dependencies;
  const events: DomainEvent[] = [];
  const result = await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const claim = await claimOnce<PaymentView>(transaction, once, identifiers.next('cap', command.shard), clock);
    if (claim.kind === 'answered') return { payment: claim.outcome, replayed: true };
    const row = await requirePayment(transaction, command.shard, command.paymentId);
    const now = clock.now();
    const decision = decideCapture(stateOf(row), command.amount, now);
    if (decision.outcome === 'declined') throw errorOfRefusal(decision);
    const changed: PaymentRow = { ...row, ...columnsOf(decision.state) };
    const { sequence } = changed;
    const converted = convertedBetween(row, row.captured, changed.captured);
    const fee = merchantFeeOf(row, converted.target);
    await savePayment(transaction, row, columnsOf(decision.state));
    await insertMovement(transaction, {
      shard: row.shard,
      paymentId: row.paymentId,
      sequence,
      kind: 'capture',
      state: 'accepted',
      amount: converted.source.minorUnits,
      targetAmount: converted.target.minorUnits,
      spreadAmount: converted.spread.minorUnits,
      feeAmount: fee.minorUnits,
      occurredAt: now,
      recordedAt: now,
    });
    if (row.terms) {
      const onChainFee = row.quadrant === 'cryptoToCrypto' ? fee.minorUnits : 0n;
      const call = captureCall(dependencies.deployment, termsFromJson(row.terms), {
        amount: converted.source.minorUnits,
        fee: onChainFee,
        sequence: await nextEscrowSequence(transaction, row),
      });
      await enqueueChainCalls(transaction, [{ ...call, shard: row.shard, subject: row.paymentId, sequence }], now);
    } else {
      const entry = captureEntry(partiesOf(row), sequence, { ...converted, fee }, now);
      await requirePosted(transaction, entry, now);
      events.push(capturedEvent(changed, sequence, converted, now));
    }
    if (changed.phase === 'closed') await releaseRisk(transaction, changed);
    await outbox.emit(transaction, events);
    const movements = await loadMovements(transaction, row.shard, [row.paymentId]);
    const payment = viewOfPayment(changed, movements);
    await completeOnce(transaction, once, payment);
    return { payment, replayed: false };
  });
  outbox.ringFor(events);
  if (!result.replayed && events.length === 0) outbox.ring(CHAIN_SUBMISSION);
  return result;
}

/** The number under which the escrow will know the next movement, given the payment as it is before it. */
export async function nextEscrowSequence(transaction: DatabaseTransaction, row: PaymentRow): Promise<number> {
  const movements = await loadMovements(transaction, row.shard, [row.paymentId]);
  return escrowSequenceOf(row.quadrant, movements, row.sequence + 1);
}

/** Errors: thrown PAYMENT_UNKNOWN. */
export async function requirePayment(
  transaction: DatabaseTransaction,
  shard: Shard,
  paymentId: string,
): Promise<PaymentRow> {
  const row = await lockPayment(transaction, shard, paymentId);
  if (row) return row;
  throw new SettlementError('PAYMENT_UNKNOWN', `no payment ${JSON.stringify(paymentId)}`, { paymentId });
}

/** What was decided must be posted: a refusal by the books undoes the caller's database transaction. */
export async function requirePosted(
  transaction: DatabaseTransaction,
  entry: Parameters<typeof postEntries>[1][number],
  now: Date,
): Promise<void> {
  const [result] = await postEntries(transaction, [entry], { now });
  if (result?.outcome !== 'refused') return;
  throw new SettlementError(result.code, `the books refused ${entry.kind} of ${entry.subject}`, result.details);
}

/** What the merchant pays for a captured amount; on chain the escrow's bound is a share, so a broken unit falls away. */
export function merchantFeeOf(row: PaymentRow, target: Amount): Amount {
  if (row.quadrant === 'fiatToCrypto') return { minorUnits: 0n, asset: target.asset };
  if (row.quadrant === 'cryptoToCrypto') return multiplyByBasisPointsDown(target, BigInt(row.merchantFeeBasisPoints));
  return feesOf(target, scheduleOf(row)).merchantFee;
}

export function scheduleOf(row: PaymentRow) {
  return {
    interchangeBasisPoints: BigInt(row.interchangeBasisPoints),
    schemeFeeBasisPoints: BigInt(row.schemeFeeBasisPoints),
    merchantFeeBasisPoints: BigInt(row.merchantFeeBasisPoints),
  };
}

/** What clearing, payouts and the issuer need to know of a capture. */
export function capturedEvent(
  row: PaymentRow,
  sequence: number,
  converted: ReturnType<typeof convertedBetween>,
  eventAt: Date,
): DomainEvent {
  return paymentEvent(row, 'payment.captured', sequence, {
    sequence,
    source: wire(converted.source),
    target: wire(converted.target),
    spread: wire(converted.spread),
    fees: {
      interchangeBasisPoints: row.interchangeBasisPoints,
      schemeFeeBasisPoints: row.schemeFeeBasisPoints,
      merchantFeeBasisPoints: row.merchantFeeBasisPoints,
    },
    eventAt: eventAt.toISOString(),
  });
}

export function wire(amount: Amount) {
  return { minorUnits: amount.minorUnits.toString(), asset: amount.asset };
}
