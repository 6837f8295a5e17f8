import { createRoute, z } from '@hono/zod-openapi';
import { createRoom, type Room, requireScope } from '../../../ledger-service/platform/http/room.ts';
import { momentSchema, pageLimitSchema, problemAnswers } from '../../../ledger-service/platform/http/wire.ts';
import { EVENT_TYPES, eventCatalogue } from '../events/catalogue.ts';
import type { WebhookDependencies } from './dependencies.ts';
import {
  createEndpoint,
  deleteEndpoint,
  findEndpoint,
  listEndpoints,
  rotateSecret,
  updateEndpoint,
} from './operations/manage-endpoints.ts';
import { listDeliveries, redeliver } from './operations/redeliver.ts';
import type { EventRange } from './store/deliveries.ts';
import { type DeliveryView, type EndpointView, viewOfEndpoint } from './view.ts';

const urlSchema = z.string().min(1).max(2_048).openapi({ example: 'https://shop.example/specie' });
const eventTypesSchema = z
  .array(z.enum(EVENT_TYPES))
  .max(EVENT_TYPES.length)
  .openapi({ description: 'which types it gets; none named means all, new ones included' });

const endpointSchema = z
  .object({
    endpointId: z.string(),
    merchantId: z.string().nullable().openapi({ description: 'whose events it gets; null: everyone’s' }),
    url: urlSchema,
    eventTypes: z.array(z.string()),
    enabled: z.boolean(),
    disabledBecause: z.enum(['owner', 'gone']).nullable(),
    recordedAt: z.string(),
  })
  .openapi('WebhookEndpoint');
const secretSchema = z.string().openapi({ example: 'whsec_…', description: 'shown here and never again' });

const deliverySchema = z
  .object({
    eventId: z.string().openapi({ description: 'the webhook-id' }),
    type: z.string(),
    subject: z.string(),
    sequence: z.number().int(),
    state: z.enum(['due', 'delivered', 'givenUp']),
    attempts: z.number().int(),
    recordedAt: z.string(),
    lastAttemptAt: z.string().nullable(),
    lastStatus: z.number().int().nullable(),
    lastFailure: z.string().nullable(),
    nextAttemptAt: z.string().nullable(),
    endedAt: z.string().nullable(),
  })
  .openapi('WebhookDelivery');

const sequenceSchema = z.number().int().min(1).max(2_147_483_647);
const redeliverSchema = z
  .union([
    z.strictObject({ eventId: z.string().max(64) }),
    z.strictObject({ from: momentSchema, to: momentSchema }),
    z.strictObject({ subject: z.string().min(1).max(64), fromSequence: sequenceSchema, toSequence: sequenceSchema }),
  ])
  .openapi('Redeliver', { description: 'one event; a span of time, its end not included; or a span of numbers' });

const params = z.object({ endpointId: z.string().max(64).openapi({ example: 'whe_00…' }) });
const json = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { 'application/json': { schema } },
});
const body = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: { 'application/json': { schema } },
});
const tags = ['webhooks'];

const createRouteOfEndpoint = createRoute({
  method: 'post',
  path: '/v1/webhook-endpoints',
  tags,
  summary: 'Have events sent to a URL',
  request: {
    body: body(
      z
        .strictObject({
          url: urlSchema,
          eventTypes: eventTypesSchema.default([]),
          merchantId: z.string().max(64).optional(),
        })
        .openapi('CreateWebhookEndpoint'),
    ),
  },
  responses: {
    201: json('the endpoint with its secret', z.object({ endpoint: endpointSchema, secret: secretSchema })),
    ...problemAnswers(400, 401, 403, 404, 409, 413, 415, 422, 503),
  },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/webhook-endpoints',
  tags,
  summary: 'List your endpoints, newest first',
  request: { query: z.object({ cursor: z.string().max(200).optional(), limit: pageLimitSchema }) },
  responses: {
    200: json('a page', z.object({ endpoints: z.array(endpointSchema), nextCursor: z.string().nullable() })),
    ...problemAnswers(400, 401, 403),
  },
});

const findRoute = createRoute({
  method: 'get',
  path: '/v1/webhook-endpoints/{endpointId}',
  tags,
  summary: 'Look up an endpoint',
  request: { params },
  responses: { 200: json('the endpoint', endpointSchema), ...problemAnswers(400, 401, 403, 404) },
});

const updateRoute = createRoute({
  method: 'patch',
  path: '/v1/webhook-endpoints/{endpointId}',
  tags,
  summary: 'Change the URL or the types of an endpoint, disable it or enable it',
  request: {
    params,
    body: body(
      z
        .strictObject({
          url: urlSchema.optional(),
          eventTypes: eventTypesSchema.optional(),
          enabled: z.boolean().optional(),
        })
        .openapi('UpdateWebhookEndpoint'),
    ),
  },
  responses: {
    200: json('the endpoint as it is now', endpointSchema),
    ...problemAnswers(400, 401, 403, 404, 413, 415, 422, 503),
  },
});

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/webhook-endpoints/{endpointId}',
  tags,
  summary: 'Delete an endpoint; what was due to it is given up',
  request: { params },
  responses: { 204: { description: 'deleted' }, ...problemAnswers(400, 401, 403, 404, 503) },
});

const rotateRoute = createRoute({
  method: 'post',
  path: '/v1/webhook-endpoints/{endpointId}/rotate-secret',
  tags,
  summary: 'Give an endpoint a new secret; the one before signs beside it for a while',
  request: {
    params,
    body: body(
      z
        .strictObject({ overlapSeconds: z.number().int().min(0).max(604_800).default(86_400) })
        .openapi('RotateWebhookSecret', { description: 'from none to seven days; a day where nothing is said' }),
    ),
  },
  responses: {
    200: json('the new secret', z.object({ secret: secretSchema, othersExpireAt: z.string() })),
    ...problemAnswers(400, 401, 403, 404, 409, 413, 415, 503),
  },
});

const deliveriesRoute = createRoute({
  method: 'get',
  path: '/v1/webhook-endpoints/{endpointId}/deliveries',
  tags,
  summary: 'What was sent to an endpoint, and what became of it, newest first',
  request: {
    params,
    query: z.object({
      state: z.enum(['due', 'delivered', 'givenUp']).optional(),
      cursor: z.string().max(200).optional(),
      limit: pageLimitSchema,
    }),
  },
  responses: {
    200: json('a page', z.object({ deliveries: z.array(deliverySchema), nextCursor: z.string().nullable() })),
    ...problemAnswers(400, 401, 403, 404),
  },
});

const redeliverRoute = createRoute({
  method: 'post',
  path: '/v1/webhook-endpoints/{endpointId}/redeliver',
  tags,
  summary: 'Send events again, with the identifiers they had',
  request: { params, body: body(redeliverSchema) },
  responses: {
    202: json(
      'how many events were named, and how many were not on their way already',
      z.object({ named: z.number().int(), made: z.number().int() }).openapi('Redelivered'),
    ),
    ...problemAnswers(400, 401, 403, 404, 409, 413, 415, 422, 503),
  },
});

const typesRoute = createRoute({
  method: 'get',
  path: '/v1/event-types',
  tags,
  summary: 'Every type of event, when it happens, and the JSON schema of its data',
  responses: {
    200: json(
      'the catalogue',
      z.object({
        eventTypes: z.array(
          z.object({ type: z.string(), happens: z.string(), schema: z.record(z.string(), z.unknown()) }),
        ),
      }),
    ),
    ...problemAnswers(401, 403),
  },
});

export function webhookRoutes(dependencies: WebhookDependencies): Room {
  const room = createRoom();
  const types = EVENT_TYPES.map((type) => {
    const { happens, data } = eventCatalogue[type];
    return { type, happens, schema: z.toJSONSchema(data) as Record<string, unknown> };
  });

  room.openapi(createRouteOfEndpoint, async (context) => {
    const caller = requireScope(context, 'webhooks:write');
    const { endpoint, secret } = await createEndpoint(dependencies, caller, {
      shard: 0,
      ...context.req.valid('json'),
    });
    context.header('Cache-Control', 'no-store');
    return context.json({ endpoint: asJson(endpoint), secret }, 201);
  });
  room.openapi(listRoute, async (context) => {
    const caller = requireScope(context, 'webhooks:read');
    const { limit, cursor } = context.req.valid('query');
    const page = await listEndpoints(dependencies, caller, { shard: 0, limit: Number(limit), cursor });
    return context.json({ endpoints: page.endpoints.map(asJson), nextCursor: page.nextCursor }, 200);
  });
  room.openapi(findRoute, async (context) => {
    const caller = requireScope(context, 'webhooks:read');
    const row = await findEndpoint(dependencies, caller, context.req.valid('param').endpointId);
    return context.json(asJson(viewOfEndpoint(row)), 200);
  });
  room.openapi(updateRoute, async (context) => {
    const caller = requireScope(context, 'webhooks:write');
    const { endpointId } = context.req.valid('param');
    const endpoint = await updateEndpoint(dependencies, caller, { endpointId, ...context.req.valid('json') });
    return context.json(asJson(endpoint), 200);
  });
  room.openapi(deleteRoute, async (context) => {
    const caller = requireScope(context, 'webhooks:write');
    await deleteEndpoint(dependencies, caller, context.req.valid('param').endpointId);
    return context.body(null, 204);
  });
  room.openapi(rotateRoute, async (context) => {
    const caller = requireScope(context, 'webhooks:write');
    const { endpointId } = context.req.valid('param');
    const rotated = await rotateSecret(dependencies, caller, { endpointId, ...context.req.valid('json') });
    context.header('Cache-Control', 'no-store');
    return context.json(rotated, 200);
  });
  room.openapi(deliveriesRoute, async (context) => {
    const caller = requireScope(context, 'webhooks:read');
    const { endpointId } = context.req.valid('param');
    const { limit, ...query } = context.req.valid('query');
    const page = await listDeliveries(dependencies, caller, { endpointId, ...query, limit: Number(limit) });
    return context.json({ deliveries: page.deliveries as DeliveryView[], nextCursor: page.nextCursor }, 200);
  });
  room.openapi(redeliverRoute, async (context) => {
    const caller = requireScope(context, 'webhooks:write');
    const { endpointId } = context.req.valid('param');
    const range = rangeOf(context.req.valid('json'));
    return context.json(await redeliver(dependencies, caller, { endpointId, range }), 202);
  });
  room.openapi(typesRoute, (context) => {
    requireScope(context, 'webhooks:read');
    return context.json({ eventTypes: types }, 200);
  });
  return room;
}

function rangeOf(asked: z.infer<typeof redeliverSchema>): EventRange {
  return 'from' in asked ? { from: new Date(asked.from), to: new Date(asked.to) } : asked;
}

function asJson(view: EndpointView): z.infer<typeof endpointSchema> {
  return { ...view, eventTypes: [...view.eventTypes] };
}
