import { createRoute, z } from '@hono/zod-openapi';
import { createRoom, type Room, requireScope } from '../../../ledger-service/platform/http/room.ts';
import { amountSchema, problemAnswers, readPositiveAmount } from '../../../ledger-service/platform/http/wire.ts';
import type { AssetRegistry } from '../../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import { shardOf } from '../../../ledger-service/vocabulary/identifiers.ts';
import { idempotencyHeaders, markReplayed, onceRequestOf } from '../../platform/idempotency.ts';
import type { QuoteRefused } from './domain.ts';
import { createQuote, findQuote, type QuoteDependencies, viewOfQuote } from './operations.ts';

const createQuoteSchema = z
  .union([
    z.strictObject({
      source: amountSchema,
      targetAsset: z.string().max(200).openapi({ example: 'EUR', description: 'what the merchant is paid in' }),
    }),
    z.strictObject({
      target: amountSchema,
      sourceAsset: z.string().max(200).openapi({ example: 'EUR', description: 'what the payer pays in' }),
    }),
  ])
  .openapi('CreateQuote', { description: 'from what the payer gives, or from what the merchant must get' });

const quoteSchema = z
  .object({
    quoteId: z.string(),
    source: amountSchema,
    target: amountSchema,
    spread: amountSchema,
    rate: z.object({
      numerator: z.string().openapi({ description: 'minor units of target per `denominator` minor units of source' }),
      denominator: z.string(),
      source: z.string().openapi({ description: 'who said so' }),
      observedAt: z.string(),
    }),
    expiresAt: z.string(),
  })
  .openapi('Quote');

const createRouteOfQuote = createRoute({
  method: 'post',
  path: '/v1/quotes',
  tags: ['quotes'],
  summary: 'Promise a rate between two kinds of money, until it expires',
  request: {
    headers: idempotencyHeaders,
    body: { required: true, content: { 'application/json': { schema: createQuoteSchema } } },
  },
  responses: {
    201: { description: 'the quote', content: { 'application/json': { schema: quoteSchema } } },
    ...problemAnswers(400, 401, 403, 409, 413, 415, 422, 503),
  },
});

const findRoute = createRoute({
  method: 'get',
  path: '/v1/quotes/{quoteId}',
  tags: ['quotes'],
  summary: 'Look up a quote',
  request: { params: z.object({ quoteId: z.string().max(64) }) },
  responses: {
    200: { description: 'the quote', content: { 'application/json': { schema: quoteSchema } } },
    ...problemAnswers(400, 401, 403, 404),
  },
});

export function quoteRoutes(dependencies: QuoteDependencies & Readonly<{ assets: AssetRegistry }>): Room {
  const room = createRoom();
  room.openapi(createRouteOfQuote, async (context) => {
    requireScope(context, 'payments:write');
    const body = context.req.valid('json');
    const shard = 0;
    const command =
      'source' in body
        ? {
            shard,
            source: readPositiveAmount(body.source, dependencies.assets),
            to: dependencies.assets.get(body.targetAsset).code,
          }
        : {
            shard,
            target: readPositiveAmount(body.target, dependencies.assets),
            from: dependencies.assets.get(body.sourceAsset).code,
          };
    const once = onceRequestOf(context, 'createQuote', body, shard);
    const { outcome, replayed } = await createQuote(dependencies, command, once);
    if (outcome.outcome === 'refused') throw errorOfRefusal(outcome);
    markReplayed(context, replayed);
    return context.json(outcome.quote, 201);
  });
  room.openapi(findRoute, async (context) => {
    const caller = requireScope(context, 'payments:read');
    const { quoteId } = context.req.valid('param');
    const quote = await findQuote(dependencies.database, shardOf(quoteId), quoteId, caller);
    return context.json(viewOfQuote(quote), 200);
  });
  return room;
}

function errorOfRefusal({ outcome: _, code, ...figures }: QuoteRefused): SettlementError {
  const inWords = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  return new SettlementError(code, inWords.join(', '), figures);
}
