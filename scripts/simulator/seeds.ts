import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { addFaults, explainFailure, sortedByKind } from '../../test/support/simulator/report.ts';
import type { SimulatorServer } from '../../test/support/simulator/server.ts';
import { type SimulationResult, simulate } from '../../test/support/simulator/simulation.ts';
import { printJson, secondsSince } from './lines.ts';

const SCRIPT = fileURLToPath(new URL('../simulate.ts', import.meta.url));
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024;

type Options = Readonly<{
  range: readonly [first: number, last: number];
  trace: boolean;
  twice: boolean;
  json: boolean;
}>;

/** Runs seeds one after the other. Shape: → whether all of them held, and every replay was the same */
export async function runSeeds(server: SimulatorServer, options: Options): Promise<boolean> {
  const { range, trace, twice, json } = options;
  const started = performance.now();
  const digests = new Map<number, string>();
  const faults: Record<string, number> = {};
  let failed = 0;
  for (let seed = range[0]; seed <= range[1]; seed += 1) {
    const seedStarted = performance.now();
    const result = await simulate({ seed, server, keepWholeTrace: trace });
    digests.set(seed, result.digest);
    addFaults(faults, result);
    if (result.violations.length > 0) failed += 1;
    if (trace) process.stdout.write(`${result.trace.lines.join('\n')}\n`);
    print(result, secondsSince(seedStarted), json);
  }
  const differing = twice ? await replay(server, digests) : [];
  for (const { seed, where } of differing) process.stderr.write(`✖ seed ${seed} took another course ${where}\n`);
  const seconds = secondsSince(started);
  const summary = { seeds: digests.size, failed, differing: differing.length, seconds, faults: sortedByKind(faults) };
  if (json) printJson(summary);
  else {
    const perMinute = Math.round((60 * digests.size) / seconds);
    const again = twice ? `, ${differing.length} differ when replayed here and in another process` : '';
    console.log(`${digests.size} seeds, ${failed} failed${again} · ${seconds} s, ${perMinute} seeds a minute`);
  }
  return failed === 0 && differing.length === 0;
}

function print(result: SimulationResult, seconds: number, json: boolean): void {
  const { seed, digest, violations, steps, statements, virtualMilliseconds, faults, deadlocks } = result;
  const verdict = violations.length === 0 ? 'holds' : 'fails';
  if (json) {
    printJson({
      seed,
      verdict,
      digest,
      violations,
      steps,
      statements,
      virtualMilliseconds,
      faults,
      deadlocks,
      seconds,
    });
    return;
  }
  const count = Object.values(faults).reduce((sum, times) => sum + times, 0);
  const minutes = Math.round(virtualMilliseconds / 60_000);
  console.log(
    `${violations.length === 0 ? '✔' : '✖'} seed ${seed} ${verdict} · trace ${digest} · ${steps} steps, ` +
      `${statements} statements, ${count} faults, ${minutes} min in ${seconds} s`,
  );
  if (violations.length > 0) console.log(explainFailure(result));
}

/** Every seed once more in this process, and once in another one with a server of its own. */
async function replay(
  server: SimulatorServer,
  digests: ReadonlyMap<number, string>,
): Promise<readonly Readonly<{ seed: number; where: string }>[]> {
  const differing: { seed: number; where: string }[] = [];
  for (const [seed, digest] of digests) {
    const again = await simulate({ seed, server });
    if (again.digest !== digest) differing.push({ seed, where: 'in the same process' });
  }
  const seeds = [...digests.keys()];
  const words = [SCRIPT, '--seeds', `${seeds[0]}..${seeds.at(-1)}`, '--json'];
  // A seed that fails ends the other process with code 1, and its lines are there all the same.
  const { stdout } = await promisify(execFile)(process.execPath, words, { maxBuffer: MOST_OUTPUT_BYTES }).catch(
    (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
  );
  const elsewhere = new Map<number, string>();
  for (const line of stdout.split('\n').filter((text) => text.startsWith('{"seed"'))) {
    const { seed, digest } = JSON.parse(line) as { seed: number; digest: string };
    elsewhere.set(seed, digest);
  }
  for (const [seed, digest] of digests) {
    if (elsewhere.get(seed) !== digest) differing.push({ seed, where: 'in another process' });
  }
  return differing;
}
