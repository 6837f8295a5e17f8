import { countStuck } from '../care-store.ts';
import { type CallSigner, signOneBy } from '../signing.ts';
import { type RepairDependencies, type Repaired, repairNonces } from './repair-nonces.ts';
import { type Replaced, type ReplacementDependencies, replaceStuck } from './replace-stuck.ts';

/** What was done for calls that do not get on, and what stands in their way still. */
export type Care = Replaced & Repaired & Readonly<{ stuck: number }>;

const NOTHING = { replaced: 0, atMaximum: 0, reopened: 0, filled: 0, givenUp: 0 };

/**
 * Looks after calls that are signed and do not get into a block: first nonces that block others, then prices.
 *
 * Errors: thrown CHAIN_UNAVAILABLE (retryable)
 */
export async function careForCalls(
  dependencies: RepairDependencies & ReplacementDependencies & Readonly<{ signer: CallSigner }>,
): Promise<Care> {
  const { database, signer, machineClock, policy, logger } = dependencies;
  const sentBefore = new Date(machineClock.now().getTime() - policy.stuckAfterMilliseconds);
  const stuck = await countStuck(database.drizzle, sentBefore);
  if (stuck === 0) return { ...NOTHING, stuck };
  const care = { ...NOTHING, stuck };
  for (const key of await signer.keys()) {
    const sign = signOneBy(signer, key, logger);
    const repaired = await repairNonces(dependencies, key, sign);
    const replaced = await replaceStuck(dependencies, key, sign);
    for (const [kind, times] of Object.entries({ ...repaired, ...replaced }))
      care[kind as keyof typeof NOTHING] += times;
  }
  return care;
}
