import { createRoute, z } from '@hono/zod-openapi';
import { createRoom, type Room, requireScope } from '../../../ledger-service/platform/http/room.ts';
import { amountSchema, pageLimitSchema, problemAnswers } from '../../../ledger-service/platform/http/wire.ts';
import { shardOf } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Address } from '../../chain/domain.ts';
import { idempotencyHeaders, markReplayed, onceRequestOf } from '../../platform/idempotency.ts';
import type { DepositDependencies } from './dependencies.ts';
import { findDeposit, listDeposits, listSuspense } from './operations/read-deposits.ts';
import { attributeSuspense, returnSuspense } from './operations/settle-suspense.ts';

const tags = ['deposits'];
const json = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { 'application/json': { schema } },
});
const body = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: { 'application/json': { schema } },
});

const depositSchema = z
  .object({
    paymentId: z.string(),
    address: z.string(),
    amount: amountSchema,
    destination: z.enum(['wallet', 'escrow']),
    state: z.enum(['open', 'sweeping', 'swept', 'expired']),
    held: amountSchema.openapi({ description: 'in time, and not moved on yet' }),
    returnTo: z.string(),
    payBy: z.string(),
    sweepBefore: z.string(),
  })
  .openapi('Deposit');
const lifeSchema = depositSchema
  .extend({
    transfers: z.array(
      z.object({
        amount: amountSchema,
        outcome: z.string().openapi({ example: 'over' }),
        held: z.string(),
        owed: z.string(),
        kept: z.string(),
        sender: z.string().nullable(),
        chainHash: z.string().nullable(),
        height: z.number().int(),
        minedAt: z.string(),
      }),
    ),
    returns: z.array(
      z.object({
        returnId: z.string(),
        amount: amountSchema,
        recipient: z.string(),
        state: z.enum(['asked', 'final', 'failed']),
        chainHash: z.string().nullable(),
      }),
    ),
  })
  .openapi('DepositLife');
const suspenseSchema = z
  .object({
    itemId: z.string(),
    place: z.enum(['wallet', 'deposit']),
    paymentId: z.string().nullable(),
    amount: amountSchema,
    sender: z.string().nullable(),
    chainHash: z.string().nullable(),
    height: z.number().int(),
    state: z.enum(['open', 'attributed', 'returning', 'returned']),
    settledTo: z.string().nullable(),
    recordedAt: z.string(),
  })
  .openapi('SuspenseItem');
const reason = z.string().min(1).max(500);
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'not an address');

const listRoute = createRoute({
  method: 'get',
  path: '/v1/deposits',
  tags,
  summary: 'Deposits by pushed transfer, newest first',
  request: { query: z.object({ limit: pageLimitSchema }) },
  responses: {
    200: json('the deposits', z.object({ deposits: z.array(depositSchema) })),
    ...problemAnswers(400, 401, 403),
  },
});
const findRoute = createRoute({
  method: 'get',
  path: '/v1/deposits/{paymentId}',
  tags,
  summary: 'What has arrived for a payment, and what went back',
  request: { params: z.object({ paymentId: z.string().max(64) }) },
  responses: { 200: json('the deposit', lifeSchema), ...problemAnswers(400, 401, 403, 404) },
});
const suspenseRoute = createRoute({
  method: 'get',
  path: '/v1/suspense',
  tags,
  summary: 'What has arrived and belongs to nobody that is known, newest first',
  request: { query: z.object({ limit: pageLimitSchema }) },
  responses: {
    200: json('the items', z.object({ items: z.array(suspenseSchema) })),
    ...problemAnswers(400, 401, 403),
  },
});
const attributeRoute = createRoute({
  method: 'post',
  path: '/v1/suspense/{itemId}/attribute',
  tags,
  summary: "Say that it is the intermediary's own",
  request: {
    params: z.object({ itemId: z.string().max(64) }),
    headers: idempotencyHeaders,
    body: body(z.strictObject({ reason }).openapi('AttributeSuspense')),
  },
  responses: {
    200: json('the item', suspenseSchema),
    ...problemAnswers(400, 401, 403, 404, 409, 413, 415, 422, 503),
  },
});
const returnRoute = createRoute({
  method: 'post',
  path: '/v1/suspense/{itemId}/return',
  tags,
  summary: 'Send it back, to an address that is named here',
  request: {
    params: z.object({ itemId: z.string().max(64) }),
    headers: idempotencyHeaders,
    body: body(z.strictObject({ recipient: address, reason }).openapi('ReturnSuspense')),
  },
  responses: {
    200: json('the item', suspenseSchema),
    ...problemAnswers(400, 401, 403, 404, 409, 413, 415, 422, 503),
  },
});

export function depositRoutes(dependencies: DepositDependencies): Room {
  const room = createRoom();
  const { database } = dependencies;
  room.openapi(listRoute, async (context) => {
    requireScope(context, 'settlement:read');
    const { limit } = context.req.valid('query');
    return context.json({ deposits: [...(await listDeposits(database, 0, Number(limit)))] }, 200);
  });
  room.openapi(findRoute, async (context) => {
    requireScope(context, 'settlement:read');
    const { paymentId } = context.req.valid('param');
    const found = await findDeposit(database, shardOf(paymentId), paymentId);
    return context.json({ ...found, transfers: [...found.transfers], returns: [...found.returns] }, 200);
  });
  room.openapi(suspenseRoute, async (context) => {
    requireScope(context, 'settlement:read');
    const { limit } = context.req.valid('query');
    return context.json({ items: [...(await listSuspense(database, 0, Number(limit)))] }, 200);
  });
  room.openapi(attributeRoute, async (context) => {
    requireScope(context, 'settlement:write');
    const command = { ...context.req.valid('param'), ...context.req.valid('json') };
    const once = onceRequestOf(context, 'attributeSuspense', command, 0);
    const { item, replayed } = await attributeSuspense(dependencies, command, once);
    markReplayed(context, replayed);
    return context.json(item, 200);
  });
  room.openapi(returnRoute, async (context) => {
    requireScope(context, 'settlement:write');
    const asked = { ...context.req.valid('param'), ...context.req.valid('json') };
    const once = onceRequestOf(context, 'returnSuspense', asked, 0);
    const command = { ...asked, recipient: asked.recipient as Address };
    const { item, replayed } = await returnSuspense(dependencies, command, once);
    markReplayed(context, replayed);
    return context.json(item, 200);
  });
  return room;
}
