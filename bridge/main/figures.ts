import { sql } from 'drizzle-orm';
import { lastObservedBlock } from '../chain/operations/observe-chain.ts';
import { listPoorKeys } from '../chain/operations/send-signed.ts';
import { countWaitingCalls } from '../chain/operations/submit-calls.ts';
import { countPayments } from '../core/payments/operations/find-payment.ts';
import { Late, type Probe } from '../platform/health.ts';
import type { Bridge } from './wiring.ts';

/** Figures that count rows are read at most this often, however many scrape them. */
const FRESH_MILLISECONDS = 10_000;
const LATEST_EVENT_MILLISECONDS = 60_000;
const LONGEST_LAG_BLOCKS = 20;

/** Brings the figures that stand in the database up to date; a scrape is answered with the last ones if that fails. */
export function createCollector(bridge: Bridge): () => Promise<void> {
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  return async () => {
    const now = bridge.machineClock.now().getTime();
    if (now - readAt < FRESH_MILLISECONDS) return;
    reading ??= readFigures(bridge)
      .then(() => {
        readAt = now;
      })
      .catch((error: unknown) => bridge.logger.warn({ event: 'metrics.unread', err: error }))
      .finally(() => {
        reading = undefined;
      });
    await reading;
  };
}

async function readFigures(bridge: Bridge): Promise<void> {
  const { database, outbox, metrics, clock, machineClock, configuration, deployment } = bridge;
  const [backlog, oldestEvent, payments, calls, poorKeys, connections] = await Promise.all([
    outbox.backlog(),
    outbox.oldestWaiting(),
    countPayments({ database }),
    countWaitingCalls(database),
    listPoorKeys(database, deployment.chainId),
    database.drizzle.execute<{ state: string; connections: number }>(sql`
      select coalesce(state, 'starting') as state, count(*)::int as connections from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend' group by 1`),
  ]);
  const age = (since: Date | undefined) => (since ? Math.max(0, clock.now().getTime() - since.getTime()) : 0);
  metrics.outboxBacklog.reset();
  for (const [consumer, waiting] of Object.entries(backlog)) metrics.outboxBacklog.set({ consumer }, waiting);
  metrics.outboxOldestAge.set(age(oldestEvent));
  metrics.payments.reset();
  let oldestUnknown = 0;
  for (const { quadrant, phase, payments: count, oldest } of payments) {
    metrics.payments.set({ quadrant, phase }, count);
    if (phase !== 'unknown') continue;
    oldestUnknown = Math.max(oldestUnknown, machineClock.now().getTime() - oldest.getTime());
  }
  metrics.oldestUnknownPaymentAge.set(oldestUnknown);
  for (const state of ['due', 'signed']) {
    const found = calls.find((one) => one.state === state);
    metrics.chainCalls.set({ state }, found?.calls ?? 0);
    metrics.oldestChainCallAge.set({ state }, age(found?.oldest));
  }
  metrics.poorKeys.set(poorKeys.length);
  metrics.databaseConnections.reset();
  for (const { state, connections: count } of connections) metrics.databaseConnections.set({ state }, count);
  metrics.databasePoolSize.set(configuration.databasePoolSize);
}

/** What readiness asks, each with its deadline. Without Postgres and the chain nobody is served. */
export function probesOf(bridge: Bridge): Readonly<Record<string, Probe>> {
  const { database, node, outbox, clock, doorbells, metrics } = bridge;
  return {
    postgres: {
      isRequired: true,
      deadlineMilliseconds: 2_000,
      ask: async () => {
        await database.drizzle.execute(sql`select 1`);
        return undefined;
      },
    },
    chain: { isRequired: true, deadlineMilliseconds: 2_000, ask: async () => ({ height: await node.head() }) },
    // A key without gas money holds up what goes over the chain and nothing else.
    operator: {
      isRequired: false,
      deadlineMilliseconds: 1_000,
      ask: async () => {
        const poor = await listPoorKeys(database, bridge.deployment.chainId);
        if (poor.length === 0) return undefined;
        const told = poor.map(
          ({ address, since, balance }) =>
            `${address} has ${balance} wei, too little for gas since ${since.toISOString()}`,
        );
        throw new Late(told.join('; '));
      },
    },
    // Without it nothing new goes over the chain; what is signed is sent all the same.
    ...(bridge.signer
      ? {
          signer: {
            isRequired: false,
            deadlineMilliseconds: 1_000,
            ask: async () => ({ keys: (await bridge.signer!.keys()).length }),
          },
        }
      : {}),
    queue: {
      isRequired: false,
      deadlineMilliseconds: 1_000,
      ask: async () => {
        await doorbells.probe?.();
        return undefined;
      },
    },
    outbox: {
      isRequired: false,
      deadlineMilliseconds: 1_000,
      ask: async () => {
        const oldest = await outbox.oldestWaiting();
        const ageMilliseconds = oldest ? Math.max(0, clock.now().getTime() - oldest.getTime()) : 0;
        if (ageMilliseconds > LATEST_EVENT_MILLISECONDS) throw new Late(`an event waits for ${ageMilliseconds} ms`);
        return { ageMilliseconds };
      },
    },
    observation: {
      isRequired: false,
      deadlineMilliseconds: 2_000,
      ask: async () => {
        const [head, seen] = await Promise.all([node.head(), lastObservedBlock(database, node.chainId)]);
        const lagBlocks = Math.max(0, head - (seen?.height ?? bridge.deployment.firstHeight));
        metrics.observationLag.set(lagBlocks);
        if (lagBlocks > LONGEST_LAG_BLOCKS) throw new Late(`${lagBlocks} blocks are not read yet`);
        return { lagBlocks };
      },
    },
  };
}
