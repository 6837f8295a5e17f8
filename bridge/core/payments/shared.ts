import type { DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import { uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import { type Amount, multiplyByBasisPointsDown } from '../../../ledger-service/vocabulary/money.ts';
import { depositFromJson } from '../../chain/deposits.ts';
import type { ChainCall, Deployment } from '../../chain/domain.ts';
import { authorizationTypedData, authorizeNativeCall, NATIVE_TOKEN, termsFromJson } from '../../chain/escrow.ts';
import type { EventData, PaymentEventType } from '../../platform/events/catalogue.ts';
import type { DomainEvent } from '../../platform/outbox.ts';
import { lowerExposure } from '../controls/exposure/operations.ts';
import { feesOf } from '../fees/domain.ts';
import { spreadOfCaptured, targetOfCaptured } from '../quotes/domain.ts';
import type { Refusal } from './domain.ts';
import type { PaymentParties } from './postings.ts';
import type { MovementRow, PaymentRow } from './store.ts';
import type { PayerAction } from './view.ts';

export function partiesOf(row: PaymentRow): PaymentParties {
  return {
    shard: row.shard,
    paymentIdentifier: row.paymentId,
    quadrant: row.quadrant,
    merchant: row.merchantId,
    ...(row.issuerId ? { issuer: row.issuerId } : {}),
    ...(row.acquirerId ? { acquirer: row.acquirerId } : {}),
  };
}

/** What the amounts between two points of a payment are worth to its merchant, and the intermediary's part of them. */
export function convertedBetween(
  row: Pick<PaymentRow, 'asset' | 'merchantAsset' | 'requested' | 'quotedTarget' | 'quotedSpread'>,
  from: bigint,
  to: bigint,
): Readonly<{ source: Amount; target: Amount; spread: Amount }> {
  const source = { minorUnits: row.requested, asset: row.asset };
  const quote = {
    source,
    target: { minorUnits: row.quotedTarget, asset: row.merchantAsset },
    spread: { minorUnits: row.quotedSpread, asset: row.asset },
  };
  return {
    source: { minorUnits: to - from, asset: row.asset },
    target: {
      minorUnits: targetOfCaptured(quote, to) - targetOfCaptured(quote, from),
      asset: row.merchantAsset,
    },
    spread: { minorUnits: spreadOfCaptured(quote, to) - spreadOfCaptured(quote, from), asset: row.asset },
  };
}

/** How much of what was captured is there for good: of a crypto payer's captures what the chain has made final. */
export function capturedForGood(row: PaymentRow, movements: readonly MovementRow[]): bigint {
  if (!row.terms) return row.captured;
  return sumOf(
    movements.filter(({ kind, chainFinalAt }) => kind === 'capture' && chainFinalAt !== null),
    ({ amount }) => amount,
  );
}

/**
 * What a part of the captured amount was worth to the merchant when it was captured.
 *
 * Units:   minor units; whatever the parts, together they are what all captures gave, since the last one takes what is
 *          left of it
 */
export function givenBack(
  row: PaymentRow,
  movements: readonly MovementRow[],
  amount: bigint,
): Readonly<{ source: Amount; target: Amount }> {
  const before = row.refunded + row.chargedBack;
  const { source, target } = convertedBetween(row, before, before + amount);
  const standing = movements.filter(({ state }) => state !== 'failed');
  const targetOf = (kind: MovementRow['kind']) =>
    sumOf(
      standing.filter((one) => one.kind === kind),
      ({ targetAmount }) => targetAmount,
    );
  const back = targetOf('refund') + targetOf('chargeback') + targetOf('lateReversal') - targetOf('representment');
  const left = targetOf('capture') - back;
  const isLast = before + amount === row.captured;
  const minorUnits = isLast || target.minorUnits > left ? left : target.minorUnits;
  return { source, target: { minorUnits, asset: target.asset } };
}

function sumOf<Row>(rows: readonly Row[], amountOf: (row: Row) => bigint): bigint {
  return rows.reduce((sum, row) => sum + amountOf(row), 0n);
}

/** What the intermediary has at risk: a crypto payer's coins until they are there, a merchant's until they are paid. */
export function atRiskOf(row: PaymentRow): Amount {
  return row.quadrant === 'cryptoToFiat'
    ? { minorUnits: row.requested, asset: row.asset }
    : { minorUnits: row.quotedTarget, asset: row.merchantAsset };
}

type Converted = Readonly<{ source: Amount; target: Amount }>;

/** What of a payment's claim these amounts of it are. */
export function riskIn(row: Pick<PaymentRow, 'quadrant'>, { source, target }: Converted): bigint {
  return (row.quadrant === 'cryptoToFiat' ? source : target).minorUnits;
}

/** Takes from exposure what some payments no longer risk; none: all that is left. A payment without a quote has none. */
export async function releaseRisks(
  transaction: DatabaseTransaction,
  released: readonly Readonly<{ row: Pick<PaymentRow, 'shard' | 'paymentId' | 'quoteId'>; amount?: bigint }>[],
): Promise<void> {
  const ofQuotes = released.filter(({ row }) => row.quoteId !== null);
  for (const [shard, ofShard] of Map.groupBy(ofQuotes, ({ row }) => row.shard)) {
    const releases = ofShard.map(({ row, amount }) => ({
      subject: row.paymentId,
      ...(amount === undefined ? {} : { amount }),
    }));
    await lowerExposure(transaction, shard, releases);
  }
}

/** What a crypto payer has to do next. */
export function actionOf(deployment: Deployment, row: PaymentRow): PayerAction | null {
  if (row.phase !== 'requires_action' || !row.terms || row.signedAt) return null;
  const deposit = depositFromJson(row.terms);
  if (deposit) {
    const { address, payBy, terms: asked } = deposit;
    const amount = wire({ minorUnits: row.requested, asset: row.asset });
    return { kind: 'deposit', address, amount, returnTo: asked.returnTo, expiresAt: payBy };
  }
  const terms = termsFromJson(row.terms);
  const expiresAt = row.authorizationExpiresAt.toISOString();
  if (terms.token === NATIVE_TOKEN) {
    const data = authorizeNativeCall(terms);
    return {
      kind: 'send',
      chainTransaction: { to: deployment.escrow, data, value: terms.maximumAmount.toString() },
      expiresAt,
    };
  }
  return { kind: 'sign', typedData: authorizationTypedData(deployment, terms), expiresAt };
}

type Told<Type extends PaymentEventType> = Omit<EventData<Type>, 'payment'>;

/**
 * An event of a payment; `mark` tells it from others of the same topic.
 *
 * Shape: `told` is what the world hears of it beside the payment itself, `details` what the house needs to know
 */
export function paymentEvent<Type extends PaymentEventType>(
  row: PaymentRow,
  topic: Type,
  mark: string | number,
  told: Told<Type>,
  details: Readonly<Record<string, unknown>> = {},
): DomainEvent {
  return {
    shard: row.shard,
    topic,
    subject: row.paymentId,
    meaning: [mark],
    payload: {
      paymentId: row.paymentId,
      quadrant: row.quadrant,
      merchantId: row.merchantId,
      issuerId: row.issuerId,
      acquirerId: row.acquirerId,
      ...details,
    },
    published: { ownerId: row.merchantId, data: { payment: toldOf(row), ...told } },
  };
}

/** Nothing can be captured or voided any more; said once, by whoever made it so. */
export function closedEvents(before: PaymentRow, after: PaymentRow): readonly DomainEvent[] {
  if (before.phase === 'closed' || after.phase !== 'closed') return [];
  return [paymentEvent(after, 'payment.closed', 'closed', {})];
}

/** The world is told less than the row holds: no issuer, no instrument, no terms. */
function toldOf(row: PaymentRow): EventData<'payment.created'>['payment'] {
  const inSource = (minorUnits: bigint) => wire({ minorUnits, asset: row.asset });
  return {
    paymentId: row.paymentId,
    merchantId: row.merchantId,
    merchantReference: row.merchantReference,
    quadrant: row.quadrant,
    phase: row.phase,
    requested: inSource(row.requested),
    authorized: inSource(row.authorized),
    captured: inSource(row.captured),
    voided: inSource(row.voided),
    refunded: inSource(row.refunded),
    chargedBack: inSource(row.chargedBack),
    merchantAsset: row.merchantAsset,
    declineCode: row.declineCode,
  };
}

/** A movement as the world is told of it. */
export function movementTold(
  row: PaymentRow,
  { sequence, amount, targetAmount }: Pick<MovementRow, 'sequence' | 'amount' | 'targetAmount'>,
): EventData<'payment.captured'>['movement'] {
  return {
    sequence,
    amount: wire({ minorUnits: amount, asset: row.asset }),
    merchantAmount: wire({ minorUnits: targetAmount, asset: row.merchantAsset }),
  };
}

/** A capture that is the merchant's for good, or a refund that is the payer's; a dispute has events of its own. */
export function settledEvent(row: PaymentRow, movement: MovementRow): DomainEvent {
  const topic = movement.kind === 'refund' ? 'payment.refundSettled' : 'payment.settled';
  const { sequence } = movement;
  return paymentEvent(row, topic, sequence, { movement: movementTold(row, movement) }, { sequence });
}

/**
 * A call of the escrow for one movement. A number of the escrow is used again when its movement failed, and so is the
 * movement when it is asked for again under another number: the call is named by both.
 */
export function callOfMovement(
  call: Omit<ChainCall, 'shard' | 'subject' | 'sequence'>,
  row: Pick<PaymentRow, 'shard' | 'paymentId'>,
  sequence: number,
): ChainCall {
  const callId = uuidFromMeaning('chain-call', call.callId, sequence);
  return { ...call, callId, shard: row.shard, subject: row.paymentId, sequence };
}

export function movementFailedEvent(row: PaymentRow, { sequence, kind, amount }: MovementRow): DomainEvent {
  const movement = { sequence, kind, amount: wire({ minorUnits: amount, asset: row.asset }) };
  return paymentEvent(row, 'payment.movementFailed', sequence, { movement }, { sequence });
}

/** What the merchant pays for a captured amount; on chain the escrow's bound is a share, so a broken unit falls away. */
export function merchantFeeOf(row: PaymentRow, target: Amount): Amount {
  if (row.quadrant === 'fiatToCrypto') return { minorUnits: 0n, asset: target.asset };
  if (row.quadrant === 'cryptoToCrypto') return multiplyByBasisPointsDown(target, BigInt(row.merchantFeeBasisPoints));
  return feesOf(target, scheduleOf(row)).merchantFee;
}

function scheduleOf(row: PaymentRow) {
  return {
    interchangeBasisPoints: BigInt(row.interchangeBasisPoints),
    schemeFeeBasisPoints: BigInt(row.schemeFeeBasisPoints),
    merchantFeeBasisPoints: BigInt(row.merchantFeeBasisPoints),
  };
}

/** What clearing, payouts and the issuer need to know of a capture. */
export function capturedEvent(
  row: PaymentRow,
  sequence: number,
  converted: ReturnType<typeof convertedBetween>,
  eventAt: Date,
): DomainEvent {
  const movement = { sequence, amount: wire(converted.source), merchantAmount: wire(converted.target) };
  return paymentEvent(
    row,
    'payment.captured',
    sequence,
    { movement },
    {
      sequence,
      source: wire(converted.source),
      target: wire(converted.target),
      spread: wire(converted.spread),
      fees: {
        interchangeBasisPoints: row.interchangeBasisPoints,
        schemeFeeBasisPoints: row.schemeFeeBasisPoints,
        merchantFeeBasisPoints: row.merchantFeeBasisPoints,
      },
      eventAt: eventAt.toISOString(),
    },
  );
}

export function wire(amount: Amount) {
  return { minorUnits: amount.minorUnits.toString(), asset: amount.asset };
}

/** A refusal of business as the error that a caller sees, with the figures that disagreed. */
export function errorOfRefusal(refusal: Refusal): SettlementError {
  const { outcome: _, code, ...figures } = refusal;
  const details: Record<string, string> = {};
  for (const [name, value] of Object.entries(figures)) {
    if (value instanceof Date) details[name] = value.toISOString();
    else if (typeof value === 'object') {
      details[name] = value.minorUnits.toString();
      details.asset = value.asset;
    } else details[name] = String(value);
  }
  const figuresInWords = Object.entries(details).map(([name, value]) => `${name} ${value}`);
  return new SettlementError(code, figuresInWords.join(', '), details);
}
