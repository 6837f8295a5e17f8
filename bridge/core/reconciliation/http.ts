import { createRoute, z } from '@hono/zod-openapi';
import { createRoom, type Room, requireScope } from '../../../ledger-service/platform/http/room.ts';
import { problemAnswers } from '../../../ledger-service/platform/http/wire.ts';
import { type ReconciliationDependencies, reconcile } from './operations.ts';

const reconciliationSchema = z
  .object({
    at: z.string(),
    height: z.number().int().openapi({ description: 'everything up to this block was compared' }),
    headHash: z.string(),
    ledger: z.object({ balanced: z.boolean(), entries: z.number().int() }),
    matched: z.object({
      chainLines: z.number().int(),
      chainBalances: z.number().int(),
      windowLines: z.number().int(),
      merchantLines: z.number().int().openapi({ description: 'what merchants owe and what is kept for them' }),
    }),
    foreignLogs: z.number().int().openapi({ description: 'logs of our contracts that belong to nobody here' }),
    breaks: z.array(
      z.object({
        between: z.enum([
          'ledger and chain',
          'ledger and chain balances',
          'ledger and windows',
          'ledger and merchants',
        ]),
        kind: z.enum(['missingLeft', 'missingRight', 'amountDiffers', 'repeated']),
        key: z.string(),
        asset: z.string(),
        ledger: z.string().nullable(),
        other: z.string().nullable(),
      }),
    ),
  })
  .openapi('Reconciliation');

const reconcileRoute = createRoute({
  method: 'get',
  path: '/v1/reconciliation',
  tags: ['settlement'],
  summary: 'Compare the books with the chain and with the settlement windows, as of the newest final block',
  responses: {
    200: {
      description: 'what matched, and every break',
      content: { 'application/json': { schema: reconciliationSchema } },
    },
    ...problemAnswers(401, 403, 503),
  },
});

export function reconciliationRoutes(dependencies: ReconciliationDependencies): Room {
  const room = createRoom();
  room.openapi(reconcileRoute, async (context) => {
    requireScope(context, 'settlement:read');
    const { breaks, ...view } = await reconcile(dependencies);
    return context.json({ ...view, breaks: [...breaks] }, 200);
  });
  return room;
}
