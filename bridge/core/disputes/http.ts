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
  pageLimitSchema,
  problemAnswers,
  readPositiveAmount,
} from '../../../ledger-service/platform/http/wire.ts';
import type { AssetRegistry } from '../../../ledger-service/vocabulary/assets.ts';
import { shardOf } from '../../../ledger-service/vocabulary/identifiers.ts';
import { idempotencyHeaders, markReplayed, onceRequestOf } from '../../platform/idempotency.ts';
import { findStanding, type StandingView, setReservePolicy } from '../participants/standings.ts';
import { REASON_CODES } from './domain.ts';
import {
  acceptDispute,
  closeMerchant,
  type DisputeDependencies,
  type DisputeView,
  decideDispute,
  findDispute,
  listDisputes,
  openDispute,
  submitEvidence,
} from './operations.ts';

const SHARD = 0;

const fileSchema = z.strictObject({
  name: z.string().min(1).max(200),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .openapi({ description: 'the digest of the file, which stays with whoever sent it' }),
  bytes: z.number().int().min(1).max(1_000_000_000),
});

const disputeSchema = z
  .object({
    disputeId: z.string().openapi({ example: 'dis_00…' }),
    paymentId: z.string(),
    merchantId: z.string(),
    issuerId: z.string(),
    reasonCode: z.string().openapi({ example: 'notReceived' }),
    issuerReference: z.string().nullable(),
    amount: amountSchema,
    merchantAmount: amountSchema.openapi({
      description: 'the same in what the merchant is paid in, at the payment’s rate',
    }),
    state: z.enum(['opened', 'represented', 'won', 'lost']),
    cause: z.enum(['accepted', 'decided', 'withdrawn', 'deadline']).nullable(),
    openedAt: z.string(),
    evidenceDueAt: z.string(),
    dueAt: z
      .string()
      .nullable()
      .openapi({ description: 'when the merchant, or after its answer the issuer, is too late' }),
    endedAt: z.string().nullable(),
    evidence: z.array(
      z.object({
        number: z.number().int(),
        statement: z.string(),
        files: z.array(fileSchema),
        submittedAt: z.string(),
      }),
    ),
  })
  .openapi('Dispute');

const standingSchema = z
  .object({
    merchantId: z.string(),
    asset: z.string(),
    owed: z.string().openapi({ description: 'what the next payouts are reduced by' }),
    reserved: z.string(),
    writtenOff: z.string(),
    reserveBasisPoints: z.number().int(),
    reserveDays: z.number().int(),
    leftAt: z.string().nullable(),
  })
  .openapi('MerchantStanding');

const disputeParams = z.object({ disputeId: z.string().max(64).openapi({ example: 'dis_00…' }) });
const merchantParams = z.object({ merchantId: z.string().max(64).openapi({ example: 'bakery' }) });
const answerOf = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { 'application/json': { schema } },
});
const moneyProblems = problemAnswers(400, 401, 403, 404, 409, 413, 415, 422, 503);
const bodyOf = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: { 'application/json': { schema } },
});

const openRoute = createRoute({
  method: 'post',
  path: '/v1/disputes',
  tags: ['disputes'],
  summary: 'Charge a captured card payment back, for its issuer',
  request: {
    headers: idempotencyHeaders,
    body: bodyOf(
      z
        .strictObject({
          paymentId: z.string().max(64),
          reasonCode: z.enum(REASON_CODES),
          amount: amountSchema,
          issuerReference: z.string().min(1).max(64).optional(),
        })
        .openapi('OpenDispute'),
    ),
  },
  responses: { 201: answerOf('the dispute', disputeSchema), ...moneyProblems },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/disputes',
  tags: ['disputes'],
  summary: 'List disputes, newest first',
  request: {
    query: z.object({
      paymentId: z.string().max(64).optional(),
      state: z.enum(['opened', 'represented', 'won', 'lost']).optional(),
      cursor: z.string().max(200).optional(),
      limit: pageLimitSchema,
    }),
  },
  responses: {
    200: answerOf(
      'a page of disputes, and the cursor of the next one',
      z.object({ disputes: z.array(disputeSchema), nextCursor: z.string().nullable() }),
    ),
    ...problemAnswers(400, 401, 403),
  },
});

const findRoute = createRoute({
  method: 'get',
  path: '/v1/disputes/{disputeId}',
  tags: ['disputes'],
  summary: 'Look up a dispute with its evidence',
  request: { params: disputeParams },
  responses: { 200: answerOf('the dispute', disputeSchema), ...problemAnswers(400, 401, 403, 404) },
});

const evidenceRoute = createRoute({
  method: 'post',
  path: '/v1/disputes/{disputeId}/evidence',
  tags: ['disputes'],
  summary: 'Answer a dispute, for its merchant, while there is time',
  request: {
    params: disputeParams,
    headers: idempotencyHeaders,
    body: bodyOf(
      z
        .strictObject({ statement: z.string().min(1).max(20_000), files: z.array(fileSchema).max(50).default([]) })
        .openapi('DisputeEvidence'),
    ),
  },
  responses: { 201: answerOf('the dispute', disputeSchema), ...moneyProblems },
});

const acceptRoute = createRoute({
  method: 'post',
  path: '/v1/disputes/{disputeId}/accept',
  tags: ['disputes'],
  summary: 'Give in to a dispute, for its merchant',
  request: { params: disputeParams, headers: idempotencyHeaders },
  responses: { 201: answerOf('the dispute', disputeSchema), ...moneyProblems },
});

const decideRoute = createRoute({
  method: 'post',
  path: '/v1/disputes/{disputeId}/decide',
  tags: ['disputes'],
  summary: 'Decide on the merchant’s answer, for its issuer; or take the claim back before there is one',
  request: {
    params: disputeParams,
    headers: idempotencyHeaders,
    body: bodyOf(
      z
        .strictObject({ outcome: z.enum(['won', 'lost']).openapi({ description: 'as the merchant sees it' }) })
        .openapi('DecideDispute'),
    ),
  },
  responses: { 201: answerOf('the dispute', disputeSchema), ...moneyProblems },
});

const standingRoute = createRoute({
  method: 'get',
  path: '/v1/merchants/{merchantId}/standing',
  tags: ['disputes'],
  summary: 'What a merchant owes, and what is kept for it',
  request: { params: merchantParams },
  responses: { 200: answerOf('its standing', standingSchema), ...problemAnswers(400, 401, 403, 404) },
});

const reserveRoute = createRoute({
  method: 'put',
  path: '/v1/merchants/{merchantId}/reserve-policy',
  tags: ['disputes'],
  summary: 'Say how much of a merchant’s payouts is kept back, and for how long',
  request: {
    params: merchantParams,
    body: bodyOf(z.strictObject({ basisPoints: z.number().int(), days: z.number().int() }).openapi('ReservePolicy')),
  },
  responses: { 200: answerOf('its standing', standingSchema), ...problemAnswers(400, 401, 403, 404, 413, 415) },
});

const leaveRoute = createRoute({
  method: 'post',
  path: '/v1/merchants/{merchantId}/departure',
  tags: ['disputes'],
  summary: 'Note that a merchant has left: what it owes is written off, now and later',
  description: 'Noting it twice changes nothing.',
  request: { params: merchantParams },
  responses: { 200: answerOf('its standing', standingSchema), ...problemAnswers(400, 401, 403, 404) },
});

export function disputeRoutes(dependencies: DisputeDependencies & Readonly<{ assets: AssetRegistry }>): Room {
  const { database, assets } = dependencies;
  const room = createRoom();
  room.openapi(openRoute, async (context) => {
    requireScope(context, 'disputes:write');
    const body = context.req.valid('json');
    const shard = shardOf(body.paymentId);
    const once = onceRequestOf(context, 'openDispute', body, shard);
    const command = { ...body, shard, amount: readPositiveAmount(body.amount, assets) };
    return answer(context, await openDispute(dependencies, command, once));
  });
  room.openapi(listRoute, async (context) => {
    const viewer = requireScope(context, 'disputes:read');
    const query = context.req.valid('query');
    const page = await listDisputes(database, { ...query, shard: SHARD, limit: Number(query.limit) }, viewer);
    return context.json({ ...page, disputes: page.disputes.map(asJson) }, 200);
  });
  room.openapi(findRoute, async (context) => {
    const viewer = requireScope(context, 'disputes:read');
    const { disputeId } = context.req.valid('param');
    return context.json(asJson(await findDispute(database, { shard: shardOf(disputeId), disputeId }, viewer)), 200);
  });
  room.openapi(evidenceRoute, async (context) => {
    requireScope(context, 'disputes:write');
    const { disputeId } = context.req.valid('param');
    const body = context.req.valid('json');
    const shard = shardOf(disputeId);
    const once = onceRequestOf(context, 'submitEvidence', { disputeId, ...body }, shard);
    return answer(context, await submitEvidence(dependencies, { shard, disputeId, ...body }, once));
  });
  room.openapi(acceptRoute, async (context) => {
    requireScope(context, 'disputes:write');
    const { disputeId } = context.req.valid('param');
    const shard = shardOf(disputeId);
    const once = onceRequestOf(context, 'acceptDispute', { disputeId }, shard);
    return answer(context, await acceptDispute(dependencies, { shard, disputeId }, once));
  });
  room.openapi(decideRoute, async (context) => {
    requireScope(context, 'disputes:write');
    const { disputeId } = context.req.valid('param');
    const { outcome } = context.req.valid('json');
    const shard = shardOf(disputeId);
    const once = onceRequestOf(context, 'decideDispute', { disputeId, outcome }, shard);
    return answer(context, await decideDispute(dependencies, { shard, disputeId, outcome }, once));
  });
  room.openapi(standingRoute, async (context) => {
    const viewer = requireScope(context, 'settlement:read');
    const { merchantId } = context.req.valid('param');
    return context.json(standingAsJson(await findStanding(database, { shard: SHARD, merchantId }, viewer)), 200);
  });
  room.openapi(reserveRoute, async (context) => {
    requireScope(context, 'settlement:write');
    const { merchantId } = context.req.valid('param');
    const command = { shard: SHARD, merchantId, ...context.req.valid('json') };
    return context.json(standingAsJson(await setReservePolicy({ database }, command)), 200);
  });
  room.openapi(leaveRoute, async (context) => {
    requireScope(context, 'settlement:write');
    const { merchantId } = context.req.valid('param');
    return context.json(standingAsJson(await closeMerchant(dependencies, { shard: SHARD, merchantId })), 200);
  });
  return room;
}

function answer(
  context: Context<RoomEnvironment>,
  { dispute, replayed }: Readonly<{ dispute: DisputeView; replayed: boolean }>,
) {
  markReplayed(context, replayed);
  return context.json(asJson(dispute), 201);
}

function asJson(view: DisputeView): z.infer<typeof disputeSchema> {
  return { ...view, evidence: view.evidence.map((one) => ({ ...one, files: [...one.files] })) };
}

function standingAsJson(view: StandingView): z.infer<typeof standingSchema> {
  return { ...view };
}
