import { and, asc, desc, eq, gte, inArray, isNotNull, isNull, lte, or, sql } from 'drizzle-orm';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../ledger-service/platform/database.ts';
import type { Logger } from '../../ledger-service/platform/logging.ts';
import { inSpans, isTracing, type SpanDescription, traceContext } from '../../ledger-service/platform/tracing.ts';
import { type Shard, uuidFromMeaning } from '../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../ledger-service/vocabulary/time.ts';
import { outbox } from '../schema/platform.ts';
import { type PublishedEvent, recordEvents } from './events/record-events.ts';
import { insertRows, isOneOf } from './rows.ts';

/** Something that happened, in the past tense: `payment.captured`. Its payload is JSON, amounts as strings. */
export type DomainEvent = Readonly<{
  shard: Shard;
  topic: string;
  subject: string;
  /** What makes this event itself: the same meaning twice is one event. */
  meaning: readonly (string | number)[];
  payload: Readonly<Record<string, unknown>>;
  /** What the world is told of it, by webhook and in the event stream; none where it is our own affair. */
  published?: Readonly<{
    /** What it is numbered under, where that is not its subject: a payout under its payment. */
    subject?: string;
    /** The merchant whom it concerns; null: the intermediary alone. */
    ownerId: string | null;
    data: Readonly<Record<string, unknown>>;
  }>;
}>;

export type DueEvent = Readonly<{
  shard: Shard;
  eventId: string;
  topic: string;
  subject: string;
  payload: Readonly<Record<string, unknown>>;
  /** The trace of the request that led to it. */
  traceContext?: string | null;
}>;

/** Rings for a consumer, so that it looks for due rows; a lost ring costs time, never an event. */
export type Ring = (consumer: string) => void;

/** Rung when an event is on its way to somebody's endpoint. */
export const WEBHOOKS = 'webhooks';

const BATCH_SIZE = 64;
const FIRST_BACKOFF_MILLISECONDS = 200;
const LONGEST_BACKOFF_MILLISECONDS = 60_000;

export type OutboxDependencies = Readonly<{
  database: Database;
  /** The books' clock dates events; the machine's clock times attempts. */
  clock: Clock;
  machineClock: Clock;
  ring: Ring;
  logger: Logger;
  /** Who has to act on what; an event may concern fewer of them than its topic. */
  subscriptions: Readonly<Record<string, (payload: DomainEvent['payload']) => readonly string[]>>;
}>;

export class Outbox {
  readonly #dependencies: OutboxDependencies;
  /** Events that somebody's endpoint waits for. */
  readonly #awaited = new WeakSet<DomainEvent>();

  constructor(dependencies: OutboxDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Writes events in the caller's database transaction: a row for each consumer; and what is published, with a row for
   * each endpoint that wants it.
   *
   * Effects: the consumers are rung when the caller says that it has committed, see {@link ringFor}. Whoever publishes
   *          holds the lock of the subject
   */
  async emit(transaction: DatabaseTransaction, events: readonly DomainEvent[]): Promise<void> {
    const recordedAt = this.#dependencies.clock.now();
    const rows = events.flatMap((event, ordinal) =>
      this.#consumersOf(event).map((consumer) => ({
        shard: event.shard,
        consumer,
        eventId: eventIdOf(event),
        topic: event.topic,
        subject: event.subject,
        payload: event.payload,
        recordedAt,
        ordinal,
        attempts: 0,
        notBefore: null,
        lastError: null,
        traceContext: traceContext(event.subject),
        handledAt: null,
      })),
    );
    const [awaited] = await Promise.all([
      recordEvents(transaction, events.flatMap(publishedOf), {
        recordedAt,
        dueSince: this.#dependencies.machineClock.now(),
      }),
      insertRows(transaction, outbox, rows),
    ]);
    for (const event of events) if (awaited.has(eventIdOf(event))) this.#awaited.add(event);
  }

  /** Rings whoever acts on these events; called after the commit. */
  ringFor(events: readonly DomainEvent[]): void {
    for (const consumer of new Set(events.flatMap((event) => this.#consumersOf(event)))) {
      this.#dependencies.ring(consumer);
    }
    if (events.some((event) => this.#awaited.has(event))) this.#dependencies.ring(WEBHOOKS);
  }

  ring(consumer: string): void {
    this.#dependencies.ring(consumer);
  }

  /**
   * Handles every due event of one consumer, many in one database transaction; a batch that fails is done again one
   * by one, and an event that fails alone waits longer each time.
   *
   * Effects: those of `handle`, and the mark, together
   */
  async drain(
    consumer: string,
    handle: (transaction: DatabaseTransaction, events: readonly DueEvent[]) => Promise<void>,
  ): Promise<number> {
    let handled = 0;
    for (;;) {
      const found = await this.#handleBatch(consumer, BATCH_SIZE, handle).catch(() => undefined);
      if (found === undefined) {
        handled += await this.#handleOneByOne(consumer, handle);
        continue;
      }
      handled += found;
      if (found < BATCH_SIZE) return handled;
    }
  }

  /**
   * Like {@link drain} for work that leaves the process: `handle` runs outside any database transaction, for many events
   * at once, but those of one subject after each other.
   */
  async drainOutside(consumer: string, handle: (event: DueEvent) => Promise<void>): Promise<number> {
    let handled = 0;
    for (;;) {
      const due = await this.#findDue(this.#dependencies.database.drizzle, consumer, BATCH_SIZE, false);
      if (due.length === 0) return handled;
      for (const ofSubjects of inRounds(due)) {
        const done: DueEvent[] = [];
        await Promise.all(
          ofSubjects.map(async (event) => {
            try {
              await inSpans(spansOf(consumer, [event]), () => handle(event));
              done.push(event);
            } catch (error) {
              await this.#postpone(consumer, event, error);
            }
          }),
        );
        await this.#mark(this.#dependencies.database.drizzle, consumer, done);
        handled += done.length;
      }
    }
  }

  /** Everything that happened to some subjects, in order, with who has to act on it and whether that is done. */
  async eventsOf(shard: Shard, subjects: readonly string[]) {
    return this.#dependencies.database.drizzle
      .select({
        topic: outbox.topic,
        consumer: outbox.consumer,
        recordedAt: outbox.recordedAt,
        handledAt: outbox.handledAt,
        attempts: outbox.attempts,
        lastError: outbox.lastError,
      })
      .from(outbox)
      .where(and(eq(outbox.shard, shard), inArray(outbox.subject, [...subjects])))
      .orderBy(asc(outbox.recordedAt), asc(outbox.ordinal), asc(outbox.consumer));
  }

  /** How many events wait for each consumer. */
  async backlog(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.#dependencies.database.drizzle
      .select({ consumer: outbox.consumer, waiting: sql<number>`count(*)::int` })
      .from(outbox)
      .where(isNull(outbox.handledAt))
      .groupBy(outbox.consumer);
    return Object.fromEntries(rows.map(({ consumer, waiting }) => [consumer, waiting]));
  }

  /** The trace that led to the newest event of a subject, for work that is done for it without one. */
  async traceOf(transaction: DatabaseTransaction, shard: Shard, subject: string): Promise<string | null> {
    if (!isTracing()) return null;
    const [row] = await transaction
      .select({ traceContext: outbox.traceContext })
      .from(outbox)
      .where(and(eq(outbox.shard, shard), eq(outbox.subject, subject), isNotNull(outbox.traceContext)))
      .orderBy(desc(outbox.recordedAt), desc(outbox.ordinal))
      .limit(1);
    return row?.traceContext ?? null;
  }

  /** Events of one topic that a consumer has handled since a moment of the books, oldest first. */
  async handledSince(
    transaction: DatabaseTransaction,
    of: Readonly<{ consumer: string; topic: string; since: Date }>,
  ): Promise<readonly DueEvent[]> {
    const { consumer, topic, since } = of;
    const rows = await transaction
      .select({
        shard: outbox.shard,
        eventId: outbox.eventId,
        topic: outbox.topic,
        subject: outbox.subject,
        payload: outbox.payload,
      })
      .from(outbox)
      .where(
        and(
          eq(outbox.consumer, consumer),
          eq(outbox.topic, topic),
          gte(outbox.recordedAt, since),
          isNotNull(outbox.handledAt),
        ),
      )
      .orderBy(asc(outbox.shard), asc(outbox.recordedAt), asc(outbox.ordinal), asc(outbox.eventId));
    return rows as DueEvent[];
  }

  /** Makes handled events due again, in the caller's database transaction: their consumer can do more with them now. */
  async reopen(transaction: DatabaseTransaction, consumer: string, events: readonly DueEvent[]): Promise<void> {
    for (const [shard, ofShard] of Map.groupBy(events, (event) => event.shard)) {
      const eventIds = ofShard.map(({ eventId }) => eventId);
      await transaction
        .update(outbox)
        .set({ handledAt: null })
        .where(and(eq(outbox.shard, shard), eq(outbox.consumer, consumer), isOneOf(outbox.eventId, eventIds)));
    }
  }

  /** When the oldest event that still waits was recorded, by the books' clock. */
  async oldestWaiting(): Promise<Date | undefined> {
    const [row] = await this.#dependencies.database.drizzle
      .select({ recordedAt: sql<string | null>`min(${outbox.recordedAt})` })
      .from(outbox)
      .where(isNull(outbox.handledAt));
    return row?.recordedAt ? new Date(row.recordedAt) : undefined;
  }

  async #handleBatch(
    consumer: string,
    size: number,
    handle: (transaction: DatabaseTransaction, events: readonly DueEvent[]) => Promise<void>,
  ): Promise<number> {
    return inDatabaseTransaction(this.#dependencies.database, async (transaction) => {
      const due = await this.#findDue(transaction, consumer, size, true);
      if (due.length > 0) {
        await inSpans(spansOf(consumer, due), () => handle(transaction, due));
        await this.#mark(transaction, consumer, due);
      }
      return due.length;
    });
  }

  async #handleOneByOne(
    consumer: string,
    handle: (transaction: DatabaseTransaction, events: readonly DueEvent[]) => Promise<void>,
  ): Promise<number> {
    const due = await this.#findDue(this.#dependencies.database.drizzle, consumer, BATCH_SIZE, false);
    let handled = 0;
    for (const event of due) {
      try {
        await inDatabaseTransaction(this.#dependencies.database, async (transaction) => {
          const stillDue = await this.#lockIfDue(transaction, consumer, event.shard, event.eventId);
          if (!stillDue) return;
          await inSpans(spansOf(consumer, [event]), () => handle(transaction, [event]));
          await this.#mark(transaction, consumer, [event]);
          handled += 1;
        });
      } catch (error) {
        await this.#postpone(consumer, event, error);
      }
    }
    return handled;
  }

  async #findDue(
    reader: Database['drizzle'] | DatabaseTransaction,
    consumer: string,
    limit: number,
    lock: boolean,
  ): Promise<readonly DueEvent[]> {
    const query = reader
      .select({
        shard: outbox.shard,
        eventId: outbox.eventId,
        topic: outbox.topic,
        subject: outbox.subject,
        payload: outbox.payload,
        traceContext: outbox.traceContext,
      })
      .from(outbox)
      .where(
        and(
          eq(outbox.consumer, consumer),
          isNull(outbox.handledAt),
          or(isNull(outbox.notBefore), lte(outbox.notBefore, this.#dependencies.machineClock.now())),
        ),
      )
      .orderBy(asc(outbox.shard), asc(outbox.recordedAt), asc(outbox.ordinal), asc(outbox.eventId))
      .limit(limit);
    const rows = lock ? await query.for('update', { skipLocked: true }) : await query;
    return rows as DueEvent[];
  }

  async #lockIfDue(
    transaction: DatabaseTransaction,
    consumer: string,
    shard: Shard,
    eventId: string,
  ): Promise<boolean> {
    const rows = await transaction
      .select({ eventId: outbox.eventId })
      .from(outbox)
      .where(
        and(
          eq(outbox.shard, shard),
          eq(outbox.consumer, consumer),
          eq(outbox.eventId, eventId),
          isNull(outbox.handledAt),
        ),
      )
      .for('update', { skipLocked: true });
    return rows.length > 0;
  }

  async #mark(
    writer: Database['drizzle'] | DatabaseTransaction,
    consumer: string,
    events: readonly DueEvent[],
  ): Promise<void> {
    const handledAt = this.#dependencies.machineClock.now();
    for (const shard of new Set(events.map((event) => event.shard))) {
      const eventIds = events.filter((event) => event.shard === shard).map((event) => event.eventId);
      await writer
        .update(outbox)
        .set({ handledAt })
        .where(and(eq(outbox.shard, shard), eq(outbox.consumer, consumer), isOneOf(outbox.eventId, eventIds)));
    }
  }

  async #postpone(consumer: string, event: DueEvent, error: unknown): Promise<void> {
    const { database, machineClock, logger } = this.#dependencies;
    logger.warn({ event: 'outbox.postponed', consumer, topic: event.topic, subject: event.subject, err: error });
    const here = and(eq(outbox.shard, event.shard), eq(outbox.consumer, consumer), eq(outbox.eventId, event.eventId));
    const [row] = await database.drizzle.select({ attempts: outbox.attempts }).from(outbox).where(here);
    const attempts = Math.min((row?.attempts ?? 0) + 1, 1000);
    const backoff = Math.min(FIRST_BACKOFF_MILLISECONDS * 2 ** Math.min(attempts, 16), LONGEST_BACKOFF_MILLISECONDS);
    await database.drizzle
      .update(outbox)
      .set({
        attempts,
        notBefore: new Date(machineClock.now().getTime() + backoff),
        lastError: String(error instanceof Error ? error.message : error).slice(0, 500),
      })
      .where(here);
  }

  #consumersOf({ topic, payload }: DomainEvent): readonly string[] {
    const subscribers = this.#dependencies.subscriptions[topic];
    if (!subscribers) throw new Error(`Invariant broken: nobody has said who acts on ${topic}`);
    return subscribers(payload);
  }
}

function eventIdOf({ topic, subject, meaning }: DomainEvent): string {
  return uuidFromMeaning(topic, subject, ...meaning);
}

/** Handling an event goes on with the trace of whatever led to it, and what follows for a payment with that of its own. */
function spansOf(consumer: string, events: readonly DueEvent[]): readonly SpanDescription[] {
  return events.flatMap(({ topic, subject, traceContext: parent }): readonly SpanDescription[] =>
    parent ? [{ name: `${consumer} ${topic}`, kind: 'consumer', attributes: { subject }, parent, subject }] : [],
  );
}

function publishedOf(event: DomainEvent): readonly PublishedEvent[] {
  if (!event.published) return [];
  const { subject = event.subject, ownerId, data } = event.published;
  return [{ shard: event.shard, eventId: eventIdOf(event), type: event.topic, subject, ownerId, data }];
}

/** Rounds in which every subject stands once, each in the order of its events. */
function inRounds(events: readonly DueEvent[]): readonly (readonly DueEvent[])[] {
  const rounds: DueEvent[][] = [];
  const next = new Map<string, number>();
  for (const event of events) {
    const round = next.get(event.subject) ?? 0;
    next.set(event.subject, round + 1);
    const existing = rounds[round];
    if (existing) existing.push(event);
    else rounds[round] = [event];
  }
  return rounds;
}
