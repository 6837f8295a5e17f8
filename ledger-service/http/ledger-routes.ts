import { createRoute, z } from '@hono/zod-openapi';
import { listEntries, readBalances, readTrialBalance } from '../journal/operations/read-books.ts';
import type { Database } from '../platform/database.ts';
import { createRoom, type Room, requireScope } from '../platform/http/room.ts';
import { amountSchema, pageLimitSchema, problemAnswers } from '../platform/http/wire.ts';
import { SettlementError } from '../vocabulary/errors.ts';
import { MAXIMUM_SHARD } from '../vocabulary/identifiers.ts';
import { partyOf } from '../vocabulary/viewers.ts';

const shardSchema = z
  .string()
  .regex(/^\d{1,4}$/)
  .optional()
  .openapi({ example: '0', description: `which part of the books, 0 to ${MAXIMUM_SHARD}; 0 where none is named` });

const minorUnitsSchema = z.string().openapi({ example: '12345' });

const accountSchema = z
  .object({
    path: z.string().openapi({ example: 'issuer/alba/position' }),
    asset: z.string().openapi({ example: 'EUR' }),
    normalSide: z.enum(['debit', 'credit']),
    postedDebits: minorUnitsSchema,
    postedCredits: minorUnitsSchema,
    pendingDebits: minorUnitsSchema,
    pendingCredits: minorUnitsSchema,
    balance: z.string().openapi({
      example: '-9980',
      description: 'posted credits less debits; positive: owed to the party in the path',
    }),
    limit: z.object({ kind: z.enum(['unlimited', 'not_below_zero', 'net_debit_cap']), amount: minorUnitsSchema }),
  })
  .openapi('Account');

const entrySchema = z
  .object({
    entryId: z.string(),
    kind: z.string().openapi({ example: 'payment.capture' }),
    subject: z.string(),
    eventAt: z.string(),
    recordedAt: z.string(),
    transfers: z.array(
      z.object({
        holdId: z.string().nullable().openapi({ description: 'the hold that is taken or acted upon' }),
        kind: z.enum(['post', 'pending', 'post_pending', 'void_pending', 'expire_pending']),
        debit: z.string(),
        credit: z.string(),
        amount: amountSchema,
      }),
    ),
  })
  .openapi('JournalEntry');

const trialBalanceSchema = z
  .object({
    balanced: z.boolean(),
    entries: z.number().int(),
    assets: z.array(
      z.object({
        asset: z.string(),
        postedDebits: minorUnitsSchema,
        postedCredits: minorUnitsSchema,
        pendingDebits: minorUnitsSchema,
        pendingCredits: minorUnitsSchema,
      }),
    ),
  })
  .openapi('TrialBalance');

const accountsRoute = createRoute({
  method: 'get',
  path: '/v1/ledger/accounts',
  tags: ['ledger'],
  summary: 'Accounts with their balances, in the order of path and asset',
  request: {
    query: z.object({
      shard: shardSchema,
      prefix: z.string().max(200).optional().openapi({ example: 'issuer/', description: 'how the path begins' }),
    }),
  },
  responses: {
    200: {
      description: 'the accounts',
      content: { 'application/json': { schema: z.object({ accounts: z.array(accountSchema) }) } },
    },
    ...problemAnswers(400, 401, 403),
  },
});

const entriesRoute = createRoute({
  method: 'get',
  path: '/v1/ledger/entries',
  tags: ['ledger'],
  summary: 'Journal entries in the order in which they were recorded',
  request: {
    query: z.object({
      shard: shardSchema,
      subject: z.string().max(64).optional().openapi({ description: 'what the entry is about: a payment or window' }),
      kind: z.string().max(64).optional().openapi({ example: 'payment.capture' }),
      cursor: z.string().max(200).optional(),
      limit: pageLimitSchema,
    }),
  },
  responses: {
    200: {
      description: 'a page of entries, and the cursor of the next one',
      content: {
        'application/json': {
          schema: z.object({ entries: z.array(entrySchema), nextCursor: z.string().nullable() }),
        },
      },
    },
    ...problemAnswers(400, 401, 403),
  },
});

const trialBalanceRoute = createRoute({
  method: 'get',
  path: '/v1/ledger/trial-balance',
  tags: ['ledger'],
  summary: 'Debits and credits of every asset, added up from balances and from transfers',
  responses: {
    200: { description: 'the sums', content: { 'application/json': { schema: trialBalanceSchema } } },
    ...problemAnswers(401, 403),
  },
});

/**
 * What issuers, acquirers, merchants and auditors read of the books. Scope `ledger:read`; a participant reads its own
 * accounts, and of the entries the transfers that touch them.
 */
export function ledgerRoutes({ database }: Readonly<{ database: Database }>): Room {
  const room = createRoom();
  room.openapi(accountsRoute, async (context) => {
    const party = partyOf(requireScope(context, 'ledger:read'));
    const { shard, prefix } = context.req.valid('query');
    const balances = await readBalances(database, shardNumber(shard), prefix ?? '', party);
    const accounts = balances.map((account) => ({
      path: account.path,
      asset: account.asset,
      normalSide: account.normalSide,
      postedDebits: account.postedDebits.toString(),
      postedCredits: account.postedCredits.toString(),
      pendingDebits: account.pendingDebits.toString(),
      pendingCredits: account.pendingCredits.toString(),
      balance: (account.postedCredits - account.postedDebits).toString(),
      limit: { kind: account.limitKind, amount: account.limitAmount.toString() },
    }));
    return context.json({ accounts }, 200);
  });
  room.openapi(entriesRoute, async (context) => {
    const party = partyOf(requireScope(context, 'ledger:read'));
    const { shard, subject, kind, cursor, limit } = context.req.valid('query');
    const page = await listEntries(database, {
      shard: shardNumber(shard),
      limit: Number(limit),
      ...(party === undefined ? {} : { party }),
      ...(subject === undefined ? {} : { subject }),
      ...(kind === undefined ? {} : { kind }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    const entries = page.entries.map((entry) => ({
      entryId: entry.entryIdentifier,
      kind: entry.kind,
      subject: entry.subject,
      eventAt: entry.eventAt.toISOString(),
      recordedAt: entry.recordedAt.toISOString(),
      transfers: entry.transfers.map(({ holdIdentifier, amount, asset, ...transfer }) => ({
        holdId: holdIdentifier,
        ...transfer,
        amount: { minorUnits: amount.toString(), asset },
      })),
    }));
    return context.json({ entries, nextCursor: page.nextCursor }, 200);
  });
  room.openapi(trialBalanceRoute, async (context) => {
    requireScope(context, 'ledger:read');
    const { balanced, entries, assets } = await readTrialBalance(database);
    const inText = assets.map((sums) => ({
      asset: sums.asset,
      postedDebits: sums.postedDebits.toString(),
      postedCredits: sums.postedCredits.toString(),
      pendingDebits: sums.pendingDebits.toString(),
      pendingCredits: sums.pendingCredits.toString(),
    }));
    return context.json({ balanced, entries, assets: inText }, 200);
  });
  return room;
}

function shardNumber(text: string | undefined): number {
  const shard = Number(text ?? '0');
  if (shard <= MAXIMUM_SHARD) return shard;
  throw new SettlementError('FIELD_INVALID', `a shard is from 0 to ${MAXIMUM_SHARD}`, { param: 'shard' });
}
