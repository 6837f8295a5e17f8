import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { merchantReserves, merchantStandings } from '../../schema/disputes.ts';

export type StandingRow = typeof merchantStandings.$inferSelect;
export type ReserveRow = typeof merchantReserves.$inferSelect;
type Reader = Database['drizzle'] | DatabaseTransaction;
type Named = Readonly<{ shard: Shard; merchantId: string; asset: string }>;

/** Made to exist before it is locked, so that two who come at once wait for each other. */
export async function lockStandingRow(transaction: DatabaseTransaction, named: Named): Promise<StandingRow> {
  const { shard, merchantId, asset } = named;
  await transaction
    .insert(merchantStandings)
    .values({ shard, merchantId, asset, owed: 0n, writtenOff: 0n, reserveBasisPoints: 0, reserveDays: 0 })
    .onConflictDoNothing();
  const [row] = await transaction.select().from(merchantStandings).where(sameStanding(named)).for('update');
  return row!;
}

export async function loadStandingRow(reader: Reader, named: Named): Promise<StandingRow | undefined> {
  const [row] = await reader.select().from(merchantStandings).where(sameStanding(named));
  return row;
}

export async function loadStandingRows(reader: Reader, shard: Shard): Promise<readonly StandingRow[]> {
  return reader
    .select()
    .from(merchantStandings)
    .where(eq(merchantStandings.shard, shard))
    .orderBy(asc(merchantStandings.merchantId), asc(merchantStandings.asset));
}

export async function saveStandingRow(
  transaction: DatabaseTransaction,
  named: Named,
  change: Partial<StandingRow>,
): Promise<void> {
  await transaction.update(merchantStandings).set(change).where(sameStanding(named));
}

export async function insertReserve(transaction: DatabaseTransaction, row: ReserveRow): Promise<void> {
  await transaction.insert(merchantReserves).values(row);
}

/** What is kept for a merchant and not on its way, what is to be released first in front. */
export async function loadHeldReserves(transaction: DatabaseTransaction, named: Named): Promise<readonly ReserveRow[]> {
  return transaction
    .select()
    .from(merchantReserves)
    .where(
      and(
        eq(merchantReserves.shard, named.shard),
        eq(merchantReserves.merchantId, named.merchantId),
        eq(merchantReserves.asset, named.asset),
        eq(merchantReserves.state, 'held'),
      ),
    )
    .orderBy(asc(merchantReserves.releaseAt), asc(merchantReserves.reserveId));
}

export async function loadReserve(reader: Reader, shard: Shard, reserveId: string): Promise<ReserveRow | undefined> {
  const [row] = await reader.select().from(merchantReserves).where(sameReserve(shard, reserveId));
  return row;
}

export async function loadReservesById(
  reader: Reader,
  shard: Shard,
  reserveIds: readonly string[],
): Promise<readonly ReserveRow[]> {
  if (reserveIds.length === 0) return [];
  return reader
    .select()
    .from(merchantReserves)
    .where(and(eq(merchantReserves.shard, shard), inArray(merchantReserves.reserveId, [...reserveIds])));
}

export async function loadDueReserves(reader: Reader, now: Date, limit: number): Promise<readonly ReserveRow[]> {
  return reader
    .select()
    .from(merchantReserves)
    .where(and(eq(merchantReserves.state, 'held'), lte(merchantReserves.releaseAt, now)))
    .orderBy(asc(merchantReserves.releaseAt), asc(merchantReserves.reserveId))
    .limit(limit);
}

export async function saveReserve(
  transaction: DatabaseTransaction,
  { shard, reserveId }: Pick<ReserveRow, 'shard' | 'reserveId'>,
  change: Partial<ReserveRow>,
): Promise<void> {
  await transaction.update(merchantReserves).set(change).where(sameReserve(shard, reserveId));
}

/** What all reserves of each merchant come to, those on their way included. */
export async function sumReserves(
  reader: Reader,
  shard: Shard,
): Promise<readonly Readonly<{ merchantId: string; asset: string; remaining: bigint }>[]> {
  const rows = await reader
    .select({
      merchantId: merchantReserves.merchantId,
      asset: merchantReserves.asset,
      remaining: sql<string>`sum(${merchantReserves.remaining})::text`,
    })
    .from(merchantReserves)
    .where(eq(merchantReserves.shard, shard))
    .groupBy(merchantReserves.merchantId, merchantReserves.asset)
    .orderBy(asc(merchantReserves.merchantId), asc(merchantReserves.asset));
  return rows.map((row) => ({ ...row, remaining: BigInt(row.remaining) }));
}

function sameStanding({ shard, merchantId, asset }: Named) {
  return and(
    eq(merchantStandings.shard, shard),
    eq(merchantStandings.merchantId, merchantId),
    eq(merchantStandings.asset, asset),
  );
}

function sameReserve(shard: Shard, reserveId: string) {
  return and(eq(merchantReserves.shard, shard), eq(merchantReserves.reserveId, reserveId));
}
