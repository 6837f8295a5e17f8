import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explainFailure } from './report.ts';
import { SimulatorServer } from './server.ts';
import { simulate } from './simulation.ts';

const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 100);
const SEEDS_OF_ONE_TEST = 10;
const PATIENCE_MILLISECONDS = 300_000;

/** Half of the run's seeds, so that two test files share them and run side by side. */
export function describeSeeds(half: 'odd' | 'even'): void {
  let server: SimulatorServer;
  beforeAll(async () => {
    server = await SimulatorServer.start();
  });
  afterAll(async () => {
    await server?.stop();
  });
  const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1).filter(
    (seed) => seed % 2 === (half === 'odd' ? 1 : 0),
  );
  const groups = Array.from({ length: Math.ceil(seeds.length / SEEDS_OF_ONE_TEST) }, (_, index) =>
    seeds.slice(index * SEEDS_OF_ONE_TEST, (index + 1) * SEEDS_OF_ONE_TEST),
  );
  describe('under faults, and healed', () => {
    test.for(groups.map((group) => [group[0]!, group.at(-1)!, group] as const))(
      `nothing is lost and nothing is paid twice: ${half} seeds %i to %i`,
      { timeout: PATIENCE_MILLISECONDS },
      async ([, , group]) => {
        for (const seed of group) {
          const result = await simulate({ seed, server });
          if (result.violations.length > 0) expect.fail(explainFailure(result));
        }
      },
    );
  });
}
