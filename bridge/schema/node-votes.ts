import { index, integer, primaryKey, text } from 'drizzle-orm/pg-core';
import { bridge, moment, shardColumn } from './columns.ts';

/** What a node said that the quorum did not; one row for each question, with how often. By the machine's clock. */
export const nodeVotes = bridge.table(
  'node_votes',
  {
    shard: shardColumn(),
    chainId: integer('chain_id').notNull(),
    /** Host and port of the node; its address may hold a secret. */
    node: text('node').notNull(),
    question: text('question').notNull(),
    /** What was asked about: a height, a chain transaction, a block; nothing for the head. */
    subject: text('subject').notNull(),
    said: text('said').notNull(),
    quorumSaid: text('quorum_said').notNull(),
    times: integer('times').notNull(),
    firstAt: moment('first_at').notNull(),
    lastAt: moment('last_at').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'node_votes_key',
      columns: [table.shard, table.chainId, table.node, table.question, table.subject],
    }),
    index('node_votes_listed').on(table.shard, table.chainId, table.lastAt),
  ],
);
