import { and, asc, desc, eq, gt, lt, or, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { events, webhookDeliveries, webhookEndpoints } from '../../../schema/webhooks.ts';
import { sqlArray } from '../../rows.ts';
import type { EndpointRow } from './endpoints.ts';

export type DeliveryRow = typeof webhookDeliveries.$inferSelect;
export type EventRow = typeof events.$inferSelect;
type Reader = Database['drizzle'] | DatabaseTransaction;
type Endpoint = Pick<EndpointRow, 'shard' | 'endpointId'>;

/** When a delivery of a disabled endpoint is looked at again: not before it is enabled. */
export const PARKED = new Date('9999-01-01T00:00:00Z');

export type Claimed = Readonly<{
  shard: Shard;
  endpointId: string;
  eventId: string;
  subject: string;
  sequence: number;
  attempts: number;
  dueSince: Date;
}>;

/**
 * Takes due deliveries for whoever sends them now: until `leaseUntil` nobody else does. A delivery waits for those of
 * its endpoint and subject with a lower number; a busy endpoint's wait too.
 */
export async function claimDue(
  database: Database,
  claim: Readonly<{ now: Date; leaseUntil: Date; limit: number; busy: readonly string[] }>,
): Promise<readonly Claimed[]> {
  const now = claim.now.toISOString();
  const rows = await database.drizzle.execute<{
    shard: number;
    endpoint_id: string;
    event_id: string;
    subject: string;
    sequence: number;
    attempts: number;
    due_since: string;
  }>(sql`
    with due as (
      select d.shard, d.endpoint_id, d.event_id
      from bridge.webhook_deliveries d
      join bridge.webhook_endpoints w on w.shard = d.shard and w.endpoint_id = d.endpoint_id and w.state = 'enabled'
      where d.state = 'due' and d.not_before <= ${now}::timestamptz
        and d.endpoint_id <> all(${sqlArray(claim.busy)})
        and not exists (
          select from bridge.webhook_deliveries p
          where p.shard = d.shard and p.endpoint_id = d.endpoint_id and p.subject = d.subject
            and p.sequence < d.sequence and p.state = 'due')
      order by d.not_before, d.sequence, d.event_id
      limit ${claim.limit}
      for update of d skip locked
    )
    update bridge.webhook_deliveries d
    set attempts = d.attempts + 1, not_before = ${claim.leaseUntil.toISOString()}::timestamptz,
      last_attempt_at = ${now}::timestamptz
    from due where d.shard = due.shard and d.endpoint_id = due.endpoint_id and d.event_id = due.event_id
    returning d.shard, d.endpoint_id, d.event_id, d.subject, d.sequence, d.attempts, d.due_since`);
  return rows.map((row) => ({
    shard: row.shard,
    endpointId: row.endpoint_id,
    eventId: row.event_id,
    subject: row.subject,
    sequence: row.sequence,
    attempts: row.attempts,
    dueSince: new Date(row.due_since),
  }));
}

/** What a claimed delivery says, and where to: undefined when its endpoint is not enabled any more. */
export async function loadClaimed(
  reader: Reader,
  claimed: Claimed,
): Promise<Readonly<{ url: string; event: EventRow }> | undefined> {
  const [row] = await reader
    .select({ url: webhookEndpoints.url, event: events })
    .from(webhookEndpoints)
    .innerJoin(events, and(eq(events.shard, webhookEndpoints.shard), eq(events.eventId, claimed.eventId)))
    .where(
      and(
        eq(webhookEndpoints.shard, claimed.shard),
        eq(webhookEndpoints.endpointId, claimed.endpointId),
        eq(webhookEndpoints.state, 'enabled'),
      ),
    );
  return row;
}

/** Writes what became of an attempt, unless another one was begun since. False when that was so. */
export async function saveAttempt(
  transaction: DatabaseTransaction,
  claimed: Claimed,
  change: Partial<DeliveryRow>,
): Promise<boolean> {
  const changed = await transaction
    .update(webhookDeliveries)
    .set(change)
    .where(
      and(
        eq(webhookDeliveries.shard, claimed.shard),
        eq(webhookDeliveries.endpointId, claimed.endpointId),
        eq(webhookDeliveries.eventId, claimed.eventId),
        eq(webhookDeliveries.state, 'due'),
        eq(webhookDeliveries.attempts, claimed.attempts),
      ),
    )
    .returning({ eventId: webhookDeliveries.eventId });
  return changed.length > 0;
}

/** Whoever waits for a delivery that waits need not be looked at before it. */
export async function holdBackFollowers(
  transaction: DatabaseTransaction,
  claimed: Claimed,
  until: Date,
): Promise<void> {
  await transaction
    .update(webhookDeliveries)
    .set({ notBefore: until })
    .where(
      and(
        eq(webhookDeliveries.shard, claimed.shard),
        eq(webhookDeliveries.endpointId, claimed.endpointId),
        eq(webhookDeliveries.subject, claimed.subject),
        eq(webhookDeliveries.state, 'due'),
        gt(webhookDeliveries.sequence, claimed.sequence),
        lt(webhookDeliveries.notBefore, until),
      ),
    );
}

/** Changes every delivery of an endpoint that is still due. */
export async function saveDueOf(
  transaction: DatabaseTransaction,
  { shard, endpointId }: Endpoint,
  change: Partial<DeliveryRow>,
): Promise<void> {
  await transaction
    .update(webhookDeliveries)
    .set(change)
    .where(
      and(
        eq(webhookDeliveries.shard, shard),
        eq(webhookDeliveries.endpointId, endpointId),
        eq(webhookDeliveries.state, 'due'),
      ),
    );
}

export type DeliveryCursor = Readonly<{ recordedAt: Date; eventId: string }>;

/** Newest first, with the type of each event. */
export async function loadDeliveries(
  reader: Reader,
  { shard, endpointId }: Endpoint,
  filter: Readonly<{ state?: DeliveryRow['state'] | undefined }>,
  after: DeliveryCursor | undefined,
  limit: number,
) {
  return reader
    .select({ delivery: webhookDeliveries, type: events.type })
    .from(webhookDeliveries)
    .innerJoin(events, and(eq(events.shard, webhookDeliveries.shard), eq(events.eventId, webhookDeliveries.eventId)))
    .where(
      and(
        eq(webhookDeliveries.shard, shard),
        eq(webhookDeliveries.endpointId, endpointId),
        filter.state ? eq(webhookDeliveries.state, filter.state) : undefined,
        after
          ? or(
              lt(webhookDeliveries.recordedAt, after.recordedAt),
              and(eq(webhookDeliveries.recordedAt, after.recordedAt), lt(webhookDeliveries.eventId, after.eventId)),
            )
          : undefined,
      ),
    )
    .orderBy(desc(webhookDeliveries.recordedAt), desc(webhookDeliveries.eventId))
    .limit(limit);
}

/** Which events to send again: one, a span of the books' time, or a span of one subject's numbers. */
export type EventRange = Readonly<
  { eventId: string } | { from: Date; to: Date } | { subject: string; fromSequence: number; toSequence: number }
>;

/** Events of a range that an endpoint may see; of a span only the types that it wants. */
export async function loadEventsFor(
  reader: Reader,
  endpoint: EndpointRow,
  range: EventRange,
  limit: number,
): Promise<readonly EventRow[]> {
  const isSpan = !('eventId' in range);
  return reader
    .select()
    .from(events)
    .where(
      and(
        eq(events.shard, endpoint.shard),
        endpoint.ownerId === null ? undefined : eq(events.ownerId, endpoint.ownerId),
        isSpan && endpoint.eventTypes.length > 0
          ? sql`${events.type} = any(${sqlArray(endpoint.eventTypes)})`
          : undefined,
        inRange(range),
      ),
    )
    .orderBy(asc(events.recordedAt), asc(events.subject), asc(events.sequence))
    .limit(limit);
}

function inRange(range: EventRange) {
  if ('eventId' in range) return eq(events.eventId, range.eventId);
  if ('subject' in range) {
    const { subject, fromSequence, toSequence } = range;
    return and(eq(events.subject, subject), sql`${events.sequence} between ${fromSequence} and ${toSequence}`);
  }
  const [from, to] = [range.from.toISOString(), range.to.toISOString()];
  return sql`${events.recordedAt} >= ${from}::timestamptz and ${events.recordedAt} < ${to}::timestamptz`;
}

/** Makes deliveries due that are not; those that are due already stay as they are. → how many were made due */
export async function makeDue(
  transaction: DatabaseTransaction,
  { shard, endpointId }: Endpoint,
  found: readonly EventRow[],
  now: Date,
): Promise<number> {
  if (found.length === 0) return 0;
  const made = await transaction
    .insert(webhookDeliveries)
    .values(
      found.map((event) => ({
        shard,
        endpointId,
        eventId: event.eventId,
        subject: event.subject,
        sequence: event.sequence,
        state: 'due' as const,
        attempts: 0,
        recordedAt: event.recordedAt,
        dueSince: now,
        notBefore: now,
      })),
    )
    .onConflictDoUpdate({
      target: [webhookDeliveries.shard, webhookDeliveries.endpointId, webhookDeliveries.eventId],
      set: {
        state: 'due',
        attempts: 0,
        dueSince: now,
        notBefore: now,
        lastStatus: null,
        lastFailure: null,
        endedAt: null,
      },
      setWhere: sql`${webhookDeliveries.state} <> 'due'`,
    })
    .returning({ eventId: webhookDeliveries.eventId });
  return made.length;
}
