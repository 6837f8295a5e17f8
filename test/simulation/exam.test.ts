import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FOUND_AT } from '../support/simulator/found-at.ts';
import { PLANTED_BUGS } from '../support/simulator/planted-bugs.ts';
import { explainFailure } from '../support/simulator/report.ts';
import { SimulatorServer } from '../support/simulator/server.ts';
import { simulate } from '../support/simulator/simulation.ts';

const PATIENCE_MILLISECONDS = 300_000;
const examined = PLANTED_BUGS.flatMap((bug) => {
  const seed = FOUND_AT[bug.name];
  return seed === undefined ? [] : [{ name: bug.name, bug, seed }];
});
const seeds = [...new Set(examined.map(({ seed }) => seed))].sort((left, right) => left - right);

let server: SimulatorServer;
beforeAll(async () => {
  server = await SimulatorServer.start();
});
afterAll(async () => {
  await server?.stop();
});

test('exam: at least twenty bugs are planted and found, each name once', () => {
  expect(examined.length).toBeGreaterThanOrEqual(20);
  expect(new Set(PLANTED_BUGS.map(({ name }) => name)).size).toBe(PLANTED_BUGS.length);
  const names = new Set(PLANTED_BUGS.map(({ name }) => name));
  expect(Object.keys(FOUND_AT).filter((name) => !names.has(name))).toEqual([]);
});

describe('exam: found where it was found', () => {
  test.for(examined)('$name, by seed $seed', { timeout: PATIENCE_MILLISECONDS }, async ({ bug, seed }) => {
    const { violations } = await simulate({ seed, server, bug });
    expect(violations).not.toEqual([]);
  });
});

describe('exam: without a bug nothing is found', () => {
  test.for(seeds)('seed %i', { timeout: PATIENCE_MILLISECONDS }, async (seed) => {
    const result = await simulate({ seed, server });
    if (result.violations.length > 0) expect.fail(explainFailure(result));
  });
});
