import { numeric, pgSchema, smallint, timestamp } from 'drizzle-orm/pg-core';

/** Payments and what leads to their settlement. `shard` leads every key. */
export const bridge = pgSchema('bridge');

/** An amount in minor units; its asset stands beside it. */
export const minorUnits = (name: string) => numeric(name, { precision: 38, scale: 0, mode: 'bigint' });
export const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 });
export const shardColumn = () => smallint('shard').notNull();
