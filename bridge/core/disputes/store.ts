import { and, asc, desc, eq, gt, isNotNull, lt, lte, or } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import type { Cursor } from '../../platform/cursor.ts';
import { disputeEvidence, disputes } from '../../schema/disputes.ts';

export type DisputeRow = typeof disputes.$inferSelect;
export type EvidenceRow = typeof disputeEvidence.$inferSelect;
type Reader = Database['drizzle'] | DatabaseTransaction;

export async function insertDispute(transaction: DatabaseTransaction, row: DisputeRow): Promise<void> {
  await transaction.insert(disputes).values(row);
}

export async function loadDispute(reader: Reader, shard: Shard, disputeId: string): Promise<DisputeRow | undefined> {
  const [row] = await reader.select().from(disputes).where(sameDispute(shard, disputeId));
  return row;
}

export async function saveDispute(
  transaction: DatabaseTransaction,
  { shard, disputeId }: Pick<DisputeRow, 'shard' | 'disputeId'>,
  change: Partial<DisputeRow>,
): Promise<void> {
  await transaction.update(disputes).set(change).where(sameDispute(shard, disputeId));
}

export async function loadDueDisputes(reader: Reader, now: Date, limit: number): Promise<readonly DisputeRow[]> {
  return reader
    .select()
    .from(disputes)
    .where(and(isNotNull(disputes.dueAt), lte(disputes.dueAt, now)))
    .orderBy(asc(disputes.dueAt), asc(disputes.disputeId))
    .limit(limit);
}

/** Newest first; a participant's own alone. */
export async function loadDisputes(
  reader: Reader,
  filter: Readonly<{
    shard: Shard;
    paymentId?: string | undefined;
    state?: DisputeRow['state'] | undefined;
    viewer: Viewer;
  }>,
  cursor: Cursor | undefined,
  limit: number,
): Promise<readonly DisputeRow[]> {
  const { participantId } = filter.viewer;
  return reader
    .select()
    .from(disputes)
    .where(
      and(
        eq(disputes.shard, filter.shard),
        filter.paymentId ? eq(disputes.paymentId, filter.paymentId) : undefined,
        filter.state ? eq(disputes.state, filter.state) : undefined,
        participantId === undefined
          ? undefined
          : or(
              eq(disputes.merchantId, participantId),
              eq(disputes.issuerId, participantId),
              eq(disputes.acquirerId, participantId),
            ),
        cursor
          ? or(
              lt(disputes.openedAt, cursor.recordedAt),
              and(eq(disputes.openedAt, cursor.recordedAt), gt(disputes.disputeId, cursor.identifier)),
            )
          : undefined,
      ),
    )
    .orderBy(desc(disputes.openedAt), asc(disputes.disputeId))
    .limit(limit);
}

export async function insertEvidence(transaction: DatabaseTransaction, row: EvidenceRow): Promise<void> {
  await transaction.insert(disputeEvidence).values(row);
}

export async function loadEvidence(reader: Reader, shard: Shard, disputeId: string): Promise<readonly EvidenceRow[]> {
  return reader
    .select()
    .from(disputeEvidence)
    .where(and(eq(disputeEvidence.shard, shard), eq(disputeEvidence.disputeId, disputeId)))
    .orderBy(asc(disputeEvidence.number));
}

function sameDispute(shard: Shard, disputeId: string) {
  return and(eq(disputes.shard, shard), eq(disputes.disputeId, disputeId));
}
