import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  pgSchema,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
} from 'drizzle-orm/pg-core';

/** Payments and what leads to their settlement. `shard` leads every key. */
export const bridge = pgSchema('bridge');

const minorUnits = (name: string) => numeric(name, { precision: 38, scale: 0, mode: 'bigint' });
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 });
const shard = () => smallint('shard').notNull();

/** Issuers, acquirers, merchants and payers; what only one kind has is in `profile`. */
export const participants = bridge.table(
  'participants',
  {
    shard: shard(),
    participantId: text('participant_id').notNull(),
    kind: text('kind', { enum: ['issuer', 'acquirer', 'merchant', 'payer'] }).notNull(),
    displayName: text('display_name').notNull(),
    /** A merchant: the asset it is paid in, its acquirer or its wallet address. */
    profile: jsonb('profile').notNull(),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [primaryKey({ name: 'participants_key', columns: [table.shard, table.participantId] })],
);

/** What a payer pays with: a token that stands for a card, or a wallet address. Never a card number. */
export const instruments = bridge.table(
  'instruments',
  {
    shard: shard(),
    instrumentId: text('instrument_id').notNull(),
    participantId: text('participant_id').notNull(),
    kind: text('kind', { enum: ['card', 'wallet'] }).notNull(),
    issuerId: text('issuer_id'),
    asset: text('asset'),
    address: text('address'),
    lastFour: text('last_four'),
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

export const quotes = bridge.table(
  'quotes',
  {
    shard: shard(),
    quoteId: text('quote_id').notNull(),
    sourceAsset: text('source_asset').notNull(),
    sourceAmount: minorUnits('source_amount').notNull(),
    targetAsset: text('target_asset').notNull(),
    targetAmount: minorUnits('target_amount').notNull(),
    spreadAmount: minorUnits('spread_amount').notNull(),
    rateNumerator: minorUnits('rate_numerator').notNull(),
    rateDenominator: minorUnits('rate_denominator').notNull(),
    rateSource: text('rate_source').notNull(),
    observedAt: moment('observed_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
    /** The one payment that accepted it; a quote is accepted once. */
    acceptedBy: text('accepted_by'),
  },
  (table) => [primaryKey({ name: 'quotes_key', columns: [table.shard, table.quoteId] })],
);

/** One row per payment: its four amounts, its phase and who takes part. */
export const payments = bridge.table(
  'payments',
  {
    shard: shard(),
    paymentId: text('payment_id').notNull(),
    quadrant: text('quadrant', { enum: ['fiatToFiat', 'cryptoToCrypto', 'cryptoToFiat', 'fiatToCrypto'] }).notNull(),
    phase: text('phase', {
      enum: ['created', 'requires_action', 'unknown', 'open', 'declined', 'failed', 'closed'],
    }).notNull(),
    merchantId: text('merchant_id').notNull(),
    payerId: text('payer_id').notNull(),
    instrumentId: text('instrument_id').notNull(),
    issuerId: text('issuer_id'),
    acquirerId: text('acquirer_id'),
    quoteId: text('quote_id'),
    asset: text('asset').notNull(),
    requested: minorUnits('requested').notNull(),
    authorized: minorUnits('authorized').notNull(),
    captured: minorUnits('captured').notNull(),
    voided: minorUnits('voided').notNull(),
    refunded: minorUnits('refunded').notNull(),
    sequence: integer('sequence').notNull(),
    merchantReference: text('merchant_reference'),
    lineItems: jsonb('line_items'),
    /** Several beneficiaries with their shares; none means the merchant alone. */
    beneficiaries: jsonb('beneficiaries'),
    /** Who funds the payment, where it is not the payer. */
    fundingPartyId: text('funding_party_id'),
    /** True while the amount is still to be set by the merchant. */
    amountOpen: smallint('amount_open').notNull().default(sql`0`),
    declineCode: text('decline_code'),
    occurredAt: moment('occurred_at').notNull(),
    recordedAt: moment('recorded_at').notNull(),
    authorizationExpiresAt: moment('authorization_expires_at').notNull(),
    refundExpiresAt: moment('refund_expires_at').notNull(),
    finalAt: moment('final_at'),
  },
  (table) => [
    primaryKey({ name: 'payments_key', columns: [table.shard, table.paymentId] }),
    unique('payments_reference').on(table.shard, table.merchantId, table.merchantReference),
    index('payments_expiry').on(table.shard, table.authorizationExpiresAt).where(sql`${table.phase} = 'open'`),
    check(
      'payments_amounts',
      sql`${table.authorized} <= ${table.requested} and ${table.captured} + ${table.voided} <= ${table.authorized} and ${table.refunded} <= ${table.captured} and ${table.captured} >= 0 and ${table.voided} >= 0 and ${table.refunded} >= 0`,
    ),
  ],
);

/** Every capture, void, expiry and refund of a payment, numbered in one sequence. */
export const paymentMovements = bridge.table(
  'payment_movements',
  {
    shard: shard(),
    paymentId: text('payment_id').notNull(),
    sequence: integer('sequence').notNull(),
    kind: text('kind', { enum: ['capture', 'void', 'expiry', 'refund'] }).notNull(),
    state: text('state', { enum: ['accepted', 'final', 'failed'] }).notNull(),
    amount: minorUnits('amount').notNull(),
    targetAmount: minorUnits('target_amount').notNull(),
    spreadAmount: minorUnits('spread_amount').notNull(),
    occurredAt: moment('occurred_at').notNull(),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'payment_movements_key', columns: [table.shard, table.paymentId, table.sequence] }),
    foreignKey({
      name: 'payment_movements_payment',
      columns: [table.shard, table.paymentId],
      foreignColumns: [payments.shard, payments.paymentId],
    }),
    index('payment_movements_due').on(table.shard, table.recordedAt).where(sql`${table.state} = 'accepted'`),
  ],
);

/** One window is OPEN per settlement model (currency and calendar) and shard. */
export const settlementWindows = bridge.table(
  'settlement_windows',
  {
    shard: shard(),
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
    index('settlement_windows_model').on(table.shard, table.asset, table.calendar, table.state),
  ],
);

/** Who owes whom, and for what, in which window. */
export const obligations = bridge.table(
  'obligations',
  {
    shard: shard(),
    windowId: text('window_id').notNull(),
    paymentId: text('payment_id').notNull(),
    sequence: integer('sequence').notNull(),
    kind: text('kind', { enum: ['principal', 'interchange', 'schemeFee'] }).notNull(),
    debtor: text('debtor').notNull(),
    creditor: text('creditor').notNull(),
    amount: minorUnits('amount').notNull(),
    asset: text('asset').notNull(),
  },
  (table) => [
    primaryKey({ name: 'obligations_key', columns: [table.shard, table.paymentId, table.sequence, table.kind] }),
    index('obligations_window').on(table.shard, table.windowId),
    foreignKey({
      name: 'obligations_of_window',
      columns: [table.shard, table.windowId],
      foreignColumns: [settlementWindows.shard, settlementWindows.windowId],
    }),
  ],
);
