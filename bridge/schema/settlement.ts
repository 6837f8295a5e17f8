import { sql } from 'drizzle-orm';
import { boolean, foreignKey, index, integer, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { bridge, minorUnits, moment, shardColumn } from './columns.ts';

export const settlementWindows = bridge.table(
  'settlement_windows',
  {
    shard: shardColumn(),
    windowId: text('window_id').notNull(),
    asset: text('asset').notNull(),
    calendar: text('calendar').notNull(),
    state: text('state', {
      enum: ['OPEN', 'PROCESSING', 'CLOSED', 'PENDING_SETTLEMENT', 'SETTLED', 'ABORTED', 'FAILED'],
    }).notNull(),
    openedAt: moment('opened_at').notNull(),
    closedAt: moment('closed_at'),
    settledAt: moment('settled_at'),
  },
  (table) => [
    primaryKey({ name: 'settlement_windows_key', columns: [table.shard, table.windowId] }),
    // One window is open per settlement model: currency and calendar.
    uniqueIndex('settlement_windows_open')
      .on(table.shard, table.asset, table.calendar)
      .where(sql`${table.state} = 'OPEN'`),
    index('settlement_windows_listed').on(table.shard, table.openedAt),
  ],
);

/** One captured or refunded amount as it entered clearing. `net` is what the merchant gets, below zero for a refund. */
export const presentments = bridge.table(
  'presentments',
  {
    shard: shardColumn(),
    paymentId: text('payment_id').notNull(),
    sequence: integer('sequence').notNull(),
    windowId: text('window_id').notNull(),
    kind: text('kind', { enum: ['capture', 'refund', 'chargeback', 'representment', 'lateReversal'] }).notNull(),
    quadrant: text('quadrant', { enum: ['fiatToFiat', 'cryptoToFiat', 'fiatToCrypto'] }).notNull(),
    merchantId: text('merchant_id').notNull(),
    acquirerId: text('acquirer_id'),
    amount: minorUnits('amount').notNull(),
    interchange: minorUnits('interchange').notNull(),
    schemeFee: minorUnits('scheme_fee').notNull(),
    merchantFee: minorUnits('merchant_fee').notNull(),
    clearedAt: moment('cleared_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'presentments_key', columns: [table.shard, table.paymentId, table.sequence] }),
    index('presentments_window').on(table.shard, table.windowId),
    foreignKey({
      name: 'presentments_of_window',
      columns: [table.shard, table.windowId],
      foreignColumns: [settlementWindows.shard, settlementWindows.windowId],
    }),
  ],
);

/** Who owes whom, and for what, in which window. */
export const obligations = bridge.table(
  'obligations',
  {
    shard: shardColumn(),
    paymentId: text('payment_id').notNull(),
    sequence: integer('sequence').notNull(),
    kind: text('kind', { enum: ['principal', 'interchange', 'schemeFee'] }).notNull(),
    windowId: text('window_id').notNull(),
    debtor: text('debtor').notNull(),
    creditor: text('creditor').notNull(),
    amount: minorUnits('amount').notNull(),
  },
  (table) => [
    primaryKey({ name: 'obligations_key', columns: [table.shard, table.paymentId, table.sequence, table.kind] }),
    index('obligations_window').on(table.shard, table.windowId),
    foreignKey({
      name: 'obligations_of_presentment',
      columns: [table.shard, table.paymentId, table.sequence],
      foreignColumns: [presentments.shard, presentments.paymentId, presentments.sequence],
    }),
  ],
);

/** What an acquirer pays a merchant for one window; what refunds and chargebacks took beyond it is carried on. */
export const merchantPayouts = bridge.table(
  'merchant_payouts',
  {
    shard: shardColumn(),
    windowId: text('window_id').notNull(),
    merchantId: text('merchant_id').notNull(),
    acquirerId: text('acquirer_id').notNull(),
    asset: text('asset').notNull(),
    gross: minorUnits('gross').notNull(),
    fees: minorUnits('fees').notNull(),
    refunds: minorUnits('refunds').notNull(),
    carriedIn: minorUnits('carried_in').notNull(),
    paid: minorUnits('paid').notNull(),
    carriedOut: minorUnits('carried_out').notNull(),
    chargebacks: minorUnits('chargebacks').notNull().default(sql`0`),
    representments: minorUnits('representments').notNull().default(sql`0`),
    withheld: minorUnits('withheld').notNull().default(sql`0`),
    fromReserve: minorUnits('from_reserve').notNull().default(sql`0`),
    writtenOff: minorUnits('written_off').notNull().default(sql`0`),
    writtenBack: minorUnits('written_back').notNull().default(sql`0`),
    paidAt: moment('paid_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'merchant_payouts_key', columns: [table.shard, table.windowId, table.merchantId] }),
    index('merchant_payouts_of').on(table.shard, table.merchantId, table.asset, table.paidAt),
  ],
);

/** One payment out of the intermediary wallet: a crypto merchant's capture, or a refund to a crypto payer. */
export const chainPayouts = bridge.table(
  'chain_payouts',
  {
    shard: shardColumn(),
    paymentId: text('payment_id').notNull(),
    sequence: integer('sequence').notNull(),
    payoutId: text('payout_id').notNull(),
    purpose: text('purpose', { enum: ['merchantPayout', 'payerRefund', 'reserveRelease'] }).notNull(),
    state: text('state', { enum: ['due', 'batched', 'final', 'claimable'] }).notNull(),
    asset: text('asset').notNull(),
    payee: text('payee').notNull(),
    /** What leaves the wallet; what was netted or kept back of the movement stands beside it. */
    amount: minorUnits('amount').notNull(),
    netted: minorUnits('netted').notNull().default(sql`0`),
    withheld: minorUnits('withheld').notNull().default(sql`0`),
    batchId: text('batch_id'),
    batchIndex: integer('batch_index'),
    /** The signer refused it in company once, so it has a batch of its own. */
    alone: boolean('alone').notNull().default(false),
    recordedAt: moment('recorded_at').notNull(),
    finalAt: moment('final_at'),
    chainHash: text('chain_hash'),
    blockHeight: integer('block_height'),
  },
  (table) => [
    primaryKey({ name: 'chain_payouts_key', columns: [table.shard, table.paymentId, table.sequence] }),
    index('chain_payouts_due').on(table.shard, table.recordedAt).where(sql`${table.state} = 'due'`),
    uniqueIndex('chain_payouts_item')
      .on(table.shard, table.batchId, table.batchIndex)
      .where(sql`${table.batchId} is not null`),
  ],
);
