import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import type { DomainEvent, Outbox } from '../../platform/outbox.ts';
import { hasEarlierOpen, reopenCall } from '../care-store.ts';
import { NONCE_FILLER } from '../domain.ts';
import type { ChainReceipt } from '../node.ts';
import { loadCallsByHash, loadFinalBlocks, saveOutcome } from '../store.ts';

type CallByHash = Awaited<ReturnType<typeof loadCallsByHash>>[number];

/**
 * Writes what has become of calls whose chain transactions are in final blocks.
 *
 * Effects: in the caller's database transaction; → events chainCall.reverted, for the caller to emit. A call that was
 *          concluded before stays as it is
 */
export async function saveOutcomes(
  transaction: DatabaseTransaction,
  calls: readonly CallByHash[],
  receipts: ReadonlyMap<string, ChainReceipt | undefined>,
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
    await saveOutcome(transaction, call.callId, {
      state: receipt.succeeded ? 'final' : 'reverted',
      finalHash: call.chainHash,
      blockHeight: receipt.height,
      gasUsed: receipt.gasUsed,
    });
    // A filler only had to spend its nonce.
    if (receipt.succeeded || call.kind === NONCE_FILLER) continue;
    events.push({
      shard: 0,
      topic: 'chainCall.reverted',
      subject: call.subject,
      meaning: [call.callId],
      payload: { callId: call.callId, kind: call.kind, sequence: call.sequence, chainHash: call.chainHash },
    });
  }
  return events;
}

/**
 * Concludes signed calls whose block was final in these books before they were known here to be in it: a block is gone
 * through once, and a call may have been written after that.
 *
 * Shape: receipts as a node has just given them; those in blocks that are not final here are left to the watcher
 */
export async function concludeLateCalls(
  { database, outbox, chainId }: Readonly<{ database: Database; outbox: Outbox; chainId: number }>,
  receipts: ReadonlyMap<string, ChainReceipt>,
): Promise<void> {
  const blockHashes = [...new Set([...receipts.values()].map(({ blockHash }) => blockHash))];
  const known = await loadFinalBlocks(database.drizzle, chainId, blockHashes);
  const final = new Map([...receipts].filter(([, { blockHash }]) => known.has(blockHash)));
  if (final.size === 0) return;
  const events: DomainEvent[] = [];
  await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const calls = await loadCallsByHash(transaction, [...final.keys()]);
    events.push(...(await saveOutcomes(transaction, calls, final)));
    await outbox.emit(transaction, events);
  });
  outbox.ringFor(events);
}
