import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../../ledger-service/platform/database.ts';
import type { AssetCode, AssetRegistry } from '../../../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { IdentifierSource, Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../../../ledger-service/vocabulary/time.ts';
import { claimOnce, completeOnce, type OnceRequest } from '../../../platform/once.ts';
import { recordOperatorAction } from '../operator-actions.ts';
import { type AssetSwitchRow, loadPaused, loadSwitches, saveSwitch } from './store.ts';

export type SwitchDependencies = Readonly<{
  database: Database;
  clock: Clock;
  identifiers: IdentifierSource;
  assets: AssetRegistry;
}>;

export type SetAssetSwitch = Readonly<{ shard: Shard; asset: AssetCode; paused: boolean; reason: string }>;

/**
 * Pauses an asset on chain, or lets it be promised again. What was promised before goes on: captures, payouts, refunds and
 * returns, as far as the asset itself moves.
 *
 * Errors:  thrown, nothing changed: ASSET_UNKNOWN, FIELD_INVALID for money that is not on chain, IDEMPOTENCY_KEY_REUSED
 * Effects: switch and operator's action in one database transaction
 */
export async function setAssetSwitch(
  { database, clock, identifiers, assets }: SwitchDependencies,
  command: SetAssetSwitch,
  once: OnceRequest,
): Promise<Readonly<{ replayed: boolean }>> {
  if (assets.get(command.asset).kind === 'fiat') {
    throw new SettlementError('FIELD_INVALID', 'only assets on chain have a switch', { param: 'asset' });
  }
  const { shard, asset, paused, reason } = command;
  return inDatabaseTransaction(database, async (transaction) => {
    const claim = await claimOnce<object>(transaction, once, identifiers.next('act', shard), clock);
    if (claim.kind === 'answered') return { replayed: true };
    const changedAt = clock.now();
    await saveSwitch(transaction, { shard, asset, paused, reason, changedAt });
    await recordOperatorAction(transaction, {
      shard,
      actionId: claim.resourceId,
      operator: once.callerId,
      kind: 'assetSwitch',
      details: { asset, paused, reason },
      recordedAt: changedAt,
    });
    await completeOnce(transaction, once, {});
    return { replayed: false };
  });
}

export async function listAssetSwitches(database: Database, shard: Shard): Promise<readonly AssetSwitchRow[]> {
  return loadSwitches(database.drizzle, shard);
}

/**
 * Nothing is promised in an asset that is paused; asked in the database transaction that promises.
 *
 * Errors: thrown ASSET_PAUSED with the asset and since when
 */
export async function requireUnpaused(
  transaction: DatabaseTransaction,
  shard: Shard,
  assets: readonly AssetCode[],
): Promise<void> {
  if (assets.length === 0) return;
  const [paused] = await loadPaused(transaction, shard, [...new Set(assets)]);
  if (!paused) return;
  const { asset, changedAt } = paused;
  throw new SettlementError('ASSET_PAUSED', `nothing is promised in ${asset} for the time being`, {
    asset,
    pausedAt: changedAt.toISOString(),
  });
}
