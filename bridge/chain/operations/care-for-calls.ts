import type { PrivateKeyAccount } from 'viem/accounts';
import { countStuck } from '../care-store.ts';
import type { Address } from '../domain.ts';
import { signWith } from '../signing.ts';
import { type RepairDependencies, type Repaired, repairNonces } from './repair-nonces.ts';
import { type Replaced, type ReplacementDependencies, replaceStuck } from './replace-stuck.ts';

/** What was done for calls that do not get on, and what stands in their way still. */
export type Care = Replaced & Repaired & Readonly<{ stuck: number }>;

const NOTHING = { replaced: 0, atMaximum: 0, reopened: 0, filled: 0, givenUp: 0 };

/**
 * Looks after calls of one key that are signed and do not get into a block: first nonces that block others, then prices.
 *
 * Errors: thrown CHAIN_UNAVAILABLE (retryable)
 */
export async function careForCalls(
  dependencies: RepairDependencies & ReplacementDependencies & Readonly<{ operator: PrivateKeyAccount }>,
): Promise<Care> {
  const { database, node, operator, machineClock, policy } = dependencies;
  const signer = operator.address.toLowerCase() as Address;
  const sentBefore = new Date(machineClock.now().getTime() - policy.stuckAfterMilliseconds);
  const stuck = await countStuck(database.drizzle, sentBefore);
  if (stuck === 0) return { ...NOTHING, stuck };
  const sign = signWith(operator, node.chainId);
  const repaired = await repairNonces(dependencies, signer, sign);
  const replaced = await replaceStuck(dependencies, signer, sign);
  return { ...repaired, ...replaced, stuck };
}
