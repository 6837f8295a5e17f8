import { type ConnectionOptions, createPostgresBackend, Queue, Worker } from 'bullmq';
import type { Logger } from '../../ledger-service/platform/logging.ts';
import type { Timers } from '../../ledger-service/vocabulary/time.ts';

/** What happens when a consumer is rung: it looks for due rows and works on them until there are none. */
export type Answer = () => Promise<unknown>;

/** A queue as a doorbell: jobs carry nothing, since the truth is in Postgres. */
export interface Doorbells {
  ring(consumer: string): void;
  /** Resolves once every consumer listens. */
  start(answers: Readonly<Record<string, Answer>>): Promise<void>;
  /** Resolves when the queue's storage answers. */
  probe?(): Promise<void>;
  close(): Promise<void>;
}

const PROBED = 'probe';

export type DoorbellOptions = Readonly<{
  databaseUrl: string;
  redisUrl?: string | undefined;
  timers: Timers;
  logger: Logger;
}>;

const LOCK_MILLISECONDS = 5_000;
const STALLED_INTERVAL_MILLISECONDS = 2_000;
const SWEEP_MILLISECONDS = 1_000;
const GATHER_MILLISECONDS = 5;
/** A job costs the database more than a look at due rows, so one consumer is rung at most ten times a second. */
const QUIET_MILLISECONDS = 95;
const ERROR_SAID_EVERY_MILLISECONDS = 5_000;

/**
 * Doorbells on BullMQ: on Postgres by default, on Redis where a URL is given.
 *
 * Rings that come together are one job: the first is heard at once, those of the next tenth of a second by one more job
 * at its end. A sweeper rings every consumer each second, so that a lost, doubled or late
 * job changes nothing but time.
 */
export function createDoorbells(options: DoorbellOptions): Doorbells {
  const queues = new Map<string, Queue>();
  const workers: Worker[] = [];
  /** Consumers that are being rung or were just now; true where they have to be rung again. */
  const resting = new Map<string, boolean>();
  const stopping = new AbortController();
  let sweeping: Promise<void> = Promise.resolve();

  const ring = (consumer: string) => {
    if (stopping.signal.aborted) return;
    const isResting = resting.has(consumer);
    resting.set(consumer, isResting);
    if (!isResting) void ringUntilQuiet(consumer);
  };

  const ringUntilQuiet = async (consumer: string) => {
    // A process that only rings has no answers; its queues are opened when they are first needed.
    if (!queues.has(consumer)) queues.set(consumer, openQueue(options, consumer));
    try {
      do {
        await options.timers.wait(GATHER_MILLISECONDS, stopping.signal);
        resting.set(consumer, false);
        await queues.get(consumer)?.add('ring', {}, { removeOnComplete: true, removeOnFail: true });
        await options.timers.wait(QUIET_MILLISECONDS, stopping.signal);
      } while (resting.get(consumer));
    } catch (error) {
      if (!stopping.signal.aborted) options.logger.warn({ event: 'doorbell.unheard', consumer, err: error });
    }
    resting.delete(consumer);
  };

  return {
    ring,
    async start(answers) {
      for (const [consumer, answer] of Object.entries(answers)) {
        if (!queues.has(consumer)) queues.set(consumer, openQueue(options, consumer));
        workers.push(openWorker(options, consumer, answer));
      }
      await Promise.all([...queues.values(), ...workers].map((part) => part.waitUntilReady()));
      sweeping = sweep(Object.keys(answers), ring, options.timers, stopping.signal);
    },
    async probe() {
      if (!queues.has(PROBED)) queues.set(PROBED, openQueue(options, PROBED));
      await queues.get(PROBED)?.getJobCounts('waiting');
    },
    async close() {
      stopping.abort();
      await sweeping;
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

async function sweep(
  consumers: readonly string[],
  ring: (consumer: string) => void,
  timers: Timers,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for (const consumer of consumers) ring(consumer);
    await timers.wait(SWEEP_MILLISECONDS, signal).catch(() => {});
  }
}

/**
 * Its own hash tag for each queue, so that a Redis Cluster may put each on another node; with the name of the books in
 * it, so that two installations may share a Redis.
 */
function prefixOf(options: DoorbellOptions, consumer: string): string {
  return `{${new URL(options.databaseUrl).pathname.slice(1)}-${consumer}}`;
}

function openQueue(options: DoorbellOptions, consumer: string): Queue {
  const queue = options.redisUrl
    ? new Queue(consumer, { connection: redisConnection(options.redisUrl), prefix: prefixOf(options, consumer) })
    : (new Queue(consumer, { connection: postgresConnection(options) }, createPostgresBackend) as unknown as Queue);
  queue.on('error', (error) => options.logger.warn({ event: 'queue.error', consumer, err: error }));
  return queue;
}

function openWorker(options: DoorbellOptions, consumer: string, answer: Answer): Worker {
  const settings = {
    concurrency: 1,
    lockDuration: LOCK_MILLISECONDS,
    stalledInterval: STALLED_INTERVAL_MILLISECONDS,
    // A worker that is killed twice must not lose the job; the sweeper would ring again, but later.
    maxStalledCount: 1_000,
  };
  const work = async () => {
    await answer();
  };
  const worker = options.redisUrl
    ? new Worker(consumer, work, {
        ...settings,
        connection: redisConnection(options.redisUrl),
        prefix: prefixOf(options, consumer),
      })
    : (new Worker(
        consumer,
        work,
        { ...settings, connection: postgresConnection(options) },
        createPostgresBackend,
      ) as unknown as Worker);
  let isSaid = false;
  worker.on('error', (error) => {
    // While its server is away a worker asks hundreds of times a second, and fails each time.
    if (isSaid) return;
    isSaid = true;
    options.logger.warn({ event: 'worker.error', consumer, err: error });
    void options.timers.wait(ERROR_SAID_EVERY_MILLISECONDS).then(() => {
      isSaid = false;
    });
  });
  worker.on('failed', (_job, error) => options.logger.error({ event: 'worker.failed', consumer, err: error }));
  return worker;
}

function postgresConnection(options: DoorbellOptions) {
  return { connectionString: options.databaseUrl, schema: 'bullmq', migrate: true, max: 3 };
}

function redisConnection(url: string): ConnectionOptions {
  return { url, maxRetriesPerRequest: null };
}
