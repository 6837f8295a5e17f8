import { and, asc, desc, eq } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { merchantPayouts, settlementWindows } from '../../schema/settlement.ts';

export type WindowRow = typeof settlementWindows.$inferSelect;
export type MerchantPayoutRow = typeof merchantPayouts.$inferSelect;
type Reader = Database['drizzle'] | DatabaseTransaction;

export async function lockWindow(
  transaction: DatabaseTransaction,
  shard: Shard,
  windowId: string,
): Promise<WindowRow | undefined> {
  const [row] = await transaction.select().from(settlementWindows).where(sameWindow(shard, windowId)).for('update');
  return row;
}

export async function saveWindow(
  transaction: DatabaseTransaction,
  row: WindowRow,
  change: Partial<WindowRow>,
): Promise<void> {
  await transaction.update(settlementWindows).set(change).where(sameWindow(row.shard, row.windowId));
}

export async function loadWindow(reader: Reader, shard: Shard, windowId: string): Promise<WindowRow | undefined> {
  const [row] = await reader.select().from(settlementWindows).where(sameWindow(shard, windowId));
  return row;
}

export async function loadWindows(reader: Reader, shard: Shard, limit: number): Promise<readonly WindowRow[]> {
  return reader
    .select()
    .from(settlementWindows)
    .where(eq(settlementWindows.shard, shard))
    .orderBy(desc(settlementWindows.openedAt), asc(settlementWindows.windowId))
    .limit(limit);
}

export async function loadAllWindows(reader: Reader, shard: Shard): Promise<readonly WindowRow[]> {
  return reader
    .select()
    .from(settlementWindows)
    .where(eq(settlementWindows.shard, shard))
    .orderBy(asc(settlementWindows.windowId));
}

export async function insertMerchantPayouts(
  transaction: DatabaseTransaction,
  rows: readonly MerchantPayoutRow[],
): Promise<void> {
  if (rows.length > 0) await transaction.insert(merchantPayouts).values([...rows]);
}

export async function loadMerchantPayouts(
  reader: Reader,
  shard: Shard,
  windowId: string,
): Promise<readonly MerchantPayoutRow[]> {
  return reader
    .select()
    .from(merchantPayouts)
    .where(and(eq(merchantPayouts.shard, shard), eq(merchantPayouts.windowId, windowId)))
    .orderBy(asc(merchantPayouts.merchantId));
}

function sameWindow(shard: Shard, windowId: string) {
  return and(eq(settlementWindows.shard, shard), eq(settlementWindows.windowId, windowId));
}
