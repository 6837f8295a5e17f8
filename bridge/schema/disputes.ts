import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import { bridge, minorUnits, moment, shardColumn } from './columns.ts';
import { payments } from './payments.ts';

/** How a merchant stands with whoever pays it, in one asset; its row is the lock of everything that is netted. */
export const merchantStandings = bridge.table(
  'merchant_standings',
  {
    shard: shardColumn(),
    merchantId: text('merchant_id').notNull(),
    asset: text('asset').notNull(),
    /** What refunds and chargebacks took beyond what there was: the next payouts are reduced by it. */
    owed: minorUnits('owed').notNull(),
    /** What was written off when it had left; what it is credited later makes up for it first. */
    writtenOff: minorUnits('written_off').notNull(),
    /** How much of each payout is kept back, and for how long; nothing by default. */
    reserveBasisPoints: integer('reserve_basis_points').notNull(),
    reserveDays: integer('reserve_days').notNull(),
    leftAt: moment('left_at'),
  },
  (table) => [
    primaryKey({ name: 'merchant_standings_key', columns: [table.shard, table.merchantId, table.asset] }),
    check(
      'merchant_standings_amounts',
      sql`${table.owed} >= 0 and ${table.writtenOff} >= 0 and ${table.reserveBasisPoints} between 0 and 10000 and ${table.reserveDays} between 0 and 730`,
    ),
  ],
);

/** Amounts that are kept for a merchant until their time: parts of payouts, and what a won dispute gives back. */
export const merchantReserves = bridge.table(
  'merchant_reserves',
  {
    shard: shardColumn(),
    reserveId: text('reserve_id').notNull(),
    merchantId: text('merchant_id').notNull(),
    asset: text('asset').notNull(),
    cause: text('cause', { enum: ['payout', 'disputeWon'] }).notNull(),
    /** The window or payment that it was kept of. */
    subject: text('subject').notNull(),
    amount: minorUnits('amount').notNull(),
    remaining: minorUnits('remaining').notNull(),
    /** `paying`: on its way to a wallet on chain. */
    state: text('state', { enum: ['held', 'paying', 'released'] }).notNull(),
    releaseAt: moment('release_at').notNull(),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'merchant_reserves_key', columns: [table.shard, table.reserveId] }),
    index('merchant_reserves_due').on(table.shard, table.releaseAt).where(sql`${table.state} = 'held'`),
    index('merchant_reserves_of').on(table.shard, table.merchantId, table.asset),
    check('merchant_reserves_amounts', sql`${table.remaining} >= 0 and ${table.remaining} <= ${table.amount}`),
  ],
);

/** A cardholder's claim against a captured payment, from the issuer's chargeback to its end. */
export const disputes = bridge.table(
  'disputes',
  {
    shard: shardColumn(),
    disputeId: text('dispute_id').notNull(),
    paymentId: text('payment_id').notNull(),
    merchantId: text('merchant_id').notNull(),
    issuerId: text('issuer_id').notNull(),
    acquirerId: text('acquirer_id'),
    reasonCode: text('reason_code').notNull(),
    issuerReference: text('issuer_reference'),
    asset: text('asset').notNull(),
    amount: minorUnits('amount').notNull(),
    merchantAsset: text('merchant_asset').notNull(),
    merchantAmount: minorUnits('merchant_amount').notNull(),
    state: text('state', { enum: ['opened', 'represented', 'won', 'lost'] }).notNull(),
    /** Why it came to its end. */
    cause: text('cause', { enum: ['accepted', 'decided', 'withdrawn', 'deadline'] }),
    /** The payment's movement that charged it back. */
    chargebackSequence: integer('chargeback_sequence').notNull(),
    openedAt: moment('opened_at').notNull(),
    evidenceDueAt: moment('evidence_due_at').notNull(),
    /** When the one whose turn it is must have answered: the merchant, then the issuer; none at the end. */
    dueAt: moment('due_at'),
    endedAt: moment('ended_at'),
  },
  (table) => [
    primaryKey({ name: 'disputes_key', columns: [table.shard, table.disputeId] }),
    index('disputes_of').on(table.shard, table.paymentId),
    index('disputes_listed').on(table.shard, table.openedAt, table.disputeId),
    index('disputes_due').on(table.shard, table.dueAt).where(sql`${table.dueAt} is not null`),
    foreignKey({
      name: 'disputes_payment',
      columns: [table.shard, table.paymentId],
      foreignColumns: [payments.shard, payments.paymentId],
    }),
  ],
);

/** What a merchant says for itself. Of files only name, size and digest are kept: they lie with whoever sent them. */
export const disputeEvidence = bridge.table(
  'dispute_evidence',
  {
    shard: shardColumn(),
    disputeId: text('dispute_id').notNull(),
    number: integer('number').notNull(),
    statement: text('statement').notNull(),
    files: jsonb('files').$type<readonly Readonly<{ name: string; sha256: string; bytes: number }>[]>().notNull(),
    submittedAt: moment('submitted_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'dispute_evidence_key', columns: [table.shard, table.disputeId, table.number] }),
    foreignKey({
      name: 'dispute_evidence_of',
      columns: [table.shard, table.disputeId],
      foreignColumns: [disputes.shard, disputes.disputeId],
    }),
  ],
);
