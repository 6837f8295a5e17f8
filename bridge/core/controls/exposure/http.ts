import { createRoute, z } from '@hono/zod-openapi';
import { createRoom, type Room, requireScope } from '../../../../ledger-service/platform/http/room.ts';
import { pageLimitSchema, problemAnswers } from '../../../../ledger-service/platform/http/wire.ts';
import { idempotencyHeaders, markReplayed, onceRequestOf } from '../../../platform/idempotency.ts';
import { listOperatorActions } from '../operator-actions.ts';
import {
  type ControlDependencies,
  findKillSwitch,
  setCounterpartyLimit,
  setExposureLimit,
  setKillSwitch,
} from './operations.ts';
import { readExposures, type WatchDependencies } from './watch.ts';

const tags = ['controls'];
const digits = z
  .string()
  .regex(/^(0|[1-9]\d{0,37})$/)
  .openapi({ example: '500000000', description: 'whole minor units' });
const basisPoints = z.number().int().min(0).max(10_000);
const body = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: { 'application/json': { schema } },
});
const json = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { 'application/json': { schema } },
});

const exposureSchema = z
  .object({
    asset: z.string(),
    exposure: digits.nullable().openapi({ description: 'open and inventory at the mark; null while there is no mark' }),
    maximum: digits,
    counterpartyMaximum: digits.nullable(),
    open: digits.openapi({ description: 'promised and not final, in minor units of the asset' }),
    inventory: digits.openapi({ description: 'what the wallet holds by the books' }),
    freeInventory: digits.openapi({ description: 'what of it is not reserved' }),
    minimumInventory: digits,
    highBasisPoints: basisPoints,
    lowBasisPoints: basisPoints,
    isHigh: z.boolean(),
    isDry: z.boolean(),
  })
  .openapi('Exposure');
const exposuresSchema = z
  .object({
    at: z.string(),
    measuredIn: z.string().openapi({ example: 'USD', description: 'what exposures and their limits are counted in' }),
    stopped: z.boolean(),
    stoppedBecause: z.string().nullable(),
    exposures: z.array(exposureSchema),
    counterpartyLimits: z.array(z.object({ asset: z.string(), counterparty: z.string(), maximum: digits })),
  })
  .openapi('Exposures');
const limitSchema = z
  .strictObject({
    asset: z.string().max(200),
    maximum: digits,
    counterpartyMaximum: digits.optional(),
    minimumInventory: digits.optional(),
    highBasisPoints: basisPoints.optional(),
    lowBasisPoints: basisPoints.optional(),
  })
  .openapi('SetExposureLimit');
const counterpartySchema = z
  .strictObject({ asset: z.string().max(200), counterparty: z.string().max(64), maximum: digits })
  .openapi('SetCounterpartyLimit');
const switchSchema = z.strictObject({ stopped: z.boolean(), reason: z.string().min(1).max(500) }).openapi('KillSwitch');
const actionSchema = z
  .object({
    actionId: z.string(),
    operator: z.string(),
    kind: z.string(),
    details: z.record(z.string(), z.unknown()),
    recordedAt: z.string(),
  })
  .openapi('OperatorAction');

const changed = { ...problemAnswers(400, 401, 403, 409, 413, 415, 422, 503) };
const listRoute = createRoute({
  method: 'get',
  path: '/v1/exposures',
  tags,
  summary: 'What the intermediary has at risk, beside its limits',
  responses: { 200: json('every asset', exposuresSchema), ...problemAnswers(401, 403) },
});
const limitRoute = createRoute({
  method: 'post',
  path: '/v1/exposures/limits',
  tags,
  summary: 'Set how much may be at risk in an asset',
  request: { headers: idempotencyHeaders, body: body(limitSchema) },
  responses: { 200: json('the limit as it is now', limitSchema), ...changed },
});
const counterpartyRoute = createRoute({
  method: 'post',
  path: '/v1/exposures/counterparty-limits',
  tags,
  summary: 'Set how much one counterparty may have open in an asset',
  request: { headers: idempotencyHeaders, body: body(counterpartySchema) },
  responses: { 200: json('the limit as it is now', counterpartySchema), ...changed },
});
const switchRoute = createRoute({
  method: 'post',
  path: '/v1/kill-switch',
  tags,
  summary: 'Stop every new promise, or go on',
  request: { headers: idempotencyHeaders, body: body(switchSchema) },
  responses: { 200: json('the switch as it is now', switchSchema), ...changed },
});
const actionsRoute = createRoute({
  method: 'get',
  path: '/v1/operator-actions',
  tags,
  summary: 'What operators have done by hand, newest first',
  request: { query: z.object({ limit: pageLimitSchema }) },
  responses: {
    200: json('the actions', z.object({ actions: z.array(actionSchema) })),
    ...problemAnswers(400, 401, 403),
  },
});

export function exposureRoutes(dependencies: ControlDependencies & Pick<WatchDependencies, 'marks'>): Room {
  const room = createRoom();
  room.openapi(listRoute, async (context) => {
    requireScope(context, 'settlement:read');
    const [{ at, measuredIn, standings, counterparties }, killSwitch] = await Promise.all([
      readExposures(dependencies),
      findKillSwitch(dependencies.database, 0),
    ]);
    const exposures = standings.map(({ row, exposure, inventory, free }) => ({
      asset: row.asset,
      exposure: exposure?.toString() ?? null,
      maximum: row.maximum.toString(),
      counterpartyMaximum: row.counterpartyMaximum?.toString() ?? null,
      open: row.open.toString(),
      inventory: inventory.toString(),
      freeInventory: free.toString(),
      minimumInventory: row.minimumInventory.toString(),
      highBasisPoints: row.highBasisPoints,
      lowBasisPoints: row.lowBasisPoints,
      isHigh: row.isHigh,
      isDry: row.isDry,
    }));
    const counterpartyLimits = counterparties.map(({ asset, counterparty, maximum }) => ({
      asset,
      counterparty,
      maximum: maximum.toString(),
    }));
    const stopped = killSwitch?.stopped ?? false;
    const stoppedBecause = stopped ? (killSwitch?.reason ?? null) : null;
    return context.json(
      { at: at.toISOString(), measuredIn, stopped, stoppedBecause, exposures, counterpartyLimits },
      200,
    );
  });
  room.openapi(limitRoute, async (context) => {
    requireScope(context, 'settlement:write');
    const asked = context.req.valid('json');
    const optional = (text: string | undefined) => (text === undefined ? undefined : BigInt(text));
    const limit = {
      ...asked,
      shard: 0,
      maximum: BigInt(asked.maximum),
      counterpartyMaximum: optional(asked.counterpartyMaximum),
      minimumInventory: optional(asked.minimumInventory),
    };
    const once = onceRequestOf(context, 'setExposureLimit', asked, 0);
    markReplayed(context, (await setExposureLimit(dependencies, limit, once)).replayed);
    return context.json(asked, 200);
  });
  room.openapi(counterpartyRoute, async (context) => {
    requireScope(context, 'settlement:write');
    const asked = context.req.valid('json');
    const limit = { ...asked, shard: 0, maximum: BigInt(asked.maximum) };
    const once = onceRequestOf(context, 'setCounterpartyLimit', asked, 0);
    markReplayed(context, (await setCounterpartyLimit(dependencies, limit, once)).replayed);
    return context.json(asked, 200);
  });
  room.openapi(switchRoute, async (context) => {
    requireScope(context, 'settlement:write');
    const asked = context.req.valid('json');
    const once = onceRequestOf(context, 'setKillSwitch', asked, 0);
    markReplayed(context, (await setKillSwitch(dependencies, { ...asked, shard: 0 }, once)).replayed);
    return context.json(asked, 200);
  });
  room.openapi(actionsRoute, async (context) => {
    requireScope(context, 'settlement:read');
    const { limit } = context.req.valid('query');
    const found = await listOperatorActions(dependencies.database, 0, Number(limit));
    const actions = found.map(({ shard: _, recordedAt, ...action }) => ({
      ...action,
      details: { ...action.details },
      recordedAt: recordedAt.toISOString(),
    }));
    return context.json({ actions }, 200);
  });
  return room;
}
