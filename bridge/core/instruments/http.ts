import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../../../ledger-service/platform/database.ts';
import { createRoom, type Room, requireScope } from '../../../ledger-service/platform/http/room.ts';
import { problemAnswers } from '../../../ledger-service/platform/http/wire.ts';
import { listInstruments } from './operations.ts';

const instrumentSchema = z
  .object({
    instrumentId: z.string().openapi({ example: 'ana-card-eur' }),
    payerId: z.string(),
    kind: z.enum(['card', 'wallet']),
    issuerId: z.string().nullable(),
    asset: z.string().nullable().openapi({ description: "a card's currency; a wallet holds every token and coin" }),
    address: z.string().nullable(),
  })
  .openapi('Instrument');

const instrumentsRoute = createRoute({
  method: 'get',
  path: '/v1/instruments',
  tags: ['directory'],
  summary: 'Card tokens and wallets of payers; never a card number',
  responses: {
    200: {
      description: 'all of them; to a payer its own, to an issuer its cards',
      content: { 'application/json': { schema: z.object({ instruments: z.array(instrumentSchema) }) } },
    },
    ...problemAnswers(401, 403),
  },
});

export function instrumentRoutes({ database }: Readonly<{ database: Database }>): Room {
  const room = createRoom();
  room.openapi(instrumentsRoute, async (context) => {
    const caller = requireScope(context, 'payments:read');
    const instruments = (await listInstruments(database, caller)).map((instrument) => ({
      instrumentId: instrument.instrumentId,
      payerId: instrument.participantId,
      kind: instrument.kind,
      issuerId: instrument.kind === 'card' ? instrument.issuerId : null,
      asset: instrument.kind === 'card' ? instrument.asset : null,
      address: instrument.kind === 'wallet' ? instrument.address : null,
    }));
    return context.json({ instruments }, 200);
  });
  return room;
}
