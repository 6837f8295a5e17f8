import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import type { DomainEvent, Outbox } from '../../platform/outbox.ts';
import { hasEarlierOpen, postponeCall, reopenCall } from '../care-store.ts';
import { type Hex, NONCE_FILLER } from '../domain.ts';
import type { ChainNode, ChainReceipt } from '../node.ts';
import { delayAfter, isStandstill } from '../reverts.ts';
import { loadCallsByHash, loadFinalBlocks, saveOutcome } from '../store.ts';

export type ConclusionDependencies = Readonly<{ clock: Clock; machineClock: Clock; logger: Logger }>;

type OwnCall = Awaited<ReturnType<typeof loadCallsByHash>>[number];

/** What a node says of chain transactions: their receipts, and why those that reverted did. */
type Said = Readonly<{
  receipts: ReadonlyMap<string, ChainReceipt | undefined>;
  reasons: ReadonlyMap<string, string>;
}>;

/** What stood in the way within the block was gone at its end. */
const OVER = 'over by the end of the block';

/**
 * Writes what has become of calls whose chain transactions are in final blocks.
 *
 * Effects: in the caller's database transaction; → events chainCall.reverted, for the caller to emit. A call that was
 *          concluded before stays as it is; one that met a standstill, or came too early, is due again
 */
export async function saveOutcomes(
  dependencies: ConclusionDependencies,
  transaction: DatabaseTransaction,
  calls: readonly OwnCall[],
  { receipts, reasons }: Said,
): Promise<readonly DomainEvent[]> {
  const events: DomainEvent[] = [];
  for (const call of calls) {
    const receipt = receipts.get(call.chainHash);
    if (!receipt || call.state === 'final' || call.state === 'reverted') continue;
    // It came before one that lost its nonce, and was refused for that alone: it goes out again, after it.
    if (!receipt.succeeded && (await hasEarlierOpen(transaction, call))) {
      await reopenCall(transaction, call.callId);
      continue;
    }
    const reason = reasons.get(call.chainHash);
    if (!receipt.succeeded && (await postponeIfWorthIt(dependencies, transaction, call, reason))) continue;
    await saveOutcome(transaction, call.callId, {
      state: receipt.succeeded ? 'final' : 'reverted',
      finalHash: call.chainHash,
      blockHeight: receipt.height,
      gasUsed: receipt.gasUsed,
      ...(reason === undefined ? {} : { revertReason: reason }),
    });
    // A filler only had to spend its nonce.
    if (receipt.succeeded || call.kind === NONCE_FILLER) continue;
    events.push({
      shard: 0,
      topic: 'chainCall.reverted',
      subject: call.subject,
      meaning: [call.callId],
      payload: { callId: call.callId, kind: call.kind, sequence: call.sequence, chainHash: call.chainHash, reason },
    });
  }
  return events;
}

/** Why chain transactions reverted; a node that cannot tell any more is taken for a standstill that is over. */
export async function revertReasonsOf(
  node: ChainNode,
  receipts: ReadonlyMap<string, ChainReceipt | undefined>,
): Promise<ReadonlyMap<string, string>> {
  const reverted = [...receipts].flatMap(([chainHash, receipt]) => (receipt?.succeeded === false ? [chainHash] : []));
  const reasons = await Promise.all(
    reverted.map(async (chainHash) => [chainHash, (await node.revertReason(chainHash as Hex)) ?? OVER] as const),
  );
  return new Map(reasons);
}

/** A token that stands still moves again some day; until then the call waits longer each time, while it has time. */
async function postponeIfWorthIt(
  { clock, machineClock, logger }: ConclusionDependencies,
  transaction: DatabaseTransaction,
  { callId, kind, subject, sequence, repairs, retryUntil }: OwnCall,
  reason: string | undefined,
): Promise<boolean> {
  if (reason === undefined || !(isStandstill(reason) || reason === OVER)) return false;
  if (retryUntil === null || clock.now() >= retryUntil) return false;
  const notBefore = new Date(machineClock.now().getTime() + delayAfter(repairs));
  await postponeCall(transaction, callId, { reason, notBefore });
  logger.warn({ event: 'chain.callPostponed', callId, kind, subject, sequence, reason, notBefore });
  return true;
}

/**
 * Concludes signed calls whose block was final in these books before they were known here to be in it: a block is gone
 * through once, and a call may have been written after that.
 *
 * Shape: receipts as a node has just given them; those in blocks that are not final here are left to the watcher
 */
export async function concludeLateCalls(
  dependencies: ConclusionDependencies & Readonly<{ database: Database; outbox: Outbox; node: ChainNode }>,
  receipts: ReadonlyMap<string, ChainReceipt>,
): Promise<void> {
  const { database, outbox, node } = dependencies;
  const blockHashes = [...new Set([...receipts.values()].map(({ blockHash }) => blockHash))];
  const known = await loadFinalBlocks(database.drizzle, node.chainId, blockHashes);
  const final = new Map([...receipts].filter(([, { blockHash }]) => known.has(blockHash)));
  if (final.size === 0) return;
  const reasons = await revertReasonsOf(node, final);
  const events: DomainEvent[] = [];
  await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const calls = await loadCallsByHash(transaction, [...final.keys()]);
    events.push(...(await saveOutcomes(dependencies, transaction, calls, { receipts: final, reasons })));
    await outbox.emit(transaction, events);
  });
  outbox.ringFor(events);
}
