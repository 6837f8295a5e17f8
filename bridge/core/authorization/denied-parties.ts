import type { Database } from '../../../ledger-service/platform/database.ts';
import { createGatherer } from '../../../ledger-service/platform/gatherer.ts';
import { readSetting, writeSetting } from '../../platform/settings.ts';
import type { Gate } from './gates.ts';

const SETTING = 'denied-parties';
const DEADLINE_MILLISECONDS = 1_000;

/** Names and wallet addresses that nothing may be authorized for. Replaces the list that was there. */
export async function denyParties(database: Database, parties: readonly string[]): Promise<void> {
  await writeSetting(database.drizzle, SETTING, parties.map(normalized));
}

/** Stops a payment whose payer, merchant, instrument or wallet is on the list; a list that cannot be read stops all. */
export function deniedPartiesGate(database: Database): Gate {
  // Payments that ask at the same moment share one look at the list.
  const list = createGatherer<undefined, ReadonlySet<string>>({
    work: async (askers) => {
      const denied = new Set((await readSetting(database.drizzle, SETTING)) as readonly string[] | undefined);
      return askers.map(() => denied);
    },
    largestBatch: 1_000,
    concurrentBatches: 2,
    isOneCommandsFault: () => false,
  });
  return {
    name: 'denied-parties',
    deadlineMilliseconds: DEADLINE_MILLISECONDS,
    async decide({ payerId, merchantId, instrumentId, payerAddress }) {
      const denied = await list.add(undefined);
      const asked = [payerId, merchantId, instrumentId, payerAddress ?? ''].map(normalized);
      const found = asked.some((party) => denied.has(party));
      return found ? { verdict: 'deny', code: 'PARTY_DENIED', reason: 'a party is denied' } : { verdict: 'allow' };
    },
  };
}

function normalized(party: string): string {
  return party.toLowerCase();
}
