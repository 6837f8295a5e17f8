import { integer, primaryKey, text } from 'drizzle-orm/pg-core';
import { bridge, minorUnits, moment, shardColumn } from './columns.ts';

/** What stands in the way of a signing key; no row, or no moment, when nothing does. By the machine's clock. */
export const chainKeyConditions = bridge.table(
  'chain_key_conditions',
  {
    shard: shardColumn(),
    chainId: integer('chain_id').notNull(),
    address: text('address').notNull(),
    /** Since when nodes say that it cannot pay for its calls. */
    fundsMissingSince: moment('funds_missing_since'),
    /** What it had when that was last said, in wei. */
    balance: minorUnits('balance'),
  },
  (table) => [primaryKey({ name: 'chain_key_conditions_key', columns: [table.shard, table.chainId, table.address] })],
);
