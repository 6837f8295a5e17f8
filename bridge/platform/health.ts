import { createRoom, type Room } from '../../ledger-service/platform/http/room.ts';
import type { Clock, Timers } from '../../ledger-service/vocabulary/time.ts';
import type { Metrics } from './metrics.ts';

/** What a process is asked about its surroundings. */
export type Probe = Readonly<{
  /** Throws, or does not answer, where something is wrong; what it tells stands in the answer. */
  ask(): Promise<Readonly<Record<string, string | number>> | undefined>;
  deadlineMilliseconds: number;
  /** Without it this process serves nobody. Others are told of, and leave it ready. */
  isRequired: boolean;
}>;

type Finding = Readonly<{ ok: boolean; durationMilliseconds: number; detail?: string }>;

/** Something is not as it should be, or late: in the probe’s own words. */
export class Late extends Error {}

/** Whether a process is on its way out; readiness says so first. */
export type Drain = { isDraining: boolean };

/**
 * Liveness, readiness and metrics, without a key.
 *
 * `/healthz` says that the process answers; `/readyz` asks every probe, each with a deadline of its own, and is 503 while
 * a required one fails or the process is stopping; `/metrics` is for Prometheus.
 */
export function healthRoutes(
  dependencies: Readonly<{
    probes: Readonly<Record<string, Probe>>;
    drain: Drain;
    metrics: Metrics;
    /** Brings figures that are read from the database up to date. */
    collect(): Promise<void>;
    timers: Timers;
    machineClock: Clock;
  }>,
): Room {
  const { probes, drain, metrics } = dependencies;
  const room = createRoom();
  room.get('/healthz', (context) => context.json({ ok: true }));
  room.get('/readyz', async (context) => {
    const named = Object.entries(probes);
    const findings = await Promise.all(named.map(([, probe]) => ask(dependencies, probe)));
    const isServed = named.every(([, { isRequired }], index) => !isRequired || findings[index]?.ok);
    const ok = isServed && !drain.isDraining;
    const answers = Object.fromEntries(named.map(([name], index) => [name, findings[index]]));
    return context.json({ ok, draining: drain.isDraining, ...answers }, ok ? 200 : 503);
  });
  room.get('/metrics', async (context) => {
    await dependencies.collect();
    return context.text(await metrics.registry.metrics(), 200, { 'Content-Type': metrics.registry.contentType });
  });
  return room;
}

async function ask(
  { timers, machineClock }: Readonly<{ timers: Timers; machineClock: Clock }>,
  probe: Probe,
): Promise<Finding> {
  const started = machineClock.now().getTime();
  const answered = new AbortController();
  const deadline = timers
    .wait(probe.deadlineMilliseconds, answered.signal)
    .then(() => ({ ok: false, detail: `no answer in ${probe.deadlineMilliseconds} ms` }))
    .catch(() => ({ ok: false }));
  const answer = probe.ask().then(
    (told) => ({ ok: true, ...told }),
    // What a driver says may name hosts and users.
    (error: unknown) => ({ ok: false, detail: error instanceof Late ? error.message : 'does not answer' }),
  );
  const first = await Promise.race([answer, deadline]);
  answered.abort();
  return { ...first, durationMilliseconds: machineClock.now().getTime() - started };
}
