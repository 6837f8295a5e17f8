import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import type { PaymentDependencies } from '../dependencies.ts';
import { paymentEvent, releaseRisks } from '../shared.ts';
import { loadUnanswered, lockPayment, type PaymentRow, savePayment } from '../store.ts';

const REVERSED_AT_ONCE = 50;
const AGAIN_AFTER_MILLISECONDS = 1_000;

/**
 * Takes back every authorization that an issuer did not answer: the reversal is repeated until it is acknowledged, and
 * then the payment has failed.
 *
 * Effects: a database transaction that decides it, a message to the issuer outside of any, and a database transaction
 *          that ends the payment. From the first on an answer that still comes counts for nothing
 */
export async function reverseUnanswered(dependencies: PaymentDependencies): Promise<number> {
  const { database, machineClock, issuer, outbox, logger } = dependencies;
  const due = await loadUnanswered(database.drizzle, machineClock.now(), REVERSED_AT_ONCE);
  let reversed = 0;
  for (const asked of due) {
    if (!(await decideToReverse(dependencies, asked))) continue;
    try {
      await issuer.reverse({
        retrievalReference: asked.paymentId,
        issuerId: asked.issuerId!,
        instrumentToken: asked.instrumentId,
      });
    } catch (error) {
      logger.warn({ event: 'issuer.reversalUnacknowledged', paymentId: asked.paymentId, err: error });
      await postpone(dependencies, asked);
      continue;
    }
    const events: DomainEvent[] = [];
    await inDatabaseTransaction(database, async (transaction) => {
      events.length = 0;
      const row = await lockPayment(transaction, asked.shard, asked.paymentId);
      if (row?.phase !== 'unknown') return;
      const { declineCode } = row;
      const failed: PaymentRow = { ...row, phase: 'failed', declineCode };
      await savePayment(transaction, row, { phase: 'failed', declineCode, reversalDueAt: null });
      await releaseRisks(transaction, [{ row: failed }]);
      events.push(paymentEvent(failed, 'payment.failed', 'failed', {}));
      await outbox.emit(transaction, events);
      reversed += 1;
    });
    outbox.ringFor(events);
  }
  return reversed;
}

/** The issuer is told again later, unless another worker was acknowledged in the meantime. */
async function postpone(
  { database, machineClock }: PaymentDependencies,
  asked: Pick<PaymentRow, 'shard' | 'paymentId'>,
): Promise<void> {
  await inDatabaseTransaction(database, async (transaction) => {
    const row = await lockPayment(transaction, asked.shard, asked.paymentId);
    if (row?.phase !== 'unknown') return;
    const again = new Date(machineClock.now().getTime() + AGAIN_AFTER_MILLISECONDS);
    await savePayment(transaction, row, { reversalDueAt: again });
  });
}

/**
 * Marks a payment as one that is being taken back, before the issuer hears of it: whoever still waits for the answer
 * finds the mark, and does not open a payment whose hold is being reversed. False when an answer came first.
 */
async function decideToReverse(
  { database }: PaymentDependencies,
  asked: Pick<PaymentRow, 'shard' | 'paymentId'>,
): Promise<boolean> {
  return inDatabaseTransaction(database, async (transaction) => {
    const row = await lockPayment(transaction, asked.shard, asked.paymentId);
    if (row?.phase !== 'unknown') return false;
    // No answer, and nobody who has said why: the run that asked was stopped, or is too slow.
    if (row.declineCode === null) {
      await savePayment(transaction, row, { declineCode: 'AUTHORIZATION_INTERRUPTED' });
    }
    return true;
  });
}
