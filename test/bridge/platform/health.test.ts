import { expect, test } from 'vitest';
import { healthRoutes, Late, type Probe } from '../../../bridge/platform/health.ts';
import { createMetrics } from '../../../bridge/platform/metrics.ts';
import { createOuterApp } from '../../../ledger-service/platform/http/room.ts';
import { createLogger } from '../../../ledger-service/platform/logging.ts';
import {
  createIdentifierSource,
  systemChance,
  systemClock,
  systemTimers,
} from '../../../ledger-service/platform/ports.ts';

function appWith(probes: Record<string, Probe>, drain = { isDraining: false }) {
  const app = createOuterApp({
    identifiers: createIdentifierSource(systemClock, systemChance),
    logger: createLogger('silent'),
  });
  const clocks = { timers: systemTimers, machineClock: systemClock };
  app.route('/', healthRoutes({ probes, drain, metrics: createMetrics(), collect: async () => {}, ...clocks }));
  return app;
}

const well: Probe = { isRequired: true, deadlineMilliseconds: 1_000, ask: async () => ({ height: 7 }) };
const never: Probe['ask'] = () => new Promise(() => {});

test('readiness: every probe is told of with how long it took', async () => {
  const answer = await appWith({ chain: well }).request('/readyz');
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({
    ok: true,
    draining: false,
    chain: { ok: true, height: 7, durationMilliseconds: expect.any(Number) },
  });
});

test('readiness: a required probe that does not answer in its time makes the process unready, and holds nobody up', async () => {
  const answer = await appWith({ chain: well, postgres: { ...well, deadlineMilliseconds: 30, ask: never } }).request(
    '/readyz',
  );
  expect(answer.status).toBe(503);
  const { ok, postgres } = (await answer.json()) as { ok: boolean; postgres: Record<string, unknown> };
  expect([ok, postgres.ok, postgres.detail]).toEqual([false, false, 'no answer in 30 ms']);
  expect(postgres.durationMilliseconds).toBeLessThan(1_000);
});

test('readiness: what is late, or broken and not required, is told and leaves the process ready', async () => {
  const late: Probe = {
    isRequired: false,
    deadlineMilliseconds: 1_000,
    ask: async () => {
      throw new Late('an event waits for 61000 ms');
    },
  };
  const broken: Probe = {
    ...late,
    ask: async () => {
      throw new Error('password of specie@10.0.0.1 refused');
    },
  };
  const answer = await appWith({ chain: well, outbox: late, queue: broken }).request('/readyz');
  expect(answer.status).toBe(200);
  const told = (await answer.json()) as Record<string, { detail?: string }>;
  expect([told.outbox?.detail, told.queue?.detail]).toEqual(['an event waits for 61000 ms', 'does not answer']);
});

test('readiness: a process that is stopping says no, though all is well; it is alive', async () => {
  const app = appWith({ chain: well }, { isDraining: true });
  const answer = await app.request('/readyz');
  expect([answer.status, ((await answer.json()) as { draining: boolean }).draining]).toEqual([503, true]);
  expect((await app.request('/healthz')).status).toBe(200);
});
