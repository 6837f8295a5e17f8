import { sql } from 'drizzle-orm';
import type { DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';

/** What the world is told of something that happened: the view of it, and the merchant whom it concerns. */
export type PublishedEvent = Readonly<{
  shard: Shard;
  eventId: string;
  type: string;
  subject: string;
  /** None: the intermediary alone. */
  ownerId: string | null;
  data: Readonly<Record<string, unknown>>;
}>;

/**
 * Numbers events within their subject and puts them on their way to every endpoint that wants them, in one statement
 * whose text never changes.
 *
 * Effects: in the caller's database transaction, which holds the lock of each subject; two who did not would give one
 *          number twice, and the key refuses the second. An event that was recorded before changes nothing
 * Shape:   → the identifiers of the events that somebody waits for
 */
export async function recordEvents(
  transaction: DatabaseTransaction,
  published: readonly PublishedEvent[],
  moments: Readonly<{ recordedAt: Date; dueSince: Date }>,
): Promise<ReadonlySet<string>> {
  if (published.length === 0) return new Set();
  const given = published.map((event, ordinal) => ({
    ordinal,
    shard: event.shard,
    event_id: event.eventId,
    type: event.type,
    subject: event.subject,
    owner_id: event.ownerId,
    data: event.data,
  }));
  const recordedAt = moments.recordedAt.toISOString();
  const dueSince = moments.dueSince.toISOString();
  const awaited = await transaction.execute<{ event_id: string }>(sql`
    with given as (
      select * from jsonb_to_recordset(${JSON.stringify(given)}::jsonb)
        as x(ordinal integer, shard smallint, event_id text, type text, subject text, owner_id text, data jsonb)
    ), recorded as (
      insert into bridge.events (shard, subject, sequence, event_id, type, owner_id, data, recorded_at)
      select g.shard, g.subject,
        coalesce((select max(e.sequence) from bridge.events e where e.shard = g.shard and e.subject = g.subject), 0)
          + row_number() over (partition by g.shard, g.subject order by g.ordinal),
        g.event_id, g.type, g.owner_id, g.data, ${recordedAt}::timestamptz
      from given g
      where not exists (select from bridge.events e where e.shard = g.shard and e.event_id = g.event_id)
      returning shard, subject, sequence, event_id, type, owner_id, recorded_at
    )
    insert into bridge.webhook_deliveries
      (shard, endpoint_id, event_id, subject, sequence, state, attempts, recorded_at, due_since, not_before)
    select r.shard, w.endpoint_id, r.event_id, r.subject, r.sequence, 'due', 0, r.recorded_at,
      ${dueSince}::timestamptz, ${dueSince}::timestamptz
    from recorded r
    join bridge.webhook_endpoints w on w.shard = r.shard and w.state = 'enabled'
      and (w.owner_id is null or w.owner_id = r.owner_id)
      and (w.event_types = '{}' or r.type = any(w.event_types))
    on conflict do nothing
    returning event_id`);
  return new Set(awaited.map((row) => row.event_id));
}
