/** `npm run soak:coins`: schedule after schedule of coin devices under faults, see `--help` and docs/coins.md. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { explainSchedule, runSchedule } from '../test/support/coins/schedule.ts';
import { printJson, secondsSince } from './simulator/lines.ts';

const HELP = `npm run soak:coins -- [options]

Runs schedules of coin devices under faults, seed after seed, and ends with a table of what came up. What was done is kept
in .specie/soak-coins.json: stopped at any moment and started again, it goes on there.

  --schedules N   until so many were run, earlier ones counted; 100000 if not given
  --from N        begin at seed N, and forget what was done
  --json          print one JSON object at the end, and nothing else
  --help          this text

Exit codes: 0 every schedule held · 1 not so · 2 wrong usage
`;

type State = { nextSeed: number; schedules: number; seconds: number; failed: number[]; seen: Record<string, number> };

const FOLDER = process.env.SPECIE_FOLDER ?? fileURLToPath(new URL('../.specie', import.meta.url));
const STATE_FILE = join(FOLDER, 'soak-coins.json');
const SCHEDULES_BETWEEN_WRITES = 20;
const SCHEDULES_BETWEEN_LINES = 1_000;

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        schedules: { type: 'string', default: '100000' },
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
if (!/^[1-9]\d{0,8}$/.test(options.schedules)) fail(`${options.schedules} is no number of schedules`);
if (options.from !== undefined && !/^\d{1,9}$/.test(options.from)) fail(`${options.from} is no seed`);

await mkdir(FOLDER, { recursive: true });
if (options.from !== undefined) await rm(STATE_FILE, { force: true });
const state = (await readState()) ?? {
  nextSeed: Number(options.from ?? 1),
  schedules: 0,
  seconds: 0,
  failed: [],
  seen: {},
};
const earlier = state.seconds;
const started = performance.now();
const say = (line: string) => {
  if (!options.json) console.log(line);
};
if (state.schedules > 0) say(`${state.schedules} schedules were run before; going on at seed ${state.nextSeed}`);
while (state.schedules < Number(options.schedules)) {
  const result = await runSchedule(state.nextSeed);
  if (result.violations.length > 0) {
    state.failed.push(state.nextSeed);
    say(explainSchedule(result));
  }
  for (const [what, times] of Object.entries(result.seen)) state.seen[what] = (state.seen[what] ?? 0) + times;
  state.nextSeed += 1;
  state.schedules += 1;
  state.seconds = earlier + secondsSince(started);
  if (state.schedules % SCHEDULES_BETWEEN_WRITES === 0) await writeState(state);
  if (state.schedules % SCHEDULES_BETWEEN_LINES === 0) {
    say(`${state.schedules} schedules, ${state.failed.length} failed · ${Math.round(state.seconds)} s`);
  }
}
await writeState(state);
if (options.json) printJson(state);
else {
  for (const [what, times] of Object.entries(state.seen).sort())
    console.log(`${what.padEnd(42)} ${String(times).padStart(12)}`);
  const failed = state.failed.length === 0 ? 'none failed' : `failed: ${state.failed.join(', ')}`;
  console.log(`\n${state.schedules} schedules in ${Math.round(state.seconds)} s, ${failed}`);
}
process.exit(state.failed.length === 0 ? 0 : 1);
