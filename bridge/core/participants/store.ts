import { and, asc, eq } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import { assertInvariant } from '../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { isOneOf } from '../../platform/rows.ts';
import { participants } from '../../schema/participants.ts';
import type { Participant } from './domain.ts';

type Reader = Database['drizzle'] | DatabaseTransaction;

export async function insertParticipant(writer: Reader, participant: Participant, recordedAt: Date): Promise<void> {
  const { kind, shard, participantId, displayName } = participant;
  const merchant = kind === 'merchant' ? participant : undefined;
  await writer
    .insert(participants)
    .values({
      shard,
      participantId,
      kind,
      displayName,
      payoutAsset: merchant?.payoutAsset ?? null,
      acquirerId: merchant?.acquirerId ?? null,
      address: merchant?.address ?? null,
      merchantFeeBasisPoints: merchant?.merchantFeeBasisPoints ?? 0,
      recordedAt,
    })
    .onConflictDoNothing();
}

export async function loadParticipant(
  reader: Reader,
  shard: Shard,
  participantId: string,
): Promise<Participant | undefined> {
  const [row] = await reader
    .select()
    .from(participants)
    .where(and(eq(participants.shard, shard), eq(participants.participantId, participantId)));
  return row && fromRow(row);
}

export async function loadParticipantsById(
  reader: Reader,
  shard: Shard,
  participantIds: readonly string[],
): Promise<readonly Participant[]> {
  const rows = await reader
    .select()
    .from(participants)
    .where(and(eq(participants.shard, shard), isOneOf(participants.participantId, participantIds)));
  return rows.map(fromRow);
}

export async function loadParticipants(reader: Reader): Promise<readonly Participant[]> {
  const rows = await reader
    .select()
    .from(participants)
    .orderBy(asc(participants.shard), asc(participants.participantId));
  return rows.map(fromRow);
}

function fromRow(row: typeof participants.$inferSelect): Participant {
  const { shard, participantId, displayName, kind } = row;
  if (kind !== 'merchant') return { kind, shard, participantId, displayName };
  assertInvariant(row.payoutAsset !== null, `merchant ${participantId} is paid in something`);
  return {
    kind,
    shard,
    participantId,
    displayName,
    payoutAsset: row.payoutAsset,
    ...(row.acquirerId ? { acquirerId: row.acquirerId } : {}),
    ...(row.address ? { address: row.address as `0x${string}` } : {}),
    merchantFeeBasisPoints: row.merchantFeeBasisPoints,
  };
}
