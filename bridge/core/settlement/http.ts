import { createRoute, z } from '@hono/zod-openapi';
import { createRoom, type Room, requireScope } from '../../../ledger-service/platform/http/room.ts';
import { pageLimitSchema, problemAnswers } from '../../../ledger-service/platform/http/wire.ts';
import { shardOf } from '../../../ledger-service/vocabulary/identifiers.ts';
import { closeWindow, findWindow, listWindows, type SettlementDependencies, type WindowView } from './operations.ts';

const minorUnitsSchema = z.string().openapi({ example: '12345' });

const windowSchema = z
  .object({
    windowId: z.string(),
    asset: z.string().openapi({ example: 'EUR' }),
    calendar: z.string(),
    state: z.enum(['OPEN', 'PROCESSING', 'CLOSED', 'PENDING_SETTLEMENT', 'SETTLED', 'ABORTED', 'FAILED']),
    openedAt: z.string(),
    closedAt: z.string().nullable(),
    settledAt: z.string().nullable(),
    presentments: z.number().int(),
    netPositions: z
      .array(z.object({ participant: z.string(), minorUnits: z.string().openapi({ example: '-9980' }) }))
      .openapi({ description: 'positive: receives, negative: pays; they add up to zero' }),
    merchantPayouts: z.array(
      z.object({
        merchantId: z.string(),
        acquirerId: z.string(),
        gross: minorUnitsSchema,
        fees: minorUnitsSchema,
        refunds: minorUnitsSchema,
        carriedIn: minorUnitsSchema,
        paid: minorUnitsSchema,
        carriedOut: minorUnitsSchema,
        chargebacks: minorUnitsSchema,
        representments: minorUnitsSchema,
        withheld: minorUnitsSchema.openapi({ description: 'kept back in the rolling reserve' }),
        fromReserve: minorUnitsSchema,
        writtenOff: minorUnitsSchema,
        writtenBack: minorUnitsSchema,
      }),
    ),
  })
  .openapi('SettlementWindow');

const windowParams = z.object({ windowId: z.string().max(64).openapi({ example: 'win_00…' }) });
const windowAnswer = { description: 'the window', content: { 'application/json': { schema: windowSchema } } };

const listRoute = createRoute({
  method: 'get',
  path: '/v1/settlement-windows',
  tags: ['settlement'],
  summary: 'List settlement windows, newest first',
  request: { query: z.object({ limit: pageLimitSchema }) },
  responses: {
    200: {
      description: 'the windows',
      content: { 'application/json': { schema: z.object({ windows: z.array(windowSchema) }) } },
    },
    ...problemAnswers(400, 401, 403),
  },
});

const findRoute = createRoute({
  method: 'get',
  path: '/v1/settlement-windows/{windowId}',
  tags: ['settlement'],
  summary: 'Look up a settlement window with its net positions',
  request: { params: windowParams },
  responses: { 200: windowAnswer, ...problemAnswers(400, 401, 403, 404) },
});

const closeRoute = createRoute({
  method: 'post',
  path: '/v1/settlement-windows/{windowId}/close',
  tags: ['settlement'],
  summary: 'Close a window and settle what it holds',
  description: 'A window that is settled already is answered as it is: closing twice moves nothing twice.',
  request: { params: windowParams },
  responses: { 200: windowAnswer, ...problemAnswers(400, 401, 403, 404, 409, 503) },
});

export function settlementRoutes(dependencies: SettlementDependencies): Room {
  const room = createRoom();
  room.openapi(listRoute, async (context) => {
    const caller = requireScope(context, 'settlement:read');
    const windows = await listWindows(dependencies.database, 0, Number(context.req.valid('query').limit), caller);
    return context.json({ windows: windows.map(asJson) }, 200);
  });
  room.openapi(findRoute, async (context) => {
    const caller = requireScope(context, 'settlement:read');
    const { windowId } = context.req.valid('param');
    const named = { shard: shardOf(windowId), windowId };
    return context.json(asJson(await findWindow(dependencies.database, named, caller)), 200);
  });
  room.openapi(closeRoute, async (context) => {
    requireScope(context, 'settlement:write');
    const { windowId } = context.req.valid('param');
    return context.json(asJson(await closeWindow(dependencies, { shard: shardOf(windowId), windowId })), 200);
  });
  return room;
}

function asJson(view: WindowView): z.infer<typeof windowSchema> {
  return { ...view, netPositions: [...view.netPositions], merchantPayouts: [...view.merchantPayouts] };
}
