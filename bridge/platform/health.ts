import { sql } from 'drizzle-orm';
import type { Database } from '../../ledger-service/platform/database.ts';
import { createRoom, type Room } from '../../ledger-service/platform/http/room.ts';
import type { Timers } from '../../ledger-service/vocabulary/time.ts';
import type { Metrics } from './metrics.ts';
import type { Outbox } from './outbox.ts';

const PROBE_DEADLINE_MILLISECONDS = 2_000;

type Probe = Readonly<{ ok: boolean; detail?: string }>;

/**
 * Liveness, readiness and metrics, without a key.
 *
 * `/healthz` says that the process answers; `/readyz` asks Postgres and the chain, each with a deadline.
 */
export function healthRoutes(
  dependencies: Readonly<{
    database: Database;
    node: Readonly<{ head(): Promise<number> }>;
    outbox: Outbox;
    metrics: Metrics;
    /** Signing keys that cannot pay for their calls. */
    poorKeys: () => Promise<readonly Readonly<{ address: string; since: Date; balance: bigint }>[]>;
    timers: Timers;
  }>,
): Room {
  const { database, node, outbox, metrics, timers, poorKeys } = dependencies;
  const room = createRoom();
  room.get('/healthz', (context) => context.json({ ok: true }));
  room.get('/readyz', async (context) => {
    const [postgres, chain] = await Promise.all([
      probe(timers, () => database.drizzle.execute(sql`select 1`)),
      probe(timers, () => node.head()),
    ]);
    const ok = postgres.ok && chain.ok;
    const operator = postgres.ok ? await operatorProbe(poorKeys) : { ok: false };
    return context.json({ ok, postgres, chain, operator }, ok ? 200 : 503);
  });
  room.get('/metrics', async (context) => {
    metrics.outboxBacklog.reset();
    metrics.poorKeys.set((await poorKeys()).length);
    for (const [consumer, waiting] of Object.entries(await outbox.backlog())) {
      metrics.outboxBacklog.set({ consumer }, waiting);
    }
    return context.text(await metrics.registry.metrics(), 200, { 'Content-Type': metrics.registry.contentType });
  });
  return room;
}

/** A key without gas money holds up what goes over the chain and nothing else, so that it is told and does not count. */
async function operatorProbe(
  poorKeys: () => Promise<readonly Readonly<{ address: string; since: Date; balance: bigint }>[]>,
): Promise<Probe> {
  const poor = await poorKeys();
  if (poor.length === 0) return { ok: true };
  const detail = poor.map(
    ({ address, since, balance }) => `${address} has ${balance} wei, too little for gas since ${since.toISOString()}`,
  );
  return { ok: false, detail: detail.join('; ') };
}

async function probe(timers: Timers, ask: () => Promise<unknown>): Promise<Probe> {
  const answered = new AbortController();
  const deadline = timers
    .wait(PROBE_DEADLINE_MILLISECONDS, answered.signal)
    .then((): Probe => ({ ok: false, detail: `no answer in ${PROBE_DEADLINE_MILLISECONDS} ms` }))
    .catch((): Probe => ({ ok: false }));
  const answer = ask().then(
    (): Probe => ({ ok: true }),
    (): Probe => ({ ok: false, detail: 'does not answer' }),
  );
  const first = await Promise.race([answer, deadline]);
  answered.abort();
  return first;
}
