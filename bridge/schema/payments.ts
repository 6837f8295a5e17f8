import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, jsonb, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { bridge, minorUnits, moment, shardColumn } from './columns.ts';

/** A rate promised to one payment until it expires. */
export const quotes = bridge.table(
  'quotes',
  {
    shard: shardColumn(),
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
    /** For which participant it was made; none: for whoever the intermediary deals with. */
    ownerId: text('owner_id'),
    /** The one payment that accepted it. */
    acceptedBy: text('accepted_by'),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [primaryKey({ name: 'quotes_key', columns: [table.shard, table.quoteId] })],
);

/** One row per payment: its four amounts, its phase and who takes part. */
export const payments = bridge.table(
  'payments',
  {
    shard: shardColumn(),
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
    merchantAsset: text('merchant_asset').notNull(),
    requested: minorUnits('requested').notNull(),
    authorized: minorUnits('authorized').notNull(),
    captured: minorUnits('captured').notNull(),
    voided: minorUnits('voided').notNull(),
    refunded: minorUnits('refunded').notNull(),
    /** What an issuer has charged back and a merchant has not won again. */
    chargedBack: minorUnits('charged_back').notNull().default(sql`0`),
    /** What the whole requested amount becomes in the merchant's asset, and the intermediary's part of it. */
    quotedTarget: minorUnits('quoted_target').notNull(),
    quotedSpread: minorUnits('quoted_spread').notNull(),
    interchangeBasisPoints: integer('interchange_basis_points').notNull(),
    schemeFeeBasisPoints: integer('scheme_fee_basis_points').notNull(),
    merchantFeeBasisPoints: integer('merchant_fee_basis_points').notNull(),
    sequence: integer('sequence').notNull(),
    merchantReference: text('merchant_reference'),
    lineItems: jsonb('line_items'),
    /** Several beneficiaries with their shares; none means the merchant alone. */
    beneficiaries: jsonb('beneficiaries'),
    /** Who funds the payment, where it is not the payer. */
    fundingPartyId: text('funding_party_id'),
    declineCode: text('decline_code'),
    /** The escrow's terms of a crypto payer, and their hash, which names the payment on chain. */
    terms: jsonb('terms'),
    termsHash: text('terms_hash'),
    signedAt: moment('signed_at'),
    /** Set while the issuer owes an answer; by the machine's clock, since a network wait is no matter of the books. */
    reversalDueAt: moment('reversal_due_at'),
    occurredAt: moment('occurred_at').notNull(),
    recordedAt: moment('recorded_at').notNull(),
    authorizationExpiresAt: moment('authorization_expires_at').notNull(),
    refundExpiresAt: moment('refund_expires_at').notNull(),
    /** The machine's clock when it came in and when the merchant's money was final: measurements, not books. */
    receivedAt: moment('received_at').notNull(),
    finalAt: moment('final_at'),
  },
  (table) => [
    primaryKey({ name: 'payments_key', columns: [table.shard, table.paymentId] }),
    uniqueIndex('payments_reference')
      .on(table.shard, table.merchantId, table.merchantReference)
      .where(sql`${table.phase} not in ('failed', 'declined')`),
    uniqueIndex('payments_terms').on(table.shard, table.termsHash).where(sql`${table.termsHash} is not null`),
    index('payments_listed').on(table.shard, table.recordedAt, table.paymentId),
    index('payments_expiry')
      .on(table.shard, table.authorizationExpiresAt)
      .where(sql`${table.phase} in ('open', 'requires_action')`),
    index('payments_unanswered').on(table.shard, table.reversalDueAt).where(sql`${table.reversalDueAt} is not null`),
    check(
      'payments_amounts',
      sql`${table.authorized} <= ${table.requested} and ${table.captured} + ${table.voided} <= ${table.authorized} and ${table.refunded} + ${table.chargedBack} <= ${table.captured} and ${table.chargedBack} >= 0 and ${table.captured} >= 0 and ${table.voided} >= 0 and ${table.refunded} >= 0`,
    ),
  ],
);

/** Every capture, void, expiry, refund, chargeback and representment of a payment, numbered in one sequence. */
export const paymentMovements = bridge.table(
  'payment_movements',
  {
    shard: shardColumn(),
    paymentId: text('payment_id').notNull(),
    sequence: integer('sequence').notNull(),
    kind: text('kind', {
      enum: ['capture', 'void', 'expiry', 'refund', 'chargeback', 'representment', 'lateReversal'],
    }).notNull(),
    /** `accepted` waits for the chain, a payout or the close of a window; `final` is the merchant's, or the payer's. */
    state: text('state', { enum: ['accepted', 'final', 'failed'] }).notNull(),
    amount: minorUnits('amount').notNull(),
    targetAmount: minorUnits('target_amount').notNull(),
    spreadAmount: minorUnits('spread_amount').notNull(),
    feeAmount: minorUnits('fee_amount').notNull(),
    occurredAt: moment('occurred_at').notNull(),
    recordedAt: moment('recorded_at').notNull(),
    /** The number that the escrow knows it by; none where the escrow does not move it. */
    escrowSequence: integer('escrow_sequence'),
    /** When the chain had moved it for good; a crypto payer's capture for a fiat merchant is final only by its window. */
    chainFinalAt: moment('chain_final_at'),
    finalAt: moment('final_at'),
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
