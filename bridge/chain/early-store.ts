import { and, asc, eq, gt, gte, inArray, lte, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../ledger-service/platform/database.ts';
import { chainBlocks, chainLogs } from '../schema/chain.ts';

type Reader = Database['drizzle'] | DatabaseTransaction;
export type LogRow = typeof chainLogs.$inferSelect;
const SHARD = 0;

/**
 * Captures that count and are not accepted yet, in blocks that are not final, locked. Blocks before their logs, as where
 * they become final: an acceptance that came after that would never end.
 */
export async function lockAcceptable(
  transaction: DatabaseTransaction,
  chainId: number,
  { above, upTo }: Readonly<{ above: number; upTo: number }>,
): Promise<readonly LogRow[]> {
  const blocks = await transaction
    .select({ blockHash: chainBlocks.blockHash })
    .from(chainBlocks)
    .where(
      and(
        eq(chainBlocks.shard, SHARD),
        eq(chainBlocks.chainId, chainId),
        gt(chainBlocks.height, above),
        lte(chainBlocks.height, upTo),
        eq(chainBlocks.canonical, true),
        eq(chainBlocks.final, false),
      ),
    )
    .orderBy(asc(chainBlocks.height))
    .for('update');
  if (blocks.length === 0) return [];
  const hashes = blocks.map(({ blockHash }) => blockHash);
  return transaction
    .select()
    .from(chainLogs)
    .where(
      and(
        eq(chainLogs.shard, SHARD),
        eq(chainLogs.chainId, chainId),
        inArray(chainLogs.blockHash, hashes),
        eq(chainLogs.event, 'Captured'),
        eq(chainLogs.canonical, true),
        eq(chainLogs.accepted, false),
      ),
    )
    .orderBy(asc(chainLogs.height), asc(chainLogs.logIndex))
    .for('update');
}

/** Those that were accepted and are in blocks which have just been given up, locked. */
export async function lockAccepted(
  transaction: DatabaseTransaction,
  chainId: number,
  from: number,
): Promise<readonly LogRow[]> {
  return transaction
    .select()
    .from(chainLogs)
    .where(
      and(
        eq(chainLogs.shard, SHARD),
        eq(chainLogs.chainId, chainId),
        gte(chainLogs.height, from),
        eq(chainLogs.accepted, true),
      ),
    )
    .orderBy(asc(chainLogs.height), asc(chainLogs.logIndex))
    .for('update');
}

/** How often each log was accepted so far, wherever it was included; by chain transaction and place in it. */
export async function loadGenerations(
  reader: Reader,
  chainId: number,
  chainHashes: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (chainHashes.length === 0) return new Map();
  const rows = await reader
    .select({
      chainHash: chainLogs.chainHash,
      ordinal: chainLogs.ordinal,
      generation: sql<number>`max(${chainLogs.generation})::int`,
    })
    .from(chainLogs)
    .where(
      and(
        eq(chainLogs.shard, SHARD),
        eq(chainLogs.chainId, chainId),
        inArray(chainLogs.chainHash, [...new Set(chainHashes)]),
      ),
    )
    .groupBy(chainLogs.chainHash, chainLogs.ordinal);
  return new Map(rows.map(({ chainHash, ordinal, generation }) => [`${chainHash} ${ordinal}`, generation]));
}

/** The token of each payment, as its authorization said it. */
export async function loadTokens(
  reader: Reader,
  chainId: number,
  paymentIdentifiers: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (paymentIdentifiers.length === 0) return new Map();
  const identifier = sql<string>`${chainLogs.fields} ->> 'paymentIdentifier'`;
  const rows = await reader
    .select({ identifier, token: sql<string>`${chainLogs.fields} ->> 'token'` })
    .from(chainLogs)
    .where(
      and(
        eq(chainLogs.shard, SHARD),
        eq(chainLogs.chainId, chainId),
        eq(chainLogs.event, 'Authorized'),
        eq(chainLogs.canonical, true),
        inArray(identifier, [...new Set(paymentIdentifiers)]),
      ),
    );
  return new Map(rows.map(({ identifier: name, token }) => [name, token.toLowerCase()]));
}

export async function saveAcceptance(
  transaction: DatabaseTransaction,
  { chainId, blockHash, logIndex }: LogRow,
  change: Readonly<{ accepted: boolean; generation?: number }>,
): Promise<void> {
  await transaction
    .update(chainLogs)
    .set(change)
    .where(
      and(
        eq(chainLogs.shard, SHARD),
        eq(chainLogs.chainId, chainId),
        eq(chainLogs.blockHash, blockHash),
        eq(chainLogs.logIndex, logIndex),
      ),
    );
}

/** When some blocks were mined. */
export async function loadMinedAt(
  reader: Reader,
  chainId: number,
  blockHashes: readonly string[],
): Promise<ReadonlyMap<string, Date>> {
  if (blockHashes.length === 0) return new Map();
  const rows = await reader
    .select({ blockHash: chainBlocks.blockHash, minedAt: chainBlocks.minedAt })
    .from(chainBlocks)
    .where(
      and(
        eq(chainBlocks.shard, SHARD),
        eq(chainBlocks.chainId, chainId),
        inArray(chainBlocks.blockHash, [...new Set(blockHashes)]),
      ),
    );
  return new Map(rows.map(({ blockHash, minedAt }) => [blockHash, minedAt]));
}
