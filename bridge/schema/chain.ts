import { sql } from 'drizzle-orm';
import { boolean, index, integer, jsonb, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { bridge, minorUnits, moment, shardColumn } from './columns.ts';

/** One row per signing key: the next nonce, handed out under this row's lock. */
export const chainKeys = bridge.table(
  'chain_keys',
  {
    shard: shardColumn(),
    chainId: integer('chain_id').notNull(),
    address: text('address').notNull(),
    nextNonce: integer('next_nonce').notNull(),
  },
  (table) => [primaryKey({ name: 'chain_keys_key', columns: [table.shard, table.chainId, table.address] })],
);

/** What is to be called on chain: written with the decision that asks for it, signed later, sent after that. */
export const chainCalls = bridge.table(
  'chain_calls',
  {
    shard: shardColumn(),
    callId: text('call_id').notNull(),
    kind: text('kind').notNull(),
    /** What it is for (a payment, a payout batch) and its number within that; calls of one subject go out in order. */
    subject: text('subject').notNull(),
    sequence: integer('sequence').notNull(),
    recipient: text('recipient').notNull(),
    data: text('data').notNull(),
    value: minorUnits('value').notNull(),
    gasLimit: integer('gas_limit').notNull(),
    /** Why it may move money, for the signer to look up: for each item of a payout the terms that it gives back. */
    grounds: jsonb('grounds'),
    /**
     * A due call with a nonce is being signed. `givenUp`: a node refuses it for good, so its nonce is spent by something else first; `superseded`: a filler of a
     * nonce that was spent without it; `withdrawn`: never signed, and never to be.
     */
    state: text('state', {
      enum: ['due', 'signed', 'givenUp', 'final', 'reverted', 'superseded', 'withdrawn'],
    }).notNull(),
    signer: text('signer'),
    nonce: integer('nonce'),
    /** Why the signer refused it last. */
    refusedWith: text('refused_with'),
    /** The trace of the request that asked for it (W3C traceparent). */
    traceContext: text('trace_context'),
    recordedAt: moment('recorded_at').notNull(),
    signedAt: moment('signed_at'),
    finalHash: text('final_hash'),
    blockHeight: integer('block_height'),
    gasUsed: integer('gas_used'),
    /** How often its nonce was lost, so that it went out under another one. */
    repairs: integer('repairs').notNull().default(0),
    /** Until when, by the books' clock, it goes out again where a token stands still; none: it is not tried again. */
    retryUntil: moment('retry_until'),
    /** Why it reverted last, and by the machine's clock before when it does not go out again. */
    revertReason: text('revert_reason'),
    notBefore: moment('not_before'),
  },
  (table) => [
    primaryKey({ name: 'chain_calls_key', columns: [table.shard, table.callId] }),
    index('chain_calls_due')
      .on(table.shard, table.recordedAt, table.subject, table.sequence)
      .where(sql`${table.state} = 'due'`),
    index('chain_calls_signed').on(table.shard, table.nonce).where(sql`${table.state} = 'signed'`),
    index('chain_calls_subject').on(table.shard, table.subject),
  ],
);

/** Every signed form of a call; a replacement keeps the nonce and adds a hash. */
export const chainSubmissions = bridge.table(
  'chain_submissions',
  {
    shard: shardColumn(),
    chainHash: text('chain_hash').notNull(),
    callId: text('call_id').notNull(),
    raw: text('raw').notNull(),
    signedAt: moment('signed_at').notNull(),
    /** By the machine's clock: when it was last handed to a node, and when it was first. */
    sentAt: moment('sent_at'),
    firstSentAt: moment('first_sent_at'),
    /** 0 for the first form; the highest is the one that is sent. */
    attempt: integer('attempt').notNull().default(0),
    /** How often nodes said that they will never take it, and the last words. */
    refusals: integer('refusals').notNull().default(0),
    refusedWith: text('refused_with'),
  },
  (table) => [
    primaryKey({ name: 'chain_submissions_key', columns: [table.shard, table.chainHash] }),
    index('chain_submissions_call').on(table.shard, table.callId),
  ],
);

/** Every block that was seen; `canonical` is taken away when another takes its height. */
export const chainBlocks = bridge.table(
  'chain_blocks',
  {
    shard: shardColumn(),
    chainId: integer('chain_id').notNull(),
    blockHash: text('block_hash').notNull(),
    height: integer('height').notNull(),
    parentHash: text('parent_hash').notNull(),
    minedAt: moment('mined_at').notNull(),
    /** The hashes of its chain transactions. */
    chainHashes: text('chain_hashes').array().notNull(),
    canonical: boolean('canonical').notNull(),
    final: boolean('final').notNull(),
  },
  (table) => [
    primaryKey({ name: 'chain_blocks_key', columns: [table.shard, table.chainId, table.blockHash] }),
    uniqueIndex('chain_blocks_height').on(table.shard, table.chainId, table.height).where(sql`${table.canonical}`),
    index('chain_blocks_unfinal')
      .on(table.shard, table.chainId, table.height)
      .where(sql`${table.canonical} and not ${table.final}`),
  ],
);

/** The logs of our contracts, by where they were seen. */
export const chainLogs = bridge.table(
  'chain_logs',
  {
    shard: shardColumn(),
    chainId: integer('chain_id').notNull(),
    blockHash: text('block_hash').notNull(),
    logIndex: integer('log_index').notNull(),
    /** The n-th of our logs within its chain transaction: with the hash it names the log wherever it is re-included. */
    ordinal: integer('ordinal').notNull(),
    chainHash: text('chain_hash').notNull(),
    height: integer('height').notNull(),
    address: text('address').notNull(),
    event: text('event').notNull(),
    fields: jsonb('fields').notNull(),
    canonical: boolean('canonical').notNull(),
    /** Counted before its block was final, and how often that was so, wherever it was included. */
    accepted: boolean('accepted').notNull().default(false),
    generation: integer('generation').notNull().default(0),
  },
  (table) => [
    primaryKey({ name: 'chain_logs_key', columns: [table.shard, table.chainId, table.blockHash, table.logIndex] }),
    index('chain_logs_height').on(table.shard, table.chainId, table.height),
    index('chain_logs_transaction').on(table.shard, table.chainId, table.chainHash),
    index('chain_logs_payment')
      .on(table.shard, table.chainId, sql`(${table.fields} ->> 'paymentIdentifier')`)
      .where(sql`${table.event} = 'Authorized'`),
  ],
);
