import { and, asc, eq, gt, sql } from 'drizzle-orm';
import type { Database } from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Timers } from '../../../ledger-service/vocabulary/time.ts';
import { events } from '../../schema/webhooks.ts';

export type StoredEvent = typeof events.$inferSelect;

/** What a reader of a stream gets: an event, or nothing for a while, so that the line is kept open. */
export type Item = Readonly<{ kind: 'event'; event: StoredEvent } | { kind: 'heartbeat' }>;

type Follower = {
  readonly shard: Shard;
  readonly subject: string;
  after: number;
  readonly ready: StoredEvent[];
  wake(): void;
};

const MOST_FOLLOWERS = 1_000;
const POLL_MILLISECONDS = 250;
const EVENTS_AT_ONCE = 500;

/** A page of a subject's events, in their order. */
export async function loadEvents(
  database: Database,
  of: Readonly<{ shard: Shard; subject: string }>,
  after: number,
  limit: number,
): Promise<readonly StoredEvent[]> {
  return database.drizzle
    .select()
    .from(events)
    .where(and(eq(events.shard, of.shard), eq(events.subject, of.subject), gt(events.sequence, after)))
    .orderBy(asc(events.sequence))
    .limit(limit);
}

/**
 * Follows subjects for many readers with one statement for all of them, four times a second while somebody reads.
 *
 * A reader that is slow holds nobody up and keeps little: it is asked for more only when it has taken what it had.
 */
export class EventStream {
  readonly #dependencies: Readonly<{ database: Database; timers: Timers; logger: Logger }>;
  readonly #followers = new Set<Follower>();
  readonly #closing = new AbortController();
  #polling: Promise<void> | undefined;

  constructor(dependencies: Readonly<{ database: Database; timers: Timers; logger: Logger }>) {
    this.#dependencies = dependencies;
  }

  /**
   * The events of a subject after a number, as they come, until `signal`, the time given, or {@link close} ends it.
   *
   * Errors: thrown EVENT_STREAMS_EXHAUSTED, before anything is given
   */
  follow(
    of: Readonly<{ shard: Shard; subject: string; after: number }>,
    signal: AbortSignal,
    span: Readonly<{ heartbeatMilliseconds: number; forMilliseconds: number }>,
  ): AsyncIterable<Item> {
    if (this.#closing.signal.aborted || this.#followers.size >= MOST_FOLLOWERS) {
      throw new SettlementError('EVENT_STREAMS_EXHAUSTED', 'this process opens no more streams', {
        maximum: MOST_FOLLOWERS,
      });
    }
    let wake = () => {};
    const follower: Follower = { ...of, ready: [], wake: () => wake() };
    this.#followers.add(follower);
    this.#startPolling();
    const { timers } = this.#dependencies;
    const followers = this.#followers;
    const over = new AbortController();
    const ends = AbortSignal.any([signal, this.#closing.signal, over.signal]);
    timers.wait(span.forMilliseconds, ends).then(
      () => over.abort(),
      () => {},
    );
    ends.addEventListener('abort', () => followers.delete(follower), { once: true });
    return (async function* () {
      try {
        while (!ends.aborted) {
          const event = follower.ready.shift();
          if (event) {
            yield { kind: 'event' as const, event };
            continue;
          }
          const woken = new AbortController();
          wake = () => woken.abort();
          // Whatever comes first: an event, the end, or time for a sign of life.
          const isQuiet = await timers.wait(span.heartbeatMilliseconds, AbortSignal.any([ends, woken.signal])).then(
            () => true,
            () => false,
          );
          if (isQuiet) yield { kind: 'heartbeat' as const };
        }
      } finally {
        over.abort();
      }
    })();
  }

  /** Ends every stream. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#polling;
  }

  #startPolling(): void {
    this.#polling ??= this.#poll().finally(() => {
      this.#polling = undefined;
      // Who came after the last look and before this line.
      if (this.#followers.size > 0 && !this.#closing.signal.aborted) this.#startPolling();
    });
  }

  async #poll(): Promise<void> {
    const { timers, logger } = this.#dependencies;
    while (this.#followers.size > 0 && !this.#closing.signal.aborted) {
      await this.#read().catch((error: unknown) => logger.warn({ event: 'eventStream.unread', err: error }));
      await timers.wait(POLL_MILLISECONDS, this.#closing.signal).catch(() => {});
    }
  }

  async #read(): Promise<void> {
    const waiting = [...this.#followers].filter(({ ready }) => ready.length === 0);
    if (waiting.length === 0) return;
    const asked = waiting.map(({ shard, subject, after }, reader) => ({ reader, shard, subject, after }));
    const rows = await this.#dependencies.database.drizzle.execute<{
      reader: number;
      shard: number;
      subject: string;
      sequence: number;
      event_id: string;
      type: string;
      owner_id: string | null;
      data: unknown;
      recorded_at: string;
    }>(sql`
      select a.reader, e.* from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb)
        as a(reader integer, shard smallint, subject text, after integer)
      cross join lateral (
        select e.* from bridge.events e
        where e.shard = a.shard and e.subject = a.subject and e.sequence > a.after
        order by e.sequence limit ${EVENTS_AT_ONCE}) e
      order by a.reader, e.sequence`);
    for (const row of rows) {
      const follower = waiting[row.reader]!;
      follower.after = row.sequence;
      follower.ready.push({
        shard: row.shard,
        subject: row.subject,
        sequence: row.sequence,
        eventId: row.event_id,
        type: row.type,
        ownerId: row.owner_id,
        data: row.data,
        recordedAt: new Date(row.recorded_at),
      });
      follower.wake();
    }
  }
}
