/** `npm run simulate`: replays seeds of the deterministic simulator, see `--help` and docs/simulator.md. */
import { parseArgs } from 'node:util';
import { SimulatorServer } from '../test/support/simulator/server.ts';
import { runExam } from './simulator/exam.ts';
import { runExhaustive } from './simulator/exhaustive.ts';
import { runSeeds } from './simulator/seeds.ts';

const HELP = `npm run simulate -- [options]

Runs the bridge with seeded faults on a real Postgres, one step at a time, and judges what became of every payment.
The same seed is the same run, bit for bit: its trace has the same hash wherever it is replayed.

  --seed N        one seed
  --seeds A..B    from A to B; without either: 1..20
  --trace         print every step of the seed
  --twice         run every seed again, here and in another process, and compare the hashes
  --exhaustive    kill the process at every step of one payment per quadrant: before it, after it, and with its commit
                  unacknowledged; --part I/N takes every N-th of these points
  --exam          plant every bug of the exam and look for it from its known seed on; --bug WORDS for those named so,
                  --seeds A..B to look in these instead
  --json          print one JSON object per line
  --help          this text

Exit codes: 0 everything held (for --exam: every bug was found) · 1 something did not · 2 wrong usage
`;

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        seed: { type: 'string' },
        seeds: { type: 'string' },
        trace: { type: 'boolean', default: false },
        twice: { type: 'boolean', default: false },
        exhaustive: { type: 'boolean', default: false },
        part: { type: 'string', default: '1/1' },
        exam: { type: 'boolean', default: false },
        bug: { type: 'string', default: '' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function readRange(text: string): readonly [first: number, last: number] {
  const match = /^(\d{1,9})\.\.(\d{1,9})$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  return match && first <= last ? [first, last] : fail(`${text} is no range such as 1..20`);
}

function readPart(text: string): readonly [part: number, parts: number] {
  const match = /^(\d{1,4})\/(\d{1,4})$/.exec(text);
  const [part, parts] = [Number(match?.[1]), Number(match?.[2])];
  return match && part >= 1 && part <= parts ? [part, parts] : fail(`${text} is no part such as 1/4`);
}

const options = readArguments();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (options.seed !== undefined && !/^\d{1,9}$/.test(options.seed)) fail(`${options.seed} is no seed`);
const given = options.seed === undefined ? options.seeds : `${options.seed}..${options.seed}`;
const range = given === undefined ? undefined : readRange(given);
const [part, parts] = readPart(options.part);
const { json, trace, twice } = options;

const server = await SimulatorServer.start();
let held = false;
try {
  if (options.exam) held = await runExam(server, { named: options.bug, range, json });
  else if (options.exhaustive) held = await runExhaustive(server, { part, parts, json });
  else held = await runSeeds(server, { range: range ?? [1, 20], trace, twice, json });
} finally {
  await server.stop();
}
process.exit(held ? 0 : 1);
