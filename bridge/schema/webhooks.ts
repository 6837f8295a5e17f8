import { sql } from 'drizzle-orm';
import { index, integer, jsonb, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { bridge, moment, shardColumn } from './columns.ts';

/** What happened, as the world is told of it; numbered for each subject (a payment, a window) from 1. */
export const events = bridge.table(
  'events',
  {
    shard: shardColumn(),
    subject: text('subject').notNull(),
    sequence: integer('sequence').notNull(),
    eventId: text('event_id').notNull(),
    type: text('type').notNull(),
    /** The merchant whom it concerns; none: the intermediary alone. */
    ownerId: text('owner_id'),
    data: jsonb('data').notNull(),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'events_key', columns: [table.shard, table.subject, table.sequence] }),
    uniqueIndex('events_name').on(table.shard, table.eventId),
    // Rows come in the order of their time, so that a few bytes for each hundred pages find a span of it.
    index('events_time').using('brin', table.shard, table.recordedAt),
  ],
);

/** Where events are sent. A row is never deleted: its deliveries go on naming it. */
export const webhookEndpoints = bridge.table(
  'webhook_endpoints',
  {
    shard: shardColumn(),
    endpointId: text('endpoint_id').notNull(),
    /** The merchant whose events it gets; none: the intermediary, who gets everyone's. */
    ownerId: text('owner_id'),
    url: text('url').notNull(),
    /** None means all. */
    eventTypes: text('event_types').array().notNull(),
    state: text('state', { enum: ['enabled', 'disabled', 'deleted'] }).notNull(),
    disabledBecause: text('disabled_because', { enum: ['owner', 'gone'] }),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [primaryKey({ name: 'webhook_endpoints_key', columns: [table.shard, table.endpointId] })],
);

/** The keys that an endpoint's messages are signed with: the newest, and those before it until they expire. */
export const webhookSecrets = bridge.table(
  'webhook_secrets',
  {
    shard: shardColumn(),
    endpointId: text('endpoint_id').notNull(),
    ordinal: integer('ordinal').notNull(),
    /** 32 bytes in base64. Needed to sign, so it cannot be a hash; no view and no log ever holds it. */
    secret: text('secret').notNull(),
    recordedAt: moment('recorded_at').notNull(),
    /** By the machine's clock; the newest has none. */
    expiresAt: moment('expires_at'),
  },
  (table) => [primaryKey({ name: 'webhook_secrets_key', columns: [table.shard, table.endpointId, table.ordinal] })],
);

/**
 * One event on its way to one endpoint. `due` until it is delivered or given up.
 *
 * No foreign key to the endpoint: every payment would lock its row.
 */
export const webhookDeliveries = bridge.table(
  'webhook_deliveries',
  {
    shard: shardColumn(),
    endpointId: text('endpoint_id').notNull(),
    eventId: text('event_id').notNull(),
    /** The event's place: within an endpoint and subject the lower sequence goes first. */
    subject: text('subject').notNull(),
    sequence: integer('sequence').notNull(),
    state: text('state', { enum: ['due', 'delivered', 'givenUp'] }).notNull(),
    attempts: integer('attempts').notNull(),
    recordedAt: moment('recorded_at').notNull(),
    /** By the machine's clock, as every moment below: when it became due, and the earliest next attempt. */
    dueSince: moment('due_since').notNull(),
    notBefore: moment('not_before').notNull(),
    lastAttemptAt: moment('last_attempt_at'),
    lastStatus: integer('last_status'),
    /** Why the last attempt did not deliver, in a word of ours: nothing that the other side said. */
    lastFailure: text('last_failure'),
    endedAt: moment('ended_at'),
  },
  (table) => [
    primaryKey({ name: 'webhook_deliveries_key', columns: [table.shard, table.endpointId, table.eventId] }),
    index('webhook_deliveries_due').on(table.shard, table.notBefore).where(sql`${table.state} = 'due'`),
    index('webhook_deliveries_order')
      .on(table.shard, table.endpointId, table.subject, table.sequence)
      .where(sql`${table.state} = 'due'`),
    index('webhook_deliveries_listed').on(table.shard, table.endpointId, table.recordedAt, table.eventId),
  ],
);
