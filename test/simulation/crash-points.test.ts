import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CrashPoint, crashPointsOf, simulateCrash } from '../support/simulator/crash-points.ts';
import { explainViolations } from '../support/simulator/report.ts';
import { SimulatorServer } from '../support/simulator/server.ts';

/** How many of all points are tried; `npm run simulate -- --exhaustive` tries every one. */
const TRIED = Number(process.env.SIMULATION_CRASH_POINTS ?? 24);
const MILLISECONDS_FOR_ONE = 20_000;

let server: SimulatorServer;
let points: readonly CrashPoint[];
beforeAll(async () => {
  server = await SimulatorServer.start();
  points = await crashPointsOf(server);
}, 120_000);
afterAll(async () => {
  await server?.stop();
});

test('crash points: every step of a payment in each quadrant is one, before, after, and with its commit unacknowledged', () => {
  expect(new Set(points.map(({ quadrant }) => quadrant)).size).toBe(4);
  const of = (fault: string) => points.filter((point) => point.fault === fault).length;
  expect(of('killBefore')).toBe(of('killAfter'));
  expect(of('killBefore')).toBeGreaterThan(500);
  expect(of('resetAfter')).toBeGreaterThan(100);
});

test('crash points: a process that dies at one of them leaves nothing half done', {
  timeout: 60_000 + TRIED * MILLISECONDS_FOR_ONE,
}, async () => {
  const stride = Math.max(1, Math.floor(points.length / TRIED));
  for (let index = Math.floor(stride / 2); index < points.length; index += stride) {
    const point = points[index]!;
    const result = await simulateCrash(server, point);
    if (result.violations.length === 0) continue;
    expect.fail(`${point.quadrant}, step ${point.step}, ${point.fault}\n${explainViolations(result)}`);
  }
});
