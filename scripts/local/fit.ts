/** Books and chain belong together: neither goes on without the other. */
import { createPublicClient, http } from 'viem';
import { lastObservedBlock } from '../../bridge/chain/operations/observe-chain.ts';
import { hasWorld } from '../../bridge/main/world.ts';
import { openDatabase } from '../../ledger-service/platform/database.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';

/**
 * Refuses a chain that does not have the newest block these books know, or its contracts.
 *
 * Errors: thrown CHAIN_MISMATCH with the height and both hashes
 */
export async function checkBooksFitChain(databaseUrl: string, rpcUrl: string): Promise<void> {
  const database = openDatabase(databaseUrl, { poolSize: 1 });
  try {
    if (!(await hasWorld(database))) return;
    const client = createPublicClient({ transport: http(rpcUrl), cacheTime: 0 });
    const known = await lastObservedBlock(database, await client.getChainId());
    if (!known) return;
    const block = await client.getBlock({ blockNumber: BigInt(known.height) }).catch(() => undefined);
    if (block?.hash === known.hash) return;
    throw new SettlementError(
      'CHAIN_MISMATCH',
      `the books know block ${known.height} as ${known.hash}, the chain ${block ? `as ${block.hash}` : 'does not have it'}`,
      { height: known.height, known: known.hash, found: block?.hash ?? null },
    );
  } finally {
    await database.close();
  }
}
