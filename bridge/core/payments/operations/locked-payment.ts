import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import type { DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { lockPayment, type PaymentRow } from '../store.ts';

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
