import { and, desc, eq, sql } from 'drizzle-orm';
import type { Database } from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import { nodeVotes } from '../../schema/node-votes.ts';
import type { Dissent } from '../quorum.ts';

export type VoteDependencies = Readonly<{
  database: Database;
  chainId: number;
  machineClock: Clock;
  logger: Logger;
  /** Counts a dissent. */
  onDissent: (dissent: Dissent) => void;
}>;

const SHARD = 0;

/**
 * Keeps what nodes said that the quorum did not. Nobody waits for it: a vote that cannot be written is logged and lost.
 *
 * Effects: a row for each node and question, with how often it came and what was said last
 */
export function createVoteRecorder(dependencies: VoteDependencies): (dissents: readonly Dissent[]) => void {
  const { logger, onDissent } = dependencies;
  return (dissents) => {
    for (const dissent of dissents) {
      onDissent(dissent);
      logger.warn({ event: 'chain.nodeDissents', ...dissent });
    }
    recordVotes(dependencies, dissents).catch((error: unknown) => {
      logger.warn({ event: 'chain.votesNotRecorded', err: error });
    });
  };
}

async function recordVotes(
  { database, chainId, machineClock }: VoteDependencies,
  dissents: readonly Dissent[],
): Promise<void> {
  const at = machineClock.now();
  await database.drizzle
    .insert(nodeVotes)
    .values(dissents.map((dissent) => ({ shard: SHARD, chainId, ...dissent, times: 1, firstAt: at, lastAt: at })))
    .onConflictDoUpdate({
      target: [nodeVotes.shard, nodeVotes.chainId, nodeVotes.node, nodeVotes.question, nodeVotes.subject],
      set: {
        said: sql`excluded.said`,
        quorumSaid: sql`excluded.quorum_said`,
        times: sql`${nodeVotes.times} + 1`,
        lastAt: sql`excluded.last_at`,
      },
    });
}

export type NodeVote = Dissent & Readonly<{ times: number; firstAt: Date; lastAt: Date }>;

/** What nodes said that the quorum did not, newest first. */
export async function listNodeVotes(database: Database, chainId: number, limit: number): Promise<readonly NodeVote[]> {
  const rows = await database.drizzle
    .select()
    .from(nodeVotes)
    .where(and(eq(nodeVotes.shard, SHARD), eq(nodeVotes.chainId, chainId)))
    .orderBy(desc(nodeVotes.lastAt), nodeVotes.node, nodeVotes.question, nodeVotes.subject)
    .limit(limit);
  return rows.map(({ shard: _, chainId: __, ...vote }) => ({
    ...vote,
    question: vote.question as Dissent['question'],
  }));
}
