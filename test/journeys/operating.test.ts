import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentSchema } from '../../bridge/platform/configuration.ts';
import { createMetrics } from '../../bridge/platform/metrics.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';

const page = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8');
let local: LocalBridge;
beforeAll(async () => {
  local = await startTestBridge();
});
afterAll(async () => {
  await local?.stop();
});

test('readiness asks Postgres, chain, queue, outbox and observation, each with its time', async () => {
  const answer = await fetch(`${local.url}/readyz`);
  expect(answer.status).toBe(200);
  const timed = { ok: true, durationMilliseconds: expect.any(Number) };
  const told = (await answer.json()) as Record<string, unknown>;
  expect(told).toMatchObject({
    ok: true,
    draining: false,
    postgres: timed,
    chain: { ...timed, height: expect.any(Number) },
    queue: timed,
    outbox: { ...timed, ageMilliseconds: expect.any(Number) },
    observation: { ...timed, lagBlocks: expect.any(Number) },
  });
  const { ok: _, draining: __, ...probes } = told;
  for (const [name, found] of Object.entries(probes)) {
    expect([name, found]).toEqual([name, expect.objectContaining(timed)]);
    expect(page).toContain(`| \`${name}\` |`);
  }
});

test('metrics count payments, calls, events, connections and the process itself', async () => {
  const amount = { minorUnits: '250', asset: 'EUR' };
  await local.client.post('/v1/payments', { merchantId: 'bakery', instrumentId: 'ana-card', amount }, 'counted');
  const text = await eventually(
    async () => (await fetch(`${local.url}/metrics`)).text(),
    (found) => found.includes('payments_count{quadrant="fiatToFiat",phase="open"} 1'),
  );
  for (const line of [
    'payment_oldest_unknown_age_milliseconds 0',
    'chain_call_oldest_age_milliseconds{state="due"} 0',
    'database_pool_size_connections 12',
    /database_connections\{state="idle"\} [1-9]/,
    /http_requests_total\{method="POST",route="\/v1\/payments",status="201"\} 1/,
    /outbox_oldest_event_age_milliseconds \d/,
    /nodejs_eventloop_lag_p99_seconds/,
    /process_resident_memory_bytes/,
    'http_requests_under_way 0',
  ]) {
    expect(text).toMatch(line);
  }
});

test('metrics: names carry units or say what they count, and docs/operating.md explains each', async () => {
  const metrics = createMetrics().registry.getMetricsAsArray();
  expect(metrics.length).toBeGreaterThan(10);
  for (const { name } of metrics) {
    expect(name).toMatch(
      /_(total|milliseconds|seconds|bytes|blocks|height|events|count|connections|breaks|calls|without_funds|under_way|minor_units)$/,
    );
    expect(page).toContain(`\`${name}\``);
  }
});

test('docs/operating.md names every setting, with what it is when it is not set', () => {
  const told = new Map(
    [...page.matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \|/gm)].map(([, name = '', without = '']) => [name, without.trim()]),
  );
  const settings = Object.entries(environmentSchema.shape);
  expect([...told.keys()].sort()).toEqual(settings.map(([name]) => name).sort());
  for (const [name, schema] of settings) {
    const parsed = schema.safeParse(undefined);
    const without = !parsed.success ? 'required' : parsed.data === undefined ? 'none' : String(parsed.data);
    expect([name, told.get(name)?.replaceAll('`', '').replaceAll(',', '')]).toEqual([name, without]);
  }
});
