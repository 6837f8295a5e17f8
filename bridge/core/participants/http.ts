import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../../../ledger-service/platform/database.ts';
import { createRoom, type Room, requireScope } from '../../../ledger-service/platform/http/room.ts';
import { problemAnswers } from '../../../ledger-service/platform/http/wire.ts';
import type { AssetRegistry } from '../../../ledger-service/vocabulary/assets.ts';
import { listParticipants } from './operations.ts';

const participantSchema = z
  .object({
    participantId: z.string().openapi({ example: 'bakery' }),
    kind: z.enum(['issuer', 'acquirer', 'merchant', 'payer']),
    displayName: z.string(),
    payoutAsset: z.string().nullable().openapi({ description: 'what a merchant is paid in' }),
    acquirerId: z.string().nullable(),
    address: z.string().nullable(),
    merchantFeeBasisPoints: z.number().int().nullable(),
  })
  .openapi('Participant');

const assetSchema = z
  .object({
    code: z.string().openapi({ example: 'eip155:31337/slip44:60' }),
    kind: z.enum(['token', 'coin']),
    symbol: z.string(),
    scale: z.number().int(),
  })
  .openapi('Asset');

const participantsRoute = createRoute({
  method: 'get',
  path: '/v1/participants',
  tags: ['directory'],
  summary: 'Issuers, acquirers, merchants and payers',
  responses: {
    200: {
      description: 'all of them; to a participant itself',
      content: { 'application/json': { schema: z.object({ participants: z.array(participantSchema) }) } },
    },
    ...problemAnswers(401, 403),
  },
});

const assetsRoute = createRoute({
  method: 'get',
  path: '/v1/assets',
  tags: ['directory'],
  summary: 'Tokens and coins that are known beside every ISO 4217 currency',
  responses: {
    200: {
      description: 'the assets',
      content: { 'application/json': { schema: z.object({ assets: z.array(assetSchema) }) } },
    },
    ...problemAnswers(401, 403),
  },
});

export function participantRoutes({ database, assets }: Readonly<{ database: Database; assets: AssetRegistry }>): Room {
  const room = createRoom();
  room.openapi(participantsRoute, async (context) => {
    const caller = requireScope(context, 'payments:read');
    const participants = (await listParticipants(database, caller)).map((participant) => {
      const { kind, participantId, displayName } = participant;
      const merchant = kind === 'merchant' ? participant : undefined;
      return {
        participantId,
        kind,
        displayName,
        payoutAsset: merchant?.payoutAsset ?? null,
        acquirerId: merchant?.acquirerId ?? null,
        address: merchant?.address ?? null,
        merchantFeeBasisPoints: merchant?.merchantFeeBasisPoints ?? null,
      };
    });
    return context.json({ participants }, 200);
  });
  room.openapi(assetsRoute, (context) => {
    requireScope(context, 'payments:read');
    const known = assets.onChainAssets().map(({ code, kind, symbol, scale }) => ({
      code,
      kind: kind === 'token' ? ('token' as const) : ('coin' as const),
      symbol,
      scale,
    }));
    return context.json({ assets: known }, 200);
  });
  return room;
}
