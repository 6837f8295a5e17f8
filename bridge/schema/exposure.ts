import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import { bridge, minorUnits, moment, shardColumn } from './columns.ts';

/** What the intermediary has promised in an asset, and how far it may go. Everyone who promises locks this row. */
export const exposures = bridge.table(
  'exposures',
  {
    shard: shardColumn(),
    asset: text('asset').notNull(),
    /** The sum of the claims, in minor units of the asset. */
    open: minorUnits('open').notNull(),
    /** What claims and inventory may be worth together, in minor units of the currency that exposure is measured in. */
    maximum: minorUnits('maximum').notNull(),
    /** The same for the claims of any one counterparty that has no limit of its own; none: no such limit. */
    counterpartyMaximum: minorUnits('counterparty_maximum'),
    /** Free inventory below this, in minor units of the asset, is worth an alert. */
    minimumInventory: minorUnits('minimum_inventory').notNull().default(sql`0`),
    /** Shares of the maximum: the alert comes at the higher one, and is over at the lower one. */
    highBasisPoints: integer('high_basis_points').notNull().default(8_000),
    lowBasisPoints: integer('low_basis_points').notNull().default(7_000),
    isHigh: boolean('is_high').notNull().default(false),
    isDry: boolean('is_dry').notNull().default(false),
  },
  (table) => [
    primaryKey({ name: 'exposures_key', columns: [table.shard, table.asset] }),
    check('exposures_open', sql`${table.open} >= 0`),
  ],
);

/** What one payment has at risk: raised when its quote is accepted, lowered as it becomes final or comes to nothing. */
export const exposureClaims = bridge.table(
  'exposure_claims',
  {
    shard: shardColumn(),
    subject: text('subject').notNull(),
    asset: text('asset').notNull(),
    counterparty: text('counterparty').notNull(),
    open: minorUnits('open').notNull(),
  },
  (table) => [
    primaryKey({ name: 'exposure_claims_key', columns: [table.shard, table.subject] }),
    index('exposure_claims_counterparty')
      .on(table.shard, table.asset, table.counterparty)
      .where(sql`${table.open} > 0`),
    check('exposure_claims_open', sql`${table.open} >= 0`),
  ],
);

/** Limits of single counterparties, in the currency that exposure is measured in. */
export const counterpartyLimits = bridge.table(
  'counterparty_limits',
  {
    shard: shardColumn(),
    asset: text('asset').notNull(),
    counterparty: text('counterparty').notNull(),
    maximum: minorUnits('maximum').notNull(),
  },
  (table) => [primaryKey({ name: 'counterparty_limits_key', columns: [table.shard, table.asset, table.counterparty] })],
);

/** Whether anything is promised at all; no row: it is. */
export const killSwitches = bridge.table(
  'kill_switches',
  {
    shard: shardColumn(),
    stopped: boolean('stopped').notNull(),
    reason: text('reason').notNull(),
    changedAt: moment('changed_at').notNull(),
  },
  (table) => [primaryKey({ name: 'kill_switches_key', columns: [table.shard] })],
);

/** What operators have done to limits, switches and money in suspense, for good. */
export const operatorActions = bridge.table(
  'operator_actions',
  {
    shard: shardColumn(),
    actionId: text('action_id').notNull(),
    operator: text('operator').notNull(),
    kind: text('kind').notNull(),
    details: jsonb('details').notNull(),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'operator_actions_key', columns: [table.shard, table.actionId] }),
    index('operator_actions_listed').on(table.shard, table.recordedAt),
  ],
);
