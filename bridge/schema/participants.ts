import { foreignKey, integer, primaryKey, text } from 'drizzle-orm/pg-core';
import { bridge, moment, shardColumn } from './columns.ts';

/** Issuers, acquirers, merchants and payers. Columns that only merchants have are empty for the others. */
export const participants = bridge.table(
  'participants',
  {
    shard: shardColumn(),
    participantId: text('participant_id').notNull(),
    kind: text('kind', { enum: ['issuer', 'acquirer', 'merchant', 'payer'] }).notNull(),
    displayName: text('display_name').notNull(),
    /** What a merchant is paid in: an ISO 4217 code, or a CAIP-19 name with `address` as its wallet. */
    payoutAsset: text('payout_asset'),
    acquirerId: text('acquirer_id'),
    address: text('address'),
    merchantFeeBasisPoints: integer('merchant_fee_basis_points').notNull().default(0),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [primaryKey({ name: 'participants_key', columns: [table.shard, table.participantId] })],
);

/** What a payer pays with: a token that stands for a card, or a wallet address. Never a card number. */
export const instruments = bridge.table(
  'instruments',
  {
    shard: shardColumn(),
    instrumentId: text('instrument_id').notNull(),
    participantId: text('participant_id').notNull(),
    kind: text('kind', { enum: ['card', 'wallet'] }).notNull(),
    issuerId: text('issuer_id'),
    asset: text('asset'),
    address: text('address'),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'instruments_key', columns: [table.shard, table.instrumentId] }),
    foreignKey({
      name: 'instruments_owner',
      columns: [table.shard, table.participantId],
      foreignColumns: [participants.shard, participants.participantId],
    }),
  ],
);
