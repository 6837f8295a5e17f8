import type { Database } from '../../../ledger-service/platform/database.ts';
import type { AssetRegistry } from '../../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import { EVERYTHING, type Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import { type Merchant, PARTICIPANT_NAME, type Participant } from './domain.ts';
import { insertParticipant, loadParticipant, loadParticipants, loadParticipantsById } from './store.ts';

type Dependencies = Readonly<{ database: Database; clock: Clock; assets: AssetRegistry }>;

/**
 * Registers an issuer, acquirer, merchant or payer; one that is registered already stays as it is.
 *
 * Errors: thrown FIELD_INVALID for a name that cannot stand in an account path, or a merchant that nobody can pay.
 */
export async function registerParticipant(dependencies: Dependencies, participant: Participant): Promise<void> {
  if (!PARTICIPANT_NAME.test(participant.participantId)) {
    throw new SettlementError('FIELD_INVALID', 'a name is a lower-case letter, then letters, digits and hyphens', {
      param: 'participantId',
    });
  }
  if (participant.kind === 'merchant') requirePayable(participant, dependencies.assets);
  await insertParticipant(dependencies.database.drizzle, participant, dependencies.clock.now());
}

/** Errors: thrown PARTICIPANT_UNKNOWN, also for a participant that is no merchant. */
export async function findMerchant(database: Database, shard: Shard, participantId: string): Promise<Merchant> {
  const participant = await loadParticipant(database.drizzle, shard, participantId);
  if (participant?.kind === 'merchant') return participant;
  throw unknownMerchant(participantId);
}

/** Many at once, each found or its own PARTICIPANT_UNKNOWN. */
export async function findMerchants(
  database: Database,
  shard: Shard,
  participantIds: readonly string[],
): Promise<readonly (Merchant | SettlementError)[]> {
  const found = await loadParticipantsById(database.drizzle, shard, [...new Set(participantIds)]);
  const byId = new Map(found.map((participant) => [participant.participantId, participant]));
  return participantIds.map((participantId) => {
    const participant = byId.get(participantId);
    return participant?.kind === 'merchant' ? participant : unknownMerchant(participantId);
  });
}

/** What kind of participant this is, if there is one of this name. */
export async function kindOfParticipant(
  database: Database,
  shard: Shard,
  participantId: string,
): Promise<Participant['kind'] | undefined> {
  return (await loadParticipant(database.drizzle, shard, participantId))?.kind;
}

/** Everyone; a participant sees itself. */
export async function listParticipants(
  database: Database,
  { participantId }: Viewer = EVERYTHING,
): Promise<readonly Participant[]> {
  const participants = await loadParticipants(database.drizzle);
  return participants.filter((one) => participantId === undefined || one.participantId === participantId);
}

function requirePayable(merchant: Merchant, assets: AssetRegistry): void {
  const isFiat = assets.get(merchant.payoutAsset).kind === 'fiat';
  if (isFiat === (merchant.acquirerId !== undefined) && isFiat === (merchant.address === undefined)) return;
  throw new SettlementError('FIELD_INVALID', 'a merchant has an acquirer for fiat, or an address for coins', {
    param: isFiat ? 'acquirerId' : 'address',
  });
}

export function unknownMerchant(participantId: string): SettlementError {
  return new SettlementError('PARTICIPANT_UNKNOWN', `${JSON.stringify(participantId)} is no merchant`, {
    merchantId: participantId,
  });
}
