import { createRoute, z } from '@hono/zod-openapi';
import { createRoom, type Room, requireScope } from '../../../../ledger-service/platform/http/room.ts';
import { problemAnswers } from '../../../../ledger-service/platform/http/wire.ts';
import { idempotencyHeaders, markReplayed, onceRequestOf } from '../../../platform/idempotency.ts';
import { listAssetSwitches, type SwitchDependencies, setAssetSwitch } from './operations.ts';

const switchSchema = z
  .strictObject({ asset: z.string().max(200), paused: z.boolean(), reason: z.string().min(1).max(500) })
  .openapi('AssetSwitch');
const switchesSchema = z.object({
  switches: z.array(z.object({ asset: z.string(), paused: z.boolean(), reason: z.string(), changedAt: z.string() })),
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/asset-switches',
  tags: ['controls'],
  summary: 'Which assets are paused, or were',
  responses: {
    200: { description: 'the switches', content: { 'application/json': { schema: switchesSchema } } },
    ...problemAnswers(401, 403),
  },
});
const setRoute = createRoute({
  method: 'post',
  path: '/v1/asset-switches',
  tags: ['controls'],
  summary: 'Pause an asset, so that nothing new is promised in it, or go on',
  request: {
    headers: idempotencyHeaders,
    body: { required: true, content: { 'application/json': { schema: switchSchema } } },
  },
  responses: {
    200: { description: 'the switch as it is now', content: { 'application/json': { schema: switchSchema } } },
    ...problemAnswers(400, 401, 403, 409, 413, 415, 422, 503),
  },
});

export function assetSwitchRoutes(dependencies: SwitchDependencies): Room {
  const room = createRoom();
  room.openapi(listRoute, async (context) => {
    requireScope(context, 'settlement:read');
    const rows = await listAssetSwitches(dependencies.database, 0);
    const switches = rows.map(({ asset, paused, reason, changedAt }) => ({
      asset,
      paused,
      reason,
      changedAt: changedAt.toISOString(),
    }));
    return context.json({ switches }, 200);
  });
  room.openapi(setRoute, async (context) => {
    requireScope(context, 'settlement:write');
    const asked = context.req.valid('json');
    const once = onceRequestOf(context, 'setAssetSwitch', asked, 0);
    markReplayed(context, (await setAssetSwitch(dependencies, { ...asked, shard: 0 }, once)).replayed);
    return context.json(asked, 200);
  });
  return room;
}
