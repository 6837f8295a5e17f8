import { stringToHex } from 'viem';
import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { Amount, Rate } from '../../../../ledger-service/vocabulary/money.ts';
import type { Viewer } from '../../../../ledger-service/vocabulary/viewers.ts';
import { depositFor, depositToJson } from '../../../chain/deposits.ts';
import {
  hashTerms,
  MAXIMUM_ESCROW_AMOUNT,
  NATIVE_TOKEN,
  type PaymentTerms,
  termsToJson,
  tokenOf,
} from '../../../chain/escrow.ts';
import { completeOnce, type OnceRequest, viewerOf } from '../../../platform/once.ts';
import { type GatesOutcome, passGates } from '../../authorization/gates.ts';
import type { IssuerAnswer } from '../../authorization/issuer-port.ts';
import { type Instrument, unknownInstrument } from '../../instruments/operations.ts';
import type { Merchant } from '../../participants/domain.ts';
import { unknownMerchant } from '../../participants/operations.ts';
import { findQuote, type StoredQuote } from '../../quotes/operations.ts';
import type { PaymentDependencies } from '../dependencies.ts';
import { type Quadrant, quadrantOf } from '../domain.ts';
import { hotPathOf } from '../hot-path.ts';
import { actionOf } from '../shared.ts';
import type { PaymentRow } from '../store.ts';
import type { PaymentView } from '../view.ts';
import { viewOfPayment } from '../view.ts';

export type CreatePayment = Readonly<{
  shard: Shard;
  merchantId: string;
  instrumentId: string;
  amount: Amount;
  quoteId?: string | undefined;
  merchantReference?: string | undefined;
  authorizationExpiresAt?: Date | undefined;
  lineItems?: unknown;
  /** For a wallet that can only push. */
  method?: 'deposit' | undefined;
}>;

const AUTHORIZATION_VALID_MILLISECONDS = 7 * 24 * 3_600_000;
const REFUND_VALID_MILLISECONDS = 180 * 24 * 3_600_000;
const SHORTEST_AUTHORIZATION_MILLISECONDS = 60_000;
/** How long a payer may take to pay to a deposit address, where no quote ends before. */
const PAY_WITHIN_MILLISECONDS = 3_600_000;
/** How long what has come in time may take to become final and be moved on. */
const SWEEP_WITHIN_MILLISECONDS = 15 * 60_000;
const LONGEST_AUTHORIZATION_MILLISECONDS = 30 * 24 * 3_600_000;

type Prepared = Readonly<{
  merchant: Merchant;
  instrument: Instrument;
  quadrant: Quadrant;
  quote?: StoredQuote & Readonly<{ mark: Rate }>;
  target: Amount;
}>;

/**
 * Creates a payment and asks for its money: a card's issuer at once, a crypto payer by an action to sign, to send, or
 * to pay to an address.
 *
 * Shape:   { merchantId, instrumentId, amount, quoteId?, … } → the payment as it stands: `open`, `declined`,
 *          `requires_action`, or `unknown` when the issuer did not answer
 * Units:   minor units of the payer's asset
 * Errors:  thrown, nothing changed: PARTICIPANT_UNKNOWN, INSTRUMENT_UNKNOWN, ASSET_MISMATCH, CURRENCIES_DIFFER,
 *          QUOTE_REQUIRED, QUOTE_UNKNOWN, QUOTE_MISMATCH, QUOTE_EXPIRED, QUOTE_ALREADY_USED, RATE_UNAVAILABLE, RATE_DISPUTED, EXPOSURE_EXCEEDED, ASSET_PAUSED,
 *          PAYMENTS_STOPPED, AMOUNT_TOO_LARGE, REFERENCE_DUPLICATE, IDEMPOTENCY_KEY_REUSED
 * Effects: payment, quote and exposure in one database transaction; then, with an answer, the hold and the event
 *          payment.authorized or payment.declined in another; both are shared with whoever asks at the same moment. No
 *          network call is made inside either.
 */
export async function createPayment(
  dependencies: PaymentDependencies,
  command: CreatePayment,
  once: OnceRequest,
): Promise<Readonly<{ payment: PaymentView; replayed: boolean }>> {
  const hotPath = hotPathOf(dependencies);
  const known = await hotPath.find(once);
  if (known?.kind === 'answered') return { payment: known.outcome, replayed: true };
  const prepared = await prepare(dependencies, command, viewerOf(once));
  const gates: GatesOutcome =
    known === undefined
      ? await passGates(dependencies.gates, gateRequest(command, prepared), dependencies.timers)
      : { outcome: 'passed' };
  const opened = await hotPath.open({
    once,
    gates,
    ...(prepared.quote ? { quote: prepared.quote } : {}),
    rowFor: (paymentId) => newRow(dependencies, command, prepared, paymentId),
  });
  if (opened.step === 'answered') return { payment: opened.payment, replayed: opened.replayed };
  if (opened.step === 'resumed')
    return { payment: await answerResumed(dependencies, opened.row, once), replayed: true };
  const answer = await askIssuer(dependencies, opened.row);
  return { payment: await hotPath.record({ once, asked: opened.row, answer }), replayed: false };
}

/** A run before this one was stopped in the middle; what it asked for stands, and a sweeper sees to what is unknown. */
async function answerResumed(
  dependencies: PaymentDependencies,
  row: PaymentRow,
  once: OnceRequest,
): Promise<PaymentView> {
  const action = row.phase === 'requires_action' ? actionOf(dependencies.deployment, row) : null;
  const payment = viewOfPayment(row, [], action);
  if (row.phase !== 'unknown') {
    await inDatabaseTransaction(dependencies.database, (transaction) => completeOnce(transaction, once, payment));
  }
  return payment;
}

async function prepare(dependencies: PaymentDependencies, command: CreatePayment, viewer: Viewer): Promise<Prepared> {
  const { assets } = dependencies;
  const hotPath = hotPathOf(dependencies);
  const [merchant, instrument] = await Promise.all([
    hotPath.merchant(command.shard, command.merchantId),
    hotPath.instrument(command.shard, command.instrumentId),
  ]);
  requireOwn(viewer, merchant, instrument);
  const source = assets.get(command.amount.asset);
  if (instrument.kind === 'card' ? instrument.asset !== source.code : source.kind === 'fiat') {
    throw new SettlementError('ASSET_MISMATCH', `this instrument does not pay in ${source.symbol}`, {
      asset: source.code,
    });
  }
  if (command.method === 'deposit' && source.kind === 'fiat') {
    throw new SettlementError('FIELD_INVALID', 'only coins and tokens are paid to a deposit address', {
      param: 'method',
    });
  }
  const quadrant = quadrantOf(source.kind, assets.get(merchant.payoutAsset).kind);
  if (source.kind !== 'fiat' && command.amount.minorUnits > MAXIMUM_ESCROW_AMOUNT) {
    throw new SettlementError('AMOUNT_TOO_LARGE', 'the escrow holds at most 2^120 - 1 units of one payment', {
      maximum: MAXIMUM_ESCROW_AMOUNT.toString(),
    });
  }
  const maximum = dependencies.paymentLimits.get(source.code);
  if (maximum !== undefined && command.amount.minorUnits > maximum) {
    throw new SettlementError('AMOUNT_TOO_LARGE', `one payment is at most ${maximum} minor units of ${source.symbol}`, {
      amount: command.amount.minorUnits.toString(),
      maximum: maximum.toString(),
    });
  }
  requireValidity(command, dependencies.clock.now());
  if (quadrant === 'fiatToFiat' || quadrant === 'cryptoToCrypto') {
    if (source.code !== merchant.payoutAsset) {
      throw new SettlementError('CURRENCIES_DIFFER', `${merchant.participantId} is not paid in ${source.symbol}`, {
        payer: source.code,
        merchant: merchant.payoutAsset,
      });
    }
    return { merchant, instrument, quadrant, target: command.amount };
  }
  const quote = await requireQuote(dependencies, command, merchant, instrument);
  const mark = await dependencies.marks.markOf(quadrant === 'cryptoToFiat' ? source.code : merchant.payoutAsset);
  return { merchant, instrument, quadrant, quote: { ...quote, mark }, target: quote.target };
}

/**
 * A merchant asks for payments to itself, a payer for payments with what is its own.
 *
 * Errors: thrown PARTICIPANT_UNKNOWN, INSTRUMENT_UNKNOWN, as for one that is not there
 */
function requireOwn({ participantId, participantKind }: Viewer, merchant: Merchant, instrument: Instrument): void {
  if (participantId === undefined) return;
  if (participantKind === 'merchant' && merchant.participantId === participantId) return;
  if (participantKind === 'payer' && instrument.participantId === participantId) return;
  if (participantKind !== 'payer') throw unknownMerchant(merchant.participantId);
  throw unknownInstrument(instrument.instrumentId);
}

async function requireQuote(
  { database, clock }: PaymentDependencies,
  command: CreatePayment,
  merchant: Merchant,
  instrument: Instrument,
): Promise<StoredQuote> {
  if (command.quoteId === undefined) {
    throw new SettlementError('QUOTE_REQUIRED', 'payer and merchant use different kinds of money');
  }
  const quote = await findQuote(database, command.shard, command.quoteId);
  // Both sides of a payment see its quote; one that was made for anybody else is unknown to them.
  if (![undefined, merchant.participantId, instrument.participantId].includes(quote.ownerId)) {
    throw new SettlementError('QUOTE_UNKNOWN', `no quote ${JSON.stringify(quote.quoteId)}`, { quoteId: quote.quoteId });
  }
  const fits =
    quote.source.asset === command.amount.asset &&
    quote.source.minorUnits === command.amount.minorUnits &&
    quote.target.asset === merchant.payoutAsset;
  if (!fits) {
    throw new SettlementError('QUOTE_MISMATCH', 'the quote is for another amount or pair', {
      quotedAmount: quote.source.minorUnits.toString(),
      quotedSource: quote.source.asset,
      quotedTarget: quote.target.asset,
    });
  }
  if (clock.now() >= quote.expiresAt && quote.acceptedBy === undefined) {
    throw new SettlementError('QUOTE_EXPIRED', `the quote ended at ${quote.expiresAt.toISOString()}`, {
      quoteId: quote.quoteId,
      expiresAt: quote.expiresAt.toISOString(),
    });
  }
  return quote;
}

function requireValidity(command: CreatePayment, now: Date): void {
  if (!command.authorizationExpiresAt) return;
  const validFor = command.authorizationExpiresAt.getTime() - now.getTime();
  if (validFor >= SHORTEST_AUTHORIZATION_MILLISECONDS && validFor <= LONGEST_AUTHORIZATION_MILLISECONDS) return;
  throw new SettlementError('FIELD_INVALID', 'an authorization lasts from one minute to 30 days', {
    param: 'authorizationExpiresAt',
    now: now.toISOString(),
  });
}

function gateRequest(command: CreatePayment, { merchant, instrument, quadrant, target }: Prepared) {
  return {
    merchantId: merchant.participantId,
    payerId: instrument.participantId,
    instrumentId: instrument.instrumentId,
    ...(instrument.kind === 'wallet' ? { payerAddress: instrument.address } : {}),
    source: command.amount,
    target,
    quadrant,
  };
}

function newRow(
  dependencies: PaymentDependencies,
  command: CreatePayment,
  prepared: Prepared,
  paymentId: string,
): PaymentRow {
  const { clock, machineClock, networkFees, issuerDeadlineMilliseconds } = dependencies;
  const { merchant, instrument, quadrant, quote } = prepared;
  const now = clock.now();
  const received = machineClock.now();
  // The chain counts in seconds.
  const expiresAt = wholeSeconds(
    command.authorizationExpiresAt ?? new Date(now.getTime() + AUTHORIZATION_VALID_MILLISECONDS),
  );
  const refundExpiresAt = wholeSeconds(new Date(expiresAt.getTime() + REFUND_VALID_MILLISECONDS));
  const isCard = instrument.kind === 'card';
  const row: PaymentRow = {
    shard: command.shard,
    paymentId,
    quadrant,
    phase: isCard ? 'unknown' : 'requires_action',
    merchantId: merchant.participantId,
    payerId: instrument.participantId,
    instrumentId: instrument.instrumentId,
    issuerId: isCard ? instrument.issuerId : null,
    acquirerId: merchant.acquirerId ?? null,
    quoteId: quote?.quoteId ?? null,
    asset: command.amount.asset,
    merchantAsset: merchant.payoutAsset,
    requested: command.amount.minorUnits,
    authorized: 0n,
    captured: 0n,
    voided: 0n,
    refunded: 0n,
    chargedBack: 0n,
    quotedTarget: prepared.target.minorUnits,
    quotedSpread: quote?.spread.minorUnits ?? 0n,
    interchangeBasisPoints: networkFees.interchangeBasisPoints,
    schemeFeeBasisPoints: networkFees.schemeFeeBasisPoints,
    merchantFeeBasisPoints: merchant.merchantFeeBasisPoints,
    sequence: 0,
    merchantReference: command.merchantReference ?? null,
    lineItems: command.lineItems ?? null,
    beneficiaries: null,
    fundingPartyId: null,
    declineCode: null,
    terms: null,
    termsHash: null,
    signedAt: null,
    // Twice the deadline: this run answers first, a sweeper only if this run was stopped.
    reversalDueAt: isCard ? new Date(received.getTime() + 2 * issuerDeadlineMilliseconds) : null,
    occurredAt: now,
    recordedAt: now,
    authorizationExpiresAt: expiresAt,
    refundExpiresAt,
    receivedAt: received,
    finalAt: null,
  };
  if (instrument.kind === 'card') return row;
  if (command.method === 'deposit') return withDeposit(dependencies, row, prepared, instrument.address);
  const terms = termsOf(dependencies, row, merchant, instrument.address);
  const { chainId, escrow } = dependencies.deployment;
  return { ...row, terms: termsToJson(terms), termsHash: hashTerms(chainId, escrow, terms) };
}

/**
 * A payment that is pushed to an address of its own, which is its payer in the escrow. Crypto → fiat is swept to the
 * wallet and captured by that; its quote ends the time to pay.
 */
function withDeposit(
  dependencies: PaymentDependencies,
  row: PaymentRow,
  { merchant, quote }: Prepared,
  returnTo: `0x${string}`,
): PaymentRow {
  const { deployment, clock } = dependencies;
  const direct = row.quadrant === 'cryptoToCrypto';
  const latest = Math.min(
    clock.now().getTime() + PAY_WITHIN_MILLISECONDS,
    ...(quote ? [quote.expiresAt.getTime()] : []),
    ...(direct ? [row.authorizationExpiresAt.getTime()] : []),
  );
  const payBy = wholeSeconds(new Date(latest));
  const sweepBefore = new Date(
    Math.min(payBy.getTime() + SWEEP_WITHIN_MILLISECONDS, ...(direct ? [row.authorizationExpiresAt.getTime()] : [])),
  );
  const asked = {
    token: tokenOf(row.asset),
    amount: row.requested,
    expiresAt: sweepBefore,
    returnTo,
    salt: stringToHex(row.paymentId),
  };
  const unpaid = direct ? termsOf(dependencies, row, merchant, NATIVE_TOKEN) : undefined;
  const { terms, address, paymentTerms } = depositFor(deployment, asked, unpaid);
  const stored = depositToJson({ address, payBy: payBy.toISOString(), terms });
  if (!paymentTerms) return { ...row, authorizationExpiresAt: sweepBefore, terms: stored };
  return {
    ...row,
    terms: { ...termsToJson(paymentTerms), ...stored },
    termsHash: hashTerms(deployment.chainId, deployment.escrow, paymentTerms),
  };
}

function termsOf(
  { deployment }: PaymentDependencies,
  row: PaymentRow,
  merchant: Merchant,
  payer: `0x${string}`,
): PaymentTerms {
  const direct = row.quadrant === 'cryptoToCrypto';
  const expiry = BigInt(row.authorizationExpiresAt.getTime() / 1000);
  return {
    payer,
    receiver: direct ? merchant.address! : deployment.wallet,
    token: tokenOf(row.asset),
    maximumAmount: row.requested,
    preApprovalExpiry: expiry,
    authorizationExpiry: expiry,
    refundExpiry: BigInt(row.refundExpiresAt.getTime() / 1000),
    minimumFeeBasisPoints: 0,
    maximumFeeBasisPoints: direct ? row.merchantFeeBasisPoints : 0,
    feeReceiver: direct ? deployment.feeReceiver : '0x0000000000000000000000000000000000000000',
    salt: BigInt(`0x${Buffer.from(row.paymentId, 'utf8').toString('hex').slice(-64)}`),
  };
}

async function askIssuer(dependencies: PaymentDependencies, row: PaymentRow): Promise<IssuerAnswer> {
  const { timers, issuer, issuerDeadlineMilliseconds } = dependencies;
  const answered = new AbortController();
  const deadline = timers
    .wait(issuerDeadlineMilliseconds, answered.signal)
    .then((): IssuerAnswer => ({ kind: 'silent' }))
    .catch((): IssuerAnswer => ({ kind: 'silent' }));
  const answer = issuer.authorize({
    retrievalReference: row.paymentId,
    issuerId: row.issuerId!,
    instrumentToken: row.instrumentId,
    merchantId: row.merchantId,
    amount: { minorUnits: row.requested, asset: row.asset },
    transmittedAt: row.recordedAt,
  });
  const first = await Promise.race([answer, deadline]);
  answered.abort();
  return first;
}

function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}
