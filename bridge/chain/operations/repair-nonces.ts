import { keccak256 } from 'viem';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import type { DomainEvent, Outbox } from '../../platform/outbox.ts';
import type { CarePolicy } from '../care-policy.ts';
import {
  countRefusedForms,
  insertSignedCall,
  loadNoncesInUse,
  loadRefused,
  lockOvertaken,
  lockSigned,
  reopenCall,
  saveCallState,
} from '../care-store.ts';
import { type Address, NONCE_FILLER } from '../domain.ts';
import { fillerCall } from '../escrow.ts';
import { type Fees, firstFees } from '../fees.ts';
import type { ChainNode } from '../node.ts';
import type { CallToSign, SignChainCall } from '../signing.ts';
import { hasKey, loadHighestFinalBlock, lockKey, saveNextNonce } from '../store.ts';

export type RepairDependencies = Readonly<{
  database: Database;
  node: ChainNode;
  clock: Clock;
  outbox: Outbox;
  logger: Logger;
  policy: CarePolicy;
}>;

export type Repaired = Readonly<{ reopened: number; filled: number; givenUp: number }>;

const NOTHING: Repaired = { reopened: 0, filled: 0, givenUp: 0 };
const REFUSALS_BEFORE_GIVING_UP = 3;
const TIMES_GIVEN_UP_BEFORE_REVERTING = 3;
const FILLERS_AT_ONCE = 64;

/**
 * Makes nonces whole that would block every later one.
 *
 * - A nonce below what the chain has spent as of a final block was spent by something that is no form of its call: the
 *   call is due again, under a new nonce. It cannot be mined any more under the old one.
 * - A call that nodes refuse for good gives its nonce to a transfer of nothing to the key itself, and is due again once
 *   that transfer is final. After a third time it counts as reverted: nothing moved, and nothing of it can be mined.
 * - A nonce that was handed out and that no call has gets such a transfer too.
 *
 * Shape:   → how many calls are due again, how many nonces were filled, how many calls were given up
 * Errors:  thrown CHAIN_UNAVAILABLE (retryable)
 */
export async function repairNonces(
  dependencies: RepairDependencies,
  signer: Address,
  sign: SignChainCall,
): Promise<Repaired> {
  const { database, node, policy } = dependencies;
  if (!(await hasKey(database.drizzle, node.chainId, signer))) return NOTHING;
  const refused = await loadRefused(database.drizzle, signer, REFUSALS_BEFORE_GIVING_UP);
  const final = await loadHighestFinalBlock(database.drizzle, node.chainId);
  if (!final) return NOTHING;
  // As of a block that these books hold for final: whatever of ours is in it, or below, is final in the books too.
  const spent = await node.spentNonces(signer, final.blockHash as `0x${string}`);
  const fees = firstFees(await node.gasPrice(), policy.maximumFeePerGas);
  const reopened = await reopenOvertaken(dependencies, signer, spent);
  let givenUp = 0;
  for (const { call, submission } of refused) {
    if (call.kind === NONCE_FILLER || call.nonce! < spent) continue;
    if (await giveUp(dependencies, { signer, sign, fees }, call, submission.refusedWith)) givenUp += 1;
  }
  const filled = await fillHoles(dependencies, { signer, sign, fees }, spent);
  return { reopened, filled, givenUp };
}

type Signing = Readonly<{ signer: Address; sign: SignChainCall; fees: Fees }>;
type Overtaken = Awaited<ReturnType<typeof lockOvertaken>>[number];

async function reopenOvertaken(
  { database, node, outbox, logger }: RepairDependencies,
  signer: Address,
  spent: number,
): Promise<number> {
  const events: DomainEvent[] = [];
  const reopened = await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    // The key first, as where nonces are handed out.
    const nextNonce = await lockKey(transaction, node.chainId, signer, spent);
    if (nextNonce < spent) await saveNextNonce(transaction, node.chainId, signer, spent);
    const overtaken = await lockOvertaken(transaction, signer, spent);
    for (const call of overtaken) events.push(...(await reopen(transaction, call)));
    await outbox.emit(transaction, events);
    return overtaken;
  });
  outbox.ringFor(events);
  for (const { callId, kind, subject, nonce, state } of reopened) {
    logger.warn({ event: 'chain.nonceOvertaken', callId, kind, subject, nonce, state, spent });
  }
  return reopened.length;
}

async function reopen(transaction: DatabaseTransaction, call: Overtaken): Promise<readonly DomainEvent[]> {
  const { callId, kind, subject, sequence, state, repairs } = call;
  if (kind === NONCE_FILLER) {
    await saveCallState(transaction, callId, { state: 'superseded' });
    return [];
  }
  const refused = state === 'givenUp' ? await countRefusedForms(transaction, callId, REFUSALS_BEFORE_GIVING_UP) : 0;
  if (refused >= TIMES_GIVEN_UP_BEFORE_REVERTING) {
    await saveCallState(transaction, callId, { state: 'reverted', repairs: repairs + 1 });
    const payload = { callId, kind, sequence, chainHash: null };
    return [{ shard: 0, topic: 'chainCall.reverted', subject, meaning: [callId], payload }];
  }
  await reopenCall(transaction, callId);
  return [];
}

/** The nonce goes to a transfer of nothing; until that is final the call is not sent, and not signed again. */
async function giveUp(
  { database, node, clock, logger }: RepairDependencies,
  signing: Signing,
  { callId, kind, subject, nonce }: Readonly<{ callId: string; kind: string; subject: string; nonce: number | null }>,
  words: string | null,
): Promise<boolean> {
  const filler = await signFiller(signing, node.chainId, nonce!);
  if (!filler) return false;
  const isGivenUp = await inDatabaseTransaction(database, async (transaction) => {
    await lockKey(transaction, node.chainId, signing.signer, nonce!);
    if (!(await lockSigned(transaction, callId, nonce!))) return false;
    await saveCallState(transaction, callId, { state: 'givenUp' });
    await insertFiller(transaction, filler, clock.now());
    return true;
  });
  if (isGivenUp) logger.error({ event: 'chain.callGivenUp', callId, kind, subject, nonce, words });
  return isGivenUp;
}

async function fillHoles(
  { database, node, clock, logger }: RepairDependencies,
  signing: Signing,
  spent: number,
): Promise<number> {
  const { signer } = signing;
  const look = async (transaction: DatabaseTransaction): Promise<readonly number[]> => {
    const nextNonce = await lockKey(transaction, node.chainId, signer, spent);
    const inUse = await loadNoncesInUse(transaction, signer, spent);
    const handedOut = Array.from({ length: Math.max(0, nextNonce - spent) }, (_, index) => spent + index);
    return handedOut.filter((nonce) => !inUse.has(nonce)).slice(0, FILLERS_AT_ONCE);
  };
  const holes = await inDatabaseTransaction(database, look);
  if (holes.length === 0) return 0;
  const fillers: Filler[] = [];
  for (const nonce of holes) {
    const filler = await signFiller(signing, node.chainId, nonce);
    if (filler) fillers.push(filler);
  }
  const filled = await inDatabaseTransaction(database, async (transaction) => {
    const still = new Set(await look(transaction));
    const wanted = fillers.filter(({ nonce }) => still.has(nonce));
    for (const filler of wanted) await insertFiller(transaction, filler, clock.now());
    return wanted;
  });
  for (const { nonce } of filled) logger.warn({ event: 'chain.nonceFilled', nonce, spent });
  return filled.length;
}

type Filler = Readonly<{ call: CallToSign; nonce: number; signer: Address; raw: `0x${string}` }>;

async function signFiller(
  { signer, sign, fees }: Signing,
  chainId: number,
  nonce: number,
): Promise<Filler | undefined> {
  const call: CallToSign = { ...fillerCall(chainId, signer, nonce), subject: signer, sequence: nonce };
  const raw = await sign({ call, nonce, fees });
  return raw && { call, nonce, signer, raw };
}

async function insertFiller(
  transaction: DatabaseTransaction,
  { call, nonce, signer, raw }: Filler,
  recordedAt: Date,
): Promise<void> {
  const row = { ...call, shard: 0, state: 'signed' as const, signer, nonce, recordedAt, signedAt: recordedAt };
  await insertSignedCall(transaction, row, { raw, chainHash: keccak256(raw) });
}
