import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import type { DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { EVERYTHING, type Viewer } from '../../../../ledger-service/vocabulary/viewers.ts';
import { ownOrUnknown, type Party } from '../owners.ts';
import { lockPayment, type PaymentRow } from '../store.ts';

/**
 * Locks a payment that the viewer may move.
 *
 * Errors: thrown PAYMENT_UNKNOWN, also for a payment that is none of the viewer's
 */
export async function requirePayment(
  transaction: DatabaseTransaction,
  shard: Shard,
  paymentId: string,
  viewer: Viewer = EVERYTHING,
  movers: readonly Party[] = ['merchantId'],
): Promise<PaymentRow> {
  const row = ownOrUnknown(await lockPayment(transaction, shard, paymentId), paymentId, viewer, movers);
  if (row instanceof SettlementError) throw row;
  return row;
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
