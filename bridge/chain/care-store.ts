import { and, asc, desc, eq, gte, inArray, isNotNull, isNull, lt, lte, or, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../ledger-service/platform/database.ts';
import { chainBlocks, chainCalls, chainSubmissions } from '../schema/chain.ts';
import { chainKeyConditions } from '../schema/chain-conditions.ts';
import type { Address, Hex } from './domain.ts';

type Reader = Database['drizzle'] | DatabaseTransaction;
const SHARD = 0;

/** A call that was signed, with the newest of its signed forms. */
export type SignedForm = Readonly<{
  call: typeof chainCalls.$inferSelect;
  submission: typeof chainSubmissions.$inferSelect;
}>;

/** The newest form of a call: the one that is sent, and replaced. */
export const isNewestForm = sql`not exists (
  select 1 from bridge.chain_submissions newer
  where newer.shard = ${chainSubmissions.shard} and newer.call_id = ${chainSubmissions.callId}
    and newer.attempt > ${chainSubmissions.attempt})`;

/** Calls of a key that were handed to a node before `sentBefore` and are not final, lowest nonce first. */
export async function loadWaiting(
  reader: Reader,
  signer: Address,
  sentBefore: Date,
  limit: number,
): Promise<readonly SignedForm[]> {
  return reader
    .select({ call: chainCalls, submission: chainSubmissions })
    .from(chainSubmissions)
    .innerJoin(chainCalls, sameCall())
    .where(
      and(
        eq(chainCalls.state, 'signed'),
        eq(chainCalls.signer, signer),
        lte(chainSubmissions.firstSentAt, sentBefore),
        isNewestForm,
      ),
    )
    .orderBy(asc(chainCalls.nonce))
    .limit(limit);
}

/** Calls of a key that nodes refused for good at least so often. */
export async function loadRefused(reader: Reader, signer: Address, refusals: number): Promise<readonly SignedForm[]> {
  return reader
    .select({ call: chainCalls, submission: chainSubmissions })
    .from(chainSubmissions)
    .innerJoin(chainCalls, sameCall())
    .where(
      and(
        eq(chainCalls.state, 'signed'),
        eq(chainCalls.signer, signer),
        sql`${chainSubmissions.refusals} >= ${refusals}`,
        isNewestForm,
      ),
    )
    .orderBy(asc(chainCalls.nonce));
}

/** Those of some chain transactions that are in a block which counts. */
export async function loadIncluded(
  reader: Reader,
  chainId: number,
  chainHashes: readonly string[],
  fromHeight: number,
): Promise<ReadonlySet<string>> {
  if (chainHashes.length === 0) return new Set();
  const rows = await reader
    .select({ chainHashes: chainBlocks.chainHashes })
    .from(chainBlocks)
    .where(
      and(
        eq(chainBlocks.shard, SHARD),
        eq(chainBlocks.chainId, chainId),
        eq(chainBlocks.canonical, true),
        sql`${chainBlocks.height} > ${fromHeight}`,
      ),
    )
    .orderBy(asc(chainBlocks.height));
  const wanted = new Set(chainHashes);
  return new Set(rows.flatMap((row) => row.chainHashes).filter((chainHash) => wanted.has(chainHash)));
}

/** Every signed form of some calls. */
export async function loadForms(reader: Reader, callIds: readonly string[]) {
  if (callIds.length === 0) return [];
  return reader
    .select({ callId: chainSubmissions.callId, chainHash: chainSubmissions.chainHash })
    .from(chainSubmissions)
    .where(and(eq(chainSubmissions.shard, SHARD), inArray(chainSubmissions.callId, [...callIds])))
    .orderBy(asc(chainSubmissions.callId), asc(chainSubmissions.attempt));
}

/** How many forms of a call nodes refused for good at least so often. */
export async function countRefusedForms(reader: Reader, callId: string, refusals: number): Promise<number> {
  const [row] = await reader
    .select({ forms: sql<number>`count(*)::int` })
    .from(chainSubmissions)
    .where(
      and(
        eq(chainSubmissions.shard, SHARD),
        eq(chainSubmissions.callId, callId),
        gte(chainSubmissions.refusals, refusals),
      ),
    );
  return row?.forms ?? 0;
}

/** The call, locked, when it still waits under this nonce; undefined when something was decided meanwhile. */
export async function lockSigned(transaction: DatabaseTransaction, callId: string, nonce: number) {
  const [row] = await transaction
    .select()
    .from(chainCalls)
    .where(
      and(
        eq(chainCalls.shard, SHARD),
        eq(chainCalls.callId, callId),
        eq(chainCalls.state, 'signed'),
        eq(chainCalls.nonce, nonce),
      ),
    )
    .for('update');
  return row;
}

export async function loadNewestForm(reader: Reader, callId: string) {
  const [row] = await reader
    .select()
    .from(chainSubmissions)
    .where(and(eq(chainSubmissions.shard, SHARD), eq(chainSubmissions.callId, callId)))
    .orderBy(desc(chainSubmissions.attempt))
    .limit(1);
  return row;
}

export async function insertForm(
  transaction: DatabaseTransaction,
  form: Readonly<{ callId: string; chainHash: Hex; raw: Hex; signedAt: Date; attempt: number }>,
): Promise<void> {
  await transaction.insert(chainSubmissions).values({ shard: SHARD, ...form });
}

/** Notes that a node will never take these forms, and its words. */
export async function saveRefusals(
  writer: Reader,
  refused: readonly Readonly<{ chainHash: string; words: string }>[],
): Promise<void> {
  for (const { chainHash, words } of refused) {
    await writer
      .update(chainSubmissions)
      .set({ refusals: sql`${chainSubmissions.refusals} + 1`, refusedWith: words })
      .where(and(eq(chainSubmissions.shard, SHARD), eq(chainSubmissions.chainHash, chainHash)));
  }
}

/** Calls of a key that hold a nonce below `spent` and are not final: something else has spent it. */
export async function lockOvertaken(transaction: DatabaseTransaction, signer: Address, spent: number) {
  return transaction
    .select()
    .from(chainCalls)
    .where(
      and(
        inArray(chainCalls.state, ['signed', 'givenUp']),
        eq(chainCalls.signer, signer),
        sql`${chainCalls.nonce} < ${spent}`,
      ),
    )
    .orderBy(asc(chainCalls.nonce), asc(chainCalls.callId))
    .for('update');
}

/** The nonces of a key, from `from` on, that a call has, or is about to have, and is not given up. */
export async function loadNoncesInUse(reader: Reader, signer: Address, from: number): Promise<ReadonlySet<number>> {
  const rows = await reader
    .select({ nonce: chainCalls.nonce })
    .from(chainCalls)
    .where(
      and(
        eq(chainCalls.signer, signer),
        sql`${chainCalls.nonce} >= ${from}`,
        inArray(chainCalls.state, ['due', 'signed', 'final', 'reverted']),
      ),
    )
    .orderBy(asc(chainCalls.nonce));
  return new Set(rows.map(({ nonce }) => nonce!));
}

/** Whether an earlier call of its subject has not come to its end: the escrow refuses a number that is ahead of its own. */
export async function hasEarlierOpen(
  reader: Reader,
  { subject, sequence }: Readonly<{ subject: string; sequence: number }>,
): Promise<boolean> {
  const rows = await reader
    .select({ callId: chainCalls.callId })
    .from(chainCalls)
    .where(
      and(
        eq(chainCalls.shard, SHARD),
        eq(chainCalls.subject, subject),
        lt(chainCalls.sequence, sequence),
        inArray(chainCalls.state, ['due', 'signed', 'givenUp']),
      ),
    )
    .limit(1);
  return rows.length > 0;
}

/** Makes a call due again, under a nonce that it does not have yet; its former one can never be its own. */
export async function reopenCall(transaction: DatabaseTransaction, callId: string): Promise<void> {
  const open = { state: 'due', signer: null, nonce: null, signedAt: null } as const;
  await saveCallState(transaction, callId, { ...open, repairs: sql`${chainCalls.repairs} + 1` });
}

/** Makes a call due again, but not yet: what it met may be over then. */
export async function postponeCall(
  transaction: DatabaseTransaction,
  callId: string,
  { reason, notBefore }: Readonly<{ reason: string; notBefore: Date }>,
): Promise<void> {
  await reopenCall(transaction, callId);
  await saveCallState(transaction, callId, { revertReason: reason, notBefore });
}

/**
 * Whether a due call has to wait for an earlier one of its subject: one that was given up has no nonce yet, one that met a
 * standstill waits itself, and a call that is due again was overtaken by one that may be under way.
 */
export const waitsForEarlier = (machineNow: Date) => sql`exists (
  select 1 from bridge.chain_calls earlier
  where earlier.shard = "bridge"."chain_calls"."shard" and earlier.subject = "bridge"."chain_calls"."subject"
    and earlier.sequence < "bridge"."chain_calls"."sequence"
    and (earlier.state = 'givenUp' or "bridge"."chain_calls"."repairs" > 0 and earlier.state = 'signed'
      or earlier.state = 'due' and earlier.not_before > ${machineNow.toISOString()}))`;

export async function saveCallState(
  transaction: DatabaseTransaction,
  callId: string,
  change: Parameters<ReturnType<typeof transaction.update<typeof chainCalls>>['set']>[0],
): Promise<void> {
  await transaction
    .update(chainCalls)
    .set(change)
    .where(and(eq(chainCalls.shard, SHARD), eq(chainCalls.callId, callId)));
}

/** A call that has its nonce from the beginning, with its signed form. */
export async function insertSignedCall(
  transaction: DatabaseTransaction,
  call: typeof chainCalls.$inferInsert,
  form: Readonly<{ chainHash: Hex; raw: Hex }>,
): Promise<void> {
  await transaction.insert(chainCalls).values(call);
  await transaction
    .insert(chainSubmissions)
    .values({ shard: call.shard, callId: call.callId, signedAt: call.recordedAt, ...form });
}

export type KeyCondition = typeof chainKeyConditions.$inferSelect;

export async function loadCondition(
  reader: Reader,
  chainId: number,
  address: Address,
): Promise<KeyCondition | undefined> {
  const [row] = await reader.select().from(chainKeyConditions).where(sameKey(chainId, address));
  return row;
}

/** The keys of a chain that cannot pay for their calls. */
export async function loadPoorKeys(reader: Reader, chainId: number): Promise<readonly KeyCondition[]> {
  return reader
    .select()
    .from(chainKeyConditions)
    .where(
      and(
        eq(chainKeyConditions.shard, SHARD),
        eq(chainKeyConditions.chainId, chainId),
        isNotNull(chainKeyConditions.fundsMissingSince),
      ),
    )
    .orderBy(asc(chainKeyConditions.address));
}

/** True when this is news. */
export async function saveFundsMissing(
  writer: Reader,
  chainId: number,
  address: Address,
  { since, balance }: Readonly<{ since: Date; balance: bigint }>,
): Promise<boolean> {
  const changed = await writer
    .insert(chainKeyConditions)
    .values({ shard: SHARD, chainId, address, fundsMissingSince: since, balance })
    .onConflictDoUpdate({
      target: [chainKeyConditions.shard, chainKeyConditions.chainId, chainKeyConditions.address],
      set: { fundsMissingSince: since, balance },
      setWhere: isNull(chainKeyConditions.fundsMissingSince),
    })
    .returning({ address: chainKeyConditions.address });
  return changed.length > 0;
}

/** True when it was missing before. */
export async function saveFundsThere(writer: Reader, chainId: number, address: Address): Promise<boolean> {
  const changed = await writer
    .update(chainKeyConditions)
    .set({ fundsMissingSince: null })
    .where(and(sameKey(chainId, address), isNotNull(chainKeyConditions.fundsMissingSince)))
    .returning({ address: chainKeyConditions.address });
  return changed.length > 0;
}

/** How many calls a node was given in any form before `sentBefore` and are not final, or are refused for good. */
export async function countStuck(reader: Reader, sentBefore: Date): Promise<number> {
  const [row] = await reader
    .select({ stuck: sql<number>`count(distinct ${chainCalls.callId})::int` })
    .from(chainSubmissions)
    .innerJoin(chainCalls, sameCall())
    .where(
      and(
        inArray(chainCalls.state, ['signed', 'givenUp']),
        or(lte(chainSubmissions.firstSentAt, sentBefore), sql`${chainSubmissions.refusals} > 0`),
      ),
    );
  return row?.stuck ?? 0;
}

function sameCall() {
  return and(eq(chainCalls.shard, chainSubmissions.shard), eq(chainCalls.callId, chainSubmissions.callId));
}

function sameKey(chainId: number, address: Address) {
  return and(
    eq(chainKeyConditions.shard, SHARD),
    eq(chainKeyConditions.chainId, chainId),
    eq(chainKeyConditions.address, address),
  );
}
