import { type Database, inDatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import type { DomainEvent, Outbox } from '../../platform/outbox.ts';
import {
  type Deployment,
  type FinalityPolicy,
  finalHeight,
  type Hex,
  joinBlocks,
  type ObservedLog,
} from '../domain.ts';
import type { ChainNode } from '../node.ts';
import {
  countUnfinal,
  giveUpBlocks,
  insertBlocks,
  loadCallsByHash,
  loadCanonicalHash,
  loadHighestBlock,
  loadHighestFinalBlock,
  loadLogsOf,
  lockUnfinalBlocks,
  markFinal,
} from '../store.ts';
import { readTransfers, transferEvent, transferOf } from '../transfers.ts';
import { acceptEarly, undoAccepted } from './accept-early.ts';
import { revertReasonsOf, saveOutcomes } from './conclude-calls.ts';
import { listRecipients } from './watch-recipients.ts';

export type ObservationDependencies = Readonly<{
  database: Database;
  node: ChainNode;
  deployment: Deployment;
  finality: FinalityPolicy;
  outbox: Outbox;
  clock: Clock;
  machineClock: Clock;
  logger: Logger;
}>;

const BLOCKS_AT_ONCE = 64;

/**
 * Reads what the chain has added, and says what has become final.
 *
 * Shape:   → the chain's height, how many blocks were read and how many became final
 * Effects: blocks and logs are stored by hash, with a flag that says which are canonical; events `escrow.final`,
 *          `wallet.final`, `deposits.final`, `transfer.final` and `chainCall.reverted` for final blocks only, named by chain hash and the log's place within
 *          that chain transaction, so that a log which is included again elsewhere is the same event; `transfer.seen`
 *          as soon as a transfer to a deposit address is in a block
 * Errors:  thrown CHAIN_UNAVAILABLE (retryable) · CHAIN_MISMATCH when the chain lost a block that was final
 */
export async function observeChain(
  dependencies: ObservationDependencies,
): Promise<Readonly<{ height: number; read: number; finalized: number }>> {
  const head = await dependencies.node.head();
  const read = await readNewBlocks(dependencies, head);
  await acceptEarly({ ...dependencies, chainId: dependencies.node.chainId }, head);
  let finalized = 0;
  for (;;) {
    const count = await finalizeBlocks(dependencies, finalHeight(head, dependencies.finality));
    finalized += count;
    if (count < BLOCKS_AT_ONCE) return { height: head, read, finalized };
  }
}

/** The newest block that these books know, if they know any. */
export async function lastObservedBlock(
  database: Database,
  chainId: number,
): Promise<Readonly<{ height: number; hash: string }> | undefined> {
  const row = await loadHighestBlock(database.drizzle, chainId);
  return row && { height: row.height, hash: row.blockHash };
}

/** The newest block that counts as final, if there is one. */
export async function lastFinalBlock(
  database: Database,
  chainId: number,
): Promise<Readonly<{ height: number; hash: string }> | undefined> {
  const row = await loadHighestFinalBlock(database.drizzle, chainId);
  return row && { height: row.height, hash: row.blockHash };
}

/** How many blocks that hold a log or a call of ours are not final yet. */
export async function countUnfinalBlocks(database: Database, chainId: number): Promise<number> {
  return countUnfinal(database.drizzle, chainId);
}

async function readNewBlocks(dependencies: ObservationDependencies, head: number): Promise<number> {
  const { database, node, deployment, outbox } = dependencies;
  let read = 0;
  for (;;) {
    const highest = await loadHighestBlock(database.drizzle, node.chainId);
    const from = highest ? highest.height + 1 : deployment.firstHeight;
    if (highest && head < highest.height) {
      // The chain is shorter than what was seen: what lies above its head is given up, and read again.
      await giveUp(dependencies, head + 1);
      continue;
    }
    if (from > head) {
      const sameHead = !highest || (await node.block(highest.height)).hash === highest.blockHash;
      if (sameHead) return read;
      await giveUp(dependencies, highest.height);
      continue;
    }
    const to = Math.min(head, from + BLOCKS_AT_ONCE - 1);
    const addresses = [deployment.escrow, deployment.wallet, deployment.deposits];
    const blocks = await node.blocks(from, to);
    const known = await loadCanonicalHash(database.drizzle, node.chainId, from - 1);
    const joined = joinBlocks(blocks, (height) => (height === from - 1 ? known : undefined));
    if (joined.outcome === 'torn') continue;
    if (joined.outcome === 'forked') {
      await giveUp(dependencies, joined.giveUpFrom);
      continue;
    }
    // By hash: another node, or this one a moment later, may have other blocks at these heights and no logs of ours.
    const filled = blocks.filter(({ chainHashes }) => chainHashes.length > 0).map(({ hash }) => hash);
    // After the blocks were read: an address that one of them pays to was known before it was mined.
    const recipients = await listRecipients(database.drizzle);
    const [logs, transfers] = await Promise.all([
      node.logsOf(filled, addresses),
      readTransfers(node, deployment, filled, recipients),
    ]);
    const seen = transfers
      .filter(({ to }) => to !== deployment.wallet.toLowerCase())
      .map((transfer) => transferEvent('transfer.seen', node.chainId, transfer));
    await inDatabaseTransaction(database, async (transaction) => {
      await insertBlocks(transaction, node.chainId, blocks, [...logs, ...transfers.map(({ log }) => log)]);
      await outbox.emit(transaction, seen);
    });
    outbox.ringFor(seen);
    read += blocks.length;
  }
}

function topicOf(deployment: Deployment, address: string): string {
  if (address === deployment.escrow.toLowerCase()) return 'escrow.final';
  return address === deployment.deposits.toLowerCase() ? 'deposits.final' : 'wallet.final';
}

async function giveUp({ database, node, outbox, logger }: ObservationDependencies, height: number): Promise<void> {
  const events: DomainEvent[] = [];
  const wereFinal = await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const lost = await giveUpBlocks(transaction, node.chainId, height);
    events.push(...(await undoAccepted({ chainId: node.chainId, outbox }, transaction, height)));
    if (lost > 0) {
      throw new SettlementError('CHAIN_MISMATCH', `the chain lost ${lost} final blocks from height ${height} on`, {
        height,
      });
    }
    return lost;
  });
  outbox.ringFor(events);
  logger.warn({ event: 'chain.reorganized', height, wereFinal, undone: events.length });
}

/**
 * A node that lags, or is on another branch, may have no receipt of what is final: it is asked again before anything is
 * marked, since a block is looked at once only.
 */
function requireReceipts(
  blocks: readonly Readonly<{ blockHash: string; height: number; chainHashes: readonly string[] }>[],
  receipts: ReadonlyMap<string, Awaited<ReturnType<ChainNode['receipt']>>>,
): void {
  for (const { blockHash, height, chainHashes } of blocks) {
    for (const chainHash of chainHashes) {
      if (!receipts.has(chainHash) || receipts.get(chainHash)?.blockHash === blockHash) continue;
      throw new SettlementError('CHAIN_UNAVAILABLE', `the node has no receipt of ${chainHash} in block ${height}`, {
        chainHash,
        height,
      });
    }
  }
}

async function finalizeBlocks(dependencies: ObservationDependencies, upTo: number): Promise<number> {
  const { database, node, outbox, deployment } = dependencies;
  const pending = await inDatabaseTransaction(database, (transaction) =>
    lockUnfinalBlocks(transaction, node.chainId, upTo, BLOCKS_AT_ONCE),
  );
  if (pending.length === 0) return 0;
  const hashes = pending.flatMap((block) => block.chainHashes);
  const place = new Map(hashes.map((chainHash, index) => [chainHash, index]));
  // In the order of the chain: whether a call came too early shows only once those before it have their end.
  const ours = [...(await loadCallsByHash(database.drizzle, hashes))].sort(
    (left, right) => place.get(left.chainHash)! - place.get(right.chainHash)!,
  );
  const receipts = new Map(
    await Promise.all(ours.map(async (call) => [call.chainHash, await node.receipt(call.chainHash as Hex)] as const)),
  );
  requireReceipts(pending, receipts);
  const reasons = await revertReasonsOf(node, receipts);
  const events: DomainEvent[] = [];
  const count = await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const blocks = await lockUnfinalBlocks(transaction, node.chainId, upTo, BLOCKS_AT_ONCE);
    // Another watcher, or a reorganisation, came between the two looks: look again.
    if (blocks.map(({ blockHash }) => blockHash).join() !== pending.map(({ blockHash }) => blockHash).join()) return 0;
    const minedAt = new Map(blocks.map((block) => [block.blockHash, block.minedAt.toISOString()]));
    for (const log of await loadLogsOf(transaction, node.chainId, [...minedAt.keys()])) {
      if (log.event === 'Transfer') {
        const transfer = transferOf(log as ObservedLog);
        events.push(transferEvent('transfer.final', node.chainId, transfer, minedAt.get(log.blockHash)!));
        continue;
      }
      events.push({
        shard: log.shard,
        topic: topicOf(deployment, log.address),
        subject: (log.fields as Record<string, string>).paymentIdentifier ?? log.chainHash,
        meaning: [node.chainId, log.chainHash, log.ordinal],
        payload: {
          event: log.event,
          fields: log.fields,
          chainHash: log.chainHash,
          ordinal: log.ordinal,
          height: log.height,
          minedAt: minedAt.get(log.blockHash)!,
          ...(log.accepted ? { ordinal: log.ordinal, generation: log.generation } : {}),
        },
      });
    }
    events.push(...(await saveOutcomes(dependencies, transaction, ours, { receipts, reasons })));
    await outbox.emit(transaction, events);
    await markFinal(transaction, node.chainId, [...minedAt.keys()]);
    return blocks.length;
  });
  outbox.ringFor(events);
  return count;
}
