import { sql } from 'drizzle-orm';
import { index, integer, jsonb, primaryKey, smallint, text } from 'drizzle-orm/pg-core';
import { bridge, moment, shardColumn } from './columns.ts';

/** A request that moves or promises money, once per key and caller. */
export const onceKeys = bridge.table(
  'once_keys',
  {
    shard: shardColumn(),
    callerId: text('caller_id').notNull(),
    idempotencyKey: text('idempotency_key').notNull(),
    operation: text('operation').notNull(),
    /** The body in canonical form, so that a repetition with another one can be told which field differs. */
    request: jsonb('request').notNull(),
    resourceId: text('resource_id').notNull(),
    outcome: jsonb('outcome'),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [primaryKey({ name: 'once_keys_key', columns: [table.shard, table.callerId, table.idempotencyKey] })],
);

/** What happened, once for each consumer that has to act on it. A row is due until its consumer marks it. */
export const outbox = bridge.table(
  'outbox',
  {
    shard: shardColumn(),
    consumer: text('consumer').notNull(),
    eventId: text('event_id').notNull(),
    topic: text('topic').notNull(),
    subject: text('subject').notNull(),
    payload: jsonb('payload').notNull(),
    recordedAt: moment('recorded_at').notNull(),
    /** Order among events of one moment. */
    ordinal: integer('ordinal').notNull(),
    attempts: smallint('attempts').notNull(),
    /** Not before this moment of the machine's clock, after a failed attempt. */
    notBefore: moment('not_before'),
    lastError: text('last_error'),
    /** The trace of the request that led to it (W3C traceparent), so that its consumer goes on with it. */
    traceContext: text('trace_context'),
    handledAt: moment('handled_at'),
  },
  (table) => [
    primaryKey({ name: 'outbox_key', columns: [table.shard, table.consumer, table.eventId] }),
    index('outbox_due')
      .on(table.shard, table.consumer, table.recordedAt, table.ordinal)
      .where(sql`${table.handledAt} is null`),
    index('outbox_subject').on(table.shard, table.subject),
  ],
);

/** Who may call the API; the secret itself is never stored. */
export const apiKeys = bridge.table(
  'api_keys',
  {
    shard: shardColumn(),
    keyId: text('key_id').notNull(),
    secretHash: text('secret_hash').notNull(),
    displayName: text('display_name').notNull(),
    scopes: text('scopes').array().notNull(),
    /** Whose key it is: it reaches what concerns this participant alone. None: the intermediary's own. */
    participantId: text('participant_id'),
    recordedAt: moment('recorded_at').notNull(),
    revokedAt: moment('revoked_at'),
  },
  (table) => [primaryKey({ name: 'api_keys_key', columns: [table.shard, table.keyId] })],
);

/** Small facts of the whole run: the books' clock, the deployment, the chain head last seen. */
export const settings = bridge.table(
  'settings',
  {
    shard: shardColumn(),
    name: text('name').notNull(),
    value: jsonb('value').notNull(),
  },
  (table) => [primaryKey({ name: 'settings_key', columns: [table.shard, table.name] })],
);
