import { createRoute, z } from '@hono/zod-openapi';
import { createRoom, type Room, requireScope } from '../../../ledger-service/platform/http/room.ts';
import { amountSchema, pageLimitSchema, problemAnswers } from '../../../ledger-service/platform/http/wire.ts';
import { listPayouts, type PayoutDependencies } from './operations.ts';

const payoutSchema = z
  .object({
    payoutId: z.string(),
    paymentId: z.string(),
    sequence: z.number().int(),
    purpose: z.enum(['merchantPayout', 'payerRefund', 'reserveRelease']),
    state: z.enum(['due', 'batched', 'final', 'claimable']),
    amount: amountSchema.openapi({ description: 'what leaves the wallet' }),
    netted: amountSchema.openapi({ description: 'what its merchant owed' }),
    withheld: amountSchema.openapi({ description: 'what is kept back in its reserve' }),
    payee: z.string(),
    batchId: z.string().nullable(),
    batchIndex: z.number().int().nullable(),
    chainHash: z.string().nullable(),
    blockHeight: z.number().int().nullable(),
    recordedAt: z.string(),
    finalAt: z.string().nullable(),
  })
  .openapi('Payout');

const listRoute = createRoute({
  method: 'get',
  path: '/v1/payouts',
  tags: ['payouts'],
  summary: 'List payouts of the intermediary wallet, newest first',
  request: {
    query: z.object({
      paymentId: z.string().max(64).optional(),
      cursor: z.string().max(200).optional(),
      limit: pageLimitSchema,
    }),
  },
  responses: {
    200: {
      description: 'a page of payouts, and the cursor of the next one',
      content: {
        'application/json': {
          schema: z.object({ payouts: z.array(payoutSchema), nextCursor: z.string().nullable() }),
        },
      },
    },
    ...problemAnswers(400, 401, 403),
  },
});

export function payoutRoutes({ database }: Pick<PayoutDependencies, 'database'>): Room {
  const room = createRoom();
  room.openapi(listRoute, async (context) => {
    const caller = requireScope(context, 'settlement:read');
    const { limit, paymentId, cursor } = context.req.valid('query');
    const page = await listPayouts(database, { shard: 0, limit: Number(limit), paymentId, cursor }, caller);
    return context.json({ payouts: [...page.payouts], nextCursor: page.nextCursor }, 200);
  });
  return room;
}
