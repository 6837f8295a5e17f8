import { z } from '@hono/zod-openapi';
import { amountSchema } from '../../../ledger-service/platform/http/wire.ts';

/**
 * Every type of event that the world is told of, with the schema of its data. A type is stable: receivers switch on it.
 * Fields may be added to one, never taken away.
 */
const paymentSchema = z
  .strictObject({
    paymentId: z.string().openapi({ example: 'pay_00…' }),
    merchantId: z.string(),
    merchantReference: z.string().nullable(),
    quadrant: z.enum(['fiatToFiat', 'cryptoToCrypto', 'cryptoToFiat', 'fiatToCrypto']),
    phase: z.enum(['created', 'requires_action', 'unknown', 'open', 'declined', 'failed', 'closed']),
    requested: amountSchema,
    authorized: amountSchema,
    captured: amountSchema,
    voided: amountSchema,
    refunded: amountSchema,
    chargedBack: amountSchema,
    merchantAsset: z.string(),
    declineCode: z.string().nullable(),
  })
  .openapi('EventPayment', { description: 'the payment as this event left it' });

const movementSchema = z.strictObject({
  sequence: z.number().int().openapi({ description: "the movement's own number within the payment" }),
  amount: amountSchema,
  merchantAmount: amountSchema.openapi({ description: 'the same in the money that the merchant is paid in' }),
});
const acceptanceSchema = z.strictObject({
  chainHash: z.string(),
  generation: z.number().int().openapi({ description: 'from 1; one more each time it is included again' }),
  merchantAmount: amountSchema,
});
const payment = z.strictObject({ payment: paymentSchema });
const moved = z.strictObject({ payment: paymentSchema, movement: movementSchema });

const digits = z.string().openapi({ example: '12345' });

const payoutSchema = z.strictObject({
  payoutId: z.string(),
  paymentId: z.string().openapi({ description: 'the payment, or the reserve, that it is paid for' }),
  sequence: z.number().int(),
  purpose: z.enum(['merchantPayout', 'payerRefund', 'reserveRelease']),
  amount: amountSchema,
  payee: z.string(),
  batchId: z.string().nullable(),
  chainHash: z.string().nullable(),
  blockHeight: z.number().int().nullable(),
});
const payout = z.strictObject({ payout: payoutSchema });
const reserveSchema = z.strictObject({
  reserveId: z.string(),
  merchantId: z.string(),
  amount: amountSchema.openapi({ description: 'what is paid to the merchant' }),
  netted: amountSchema.openapi({ description: 'what it owed, and was netted' }),
});
const reserve = z.strictObject({ reserve: reserveSchema });
const disputeSchema = z.strictObject({
  disputeId: z.string().openapi({ example: 'dis_00…' }),
  paymentId: z.string(),
  merchantId: z.string(),
  reasonCode: z.string(),
  amount: amountSchema,
  merchantAmount: amountSchema.openapi({ description: 'the same in the money that the merchant is paid in' }),
  state: z.enum(['opened', 'represented', 'won', 'lost']),
  cause: z.enum(['accepted', 'decided', 'withdrawn', 'deadline']).nullable(),
  openedAt: z.string(),
  evidenceDueAt: z.string(),
  dueAt: z
    .string()
    .nullable()
    .openapi({ description: 'when the merchant, or after its answer the issuer, is too late' }),
  endedAt: z.string().nullable(),
});
const dispute = z.strictObject({ dispute: disputeSchema });

const exposure = z.strictObject({
  asset: z.string(),
  measuredIn: z.string(),
  exposure: digits.nullable(),
  maximum: digits,
  open: digits,
  inventory: digits,
  freeInventory: digits,
  minimumInventory: digits,
});

const atAddress = { paymentId: z.string(), address: z.string(), amount: amountSchema };
const onChain = { chainHash: z.string(), height: z.number().int() };
const deposit = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject({ deposit: z.strictObject({ ...atAddress, ...shape }) });

const type = <Schema extends z.ZodType>(happens: string, data: Schema) => ({ happens, data });

export const eventCatalogue = {
  'payment.created': type('A payment was asked for; its issuer or its payer has yet to say yes.', payment),
  'payment.authorized': type('The money is held, at the issuer or in the escrow, and can be captured.', payment),
  'payment.declined': type('The issuer, or a check before it, said no. Nothing is held.', payment),
  'payment.failed': type('No authorization came about: nobody answered, time ran out, or the chain refused.', payment),
  'payment.captured': type('Part or all of what was held was taken.', moved),
  'payment.voided': type(
    'What was still held went back to the payer.',
    z.strictObject({
      payment: paymentSchema,
      movement: z.strictObject({ sequence: z.number().int(), amount: amountSchema }),
      cause: z.enum(['void', 'expiry']),
    }),
  ),
  'payment.accepted': type(
    'A captured amount is on chain, small enough to count before it is final; the intermediary bears that it is lost.',
    z.strictObject({ payment: paymentSchema, accepted: acceptanceSchema }),
  ),
  'payment.acceptanceUndone': type(
    'The chain gave up the block of a captured amount that counted before it was final. It is accepted again when it is included again.',
    z.strictObject({ payment: paymentSchema, accepted: acceptanceSchema }),
  ),
  'payment.refunded': type('Captured money is going back to the payer.', moved),
  'payment.chargedBack': type('The issuer took captured money back for its cardholder; see the dispute.', moved),
  'payment.represented': type('A dispute was won: what was charged back is the merchant’s again.', moved),
  'payment.reversedLate': type(
    'After coins had left, the issuer said that the authorization never stood: the card side is taken back.',
    moved,
  ),
  'payment.settled': type("A captured amount is the merchant's for good: on chain, or by a settled window.", moved),
  'payment.refundSettled': type('A refund has reached the payer.', moved),
  'payment.closed': type(
    'Nothing can be captured or voided any more. What was asked of the chain before may still be on its way.',
    payment,
  ),
  'payment.movementFailed': type(
    'The chain refused a capture, void or refund that was accepted before; it moved nothing.',
    z.strictObject({
      payment: paymentSchema,
      movement: z.strictObject({ sequence: z.number().int(), kind: z.string(), amount: amountSchema }),
    }),
  ),
  'deposit.detected': type(
    'A transfer to the deposit address of a payment is in a block; it is not final.',
    deposit(onChain),
  ),
  'deposit.final': type(
    'It is final: held for the sweep, owed back, or kept where it is too little to be sent back.',
    deposit({
      outcome: z.enum(['exact', 'part', 'over', 'late', 'second', 'wrongToken', 'released']),
      held: digits,
      owed: digits,
      kept: digits,
      chainHash: z.string().nullable().openapi({ description: "none for the chain's own coin, which leaves no log" }),
      height: z.number().int(),
    }),
  ),
  'deposit.swept': type(
    'What was asked for has gone on to the escrow or the wallet.',
    deposit({ destination: z.enum(['wallet', 'escrow']), ...onChain }),
  ),
  'deposit.returned': type(
    'Something went back from a deposit address.',
    deposit({ recipient: z.string(), ...onChain }),
  ),
  'deposit.expired': type(
    'The time to pay is over, or the chain refused the sweep; what has arrived goes back.',
    deposit({ arrived: digits }),
  ),
  'suspense.opened': type(
    'A token was sent straight to the wallet, and nobody can be named for it. For the intermediary.',
    z.strictObject({ itemId: z.string(), amount: amountSchema, sender: z.string(), ...onChain }),
  ),
  'payout.created': type('The intermediary wallet owes a merchant, or a refunded payer, an amount on chain.', payout),
  'payout.paid': type('A payout is final on chain.', payout),
  'payout.claimable': type('The payee did not take a payout; it is kept for it to claim.', payout),
  'reserve.released': type('An amount that was kept back is the merchant’s, or on its way to its wallet.', reserve),
  'dispute.opened': type('An issuer charged a payment back; the merchant may answer until `dueAt`.', dispute),
  'dispute.evidenceSubmitted': type('The merchant has answered; its issuer has until `dueAt` to decide.', dispute),
  'dispute.won': type('A dispute ended for the merchant: what was charged back is its again.', dispute),
  'dispute.lost': type('A dispute ended for the cardholder; nothing moves any more.', dispute),
  'settlementWindow.settled': type(
    'A settlement window was closed and what it netted was moved. For the intermediary.',
    z.strictObject({
      windowId: z.string(),
      asset: z.string(),
      settledAt: z.string(),
      presentments: z.number().int(),
      netPositions: z.array(z.strictObject({ participant: z.string(), minorUnits: digits })),
    }),
  ),
  'settlementWindow.merchantPaid': type(
    'An acquirer paid a merchant for one settled window.',
    z.strictObject({
      windowId: z.string(),
      merchantId: z.string(),
      acquirerId: z.string(),
      asset: z.string(),
      gross: digits,
      fees: digits,
      refunds: digits,
      chargebacks: digits,
      representments: digits,
      carriedIn: digits,
      paid: digits,
      carriedOut: digits,
      withheld: digits.openapi({ description: 'kept back in the rolling reserve' }),
      fromReserve: digits,
      writtenOff: digits,
      writtenBack: digits,
    }),
  ),
  'exposure.high': type('What is at risk in an asset has come near its limit. For the intermediary.', exposure),
  'exposure.low': type('It has fallen back below the mark at which the alert ends.', exposure),
  'inventory.low': type('The wallet has less of an asset free than it should. For the intermediary.', exposure),
  'inventory.restored': type('It has enough again.', exposure),
} as const;

export type EventType = keyof typeof eventCatalogue;
export type EventData<Type extends EventType> = z.infer<(typeof eventCatalogue)[Type]['data']>;
export type PaymentEventType = Extract<EventType, `payment.${string}`>;

export const EVENT_TYPES = Object.keys(eventCatalogue) as EventType[];

/** What every event looks like, whatever its type: the body of a webhook, and the data of a line of the stream. */
export function envelopeOf<Type extends string, Data extends z.ZodType>(named: z.ZodType<Type>, data: Data) {
  return z.strictObject({
    id: z.string().openapi({ description: 'the webhook-id: the same however often it is sent' }),
    type: named,
    timestamp: z.string().openapi({ description: "when it happened, by the books' clock" }),
    subject: z.string().openapi({ description: 'what it is numbered under: a payment, or a settlement window' }),
    sequence: z.number().int().openapi({ description: 'its number within the subject' }),
    data,
  });
}

export const eventSchema = envelopeOf(
  z.string().openapi({ example: 'payment.captured' }),
  z.record(z.string(), z.unknown()),
).openapi('Event');
