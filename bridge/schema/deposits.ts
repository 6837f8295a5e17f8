import { sql } from 'drizzle-orm';
import { foreignKey, index, integer, jsonb, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { bridge, minorUnits, moment, shardColumn } from './columns.ts';

/** Addresses that transfers are looked for at, from the database transaction on that made them known to anyone. */
export const chainRecipients = bridge.table(
  'chain_recipients',
  {
    shard: shardColumn(),
    address: text('address').notNull(),
    /** The payment that it was made for. */
    subject: text('subject').notNull(),
  },
  (table) => [primaryKey({ name: 'chain_recipients_key', columns: [table.shard, table.address] })],
);

/** A payment that its payer pushes: what has arrived for it, and whether it was moved on. */
export const deposits = bridge.table(
  'deposits',
  {
    shard: shardColumn(),
    paymentId: text('payment_id').notNull(),
    address: text('address').notNull(),
    asset: text('asset').notNull(),
    amount: minorUnits('amount').notNull(),
    destination: text('destination', { enum: ['wallet', 'escrow'] }).notNull(),
    returnTo: text('return_to').notNull(),
    terms: jsonb('terms').notNull(),
    state: text('state', { enum: ['open', 'sweeping', 'swept', 'expired'] }).notNull(),
    /** In time and not moved on yet, of the asset that was asked for. */
    held: minorUnits('held').notNull(),
    /** Coins that arrive from this moment of the chain on are late. */
    payBy: moment('pay_by').notNull(),
    /** The contract sweeps before this moment, and gives back what it waited for after it. */
    sweepBefore: moment('sweep_before').notNull(),
    /** For the chain's own coin, which leaves no log: up to which block its balance was looked at, and what it was. */
    seenHeight: integer('seen_height'),
    seenBalance: minorUnits('seen_balance'),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'deposits_key', columns: [table.shard, table.paymentId] }),
    uniqueIndex('deposits_address').on(table.shard, table.address),
    index('deposits_expiry').on(table.shard, table.sweepBefore).where(sql`${table.state} = 'open'`),
    index('deposits_listed').on(table.shard, table.recordedAt),
  ],
);

/** Every transfer that reached an address of ours, once it was final. */
export const depositTransfers = bridge.table(
  'deposit_transfers',
  {
    shard: shardColumn(),
    transferId: text('transfer_id').notNull(),
    address: text('address').notNull(),
    /** None where it was sent straight to the wallet. */
    paymentId: text('payment_id'),
    asset: text('asset').notNull(),
    amount: minorUnits('amount').notNull(),
    sender: text('sender'),
    outcome: text('outcome', {
      enum: ['exact', 'part', 'over', 'late', 'second', 'wrongToken', 'released', 'unattributed'],
    }).notNull(),
    /** What of it goes where; the three add up to the amount, but for what is in suspense. */
    held: minorUnits('held').notNull(),
    owed: minorUnits('owed').notNull(),
    dust: minorUnits('dust').notNull(),
    chainHash: text('chain_hash'),
    height: integer('height').notNull(),
    minedAt: moment('mined_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'deposit_transfers_key', columns: [table.shard, table.transferId] }),
    index('deposit_transfers_payment').on(table.shard, table.paymentId),
  ],
);

/** What is owed back at an address, by asset. */
export const depositDebts = bridge.table(
  'deposit_debts',
  {
    shard: shardColumn(),
    address: text('address').notNull(),
    asset: text('asset').notNull(),
    paymentId: text('payment_id').notNull(),
    owed: minorUnits('owed').notNull(),
    /** Too little to be sent back. */
    dust: minorUnits('dust').notNull(),
    /** The contract gives it back from this moment on. */
    notBefore: moment('not_before').notNull(),
    attempts: integer('attempts').notNull(),
    /** The return that is under way; one at a time. */
    returnId: text('return_id'),
  },
  (table) => [
    primaryKey({ name: 'deposit_debts_key', columns: [table.shard, table.address, table.asset] }),
    index('deposit_debts_due')
      .on(table.shard, table.notBefore)
      .where(sql`${table.owed} > 0 and ${table.returnId} is null`),
    foreignKey({
      name: 'deposit_debts_of_deposit',
      columns: [table.shard, table.paymentId],
      foreignColumns: [deposits.shard, deposits.paymentId],
    }),
  ],
);

/** What was sent back, and to whom. */
export const depositReturns = bridge.table(
  'deposit_returns',
  {
    shard: shardColumn(),
    returnId: text('return_id').notNull(),
    paymentId: text('payment_id').notNull(),
    address: text('address').notNull(),
    asset: text('asset').notNull(),
    amount: minorUnits('amount').notNull(),
    recipient: text('recipient').notNull(),
    state: text('state', { enum: ['asked', 'final', 'failed'] }).notNull(),
    chainHash: text('chain_hash'),
    recordedAt: moment('recorded_at').notNull(),
    finalAt: moment('final_at'),
  },
  (table) => [
    primaryKey({ name: 'deposit_returns_key', columns: [table.shard, table.returnId] }),
    index('deposit_returns_payment').on(table.shard, table.paymentId),
  ],
);

/** Money that nobody can be named for, until an operator says whose it is. */
export const suspenseItems = bridge.table(
  'suspense_items',
  {
    shard: shardColumn(),
    itemId: text('item_id').notNull(),
    /** Where the coins are: the wallet, or the deposit address of a payment. */
    place: text('place', { enum: ['wallet', 'deposit'] }).notNull(),
    paymentId: text('payment_id'),
    asset: text('asset').notNull(),
    amount: minorUnits('amount').notNull(),
    sender: text('sender'),
    chainHash: text('chain_hash'),
    height: integer('height').notNull(),
    state: text('state', { enum: ['open', 'attributed', 'returning', 'returned'] }).notNull(),
    /** To whom it was attributed, or where it is sent. */
    settledTo: text('settled_to'),
    returnId: text('return_id'),
    recordedAt: moment('recorded_at').notNull(),
    settledAt: moment('settled_at'),
  },
  (table) => [
    primaryKey({ name: 'suspense_items_key', columns: [table.shard, table.itemId] }),
    index('suspense_items_listed').on(table.shard, table.recordedAt),
    uniqueIndex('suspense_items_return').on(table.shard, table.returnId).where(sql`${table.returnId} is not null`),
  ],
);
