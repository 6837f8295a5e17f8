import type { DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { assertInvariant, type ErrorCode } from '../../../../ledger-service/vocabulary/errors.ts';
import type { JournalEntryInstruction } from '../../../../ledger-service/vocabulary/journal-entries.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import type { PaymentDependencies } from '../dependencies.ts';
import { decideApproval, decideCapture } from '../domain.ts';
import { depositCaptureEntry } from '../postings.ts';
import {
  capturedEvent,
  closedEvents,
  convertedBetween,
  merchantFeeOf,
  partiesOf,
  paymentEvent,
  releaseRisks,
} from '../shared.ts';
import { columnsOf, insertMovement, type PaymentRow, savePayment, stateOf } from '../store.ts';

export type { PaymentRow } from '../store.ts';
export { releaseRisks };

/** All that follows takes payments that the caller has locked, in its database transaction. */
export async function markSweeping(transaction: DatabaseTransaction, row: PaymentRow, at: Date): Promise<boolean> {
  if (row.phase !== 'requires_action') return false;
  // From here on the chain owes the answer, and time alone does not end it.
  await savePayment(transaction, row, { phase: 'unknown', signedAt: at });
  return true;
}

/**
 * Opens and captures at once a payment whose coins were swept to the wallet, final on chain.
 *
 * Shape:   → the entry to post and the events to emit
 * Effects: payment row and movement; the caller releases the risk after it has posted
 */
export async function captureSwept(
  dependencies: Pick<PaymentDependencies, 'clock'>,
  transaction: DatabaseTransaction,
  row: PaymentRow,
  at: Date,
): Promise<Readonly<{ entry: JournalEntryInstruction; events: readonly DomainEvent[] }>> {
  const amount = { minorUnits: row.requested, asset: row.asset };
  const approval = decideApproval(stateOf(row), amount);
  assertInvariant(approval.outcome === 'accepted', `what was swept opens its payment: ${row.paymentId}`);
  // The contract sweeps before the authorization ends, so this is captured as of then.
  const decision = decideCapture(approval.state, amount, at);
  assertInvariant(decision.outcome === 'accepted', `what was swept is captured: ${row.paymentId}`);
  const opened: PaymentRow = { ...row, ...columnsOf(approval.state) };
  const changed: PaymentRow = { ...row, ...columnsOf(decision.state) };
  const { sequence } = changed;
  const converted = convertedBetween(row, 0n, row.requested);
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
    feeAmount: merchantFeeOf(row, converted.target).minorUnits,
    occurredAt: at,
    recordedAt: dependencies.clock.now(),
    finalAt: null,
  });
  return {
    entry: depositCaptureEntry(partiesOf(row), sequence, converted, at),
    events: [
      paymentEvent(opened, 'payment.authorized', 'authorized', {}),
      capturedEvent(changed, sequence, converted, at),
      ...closedEvents(opened, changed),
    ],
  };
}

/** Ends a payment whose deposit came to nothing; none where it has ended before. The caller releases the risk. */
export async function failDeposited(
  transaction: DatabaseTransaction,
  row: PaymentRow,
  declineCode: ErrorCode,
): Promise<readonly DomainEvent[]> {
  if (row.phase !== 'requires_action' && row.phase !== 'unknown') return [];
  const failed: PaymentRow = { ...row, phase: 'failed', declineCode };
  await savePayment(transaction, row, { phase: 'failed', declineCode });
  return [paymentEvent(failed, 'payment.failed', 'failed', {})];
}
