import { and, asc, desc, eq, gte, inArray, isNotNull, isNull, lte, not, or, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../ledger-service/platform/database.ts';
import { traceContext } from '../../ledger-service/platform/tracing.ts';
import type { Shard } from '../../ledger-service/vocabulary/identifiers.ts';
import { chainBlocks, chainCalls, chainKeys, chainLogs, chainSubmissions } from '../schema/chain.ts';
import { isNewestForm, waitsForEarlier } from './care-store.ts';
import type { Address, ChainCall, Hex, ObservedBlock, ObservedLog } from './domain.ts';

type Reader = Database['drizzle'] | DatabaseTransaction;
const SHARD = 0;

export async function insertCalls(
  transaction: DatabaseTransaction,
  calls: readonly ChainCall[],
  recordedAt: Date,
): Promise<void> {
  if (calls.length === 0) return;
  await transaction
    .insert(chainCalls)
    .values(
      calls.map((call) => ({
        ...call,
        state: 'due' as const,
        traceContext: traceContext(call.subject),
        recordedAt,
      })),
    )
    .onConflictDoNothing();
}

export async function lockKey(
  transaction: DatabaseTransaction,
  chainId: number,
  address: Address,
  firstNonce: number,
): Promise<number> {
  await transaction
    .insert(chainKeys)
    .values({ shard: SHARD, chainId, address, nextNonce: firstNonce })
    .onConflictDoNothing();
  const [key] = await transaction.select().from(chainKeys).where(sameKey(chainId, address)).for('update');
  return key!.nextNonce;
}

export async function hasKey(reader: Reader, chainId: number, address: Address): Promise<boolean> {
  const rows = await reader.select({ address: chainKeys.address }).from(chainKeys).where(sameKey(chainId, address));
  return rows.length > 0;
}

export async function saveNextNonce(
  transaction: DatabaseTransaction,
  chainId: number,
  address: Address,
  nextNonce: number,
): Promise<void> {
  await transaction.update(chainKeys).set({ nextNonce }).where(sameKey(chainId, address));
}

/**
 * The oldest calls that are due and have no nonce yet, and with each every other one of its subject.
 *
 * Calls of one subject come in the order of their sequence, whatever the clocks of the processes that asked for them
 * said: the escrow refuses a number that is ahead of its own. So later ones wait while one is held, and all of them while
 * one is under way with another key, whose nonces come in no order with this one's.
 */
export async function lockDueCalls(transaction: DatabaseTransaction, limit: number, key: Address, machineNow: Date) {
  const isDue = and(
    eq(chainCalls.state, 'due'),
    isNull(chainCalls.nonce),
    or(isNull(chainCalls.notBefore), lte(chainCalls.notBefore, machineNow)),
    not(waitsForEarlier(machineNow)),
  );
  const isFree = sql`not exists (
    select from bridge.chain_calls other
    where other.shard = ${chainCalls.shard} and other.subject = ${chainCalls.subject}
      and other.state in ('due', 'signed', 'givenUp') and other.signer <> ${key})`;
  const oldest = await transaction
    .select({ subject: chainCalls.subject })
    .from(chainCalls)
    .where(and(isDue, isFree))
    .orderBy(asc(chainCalls.shard), asc(chainCalls.recordedAt), asc(chainCalls.subject), asc(chainCalls.sequence))
    .limit(limit);
  const subjects = [...new Set(oldest.map(({ subject }) => subject))];
  if (subjects.length === 0) return [];
  const due = await transaction
    .select()
    .from(chainCalls)
    .where(and(isDue, inArray(chainCalls.subject, subjects)))
    .orderBy(asc(chainCalls.shard), asc(chainCalls.subject), asc(chainCalls.sequence))
    .for('update');
  const ofSubject = Map.groupBy(due, ({ subject }) => subject);
  return subjects.flatMap((subject) => ofSubject.get(subject) ?? []);
}

export async function saveNonce(
  transaction: DatabaseTransaction,
  callId: string,
  signer: Address,
  nonce: number,
): Promise<void> {
  await transaction.update(chainCalls).set({ signer, nonce }).where(sameCall(callId));
}

/** The calls of a key that have a nonce and are not signed, as far as these books know. */
export async function loadReserved(reader: Reader, signer: Address, limit: number) {
  return reader
    .select()
    .from(chainCalls)
    .where(isReserved(signer))
    .orderBy(asc(chainCalls.nonce), asc(chainCalls.callId))
    .limit(limit);
}

/** Takes their nonces from the calls of a key that are not signed, from `nonce` on. */
export async function releaseNonces(transaction: DatabaseTransaction, signer: Address, nonce: number): Promise<void> {
  await transaction
    .update(chainCalls)
    .set({ signer: null, nonce: null })
    .where(and(isReserved(signer), gte(chainCalls.nonce, nonce)));
}

/** Takes a nonce from one call that is not signed; those behind it keep theirs. */
export async function releaseNonce(
  transaction: DatabaseTransaction,
  callId: string,
  signer: Address,
  nonce: number,
): Promise<void> {
  await transaction
    .update(chainCalls)
    .set({ signer: null, nonce: null })
    .where(and(sameCall(callId), isReserved(signer), eq(chainCalls.nonce, nonce)));
}

/** True when it was due and had no nonce. */
export async function saveWithdrawn(transaction: DatabaseTransaction, callId: string): Promise<boolean> {
  const rows = await transaction
    .update(chainCalls)
    .set({ state: 'withdrawn' })
    .where(and(sameCall(callId), eq(chainCalls.state, 'due'), isNull(chainCalls.nonce)))
    .returning({ callId: chainCalls.callId });
  return rows.length > 0;
}

export async function loadCall(reader: Reader, callId: string) {
  const [row] = await reader.select().from(chainCalls).where(sameCall(callId));
  return row;
}

export async function holdCall(
  transaction: DatabaseTransaction,
  callId: string,
  refusedWith: string,
  notBefore: Date,
): Promise<void> {
  await transaction
    .update(chainCalls)
    .set({ refusedWith, notBefore })
    .where(and(sameCall(callId), eq(chainCalls.state, 'due')));
}

/** The highest nonce of a key whose call is signed and not final, or -1. */
export async function loadHighestSigned(reader: Reader, signer: Address): Promise<number> {
  const [row] = await reader
    .select({ nonce: sql<number>`coalesce(max(${chainCalls.nonce}), -1)::int` })
    .from(chainCalls)
    .where(and(eq(chainCalls.shard, SHARD), eq(chainCalls.signer, signer), eq(chainCalls.state, 'signed')));
  return row?.nonce ?? -1;
}

export type SignedCall = Readonly<{ callId: string; nonce: number; chainHash: Hex; raw: Hex }>;

/** A call that was due is signed; whichever process comes second writes nothing. */
export async function saveSigned(
  transaction: DatabaseTransaction,
  { callId, nonce, chainHash, raw }: SignedCall,
  signer: Address,
  signedAt: Date,
): Promise<void> {
  await transaction
    .update(chainCalls)
    .set({ state: 'signed', signer, nonce, signedAt, notBefore: null, refusedWith: null })
    .where(and(sameCall(callId), eq(chainCalls.state, 'due')));
  // A call whose nonce was lost has forms of its former nonce.
  const attempt = sql<number>`(select coalesce(max(s.attempt) + 1, 0) from bridge.chain_submissions s
    where s.shard = ${SHARD} and s.call_id = ${callId})`;
  await transaction
    .insert(chainSubmissions)
    .values({ shard: SHARD, chainHash, callId, raw, signedAt, attempt })
    .onConflictDoNothing();
}

/** Newest signed forms that were never handed to a node, or so long ago that it may have forgotten them; lowest nonce first. */
export async function loadUnsent(reader: Reader, sentBefore: Date, limit: number) {
  return reader
    .select({
      chainHash: chainSubmissions.chainHash,
      raw: chainSubmissions.raw,
      sentAt: chainSubmissions.sentAt,
      callId: chainCalls.callId,
      traceContext: chainCalls.traceContext,
      signer: chainCalls.signer,
    })
    .from(chainSubmissions)
    .innerJoin(
      chainCalls,
      and(eq(chainCalls.shard, chainSubmissions.shard), eq(chainCalls.callId, chainSubmissions.callId)),
    )
    .where(
      and(
        eq(chainCalls.state, 'signed'),
        or(isNull(chainSubmissions.sentAt), lte(chainSubmissions.sentAt, sentBefore)),
        isNewestForm,
      ),
    )
    .orderBy(asc(chainCalls.nonce))
    .limit(limit);
}

export async function markSent(writer: Reader, chainHashes: readonly string[], sentAt: Date): Promise<void> {
  if (chainHashes.length === 0) return;
  await writer
    .update(chainSubmissions)
    .set({ sentAt, firstSentAt: sql`coalesce(${chainSubmissions.firstSentAt}, ${sentAt.toISOString()})` })
    .where(
      inArray(
        chainSubmissions.chainHash,
        // In one order, whichever workers mark the same ones.
        writer
          .select({ chainHash: chainSubmissions.chainHash })
          .from(chainSubmissions)
          .where(and(eq(chainSubmissions.shard, SHARD), inArray(chainSubmissions.chainHash, [...chainHashes])))
          .orderBy(asc(chainSubmissions.chainHash))
          .for('update'),
      ),
    );
}

export async function loadHighestBlock(reader: Reader, chainId: number) {
  const [row] = await reader
    .select()
    .from(chainBlocks)
    .where(and(eq(chainBlocks.shard, SHARD), eq(chainBlocks.chainId, chainId), eq(chainBlocks.canonical, true)))
    .orderBy(desc(chainBlocks.height))
    .limit(1);
  return row;
}

export async function loadHighestFinalBlock(reader: Reader, chainId: number) {
  const [row] = await reader
    .select()
    .from(chainBlocks)
    .where(
      and(
        eq(chainBlocks.shard, SHARD),
        eq(chainBlocks.chainId, chainId),
        eq(chainBlocks.canonical, true),
        eq(chainBlocks.final, true),
      ),
    )
    .orderBy(desc(chainBlocks.height))
    .limit(1);
  return row;
}

export async function countUnfinal(reader: Reader, chainId: number): Promise<number> {
  const [row] = await reader
    .select({ blocks: sql<number>`count(*)::int` })
    .from(chainBlocks)
    .where(
      and(
        eq(chainBlocks.shard, SHARD),
        eq(chainBlocks.chainId, chainId),
        eq(chainBlocks.canonical, true),
        eq(chainBlocks.final, false),
        sql`cardinality(${chainBlocks.chainHashes}) > 0`,
      ),
    );
  return row?.blocks ?? 0;
}

export async function loadCanonicalHash(reader: Reader, chainId: number, height: number): Promise<string | undefined> {
  const [row] = await reader
    .select({ blockHash: chainBlocks.blockHash })
    .from(chainBlocks)
    .where(
      and(
        eq(chainBlocks.shard, SHARD),
        eq(chainBlocks.chainId, chainId),
        eq(chainBlocks.height, height),
        eq(chainBlocks.canonical, true),
      ),
    );
  return row?.blockHash;
}

export async function insertBlocks(
  transaction: DatabaseTransaction,
  chainId: number,
  blocks: readonly ObservedBlock[],
  logs: readonly ObservedLog[],
): Promise<void> {
  const common = { shard: SHARD, chainId, canonical: true };
  await transaction
    .insert(chainBlocks)
    .values(
      blocks.map(({ hash, height, parentHash, minedAt, chainHashes }) => ({
        ...common,
        blockHash: hash,
        height,
        parentHash,
        minedAt,
        chainHashes: [...chainHashes],
        final: false,
      })),
    )
    .onConflictDoUpdate({
      target: [chainBlocks.shard, chainBlocks.chainId, chainBlocks.blockHash],
      set: { canonical: true },
    });
  if (logs.length === 0) return;
  await transaction
    .insert(chainLogs)
    .values(logs.map((log) => ({ ...common, ...log })))
    .onConflictDoUpdate({
      target: [chainLogs.shard, chainLogs.chainId, chainLogs.blockHash, chainLogs.logIndex],
      set: { canonical: true },
    });
}

/** Takes the canonical flag from every block, and its logs, from `height` on; returns how many of them were final. */
export async function giveUpBlocks(transaction: DatabaseTransaction, chainId: number, height: number): Promise<number> {
  const given = await transaction
    .update(chainBlocks)
    .set({ canonical: false })
    .where(
      and(
        eq(chainBlocks.shard, SHARD),
        eq(chainBlocks.chainId, chainId),
        gte(chainBlocks.height, height),
        eq(chainBlocks.canonical, true),
      ),
    )
    .returning({ final: chainBlocks.final });
  await transaction
    .update(chainLogs)
    .set({ canonical: false })
    .where(and(eq(chainLogs.shard, SHARD), eq(chainLogs.chainId, chainId), gte(chainLogs.height, height)));
  return given.filter(({ final }) => final).length;
}

export async function lockUnfinalBlocks(
  transaction: DatabaseTransaction,
  chainId: number,
  upTo: number,
  limit: number,
) {
  return transaction
    .select()
    .from(chainBlocks)
    .where(
      and(
        eq(chainBlocks.shard, SHARD),
        eq(chainBlocks.chainId, chainId),
        eq(chainBlocks.canonical, true),
        eq(chainBlocks.final, false),
        lte(chainBlocks.height, upTo),
      ),
    )
    .orderBy(asc(chainBlocks.height))
    .limit(limit)
    .for('update');
}

export async function loadLogsOf(reader: Reader, chainId: number, blockHashes: readonly string[]) {
  if (blockHashes.length === 0) return [];
  return reader
    .select()
    .from(chainLogs)
    .where(
      and(
        eq(chainLogs.shard, SHARD),
        eq(chainLogs.chainId, chainId),
        inArray(chainLogs.blockHash, [...blockHashes]),
        eq(chainLogs.canonical, true),
      ),
    )
    .orderBy(asc(chainLogs.height), asc(chainLogs.logIndex));
}

export async function markFinal(
  transaction: DatabaseTransaction,
  chainId: number,
  blockHashes: readonly string[],
): Promise<void> {
  await transaction
    .update(chainBlocks)
    .set({ final: true })
    .where(
      and(
        eq(chainBlocks.shard, SHARD),
        eq(chainBlocks.chainId, chainId),
        inArray(chainBlocks.blockHash, [...blockHashes]),
      ),
    );
}

/** The calls that some chain transactions belong to. */
export async function loadCallsByHash(reader: Reader, chainHashes: readonly string[]) {
  if (chainHashes.length === 0) return [];
  return reader
    .select({
      chainHash: chainSubmissions.chainHash,
      callId: chainCalls.callId,
      kind: chainCalls.kind,
      subject: chainCalls.subject,
      sequence: chainCalls.sequence,
      state: chainCalls.state,
      repairs: chainCalls.repairs,
      retryUntil: chainCalls.retryUntil,
    })
    .from(chainSubmissions)
    .innerJoin(
      chainCalls,
      and(eq(chainCalls.shard, chainSubmissions.shard), eq(chainCalls.callId, chainSubmissions.callId)),
    )
    .where(and(eq(chainSubmissions.shard, SHARD), inArray(chainSubmissions.chainHash, [...chainHashes])));
}

/** Which of some blocks are final in these books. */
export async function loadFinalBlocks(
  reader: Reader,
  chainId: number,
  blockHashes: readonly string[],
): Promise<ReadonlySet<string>> {
  if (blockHashes.length === 0) return new Set();
  const rows = await reader
    .select({ blockHash: chainBlocks.blockHash })
    .from(chainBlocks)
    .where(
      and(
        eq(chainBlocks.shard, SHARD),
        eq(chainBlocks.chainId, chainId),
        inArray(chainBlocks.blockHash, [...blockHashes]),
        eq(chainBlocks.canonical, true),
        eq(chainBlocks.final, true),
      ),
    );
  return new Set(rows.map(({ blockHash }) => blockHash));
}

export async function saveOutcome(
  transaction: DatabaseTransaction,
  callId: string,
  outcome: Readonly<{
    state: 'final' | 'reverted';
    finalHash: string;
    blockHeight: number;
    gasUsed: number;
    revertReason?: string;
  }>,
): Promise<void> {
  await transaction.update(chainCalls).set(outcome).where(sameCall(callId));
}

/** Calls that are not final, by state, and when the oldest of them was asked for by the books' clock. */
export async function countCallsByState(
  reader: Reader,
): Promise<readonly Readonly<{ state: string; calls: number; oldest: Date }>[]> {
  const rows = await reader
    .select({
      state: chainCalls.state,
      calls: sql<number>`count(*)::int`,
      oldest: sql<string>`min(${chainCalls.recordedAt})`,
    })
    .from(chainCalls)
    .where(inArray(chainCalls.state, ['due', 'signed']))
    .groupBy(chainCalls.state);
  return rows.map((row) => ({ ...row, oldest: new Date(row.oldest) }));
}

export async function countOpenCalls(reader: Reader): Promise<number> {
  const [row] = await reader
    .select({ open: sql<number>`count(*)::int` })
    .from(chainCalls)
    .where(inArray(chainCalls.state, ['due', 'signed', 'givenUp']));
  return row?.open ?? 0;
}

export async function loadCallsOf(reader: Reader, shard: Shard, subject: string) {
  const rows = await reader
    .select({
      kind: chainCalls.kind,
      sequence: chainCalls.sequence,
      state: chainCalls.state,
      nonce: chainCalls.nonce,
      chainHash: sql<string | null>`coalesce(${chainCalls.finalHash}, (
        select s.chain_hash from bridge.chain_submissions s
        where s.shard = ${chainCalls.shard} and s.call_id = ${chainCalls.callId} order by s.attempt desc limit 1))`,
      blockHeight: chainCalls.blockHeight,
      gasUsed: chainCalls.gasUsed,
      revertReason: chainCalls.revertReason,
      notBefore: chainCalls.notBefore,
      recordedAt: chainCalls.recordedAt,
      signedAt: chainCalls.signedAt,
    })
    .from(chainCalls)
    .where(and(eq(chainCalls.shard, shard), eq(chainCalls.subject, subject)))
    .orderBy(asc(chainCalls.sequence));
  return rows;
}

function sameKey(chainId: number, address: Address) {
  return and(eq(chainKeys.shard, SHARD), eq(chainKeys.chainId, chainId), eq(chainKeys.address, address));
}

function sameCall(callId: string) {
  return and(eq(chainCalls.shard, SHARD), eq(chainCalls.callId, callId));
}

function isReserved(signer: Address) {
  return and(
    eq(chainCalls.shard, SHARD),
    eq(chainCalls.state, 'due'),
    eq(chainCalls.signer, signer),
    isNotNull(chainCalls.nonce),
  );
}
