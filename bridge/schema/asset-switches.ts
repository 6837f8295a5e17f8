import { boolean, primaryKey, text } from 'drizzle-orm/pg-core';
import { bridge, moment, shardColumn } from './columns.ts';

/** Whether anything is promised in an asset; no row: it is. */
export const assetSwitches = bridge.table(
  'asset_switches',
  {
    shard: shardColumn(),
    asset: text('asset').notNull(),
    paused: boolean('paused').notNull(),
    reason: text('reason').notNull(),
    changedAt: moment('changed_at').notNull(),
  },
  (table) => [primaryKey({ name: 'asset_switches_key', columns: [table.shard, table.asset] })],
);
