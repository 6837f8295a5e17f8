import { readAccount } from '../../../../ledger-service/journal/operations/read-books.ts';
import { type Database, inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../../ledger-service/platform/logging.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { Rate } from '../../../../ledger-service/vocabulary/money.ts';
import type { Clock } from '../../../../ledger-service/vocabulary/time.ts';
import type { EventData } from '../../../platform/events/catalogue.ts';
import type { Metrics } from '../../../platform/metrics.ts';
import type { DomainEvent, Outbox } from '../../../platform/outbox.ts';
import { exposureAtMark, isDryNow, isHighNow, type Marks } from './domain.ts';
import { INVENTORY_ACCOUNT } from './operations.ts';
import { type ExposureRow, loadCounterpartyLimits, loadExposures, lockExposures, saveAlerts } from './store.ts';

/** Rung by every sweep: looks whether an exposure has crossed one of its marks. */
export const EXPOSURE_ALERTS = 'exposure-alerts';
const SHARD: Shard = 0;

export type WatchDependencies = Readonly<{
  database: Database;
  clock: Clock;
  marks: Marks;
  outbox: Outbox;
  metrics: Metrics;
  logger: Logger;
}>;

/** An asset's exposure as it stands. Amounts in minor units: `exposure` and the limits of the mark's currency. */
export type ExposureStanding = Readonly<{
  row: ExposureRow;
  inventory: bigint;
  /** What of the inventory is not reserved. */
  free: bigint;
  /** None while the price sources do not agree on one. */
  exposure: bigint | undefined;
}>;

/**
 * Tells of every exposure that has crossed its high or low mark, and of every wallet that runs dry, once per crossing.
 *
 * Effects: metrics; where something was crossed also events exposure.high, exposure.low, inventory.low or
 *          inventory.restored and the new standing in one database transaction, and a line in the log
 */
export async function watchExposure(dependencies: WatchDependencies): Promise<number> {
  const { database, clock, outbox, metrics, logger, marks } = dependencies;
  const rows = await loadExposures(database.drizzle, SHARD);
  const rates = await marksOf(marks, rows);
  const seen = await standingOf(database.drizzle, rows, rates);
  for (const { row, exposure, free } of seen) {
    metrics.exposureLimit.set({ asset: row.asset }, Number(row.maximum));
    metrics.freeInventory.set({ asset: row.asset }, Number(free));
    if (exposure !== undefined) metrics.exposure.set({ asset: row.asset }, Number(exposure));
  }
  if (!seen.some(hasCrossed)) return 0;
  const events: DomainEvent[] = [];
  await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const locked = await lockExposures(transaction, SHARD);
    for (const standing of await standingOf(transaction, locked, rates)) {
      if (!hasCrossed(standing)) continue;
      const alerts = alertsOf(standing);
      await saveAlerts(transaction, standing.row, alerts);
      const told = toldOf(standing, marks.currency);
      const at = clock.now().getTime();
      const { isHigh, isDry, asset } = standing.row;
      if (alerts.isHigh !== isHigh) {
        events.push(alertEvent(alerts.isHigh ? 'exposure.high' : 'exposure.low', asset, at, told));
      }
      if (alerts.isDry !== isDry) {
        events.push(alertEvent(alerts.isDry ? 'inventory.low' : 'inventory.restored', asset, at, told));
      }
    }
    await outbox.emit(transaction, events);
  });
  for (const { topic, subject, payload } of events) logger.warn({ event: topic, asset: subject, ...payload });
  outbox.ringFor(events);
  return events.length;
}

/** Every exposure with what stands against its limit, and the limits of single counterparties. */
export async function readExposures({
  database,
  marks,
  clock,
}: Pick<WatchDependencies, 'database' | 'marks' | 'clock'>) {
  const rows = await loadExposures(database.drizzle, SHARD);
  const standings = await standingOf(database.drizzle, rows, await marksOf(marks, rows));
  const counterparties = await loadCounterpartyLimits(database.drizzle, SHARD);
  return { at: clock.now(), measuredIn: marks.currency, standings, counterparties };
}

async function marksOf(marks: Marks, rows: readonly ExposureRow[]): Promise<ReadonlyMap<string, Rate>> {
  const rates = new Map<string, Rate>();
  for (const { asset } of rows) {
    const rate = await marks.markOf(asset).catch((error: unknown) => {
      if (error instanceof SettlementError) return undefined;
      throw error;
    });
    if (rate) rates.set(asset, rate);
  }
  return rates;
}

async function standingOf(
  reader: Parameters<typeof loadExposures>[0],
  rows: readonly ExposureRow[],
  rates: ReadonlyMap<string, Rate>,
): Promise<readonly ExposureStanding[]> {
  const assets = rows.map(({ asset }) => asset);
  const accounts = await readAccount(reader, SHARD, INVENTORY_ACCOUNT, assets);
  return rows.map((row) => {
    const account = accounts.find(({ asset }) => asset === row.asset);
    const inventory = (account?.postedDebits ?? 0n) - (account?.postedCredits ?? 0n);
    const free = inventory - (account?.pendingCredits ?? 0n);
    const rate = rates.get(row.asset);
    const exposure = rate && exposureAtMark({ open: row.open, inventory }, rate).minorUnits;
    return { row, inventory, free, exposure };
  });
}

function alertsOf({ row, exposure, free }: ExposureStanding): Readonly<{ isHigh: boolean; isDry: boolean }> {
  return {
    // Without a mark nothing is promised, and nothing can be said.
    isHigh: exposure === undefined ? row.isHigh : isHighNow(exposure, row, row.isHigh),
    isDry: isDryNow(free, row.minimumInventory, row.isDry),
  };
}

function hasCrossed(standing: ExposureStanding): boolean {
  const { isHigh, isDry } = alertsOf(standing);
  return isHigh !== standing.row.isHigh || isDry !== standing.row.isDry;
}

type Told = EventData<'exposure.high'>;

function toldOf({ row, inventory, free, exposure }: ExposureStanding, measuredIn: string): Told {
  return {
    asset: row.asset,
    measuredIn,
    exposure: exposure?.toString() ?? null,
    maximum: row.maximum.toString(),
    open: row.open.toString(),
    inventory: inventory.toString(),
    freeInventory: free.toString(),
    minimumInventory: row.minimumInventory.toString(),
  };
}

function alertEvent(
  topic: 'exposure.high' | 'exposure.low' | 'inventory.low' | 'inventory.restored',
  asset: string,
  at: number,
  told: Told,
): DomainEvent {
  return {
    shard: SHARD,
    topic,
    subject: asset,
    meaning: [at],
    payload: told,
    published: { ownerId: null, data: told },
  };
}
