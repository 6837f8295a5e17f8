import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import type { DomainEvent, Outbox } from '../../platform/outbox.ts';
import { earlyDepthOf, type FinalityPolicy, finalHeight } from '../domain.ts';
import {
  type LogRow,
  loadGenerations,
  loadMinedAt,
  loadTokens,
  lockAcceptable,
  lockAccepted,
  saveAcceptance,
} from '../early-store.ts';

export type EarlyDependencies = Readonly<{
  database: Database;
  chainId: number;
  finality: FinalityPolicy;
  outbox: Outbox;
}>;

/**
 * Accepts captures that are small enough to count at a lesser depth than that of finality.
 *
 * Effects: a flag and a generation beside the log, and the event `escrow.accepted`, named by chain hash, place and
 *          generation, in one database transaction. Whoever acts on it hears `escrow.undone` of the same generation when
 *          the block is given up, and of a new one when the log is included again
 */
export async function acceptEarly(dependencies: EarlyDependencies, head: number): Promise<number> {
  const { database, chainId, finality, outbox } = dependencies;
  const depths = finality.early?.map(({ depth }) => depth) ?? [];
  if (depths.length === 0) return 0;
  const events: DomainEvent[] = [];
  await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const range = { above: finalHeight(head, finality), upTo: head - Math.min(...depths) };
    const logs = await lockAcceptable(transaction, chainId, range);
    const tokens = await loadTokens(
      transaction,
      chainId,
      logs.map((log) => fieldsOf(log).paymentIdentifier!),
    );
    const deep = logs.filter((log) => {
      const { paymentIdentifier, amount } = fieldsOf(log);
      const depth = earlyDepthOf(finality, tokens.get(paymentIdentifier!), BigInt(amount!));
      return depth !== undefined && log.height <= head - depth;
    });
    const generations = await loadGenerations(
      transaction,
      chainId,
      deep.map(({ chainHash }) => chainHash),
    );
    const minedAt = await loadMinedAt(
      transaction,
      chainId,
      deep.map(({ blockHash }) => blockHash),
    );
    for (const log of deep) {
      const generation = (generations.get(`${log.chainHash} ${log.ordinal}`) ?? 0) + 1;
      await saveAcceptance(transaction, log, { accepted: true, generation });
      events.push(eventOf('escrow.accepted', { ...log, generation }, minedAt.get(log.blockHash)!));
    }
    await outbox.emit(transaction, events);
  });
  outbox.ringFor(events);
  return events.length;
}

/** Takes back what was accepted in blocks that have just been given up, in the database transaction that did so. */
export async function undoAccepted(
  { chainId, outbox }: Pick<EarlyDependencies, 'chainId' | 'outbox'>,
  transaction: DatabaseTransaction,
  from: number,
): Promise<readonly DomainEvent[]> {
  const logs = await lockAccepted(transaction, chainId, from);
  if (logs.length === 0) return [];
  const minedAt = await loadMinedAt(
    transaction,
    chainId,
    logs.map(({ blockHash }) => blockHash),
  );
  for (const log of logs) await saveAcceptance(transaction, log, { accepted: false });
  const events = logs.map((log) => eventOf('escrow.undone', log, minedAt.get(log.blockHash)!));
  await outbox.emit(transaction, events);
  return events;
}

function eventOf(topic: 'escrow.accepted' | 'escrow.undone', log: LogRow, minedAt: Date): DomainEvent {
  const { shard, chainId, chainHash, ordinal, generation, height, event } = log;
  const fields = fieldsOf(log);
  return {
    shard,
    topic,
    subject: fields.paymentIdentifier ?? chainHash,
    meaning: [chainId, chainHash, ordinal, generation],
    payload: { event, fields, chainHash, ordinal, generation, height, minedAt: minedAt.toISOString() },
  };
}

function fieldsOf({ fields }: LogRow): Readonly<Record<string, string>> {
  return fields as Readonly<Record<string, string>>;
}
