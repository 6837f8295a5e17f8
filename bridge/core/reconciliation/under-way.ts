import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../../../ledger-service/platform/database.ts';
import { createRoom, type Room, requireScope } from '../../../ledger-service/platform/http/room.ts';
import { problemAnswers } from '../../../ledger-service/platform/http/wire.ts';
import type { Deployment } from '../../chain/domain.ts';
import { countUnfinalBlocks } from '../../chain/operations/observe-chain.ts';
import { countCallsUnderWay } from '../../chain/operations/submit-calls.ts';
import type { Outbox } from '../../platform/outbox.ts';
import { countDepositsUnderWay } from '../deposits/operations/read-deposits.ts';
import { countWaitingPayments } from '../payments/operations/find-payment.ts';
import { countPayoutsUnderWay } from '../payouts/operations.ts';

const count = z.number().int();
const underWaySchema = z
  .object({
    payments: count.openapi({ description: 'asked and not answered yet' }),
    expired: count.openapi({ description: 'holds whose time is over, and that are still there' }),
    movements: count.openapi({ description: 'captures, voids and refunds that are not final; some wait for a window' }),
    chainCalls: count,
    payouts: count,
    deposits: count.openapi({ description: 'deposits that are not swept or sent back yet' }),
    blocks: count.openapi({ description: 'blocks with something of ours that are not final yet' }),
    events: z.record(z.string(), count).openapi({ description: 'waiting events by consumer' }),
  })
  .openapi('UnderWay');

const underWayRoute = createRoute({
  method: 'get',
  path: '/v1/under-way',
  tags: ['settlement'],
  summary: 'How much is still waiting for an issuer, the chain, a worker or a window',
  responses: {
    200: { description: 'the counts', content: { 'application/json': { schema: underWaySchema } } },
    ...problemAnswers(401, 403),
  },
});

export function underWayRoutes(
  dependencies: Readonly<{
    database: Database;
    deployment: Deployment;
    outbox: Outbox;
    clock: Readonly<{ now(): Date }>;
  }>,
): Room {
  const room = createRoom();
  room.openapi(underWayRoute, async (context) => {
    requireScope(context, 'settlement:read');
    const { database, outbox, deployment } = dependencies;
    const [waiting, chainCalls, payouts, deposits, blocks, events] = await Promise.all([
      countWaitingPayments(dependencies, dependencies.clock.now()),
      countCallsUnderWay(database),
      countPayoutsUnderWay(database),
      countDepositsUnderWay(database),
      countUnfinalBlocks(database, deployment.chainId),
      outbox.backlog(),
    ]);
    const { unknown: payments, movements, expired } = waiting;
    return context.json(
      { payments, expired, movements, chainCalls, payouts, deposits, blocks, events: { ...events } },
      200,
    );
  });
  return room;
}
