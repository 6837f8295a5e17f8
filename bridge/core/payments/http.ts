import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import {
  createRoom,
  type Room,
  type RoomEnvironment,
  requireScope,
} from '../../../ledger-service/platform/http/room.ts';
import {
  amountSchema,
  momentSchema,
  pageLimitSchema,
  problemAnswers,
  readPositiveAmount,
} from '../../../ledger-service/platform/http/wire.ts';
import { shardOf } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Hex } from '../../chain/domain.ts';
import { idempotencyHeaders, markReplayed, onceRequestOf } from '../../platform/idempotency.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { capturePayment } from './operations/capture-payment.ts';
import { createPayment } from './operations/create-payment.ts';
import { findPayment, listPayments } from './operations/find-payment.ts';
import { readLife } from './operations/read-life.ts';
import { refundPayment } from './operations/refund-payment.ts';
import { reverseLate } from './operations/reverse-late.ts';
import { signAuthorization } from './operations/sign-authorization.ts';
import { voidPayment } from './operations/void-payment.ts';
import type { PaymentView } from './view.ts';

const lineItemSchema = z.strictObject({
  name: z.string().min(1).max(200),
  quantity: z.number().int().min(1).max(1_000_000),
  amount: amountSchema.optional(),
});

const createPaymentSchema = z
  .strictObject({
    merchantId: z.string().max(64).openapi({ example: 'bakery' }),
    instrumentId: z.string().max(64).openapi({ example: 'ana-card-eur', description: 'a card token or a wallet' }),
    amount: amountSchema,
    quoteId: z.string().max(64).optional().openapi({ description: 'where payer and merchant use different money' }),
    merchantReference: z.string().min(1).max(64).optional().openapi({ example: 'order-1001' }),
    authorizationExpiresAt: momentSchema.optional(),
    lineItems: z.array(lineItemSchema).max(100).optional(),
    method: z
      .literal('deposit')
      .optional()
      .openapi({ description: 'for a wallet that can only push: the payment gets an address of its own to pay to' }),
  })
  .openapi('CreatePayment');

const movementSchema = z.object({
  sequence: z.number().int(),
  kind: z.enum(['capture', 'void', 'expiry', 'refund', 'chargeback', 'representment', 'lateReversal']),
  state: z.enum(['accepted', 'final', 'failed']),
  amount: amountSchema,
  merchantAmount: amountSchema,
  fee: amountSchema,
  spread: amountSchema,
  occurredAt: z.string(),
  chainFinalAt: z.string().nullable().openapi({ description: 'when the chain had moved it for good' }),
  finalAt: z.string().nullable(),
});

const actionSchema = z.union([
  z.object({ kind: z.literal('sign'), typedData: z.record(z.string(), z.unknown()), expiresAt: z.string() }),
  z.object({
    kind: z.literal('deposit'),
    address: z.string(),
    amount: amountSchema,
    returnTo: z.string().openapi({ description: 'who gets back what is over, short, late, twice or another asset' }),
    expiresAt: z.string(),
  }),
  z.object({
    kind: z.literal('send'),
    chainTransaction: z.object({ to: z.string(), data: z.string(), value: z.string() }),
    expiresAt: z.string(),
  }),
]);

const paymentSchema = z
  .object({
    paymentId: z.string(),
    quadrant: z.enum(['fiatToFiat', 'cryptoToCrypto', 'cryptoToFiat', 'fiatToCrypto']),
    phase: z.enum(['created', 'requires_action', 'unknown', 'open', 'declined', 'failed', 'closed']),
    merchantId: z.string(),
    payerId: z.string(),
    instrumentId: z.string(),
    merchantReference: z.string().nullable(),
    quoteId: z.string().nullable(),
    merchantAsset: z.string(),
    requested: amountSchema,
    authorized: amountSchema,
    captured: amountSchema,
    voided: amountSchema,
    refunded: amountSchema,
    chargedBack: amountSchema.openapi({ description: 'taken back by the issuer, and not won again' }),
    declineCode: z.string().nullable(),
    termsHash: z.string().nullable(),
    occurredAt: z.string(),
    recordedAt: z.string(),
    authorizationExpiresAt: z.string(),
    refundExpiresAt: z.string(),
    receivedAt: z.string(),
    finalAt: z.string().nullable(),
    movements: z.array(movementSchema),
    action: actionSchema.nullable().openapi({ description: 'what a crypto payer, or a refunding merchant, does next' }),
  })
  .openapi('Payment');

const lifeSchema = z
  .object({
    events: z.array(
      z.object({
        topic: z.string(),
        consumer: z.string(),
        recordedAt: z.string(),
        handledAt: z.string().nullable(),
        attempts: z.number().int(),
        lastError: z.string().nullable(),
      }),
    ),
    chainCalls: z.array(
      z.object({
        kind: z.string(),
        sequence: z.number().int(),
        state: z.enum(['due', 'signed', 'givenUp', 'final', 'reverted', 'superseded', 'withdrawn']),
        nonce: z.number().int().nullable(),
        chainHash: z.string().nullable(),
        blockHeight: z.number().int().nullable(),
        gasUsed: z.number().int().nullable(),
        recordedAt: z.string(),
        signedAt: z.string().nullable(),
        revertReason: z.string().nullable().openapi({ description: 'why it reverted last; `due` beside it waits' }),
        notBefore: z.string().nullable().openapi({ description: 'when it goes out again' }),
      }),
    ),
  })
  .openapi('PaymentLife');

const paymentParams = z.object({ paymentId: z.string().max(64).openapi({ example: 'pay_00…' }) });
const amountBody = z.strictObject({ amount: amountSchema }).openapi('AmountOnly');
const payment = (description: string) => ({
  description,
  content: { 'application/json': { schema: paymentSchema } },
});
const moneyProblems = problemAnswers(400, 401, 403, 404, 409, 413, 415, 422, 503);
const readProblems = problemAnswers(400, 401, 403, 404);

const createRouteOfPayment = createRoute({
  method: 'post',
  path: '/v1/payments',
  tags: ['payments'],
  summary: 'Create a payment and authorize it',
  description:
    'A card is asked at its issuer at once. A crypto payer gets an `action`: typed data to sign, or a chain transaction to send.',
  request: {
    headers: idempotencyHeaders,
    body: { required: true, content: { 'application/json': { schema: createPaymentSchema } } },
  },
  responses: { 201: payment('the payment as it stands'), ...moneyProblems },
});

const findRoute = createRoute({
  method: 'get',
  path: '/v1/payments/{paymentId}',
  tags: ['payments'],
  summary: 'Look up a payment',
  request: { params: paymentParams },
  responses: { 200: payment('the payment'), ...readProblems },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/payments',
  tags: ['payments'],
  summary: 'List payments, newest first',
  request: {
    query: z.object({
      merchantId: z.string().max(64).optional(),
      merchantReference: z.string().max(64).optional(),
      cursor: z.string().max(200).optional(),
      limit: pageLimitSchema,
    }),
  },
  responses: {
    200: {
      description: 'a page of payments, and the cursor of the next one',
      content: {
        'application/json': {
          schema: z.object({ payments: z.array(paymentSchema), nextCursor: z.string().nullable() }),
        },
      },
    },
    ...problemAnswers(400, 401, 403),
  },
});

const lifeRoute = createRoute({
  method: 'get',
  path: '/v1/payments/{paymentId}/life',
  tags: ['payments'],
  summary: 'What happened to a payment: events with who took them, and calls to the chain',
  request: { params: paymentParams },
  responses: {
    200: { description: 'events and chain calls', content: { 'application/json': { schema: lifeSchema } } },
    ...readProblems,
  },
});

const signRoute = createRoute({
  method: 'post',
  path: '/v1/payments/{paymentId}/signature',
  tags: ['payments'],
  summary: "Hand in the payer's signature over the action's typed data",
  request: {
    params: paymentParams,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z
            .strictObject({ signature: z.string().regex(/^0x(?:[0-9a-fA-F]{2}){65,4096}$/, 'not a signature') })
            .openapi('Signature'),
        },
      },
    },
  },
  responses: { 200: payment('the payment, `unknown` until the chain has answered'), ...moneyProblems },
});

const captureRoute = createRoute({
  method: 'post',
  path: '/v1/payments/{paymentId}/captures',
  tags: ['payments'],
  summary: 'Capture part or all of what is held',
  request: {
    params: paymentParams,
    headers: idempotencyHeaders,
    body: { required: true, content: { 'application/json': { schema: amountBody } } },
  },
  responses: { 201: payment('the payment with its new movement'), ...moneyProblems },
});

const voidRoute = createRoute({
  method: 'post',
  path: '/v1/payments/{paymentId}/void',
  tags: ['payments'],
  summary: 'Give back all that is still held',
  request: { params: paymentParams, headers: idempotencyHeaders },
  responses: { 201: payment('the payment with its new movement'), ...moneyProblems },
});

const refundRoute = createRoute({
  method: 'post',
  path: '/v1/payments/{paymentId}/refunds',
  tags: ['payments'],
  summary: 'Give captured money back to the payer',
  request: {
    params: paymentParams,
    headers: idempotencyHeaders,
    body: { required: true, content: { 'application/json': { schema: amountBody } } },
  },
  responses: { 201: payment('the payment with its new movement'), ...moneyProblems },
});

export function paymentRoutes(dependencies: PaymentDependencies): Room {
  const room = createRoom();
  const { assets } = dependencies;

  room.openapi(createRouteOfPayment, async (context) => {
    requireScope(context, 'payments:write');
    const body = context.req.valid('json');
    const { amount, authorizationExpiresAt, ...rest } = body;
    const shard = 0;
    const command = {
      ...rest,
      shard,
      amount: readPositiveAmount(amount, assets),
      ...(authorizationExpiresAt ? { authorizationExpiresAt: new Date(authorizationExpiresAt) } : {}),
    };
    const once = onceRequestOf(context, 'createPayment', body, shard);
    return answer(context, await createPayment(dependencies, command, once));
  });

  room.openapi(listRoute, async (context) => {
    const caller = requireScope(context, 'payments:read');
    const { limit, ...query } = context.req.valid('query');
    const page = await listPayments(dependencies, { ...query, shard: 0, limit: Number(limit) }, caller);
    return context.json(page as unknown as z.infer<typeof listSchema>, 200);
  });

  room.openapi(findRoute, async (context) => {
    const caller = requireScope(context, 'payments:read');
    const { paymentId } = context.req.valid('param');
    return context.json(asJson(await findPayment(dependencies, shardOf(paymentId), paymentId, caller)), 200);
  });

  room.openapi(lifeRoute, async (context) => {
    const caller = requireScope(context, 'payments:read');
    const { paymentId } = context.req.valid('param');
    return context.json(await readLife(dependencies, shardOf(paymentId), paymentId, caller), 200);
  });

  room.openapi(signRoute, async (context) => {
    const caller = requireScope(context, 'payments:write');
    const { paymentId } = context.req.valid('param');
    const { signature } = context.req.valid('json');
    const shard = shardOf(paymentId);
    const result = await signAuthorization(dependencies, { shard, paymentId, signature: signature as Hex }, caller);
    markReplayed(context, result.replayed);
    return context.json(asJson(result.payment), 200);
  });

  room.openapi(captureRoute, async (context) => {
    requireScope(context, 'payments:write');
    const { paymentId } = context.req.valid('param');
    const body = context.req.valid('json');
    const shard = shardOf(paymentId);
    const once = onceRequestOf(context, 'capturePayment', { paymentId, ...body }, shard);
    const command = { shard, paymentId, amount: readPositiveAmount(body.amount, assets) };
    return answer(context, await capturePayment(dependencies, command, once));
  });

  room.openapi(voidRoute, async (context) => {
    requireScope(context, 'payments:write');
    const { paymentId } = context.req.valid('param');
    const shard = shardOf(paymentId);
    const once = onceRequestOf(context, 'voidPayment', { paymentId }, shard);
    return answer(context, await voidPayment(dependencies, { shard, paymentId }, once));
  });

  room.openapi(refundRoute, async (context) => {
    requireScope(context, 'payments:write');
    const { paymentId } = context.req.valid('param');
    const body = context.req.valid('json');
    const shard = shardOf(paymentId);
    const once = onceRequestOf(context, 'refundPayment', { paymentId, ...body }, shard);
    const command = { shard, paymentId, amount: readPositiveAmount(body.amount, assets) };
    return answer(context, await refundPayment(dependencies, command, once));
  });
  room.openapi(lateReversalRoute, async (context) => {
    requireScope(context, 'payments:write');
    const { paymentId } = context.req.valid('param');
    const shard = shardOf(paymentId);
    const once = onceRequestOf(context, 'reverseLate', { paymentId }, shard);
    return answer(context, await reverseLate(dependencies, { shard, paymentId }, once));
  });
  return room;
}

const lateReversalRoute = createRoute({
  method: 'post',
  path: '/v1/payments/{paymentId}/late-reversal',
  tags: ['payments'],
  summary: 'Say, as the issuer and after coins have left, that the authorization was reversed or never stood',
  description: 'Saying it twice changes nothing.',
  request: { params: paymentParams, headers: idempotencyHeaders },
  responses: { 201: payment('the payment with its late reversal'), ...moneyProblems },
});

const listSchema = z.object({ payments: z.array(paymentSchema), nextCursor: z.string().nullable() });

function answer(
  context: Context<RoomEnvironment>,
  { payment: view, replayed }: Readonly<{ payment: PaymentView; replayed: boolean }>,
) {
  markReplayed(context, replayed);
  return context.json(asJson(view), 201);
}

/** A view is made of JSON already; only its lists are read-only, which the description's types are not. */
function asJson(view: PaymentView): z.infer<typeof paymentSchema> {
  return view as unknown as z.infer<typeof paymentSchema>;
}
