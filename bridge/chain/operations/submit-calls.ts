import { keccak256 } from 'viem';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import { inSpans } from '../../../ledger-service/platform/tracing.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import type { DomainEvent, Outbox } from '../../platform/outbox.ts';
import { loadForms, loadNoncesInUse } from '../care-store.ts';
import type { Address, ChainCall } from '../domain.ts';
import { type Fees, firstFees } from '../fees.ts';
import type { ChainNode } from '../node.ts';
import type { Refusal, SignAnswer, SignedForm } from '../signer/protocol.ts';
import type { CallSigner } from '../signing.ts';
import {
  countCallsByState,
  countOpenCalls,
  hasKey,
  holdCall,
  insertCalls,
  loadCall,
  loadCallsOf,
  loadHighestSigned,
  loadReserved,
  lockDueCalls,
  lockKey,
  releaseNonce,
  releaseNonces,
  saveNextNonce,
  saveNonce,
  saveSigned,
  saveWithdrawn,
} from '../store.ts';
import { sendSigned, spanOf } from './send-signed.ts';

export type SubmissionDependencies = Readonly<{
  database: Database;
  node: ChainNode;
  signer: CallSigner;
  outbox: Outbox;
  clock: Clock;
  machineClock: Clock;
  logger: Logger;
  /** In wei for each unit of gas. */
  maximumFeePerGas: bigint;
}>;

const CALLS_AT_ONCE = 64;
const HELD_MILLISECONDS = 30_000;

/** Asks for calls in the caller's database transaction; they go out after it has committed. */
export async function enqueueChainCalls(
  transaction: DatabaseTransaction,
  calls: readonly ChainCall[],
  recordedAt: Date,
): Promise<void> {
  await insertCalls(transaction, calls, recordedAt);
}

/**
 * Gets what is due signed, and hands every signed call that no node has yet to the node, lowest nonce first.
 *
 * Effects: three steps, each resumed where a crash left it: nonces are committed with their calls; the signer is asked,
 *          outside any database transaction, and answers the same call and nonce with the same bytes for ever; the bytes
 *          are committed, and sent only then. A call that a node forgot is sent again as it is. One that the signer
 *          refuses gives its nonce back and is held for a while
 * Errors:  thrown CHAIN_UNAVAILABLE, SIGNER_UNAVAILABLE (both retryable)
 */
export async function submitCalls(dependencies: SubmissionDependencies): Promise<number> {
  let signedCalls = 0;
  try {
    for (;;) {
      const keys = await dependencies.signer.keys();
      const reserved = await reserveNonces(dependencies, keys[0]!);
      const fees = firstFees(await dependencies.node.gasPrice(), dependencies.maximumFeePerGas);
      // A key that takes no new calls finishes those that have its nonces.
      let isHeld = false;
      for (const key of keys) {
        const { signed, held } = await signReserved(dependencies, key, fees);
        signedCalls += signed;
        isHeld ||= held;
      }
      await sendSigned(dependencies);
      // Those behind a call that is held have given their nonces back, and go on without it.
      if (reserved < CALLS_AT_ONCE && !isHeld) return signedCalls;
    }
  } catch (error) {
    // What is signed already does not wait for a signer.
    await sendSigned(dependencies);
    throw error;
  }
}

/** How many calls are not final yet. */
export async function countCallsUnderWay(database: Database): Promise<number> {
  return countOpenCalls(database.drizzle);
}

/** Calls that wait, by state, each with the moment of its oldest. */
export async function countWaitingCalls(database: Database) {
  return countCallsByState(database.drizzle);
}

/** What was asked of the chain for one subject, each with the newest of its signed forms. */
export async function listCallsOf(database: Database, shard: Shard, subject: string) {
  return loadCallsOf(database.drizzle, shard, subject);
}

/** Gives nonces of a key to what is due. */
async function reserveNonces({ database, node, machineClock }: SubmissionDependencies, key: Address): Promise<number> {
  const firstNonce = (await hasKey(database.drizzle, node.chainId, key)) ? 0 : await node.nextNonce(key);
  return inDatabaseTransaction(database, async (transaction) => {
    // The key's row first: whoever holds it is the only one to hand out nonces.
    const nextNonce = await lockKey(transaction, node.chainId, key, firstNonce);
    const due = await lockDueCalls(transaction, CALLS_AT_ONCE, key, machineClock.now());
    for (const [index, { callId }] of due.entries()) await saveNonce(transaction, callId, key, nextNonce + index);
    if (due.length > 0) await saveNextNonce(transaction, node.chainId, key, nextNonce + due.length);
    return due.length;
  });
}

type Reserved = Awaited<ReturnType<typeof loadReserved>>[number];

async function signReserved(
  dependencies: SubmissionDependencies,
  key: Address,
  fees: Fees,
): Promise<Readonly<{ signed: number; held: boolean }>> {
  const { database, signer } = dependencies;
  let signedCalls = 0;
  for (;;) {
    const reserved = await loadReserved(database.drizzle, key, CALLS_AT_ONCE);
    if (reserved.length === 0) return { signed: signedCalls, held: false };
    const spans = reserved.flatMap(({ traceContext, callId, kind }) =>
      spanOf('sign chain call', traceContext, { callId, kind }),
    );
    const calls = reserved.map((call) => ({ call, nonce: call.nonce! }));
    const answers = await inSpans(spans, () => signer.sign({ key, fees, calls }));
    const { signed, held, apart } = await inDatabaseTransaction(database, (transaction) =>
      saveAnswers(dependencies, transaction, key, reserved, answers),
    );
    signedCalls += signed;
    if (apart) await withdraw(dependencies, key, apart);
    if (signed < CALLS_AT_ONCE) return { signed: signedCalls, held };
  }
}

/** What the signer says is so, whatever was meant: a nonce that it has given to another call is that call's. */
async function saveAnswers(
  dependencies: SubmissionDependencies,
  transaction: DatabaseTransaction,
  key: Address,
  asked: readonly Reserved[],
  answers: readonly SignAnswer[],
): Promise<Readonly<{ signed: number; held: boolean; apart?: Apart | undefined }>> {
  await lockKey(transaction, dependencies.node.chainId, key, 0);
  let signed = 0;
  for (const [index, answer] of answers.entries()) {
    const { callId, nonce } = asked[index]!;
    if (answer.outcome === 'signed') {
      await takeSigned(dependencies, transaction, { callId, key, nonce: nonce!, raw: answer.raw });
      signed += 1;
    } else if (answer.code === 'SIGNER_NONCE_SPENT') {
      await releaseNonce(transaction, callId, key, nonce!);
    } else {
      // Those behind it would leave a gap, so they were not looked at.
      return { signed, ...(await takeRefusal(dependencies, transaction, key, asked[index]!, answer)) };
    }
  }
  return { signed, held: false };
}

/** A batch that is not to go out as it is; `items` are those in its way, all of them when nobody remembers. */
type Apart = Readonly<{
  callId: string;
  kind: string;
  subject: string;
  sequence: number;
  items: readonly number[] | undefined;
}>;

/**
 * Takes back a batch that the signer refuses for some of its items, so that these wait alone and the others do not.
 *
 * Effects: the signer promises first that it will never sign it; only then are its items free for other batches, by the
 *          event chainCall.withdrawn
 */
async function withdraw(
  { database, node, outbox, signer, logger }: SubmissionDependencies,
  key: Address,
  { callId, kind, subject, sequence, items }: Apart,
): Promise<void> {
  // Another process may have had it signed meanwhile: then it goes out after all.
  if ((await signer.withdraw(callId)).signed) return;
  const events: DomainEvent[] = [];
  await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    await lockKey(transaction, node.chainId, key, 0);
    const call = await loadCall(transaction, callId);
    if (call?.state === 'due' && call.signer === key && call.nonce !== null) {
      await takeBack(transaction, node.chainId, key, call.nonce, call.nonce);
    }
    if (!(await saveWithdrawn(transaction, callId))) return;
    const payload = { callId, kind, sequence, items: items ?? null };
    events.push({ shard: 0, topic: 'chainCall.withdrawn', subject, meaning: [callId], payload });
    await outbox.emit(transaction, events);
  });
  outbox.ringFor(events);
  logger.warn({ event: 'chain.callWithdrawn', callId, kind, subject, items });
}

/** Whether a refusal is of some items of a batch, and would not go away by waiting for the rest of it. */
function isForApart({ kind, grounds, refusedWith }: Reserved, { code, retryAfterMilliseconds }: Refusal): boolean {
  if (code === 'SIGNER_CALL_WITHDRAWN') return true;
  if (kind !== 'payoutBatch' || !Array.isArray(grounds) || grounds.length < 2) return false;
  if (code === 'SIGNER_PAYEE_NOT_LISTED') return true;
  // A capture may just not be final for the signer's node yet.
  if (code === 'SIGNER_REFUND_UNPROVEN') return refusedWith === code;
  return code === 'SIGNER_CAP_EXCEEDED' && retryAfterMilliseconds === undefined;
}

async function takeSigned(
  { clock, node }: SubmissionDependencies,
  transaction: DatabaseTransaction,
  { callId, key, nonce, raw }: SignedForm,
): Promise<void> {
  const call = await loadCall(transaction, callId);
  if (call?.state !== 'due') return;
  const hasThisNonce = call.signer === key && call.nonce === nonce;
  if (!hasThisNonce) await takeBack(transaction, node.chainId, key, nonce, nonce + 1);
  await saveSigned(transaction, { callId, nonce, raw, chainHash: keccak256(raw) }, key, clock.now());
}

async function takeRefusal(
  dependencies: SubmissionDependencies,
  transaction: DatabaseTransaction,
  key: Address,
  asked: Reserved,
  refusal: Refusal,
): Promise<Readonly<{ held: boolean; apart?: Apart | undefined }>> {
  const { callId, kind, subject, sequence, nonce } = asked;
  const { code, message, retryAfterMilliseconds = HELD_MILLISECONDS, signed, items } = refusal;
  const { logger, machineClock, node } = dependencies;
  logger.warn({ event: 'chain.callRefused', callId, kind, subject, nonce, code, message });
  // A call that lost its nonce gets another one only once the signer's own node knows that the first is spent.
  if (signed && !(await isKnownForm(transaction, signed))) {
    // A key that takes no new calls any more may have signed it.
    if (signed.key !== key) await lockKey(transaction, node.chainId, signed.key, 0);
    const isKnown = (await loadCall(transaction, signed.callId)) !== undefined;
    if (!isKnown) logger.error({ event: 'chain.signedUnknown', callId: signed.callId, nonce: signed.nonce });
    await takeSigned(dependencies, transaction, signed);
    // Books from a backup are behind the signer: whatever it has signed since then names itself when it is asked for.
    const next = code === 'SIGNER_NONCE_TAKEN' ? (refusal.next ?? nonce! + 1) : nonce!;
    await takeBack(transaction, node.chainId, key, nonce!, next);
    return { held: false };
  }
  const call = await loadCall(transaction, callId);
  const isStillAsked = call?.state === 'due' && call.signer === key && call.nonce === nonce;
  if (!isStillAsked) return { held: false };
  if (code === 'SIGNER_NONCE_AHEAD') {
    await closeGap(dependencies, transaction, key, nonce!, refusal.next);
    return { held: false };
  }
  await takeBack(transaction, node.chainId, key, nonce!, nonce!);
  const notBefore = new Date(machineClock.now().getTime() + retryAfterMilliseconds);
  await holdCall(transaction, callId, code, notBefore);
  return { held: true, ...(isForApart(asked, refusal) ? { apart: { callId, kind, subject, sequence, items } } : {}) };
}

/** Nonces that were handed out and that no call has are handed out again; if a call has one, the signer's store is behind. */
async function closeGap(
  { node, logger }: SubmissionDependencies,
  transaction: DatabaseTransaction,
  key: Address,
  nonce: number,
  next: number | undefined,
): Promise<void> {
  if (next === undefined || next >= nonce) return;
  const used = await loadNoncesInUse(transaction, key, next);
  const lost = [...used].filter((one) => one < nonce);
  if (lost.length === 0) await takeBack(transaction, node.chainId, key, next, next);
  else logger.error({ event: 'chain.signerBehind', key, next, nonces: lost.slice(0, 10) });
}

async function isKnownForm(transaction: DatabaseTransaction, { callId, raw }: SignedForm): Promise<boolean> {
  const chainHash = keccak256(raw);
  return (await loadForms(transaction, [callId])).some((form) => form.chainHash === chainHash);
}

/** Calls that are not signed give their nonces back, from one on; `next` is given out next, if nothing has it. */
async function takeBack(
  transaction: DatabaseTransaction,
  chainId: number,
  key: Address,
  from: number,
  next: number,
): Promise<void> {
  await releaseNonces(transaction, key, from);
  const highest = await loadHighestSigned(transaction, key);
  await saveNextNonce(transaction, chainId, key, Math.max(next, highest + 1));
}
