import { keccak256 } from 'viem';
import type { PrivateKeyAccount } from 'viem/accounts';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import { inSpans } from '../../../ledger-service/platform/tracing.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import type { Address, ChainCall } from '../domain.ts';
import { firstFees } from '../fees.ts';
import type { ChainNode } from '../node.ts';
import { type CallToSign, signWith } from '../signing.ts';
import {
  countCallsByState,
  countOpenCalls,
  hasKey,
  insertCalls,
  loadCallsOf,
  lockDueCalls,
  lockKey,
  type SignedCall,
  saveNextNonce,
  saveSigned,
} from '../store.ts';
import { sendSigned, spanOf } from './send-signed.ts';

export type SubmissionDependencies = Readonly<{
  database: Database;
  node: ChainNode;
  operator: PrivateKeyAccount;
  clock: Clock;
  machineClock: Clock;
  logger: Logger;
  /** In wei for each unit of gas. */
  maximumFeePerGas: bigint;
}>;

const CALLS_AT_ONCE = 64;

/** Asks for calls in the caller's database transaction; they go out after it has committed. */
export async function enqueueChainCalls(
  transaction: DatabaseTransaction,
  calls: readonly ChainCall[],
  recordedAt: Date,
): Promise<void> {
  await insertCalls(transaction, calls, recordedAt);
}

/**
 * Signs what is due and hands every signed call that no node has yet to the node, lowest nonce first.
 *
 * Effects: nonce and signed bytes are committed before anything is sent, so that a call is never signed a second time
 *          under another nonce; a call that a node forgot is sent again as it is
 * Errors:  thrown CHAIN_UNAVAILABLE (retryable)
 */
export async function submitCalls(dependencies: SubmissionDependencies): Promise<number> {
  const { database, node, operator } = dependencies;
  const signer = operator.address.toLowerCase() as Address;
  const firstNonce = (await hasKey(database.drizzle, node.chainId, signer)) ? 0 : await node.nextNonce(signer);
  let signedCalls = 0;
  for (;;) {
    const gasPrice = await node.gasPrice();
    const signed = await inDatabaseTransaction(database, async (transaction) => {
      // The key's row first: whoever holds it is the only one to hand out nonces.
      const nextNonce = await lockKey(transaction, node.chainId, signer, firstNonce);
      const due = await lockDueCalls(transaction, CALLS_AT_ONCE, dependencies.machineClock.now());
      if (due.length === 0) return 0;
      const calls: SignedCall[] = [];
      for (const [index, call] of due.entries()) {
        const span = spanOf('sign chain call', call.traceContext, { callId: call.callId, kind: call.kind });
        calls.push(await inSpans(span, () => sign(dependencies, call, nextNonce + index, gasPrice)));
      }
      await saveSigned(transaction, calls, signer, dependencies.clock.now());
      await saveNextNonce(transaction, node.chainId, signer, nextNonce + due.length);
      return due.length;
    });
    signedCalls += signed;
    await sendSigned(dependencies, signer);
    if (signed < CALLS_AT_ONCE) return signedCalls;
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

async function sign(
  { node, operator, maximumFeePerGas }: SubmissionDependencies,
  call: CallToSign,
  nonce: number,
  gasPrice: bigint,
): Promise<SignedCall> {
  const raw = await signWith(operator, node.chainId)({ call, nonce, fees: firstFees(gasPrice, maximumFeePerGas) });
  return { callId: call.callId, nonce, raw, chainHash: keccak256(raw) };
}
