/** `npm run soak:simulator`: seed after seed for hours, see `--help` and docs/simulator.md. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FAULT_KINDS } from '../test/support/simulator/fault-rates.ts';
import { addFaults, explainFailure } from '../test/support/simulator/report.ts';
import { SimulatorServer } from '../test/support/simulator/server.ts';
import { simulate } from '../test/support/simulator/simulation.ts';
import { printJson, secondsSince } from './simulator/lines.ts';

const HELP = `npm run soak:simulator -- [options]

Runs the deterministic simulator on seed after seed, and ends with a table of what went wrong on purpose. What was done is
kept in .specie/soak-simulator.json after each seed: stopped at any moment and started again, it goes on there.

  --hours H    how long this run lasts; 1 if not given, fractions allowed
  --from N     begin at seed N, and forget what was done
  --json       print one JSON object at the end, and nothing else
  --help       this text

Exit codes: 0 every seed held and every kind of fault came · 1 not so · 2 wrong usage
`;

type State = { nextSeed: number; seeds: number; seconds: number; failed: number[]; faults: Record<string, number> };

const FOLDER = process.env.SPECIE_FOLDER ?? fileURLToPath(new URL('../.specie', import.meta.url));
const STATE_FILE = join(FOLDER, 'soak-simulator.json');
const SEEDS_BETWEEN_LINES = 50;

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        hours: { type: 'string', default: '1' },
        from: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

async function readState(): Promise<State | undefined> {
  try {
    return JSON.parse(await readFile(STATE_FILE, 'utf8')) as State;
  } catch {
    return undefined;
  }
}

/** Whole or not at all: a run may be stopped while it writes. */
async function writeState(state: State): Promise<void> {
  await writeFile(`${STATE_FILE}.new`, JSON.stringify(state));
  await rename(`${STATE_FILE}.new`, STATE_FILE);
}

const options = readArguments();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const hours = Number(options.hours);
if (!/^\d{1,4}(\.\d{1,4})?$/.test(options.hours) || hours === 0) fail(`${options.hours} is no number of hours`);
if (options.from !== undefined && !/^\d{1,9}$/.test(options.from)) fail(`${options.from} is no seed`);

await mkdir(FOLDER, { recursive: true });
if (options.from !== undefined) await rm(STATE_FILE, { force: true });
const state = (await readState()) ?? {
  nextSeed: Number(options.from ?? 1),
  seeds: 0,
  seconds: 0,
  failed: [],
  faults: {},
};
const earlier = { seeds: state.seeds, seconds: state.seconds };
const say = (line: string) => {
  if (!options.json) console.log(line);
};
if (state.seeds > 0) say(`${state.seeds} seeds were run before; going on at seed ${state.nextSeed}`);
const server = await SimulatorServer.start();
const started = performance.now();
try {
  do {
    const result = await simulate({ seed: state.nextSeed, server });
    if (result.violations.length > 0) {
      state.failed.push(state.nextSeed);
      say(explainFailure(result));
    }
    addFaults(state.faults, result);
    state.nextSeed += 1;
    state.seeds += 1;
    state.seconds = earlier.seconds + secondsSince(started);
    await writeState(state);
    if (state.seeds % SEEDS_BETWEEN_LINES === 0) {
      say(`${state.seeds} seeds, ${state.failed.length} failed · ${perMinute()} seeds a minute`);
    }
  } while (secondsSince(started) < hours * 3_600);
} finally {
  await server.stop();
}

function perMinute(): number {
  return Math.round((60 * (state.seeds - earlier.seeds)) / Math.max(1, state.seconds - earlier.seconds));
}

const missing = FAULT_KINDS.filter((kind) => !state.faults[kind]);
if (options.json) printJson({ ...state, seedsPerMinute: perMinute(), missing });
else {
  console.log('\nfault                                             times     a seed');
  for (const kind of FAULT_KINDS) {
    const times = state.faults[kind] ?? 0;
    console.log(
      `${kind.padEnd(42)} ${String(times).padStart(12)} ${(times / state.seeds).toFixed(2).padStart(10)}${times === 0 ? '  ✖ never tried' : ''}`,
    );
  }
  const failed = state.failed.length === 0 ? 'none failed' : `failed: ${state.failed.join(', ')}`;
  console.log(`\n${state.seeds} seeds in ${Math.round(state.seconds)} s, ${failed} · ${perMinute()} seeds a minute`);
}
process.exit(state.failed.length === 0 && missing.length === 0 ? 0 : 1);
