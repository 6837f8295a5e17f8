import { keccak256 } from 'viem';
import { type Database, inDatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import type { CarePolicy } from '../care-policy.ts';
import {
  insertForm,
  loadForms,
  loadIncluded,
  loadNewestForm,
  loadWaiting,
  lockSigned,
  type SignedForm,
} from '../care-store.ts';
import type { Address } from '../domain.ts';
import { feesOfRaw, replacementFees } from '../fees.ts';
import type { ChainNode } from '../node.ts';
import type { SignChainCall } from '../signing.ts';
import { loadHighestFinalBlock } from '../store.ts';

export type ReplacementDependencies = Readonly<{
  database: Database;
  node: ChainNode;
  clock: Clock;
  machineClock: Clock;
  logger: Logger;
  policy: CarePolicy;
}>;

export type Replaced = Readonly<{ replaced: number; atMaximum: number }>;

/** A node holds so many of one sender at least; those behind them wait for these anyway. */
const CALLS_AT_ONCE = 16;

/**
 * Signs calls that are stuck anew, under the same nonce and for more.
 *
 * Shape:   → how many were replaced, and how many would have to offer more than the maximum
 * Effects: another signed form beside those before it, to be sent by whoever sends; whichever is mined concludes the
 *          call. It is committed before it is sent, and dropped when another worker was faster
 * Errors:  thrown CHAIN_UNAVAILABLE (retryable)
 */
export async function replaceStuck(
  dependencies: ReplacementDependencies,
  signer: Address,
  sign: SignChainCall,
): Promise<Replaced> {
  const { database, node, machineClock, policy } = dependencies;
  const now = machineClock.now();
  const sentBefore = new Date(now.getTime() - policy.stuckAfterMilliseconds);
  const waiting = await loadWaiting(database.drizzle, signer, sentBefore, CALLS_AT_ONCE);
  if (waiting.length === 0) return { replaced: 0, atMaximum: 0 };
  const stuck = await withoutIncluded(dependencies, waiting);
  if (stuck.length === 0) return { replaced: 0, atMaximum: 0 };
  const gasPrice = await node.gasPrice();
  let replaced = 0;
  let atMaximum = 0;
  for (const form of stuck) {
    if (!isWorthReplacing(form, gasPrice, now, policy)) continue;
    const outcome = await replace(dependencies, form, gasPrice, sign);
    if (outcome === 'replaced') replaced += 1;
    if (outcome === 'atMaximum') atMaximum += 1;
  }
  return { replaced, atMaximum };
}

/** What is in a block already only waits to be final. */
async function withoutIncluded(
  { database, node }: ReplacementDependencies,
  waiting: readonly SignedForm[],
): Promise<readonly SignedForm[]> {
  const forms = await loadForms(
    database.drizzle,
    waiting.map(({ call }) => call.callId),
  );
  const final = await loadHighestFinalBlock(database.drizzle, node.chainId);
  const hashes = forms.map(({ chainHash }) => chainHash);
  const included = await loadIncluded(database.drizzle, node.chainId, hashes, final?.height ?? -1);
  const concluded = new Set(forms.filter(({ chainHash }) => included.has(chainHash)).map(({ callId }) => callId));
  return waiting.filter(({ call }) => !concluded.has(call.callId));
}

function isWorthReplacing(
  { submission }: SignedForm,
  gasPrice: bigint,
  now: Date,
  { stuckAfterMilliseconds, replacedAnywayAfterWaits }: CarePolicy,
): boolean {
  if (gasPrice > feesOfRaw(submission.raw).maxFeePerGas) return true;
  const waited = now.getTime() - submission.firstSentAt!.getTime();
  return waited >= stuckAfterMilliseconds * replacedAnywayAfterWaits;
}

async function replace(
  { database, clock, logger, policy }: ReplacementDependencies,
  { call, submission }: SignedForm,
  gasPrice: bigint,
  sign: SignChainCall,
): Promise<'replaced' | 'atMaximum' | 'overtaken' | 'refused'> {
  const { callId, kind, subject } = call;
  const offered = feesOfRaw(submission.raw);
  const fees = replacementFees(offered, gasPrice, policy.maximumFeePerGas);
  const nonce = call.nonce!;
  if (!fees) {
    const maximum = policy.maximumFeePerGas.toString();
    logger.error({ event: 'chain.feeAtMaximum', callId, kind, subject, nonce, gasPrice: gasPrice.toString(), maximum });
    return 'atMaximum';
  }
  const raw = await sign({ call, nonce, fees, replaces: true });
  if (!raw) return 'refused';
  const form = { callId, raw, chainHash: keccak256(raw), signedAt: clock.now(), attempt: submission.attempt + 1 };
  const isOurs = await inDatabaseTransaction(database, async (transaction) => {
    const locked = await lockSigned(transaction, callId, nonce);
    const newest = locked && (await loadNewestForm(transaction, callId));
    if (newest?.chainHash !== submission.chainHash) return false;
    await insertForm(transaction, form);
    return true;
  });
  if (!isOurs) return 'overtaken';
  const maxFeePerGas = fees.maxFeePerGas.toString();
  logger.warn({ event: 'chain.callReplaced', callId, kind, subject, nonce, attempt: form.attempt, maxFeePerGas });
  return 'replaced';
}
