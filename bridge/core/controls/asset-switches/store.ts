import { and, asc, eq, inArray } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { AssetCode } from '../../../../ledger-service/vocabulary/assets.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { assetSwitches } from '../../../schema/asset-switches.ts';

type Reader = Database['drizzle'] | DatabaseTransaction;
export type AssetSwitchRow = typeof assetSwitches.$inferSelect;

/** Those of some assets that are paused. */
export async function loadPaused(
  reader: Reader,
  shard: Shard,
  assets: readonly AssetCode[],
): Promise<readonly AssetSwitchRow[]> {
  return reader
    .select()
    .from(assetSwitches)
    .where(
      and(eq(assetSwitches.shard, shard), inArray(assetSwitches.asset, [...assets]), eq(assetSwitches.paused, true)),
    )
    .orderBy(asc(assetSwitches.asset));
}

export async function loadSwitches(reader: Reader, shard: Shard): Promise<readonly AssetSwitchRow[]> {
  return reader.select().from(assetSwitches).where(eq(assetSwitches.shard, shard)).orderBy(asc(assetSwitches.asset));
}

export async function saveSwitch(writer: Reader, row: AssetSwitchRow): Promise<void> {
  const { paused, reason, changedAt } = row;
  await writer
    .insert(assetSwitches)
    .values(row)
    .onConflictDoUpdate({
      target: [assetSwitches.shard, assetSwitches.asset],
      set: { paused, reason, changedAt },
    });
}
