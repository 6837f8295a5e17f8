import { and, asc, eq } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { insertRows } from '../../platform/rows.ts';
import { obligations, presentments, settlementWindows } from '../../schema/settlement.ts';

export type PresentmentRow = typeof presentments.$inferSelect;
export type ObligationRow = typeof obligations.$inferSelect;

/**
 * The open window of a settlement model, opened if there is none, and shared until the caller's commit: whoever closes
 * it waits for those who are still clearing into it.
 */
export async function shareOpenWindow(
  transaction: DatabaseTransaction,
  model: Readonly<{ shard: Shard; asset: string; calendar: string }>,
  fresh: Readonly<{ windowId: string; openedAt: Date }>,
): Promise<string> {
  const isOpen = and(
    eq(settlementWindows.shard, model.shard),
    eq(settlementWindows.asset, model.asset),
    eq(settlementWindows.calendar, model.calendar),
    eq(settlementWindows.state, 'OPEN'),
  );
  const find = () =>
    transaction.select({ windowId: settlementWindows.windowId }).from(settlementWindows).where(isOpen).for('share');
  const [open] = await find();
  if (open) return open.windowId;
  await transaction
    .insert(settlementWindows)
    .values({ ...model, ...fresh, state: 'OPEN' })
    .onConflictDoNothing();
  const [opened] = await find();
  if (!opened) throw new Error('Invariant broken: one window is open after one was opened');
  return opened.windowId;
}

/** Names a movement among those of all payments. */
export function nameOf({ paymentId, sequence }: Pick<PresentmentRow, 'paymentId' | 'sequence'>): string {
  return `${paymentId} ${sequence}`;
}

/** The names of those that are new: a movement that was cleared before is left as it is. */
export async function insertPresentments(
  transaction: DatabaseTransaction,
  rows: readonly PresentmentRow[],
): Promise<ReadonlySet<string>> {
  const inserted = await insertRows(transaction, presentments, rows, [presentments.paymentId, presentments.sequence]);
  return new Set(inserted.map((row) => `${row.payment_id} ${row.sequence}`));
}

export async function insertObligations(
  transaction: DatabaseTransaction,
  rows: readonly ObligationRow[],
): Promise<void> {
  await insertRows(transaction, obligations, rows);
}

export async function loadObligations(reader: Database['drizzle'], shard: Shard): Promise<readonly ObligationRow[]> {
  return reader.select().from(obligations).where(eq(obligations.shard, shard));
}

export async function loadWindowPresentments(
  transaction: DatabaseTransaction,
  shard: Shard,
  windowId: string,
): Promise<readonly PresentmentRow[]> {
  return transaction
    .select()
    .from(presentments)
    .where(and(eq(presentments.shard, shard), eq(presentments.windowId, windowId)))
    .orderBy(asc(presentments.paymentId), asc(presentments.sequence));
}

export async function loadWindowObligations(
  transaction: DatabaseTransaction,
  shard: Shard,
  windowId: string,
): Promise<readonly ObligationRow[]> {
  return transaction
    .select()
    .from(obligations)
    .where(and(eq(obligations.shard, shard), eq(obligations.windowId, windowId)));
}
