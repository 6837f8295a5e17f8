import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../../ledger-service/platform/database.ts';
import { createRoom, type Room, requireScope } from '../../ledger-service/platform/http/room.ts';
import { pageLimitSchema, problemAnswers } from '../../ledger-service/platform/http/wire.ts';
import { listNodeVotes } from './operations/record-votes.ts';

const voteSchema = z
  .object({
    node: z.string().openapi({ example: 'node-2.example:8545' }),
    question: z.enum(['head', 'block', 'logs', 'receipt', 'balance', 'spentNonces']),
    subject: z.string().openapi({ description: 'what was asked about; nothing for the head' }),
    said: z.string(),
    quorumSaid: z.string(),
    times: z.number().int(),
    firstAt: z.string(),
    lastAt: z.string(),
  })
  .openapi('NodeVote');

const votesRoute = createRoute({
  method: 'get',
  path: '/v1/chain/nodes',
  tags: ['chain'],
  summary: 'The nodes that have to agree, and what one said that the others did not, newest first',
  request: { query: z.object({ limit: pageLimitSchema }) },
  responses: {
    200: {
      description: 'nodes and dissents',
      content: {
        'application/json': {
          schema: z.object({
            nodes: z.array(z.string()),
            quorum: z.number().int(),
            dissents: z.array(voteSchema),
          }),
        },
      },
    },
    ...problemAnswers(400, 401, 403),
  },
});

export function chainRoutes(
  dependencies: Readonly<{ database: Database; chainId: number; nodes: readonly string[]; quorum: number }>,
): Room {
  const { database, chainId, nodes, quorum } = dependencies;
  const room = createRoom();
  room.openapi(votesRoute, async (context) => {
    requireScope(context, 'settlement:read');
    const votes = await listNodeVotes(database, chainId, Number(context.req.valid('query').limit));
    const dissents = votes.map(({ firstAt, lastAt, ...vote }) => ({
      ...vote,
      firstAt: firstAt.toISOString(),
      lastAt: lastAt.toISOString(),
    }));
    return context.json({ nodes: [...nodes], quorum, dissents }, 200);
  });
  return room;
}
