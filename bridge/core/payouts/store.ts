import { and, asc, desc, eq, gt, inArray, lt, or, type SQLWrapper, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { chainPayouts } from '../../schema/settlement.ts';

export type ChainPayoutRow = typeof chainPayouts.$inferSelect;
type Reader = Database['drizzle'] | DatabaseTransaction;

/** Those that are new: a movement has one payout. */
export async function insertPayouts(
  transaction: DatabaseTransaction,
  rows: readonly ChainPayoutRow[],
): Promise<readonly ChainPayoutRow[]> {
  if (rows.length === 0) return [];
  return transaction
    .insert(chainPayouts)
    .values([...rows])
    .onConflictDoNothing()
    .returning();
}

export async function lockDuePayouts(
  transaction: DatabaseTransaction,
  limit: number,
): Promise<readonly ChainPayoutRow[]> {
  return transaction
    .select()
    .from(chainPayouts)
    .where(eq(chainPayouts.state, 'due'))
    .orderBy(
      asc(chainPayouts.shard),
      asc(chainPayouts.recordedAt),
      asc(chainPayouts.paymentId),
      asc(chainPayouts.sequence),
    )
    .limit(limit)
    .for('update', { skipLocked: true });
}

export async function saveBatched(
  transaction: DatabaseTransaction,
  rows: readonly ChainPayoutRow[],
  batchId: string,
): Promise<void> {
  for (const [batchIndex, row] of rows.entries()) {
    await transaction.update(chainPayouts).set({ state: 'batched', batchId, batchIndex }).where(samePayout(row));
  }
}

export async function lockBatchItems(
  transaction: DatabaseTransaction,
  shard: Shard,
  batchIds: readonly string[],
): Promise<readonly ChainPayoutRow[]> {
  if (batchIds.length === 0) return [];
  return transaction
    .select()
    .from(chainPayouts)
    .where(and(eq(chainPayouts.shard, shard), inArray(chainPayouts.batchId, [...batchIds])))
    .orderBy(asc(chainPayouts.paymentId), asc(chainPayouts.sequence))
    .for('update');
}

export async function loadBatchItems(
  reader: Reader,
  shard: Shard,
  batchIds: readonly string[],
): Promise<readonly ChainPayoutRow[]> {
  if (batchIds.length === 0) return [];
  return reader
    .select()
    .from(chainPayouts)
    .where(and(eq(chainPayouts.shard, shard), inArray(chainPayouts.batchId, [...batchIds])));
}

export async function savePayout(
  transaction: DatabaseTransaction,
  row: ChainPayoutRow,
  change: Partial<ChainPayoutRow>,
): Promise<void> {
  await transaction.update(chainPayouts).set(change).where(samePayout(row));
}

/** Puts the items of a batch that the chain refused as a whole back among those that are due. */
export async function reopenBatch(transaction: DatabaseTransaction, shard: Shard, batchId: string): Promise<void> {
  await transaction
    .update(chainPayouts)
    .set({ state: 'due', batchId: null, batchIndex: null })
    .where(and(eq(chainPayouts.shard, shard), eq(chainPayouts.batchId, batchId), eq(chainPayouts.state, 'batched')));
}

/** Puts the items of a batch that never went out back; those that were in its way are paid apart from then on. */
export async function reopenApart(
  transaction: DatabaseTransaction,
  shard: Shard,
  batchId: string,
  items: readonly number[] | null,
): Promise<void> {
  const wasInTheWay = items === null ? sql`true` : inArray(chainPayouts.batchIndex, [...items]);
  await transaction
    .update(chainPayouts)
    .set({ state: 'due', batchId: null, batchIndex: null, alone: sql`${chainPayouts.alone} or ${wasInTheWay}` })
    .where(and(eq(chainPayouts.shard, shard), eq(chainPayouts.batchId, batchId), eq(chainPayouts.state, 'batched')));
}

/** Newest first; the cursor names the last row of the page before. */
export async function loadPayouts(
  reader: Reader,
  filter: Readonly<{ shard: Shard; paymentId?: string | undefined; paymentIds?: SQLWrapper | undefined }>,
  after: Readonly<{ recordedAt: Date; identifier: string }> | undefined,
  limit: number,
): Promise<readonly ChainPayoutRow[]> {
  return reader
    .select()
    .from(chainPayouts)
    .where(
      and(
        eq(chainPayouts.shard, filter.shard),
        filter.paymentId ? eq(chainPayouts.paymentId, filter.paymentId) : undefined,
        filter.paymentIds ? inArray(chainPayouts.paymentId, filter.paymentIds) : undefined,
        after
          ? or(
              lt(chainPayouts.recordedAt, after.recordedAt),
              and(eq(chainPayouts.recordedAt, after.recordedAt), gt(chainPayouts.payoutId, after.identifier)),
            )
          : undefined,
      ),
    )
    .orderBy(desc(chainPayouts.recordedAt), asc(chainPayouts.payoutId))
    .limit(limit);
}

export async function countOpenPayouts(reader: Reader): Promise<number> {
  const [row] = await reader
    .select({ open: sql<number>`count(*)::int` })
    .from(chainPayouts)
    .where(inArray(chainPayouts.state, ['due', 'batched']));
  return row?.open ?? 0;
}

function samePayout(row: Pick<ChainPayoutRow, 'shard' | 'paymentId' | 'sequence'>) {
  return and(
    eq(chainPayouts.shard, row.shard),
    eq(chainPayouts.paymentId, row.paymentId),
    eq(chainPayouts.sequence, row.sequence),
  );
}
