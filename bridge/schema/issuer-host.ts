import { sql } from 'drizzle-orm';
import { check, index, pgSchema, primaryKey, text } from 'drizzle-orm/pg-core';
import { minorUnits, moment, shardColumn } from './columns.ts';

/** The accounts of the local issuer host: another company's books, which the bridge reaches by messages only. */
export const issuerHost = pgSchema('issuer_host');

/** A cardholder's account. `conduct` lets a local world hold cards that are blocked, partial or never answered. */
export const cardAccounts = issuerHost.table(
  'card_accounts',
  {
    shard: shardColumn(),
    instrumentToken: text('instrument_token').notNull(),
    issuerId: text('issuer_id').notNull(),
    currency: text('currency').notNull(),
    balance: minorUnits('balance').notNull(),
    held: minorUnits('held').notNull(),
    conduct: text('conduct', { enum: ['usual', 'partial', 'blocked', 'silent'] }).notNull(),
  },
  (table) => [
    primaryKey({ name: 'card_accounts_key', columns: [table.shard, table.instrumentToken] }),
    check('card_accounts_funded', sql`${table.held} >= 0 and ${table.held} <= ${table.balance}`),
  ],
);

/** One row per authorization request; a reversal that comes before its request leaves a row too. */
export const cardAuthorizations = issuerHost.table(
  'card_authorizations',
  {
    shard: shardColumn(),
    retrievalReference: text('retrieval_reference').notNull(),
    instrumentToken: text('instrument_token').notNull(),
    responseCode: text('response_code').notNull(),
    approved: minorUnits('approved').notNull(),
    held: minorUnits('held').notNull(),
    recordedAt: moment('recorded_at').notNull(),
    reversedAt: moment('reversed_at'),
  },
  (table) => [
    primaryKey({ name: 'card_authorizations_key', columns: [table.shard, table.retrievalReference] }),
    index('card_authorizations_card').on(table.shard, table.instrumentToken),
  ],
);

/** Advices already acted upon: captures, releases and refunds are told as often as it takes, and count once. */
export const cardAdvices = issuerHost.table(
  'card_advices',
  {
    shard: shardColumn(),
    adviceId: text('advice_id').notNull(),
    retrievalReference: text('retrieval_reference').notNull(),
    kind: text('kind', { enum: ['capture', 'release', 'refund'] }).notNull(),
    amount: minorUnits('amount').notNull(),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [primaryKey({ name: 'card_advices_key', columns: [table.shard, table.adviceId] })],
);
