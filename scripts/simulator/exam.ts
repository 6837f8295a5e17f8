import { FOUND_AT } from '../../test/support/simulator/found-at.ts';
import { PLANTED_BUGS } from '../../test/support/simulator/planted-bugs.ts';
import type { SimulatorServer } from '../../test/support/simulator/server.ts';
import { type PlantedBug, simulate } from '../../test/support/simulator/simulation.ts';
import { printJson, secondsSince } from './lines.ts';

type Options = Readonly<{ named: string; range: readonly [first: number, last: number] | undefined; json: boolean }>;

/** A simulator that needs more seeds than this for a bug has lost its teeth. */
const MOST_SEEDS = 2_000;

/** Plants each bug and runs seeds until it is found. Shape: → whether all were found */
export async function runExam(server: SimulatorServer, { named, range, json }: Options): Promise<boolean> {
  const bugs = PLANTED_BUGS.filter(({ name }) => name.includes(named));
  let missed = 0;
  for (const bug of bugs) {
    const started = performance.now();
    const [first, last] = range ?? [FOUND_AT[bug.name] ?? 1, MOST_SEEDS];
    const found = await lookFor(server, bug, first, last);
    if (!found) missed += 1;
    const seconds = secondsSince(started);
    if (json) printJson({ bug: bug.name, seed: found?.seed ?? null, violation: found?.violation ?? null, seconds });
    else if (found) console.log(`✔ ${bug.name}: seed ${found.seed} · ${found.violation}`);
    else console.log(`✖ ${bug.name}: not found in seeds ${first} to ${last}`);
  }
  if (!json) console.log(`${bugs.length - missed} of ${bugs.length} planted bugs found`);
  return missed === 0 && bugs.length > 0;
}

async function lookFor(
  server: SimulatorServer,
  bug: PlantedBug,
  first: number,
  last: number,
): Promise<Readonly<{ seed: number; violation: string }> | undefined> {
  for (let seed = first; seed <= last; seed += 1) {
    const { violations } = await simulate({ seed, server, bug });
    if (violations.length > 0) return { seed, violation: violations[0]!.split('\n')[0]! };
  }
  return undefined;
}
