import { and, asc, eq, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { counterpartyLimits, exposures, killSwitches } from '../../../schema/exposure.ts';

export type ExposureRow = typeof exposures.$inferSelect;
type Reader = Database['drizzle'] | DatabaseTransaction;

export type ClaimRow = Readonly<{ subject: string; asset: string; counterparty: string; amount: bigint }>;
export type RaisedRow = Readonly<{
  asset: string;
  open: bigint;
  maximum: bigint;
  counterpartyMaximum: bigint | undefined;
}>;

/**
 * Writes claims and adds them to the exposures of their assets, whose rows are locked in the order of their names, with
 * one statement. A subject has one claim.
 *
 * Shape: → the exposures that were raised; an asset that is missing has no limit, and so no room
 */
export async function raiseClaims(
  transaction: DatabaseTransaction,
  shard: Shard,
  claims: readonly ClaimRow[],
): Promise<readonly RaisedRow[]> {
  const given = claims.map(({ amount, ...claim }) => ({ ...claim, amount: amount.toString() }));
  const rows = await transaction.execute<Record<string, string | null>>(sql`
    with given as (
      select * from jsonb_to_recordset(${JSON.stringify(given)}::jsonb)
        as x(subject text, asset text, counterparty text, amount numeric)
    ), claimed as (
      insert into bridge.exposure_claims (shard, subject, asset, counterparty, open)
      select ${shard}::smallint, g.subject, g.asset, g.counterparty, g.amount from given g
      returning asset, open
    ), sums as (
      select asset, sum(open) as amount from claimed group by asset
    ), locked as (
      select e.asset, s.amount from bridge.exposures e join sums s on s.asset = e.asset
      where e.shard = ${shard}::smallint order by e.asset for update of e
    )
    update bridge.exposures e set open = e.open + l.amount
    from locked l
    where e.shard = ${shard}::smallint and e.asset = l.asset
    returning e.asset, e.open, e.maximum, e.counterparty_maximum`);
  return [...rows].map((row) => ({
    asset: row.asset!,
    open: BigInt(row.open!),
    maximum: BigInt(row.maximum!),
    counterpartyMaximum: row.counterparty_maximum === null ? undefined : BigInt(row.counterparty_maximum!),
  }));
}

/** `amount` in minor units of the claim's asset; none: all that is left of it. */
export type Release = Readonly<{ subject: string; amount?: bigint }>;

/** Lowers claims and with them the exposures of their assets, whose rows are locked in the order of their names. */
export async function lowerClaims(
  transaction: DatabaseTransaction,
  shard: Shard,
  releases: readonly Release[],
): Promise<void> {
  const given = releases.map(({ subject, amount }) => ({ subject, amount: amount?.toString() ?? null }));
  await transaction.execute(sql`
    with given as (
      select x.subject, sum(x.amount) as amount, bool_or(x.amount is null) as is_all
      from jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as x(subject text, amount numeric)
      group by x.subject
    ), owed as (
      select c.subject, c.asset, case when g.is_all then c.open else g.amount end as amount
      from bridge.exposure_claims c join given g on g.subject = c.subject where c.shard = ${shard}::smallint
    ), lowered as (
      update bridge.exposure_claims c set open = c.open - o.amount
      from owed o where c.shard = ${shard}::smallint and c.subject = o.subject
    ), sums as (
      select asset, sum(amount) as amount from owed group by asset
    ), locked as (
      select e.asset, s.amount from bridge.exposures e join sums s on s.asset = e.asset
      where e.shard = ${shard}::smallint order by e.asset for update of e
    )
    update bridge.exposures e set open = e.open - l.amount
    from locked l
    where e.shard = ${shard}::smallint and e.asset = l.asset`);
}

export type CounterpartyRow = Readonly<{
  asset: string;
  counterparty: string;
  open: bigint;
  maximum: bigint | undefined;
}>;

/** What some counterparties have open in an asset, with their own limits where they have them. */
export async function loadCounterparties(
  transaction: DatabaseTransaction,
  shard: Shard,
  named: readonly Readonly<{ asset: string; counterparty: string }>[],
): Promise<readonly CounterpartyRow[]> {
  const given = named.map(({ asset, counterparty }) => ({ asset, counterparty }));
  const rows = await transaction.execute<Record<string, string | null>>(sql`
    select g.asset, g.counterparty, m.maximum,
      (select coalesce(sum(c.open), 0) from bridge.exposure_claims c
        where c.shard = ${shard}::smallint and c.asset = g.asset and c.counterparty = g.counterparty and c.open > 0) as open
    from (select distinct asset, counterparty
      from jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as x(asset text, counterparty text)) g
    left join bridge.counterparty_limits m
      on m.shard = ${shard}::smallint and m.asset = g.asset and m.counterparty = g.counterparty
    order by g.asset, g.counterparty`);
  return [...rows].map((row) => ({
    asset: row.asset!,
    counterparty: row.counterparty!,
    open: BigInt(row.open!),
    maximum: row.maximum === null ? undefined : BigInt(row.maximum!),
  }));
}

export async function loadExposures(reader: Reader, shard: Shard): Promise<readonly ExposureRow[]> {
  return reader.select().from(exposures).where(eq(exposures.shard, shard)).orderBy(asc(exposures.asset));
}

/** Every exposure of a shard, in the one order in which they are locked. */
export async function lockExposures(transaction: DatabaseTransaction, shard: Shard): Promise<readonly ExposureRow[]> {
  return transaction
    .select()
    .from(exposures)
    .where(eq(exposures.shard, shard))
    .orderBy(asc(exposures.asset))
    .for('update');
}

export async function saveAlerts(
  transaction: DatabaseTransaction,
  row: ExposureRow,
  alerts: Readonly<{ isHigh: boolean; isDry: boolean }>,
): Promise<void> {
  await transaction
    .update(exposures)
    .set(alerts)
    .where(and(eq(exposures.shard, row.shard), eq(exposures.asset, row.asset)));
}

export async function saveLimit(
  writer: Reader,
  limit: Omit<typeof exposures.$inferInsert, 'open' | 'isHigh' | 'isDry'>,
): Promise<void> {
  const { shard: _, asset: __, ...changed } = limit;
  await writer
    .insert(exposures)
    .values({ ...limit, open: 0n })
    .onConflictDoUpdate({ target: [exposures.shard, exposures.asset], set: changed });
}

export async function saveCounterpartyLimit(
  writer: Reader,
  limit: typeof counterpartyLimits.$inferInsert,
): Promise<void> {
  await writer
    .insert(counterpartyLimits)
    .values(limit)
    .onConflictDoUpdate({
      target: [counterpartyLimits.shard, counterpartyLimits.asset, counterpartyLimits.counterparty],
      set: { maximum: limit.maximum },
    });
}

export async function loadCounterpartyLimits(reader: Reader, shard: Shard) {
  return reader
    .select()
    .from(counterpartyLimits)
    .where(eq(counterpartyLimits.shard, shard))
    .orderBy(asc(counterpartyLimits.asset), asc(counterpartyLimits.counterparty));
}

export async function loadKillSwitch(reader: Reader, shard: Shard) {
  const [row] = await reader.select().from(killSwitches).where(eq(killSwitches.shard, shard));
  return row;
}

export async function saveKillSwitch(writer: Reader, row: typeof killSwitches.$inferInsert): Promise<void> {
  const { shard: _, ...changed } = row;
  await writer.insert(killSwitches).values(row).onConflictDoUpdate({ target: killSwitches.shard, set: changed });
}
