import { readAccount } from '../../../../ledger-service/journal/operations/read-books.ts';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../../ledger-service/platform/database.ts';
import type { AssetCode, AssetRegistry } from '../../../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { IdentifierSource, Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { Amount, Rate } from '../../../../ledger-service/vocabulary/money.ts';
import type { Clock } from '../../../../ledger-service/vocabulary/time.ts';
import { claimOnce, completeOnce, type OnceRequest } from '../../../platform/once.ts';
import { recordOperatorAction } from '../operator-actions.ts';
import { type AtRisk, decideExposure, higherMark } from './domain.ts';
import {
  loadCounterparties,
  loadExposures,
  loadKillSwitch,
  lockExposures,
  lowerClaims,
  type Release,
  raiseClaims,
  saveCounterpartyLimit,
  saveKillSwitch,
  saveLimit,
} from './store.ts';

export const INVENTORY_ACCOUNT = 'intermediary/chain';

/** What a promise puts at risk, and at what mark its asset stands. */
export type ExposureClaim = Readonly<{ subject: string; counterparty: string; atRisk: Amount; mark: Rate }>;

/**
 * Counts what is being promised against the limits of its assets and counterparties, in the database transaction that
 * promises it. Every promise in an asset waits for the one before it; two statements for any number of claims.
 *
 * Shape:   claims of one shard, of subjects that have none yet
 * Errors:  thrown EXPOSURE_EXCEEDED with both figures, PAYMENTS_STOPPED: the caller's database transaction is undone
 * Effects: rows in exposure_claims, exposures raised
 */
export async function raiseExposure(
  transaction: DatabaseTransaction,
  shard: Shard,
  claims: readonly ExposureClaim[],
): Promise<void> {
  if (claims.length === 0) {
    await requirePromising(transaction, shard);
    return;
  }
  const named = claims.map(({ subject, counterparty, atRisk }) => ({
    subject,
    counterparty,
    asset: atRisk.asset,
    amount: atRisk.minorUnits,
  }));
  const raised = await raiseClaims(transaction, shard, named);
  const assets = [...new Set(named.map(({ asset }) => asset))];
  // Read after the rows are locked: whoever changes claim and inventory together has to lock them too.
  const [, inventories, counterparties] = await Promise.all([
    requirePromising(transaction, shard),
    inventoryOf(transaction, shard, assets),
    loadCounterparties(transaction, shard, named),
  ]);
  for (const asset of assets) {
    const row = raised.find((one) => one.asset === asset);
    const mark = markAmong(claims, asset);
    // An asset that nobody has set a limit for has no room at all.
    const asked = named.reduce((sum, one) => sum + (one.asset === asset ? one.amount : 0n), 0n);
    const atRisk = { open: row?.open ?? asked, inventory: inventories.get(asset) ?? 0n };
    requireWithin(atRisk, mark, row?.maximum ?? 0n, { asset });
    for (const { counterparty, open, maximum } of counterparties.filter((one) => one.asset === asset)) {
      const most = maximum ?? row?.counterpartyMaximum;
      if (most !== undefined) requireWithin({ open, inventory: 0n }, mark, most, { asset, counterparty });
    }
  }
}

/**
 * Takes from exposures what has become final or come to nothing, in the caller's database transaction, which holds the
 * locks of the payments and has locked every account that it locks.
 */
export async function lowerExposure(
  transaction: DatabaseTransaction,
  shard: Shard,
  releases: readonly Release[],
): Promise<void> {
  const moving = releases.filter(({ amount }) => amount !== 0n);
  if (moving.length > 0) await lowerClaims(transaction, shard, moving);
}

/** What the wallet holds of some assets by the books. */
export async function inventoryOf(
  reader: Database['drizzle'] | DatabaseTransaction,
  shard: Shard,
  assets: readonly AssetCode[],
): Promise<ReadonlyMap<AssetCode, bigint>> {
  const accounts = await readAccount(reader, shard, INVENTORY_ACCOUNT, assets);
  return new Map(accounts.map(({ asset, postedDebits, postedCredits }) => [asset, postedDebits - postedCredits]));
}

export type ControlDependencies = Readonly<{
  database: Database;
  clock: Clock;
  identifiers: IdentifierSource;
  assets: AssetRegistry;
}>;

/** Limits in minor units of the mark's currency; `minimumInventory` in those of the asset. */
export type SetExposureLimit = Readonly<{
  shard: Shard;
  asset: AssetCode;
  maximum: bigint;
  counterpartyMaximum?: bigint | undefined;
  minimumInventory?: bigint | undefined;
  highBasisPoints?: number | undefined;
  lowBasisPoints?: number | undefined;
}>;

/** What an installation begins with. */
export async function openExposure(database: Database, limit: SetExposureLimit): Promise<void> {
  await saveLimit(database.drizzle, columnsOf(limit));
}

/**
 * Sets how much may be at risk in an asset. A limit below what is at risk already takes nothing back: nothing new is
 * promised until there is room.
 *
 * Errors:  thrown, nothing changed: ASSET_UNKNOWN, FIELD_INVALID, IDEMPOTENCY_KEY_REUSED
 * Effects: limit and operator's action in one database transaction
 */
export async function setExposureLimit(
  dependencies: ControlDependencies,
  limit: SetExposureLimit,
  once: OnceRequest,
): Promise<Readonly<{ replayed: boolean }>> {
  requireOnChain(dependencies.assets, limit.asset);
  const { highBasisPoints = 8_000, lowBasisPoints = 7_000 } = limit;
  if (lowBasisPoints > highBasisPoints) {
    throw new SettlementError('FIELD_INVALID', 'the alert ends at or below the share at which it comes', {
      param: 'lowBasisPoints',
    });
  }
  return act(dependencies, limit.shard, once, 'exposureLimit', limit, (transaction) =>
    saveLimit(transaction, columnsOf(limit)),
  );
}

/** The same for one counterparty; its own limit takes the place of the one that all others have. */
export async function setCounterpartyLimit(
  dependencies: ControlDependencies,
  limit: Readonly<{ shard: Shard; asset: AssetCode; counterparty: string; maximum: bigint }>,
  once: OnceRequest,
): Promise<Readonly<{ replayed: boolean }>> {
  requireOnChain(dependencies.assets, limit.asset);
  return act(dependencies, limit.shard, once, 'counterpartyLimit', limit, (transaction) =>
    saveCounterpartyLimit(transaction, limit),
  );
}

/**
 * Stops every new promise, or lets promises be made again. What was promised before goes on: captures, payouts, refunds
 * and returns.
 *
 * Effects: every exposure is locked first, so that once this is answered no quote is accepted any more
 */
export async function setKillSwitch(
  dependencies: ControlDependencies,
  command: Readonly<{ shard: Shard; stopped: boolean; reason: string }>,
  once: OnceRequest,
): Promise<Readonly<{ replayed: boolean }>> {
  return act(dependencies, command.shard, once, 'killSwitch', command, async (transaction) => {
    await lockExposures(transaction, command.shard);
    await saveKillSwitch(transaction, { ...command, changedAt: dependencies.clock.now() });
  });
}

export async function findKillSwitch(database: Database, shard: Shard) {
  return loadKillSwitch(database.drizzle, shard);
}

export async function listExposureRows(database: Database, shard: Shard) {
  return loadExposures(database.drizzle, shard);
}

async function act(
  { database, clock, identifiers }: ControlDependencies,
  shard: Shard,
  once: OnceRequest,
  kind: string,
  details: object,
  work: (transaction: DatabaseTransaction) => Promise<void>,
): Promise<Readonly<{ replayed: boolean }>> {
  return inDatabaseTransaction(database, async (transaction) => {
    const claim = await claimOnce<object>(transaction, once, identifiers.next('act', shard), clock);
    if (claim.kind === 'answered') return { replayed: true };
    await work(transaction);
    const told = JSON.parse(
      JSON.stringify(details, (_, value) => (typeof value === 'bigint' ? value.toString() : value)),
    ) as Record<string, unknown>;
    const action = { shard, actionId: claim.resourceId, operator: once.callerId, kind, details: told };
    await recordOperatorAction(transaction, { ...action, recordedAt: clock.now() });
    await completeOnce(transaction, once, {});
    return { replayed: false };
  });
}

async function requirePromising(transaction: DatabaseTransaction, shard: Shard): Promise<void> {
  const row = await loadKillSwitch(transaction, shard);
  if (!row?.stopped) return;
  throw new SettlementError('PAYMENTS_STOPPED', 'an operator has stopped new promises', {
    stoppedAt: row.changedAt.toISOString(),
  });
}

function requireWithin(
  atRisk: AtRisk,
  mark: Rate,
  maximum: bigint,
  whose: Readonly<{ asset: AssetCode; counterparty?: string }>,
): void {
  const verdict = decideExposure(atRisk, mark, maximum);
  if (verdict.outcome === 'within') return;
  const { exposure } = verdict;
  throw new SettlementError(
    'EXPOSURE_EXCEEDED',
    `${exposure.minorUnits} minor units of ${exposure.asset} at risk would exceed ${maximum}`,
    {
      ...whose,
      wouldBe: exposure.minorUnits.toString(),
      maximum: maximum.toString(),
      measuredIn: exposure.asset,
      open: atRisk.open.toString(),
      inventory: atRisk.inventory.toString(),
    },
  );
}

function markAmong(claims: readonly ExposureClaim[], asset: AssetCode): Rate {
  return claims
    .filter(({ atRisk }) => atRisk.asset === asset)
    .map(({ mark }) => mark)
    .reduce(higherMark);
}

function requireOnChain(assets: AssetRegistry, asset: AssetCode): void {
  if (assets.get(asset).kind !== 'fiat') return;
  throw new SettlementError('FIELD_INVALID', 'exposure is held in assets on chain', { param: 'asset' });
}

function columnsOf({ shard, asset, maximum, ...limit }: SetExposureLimit) {
  return {
    shard,
    asset,
    maximum,
    counterpartyMaximum: limit.counterpartyMaximum ?? null,
    minimumInventory: limit.minimumInventory ?? 0n,
    highBasisPoints: limit.highBasisPoints ?? 8_000,
    lowBasisPoints: limit.lowBasisPoints ?? 7_000,
  };
}
