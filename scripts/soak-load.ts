/** `npm run soak:load`: half an hour at half of the peak, then twice the peak, see `--help`. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Latencies } from './load/latencies.ts';
import { LoadedBridge } from './load/loaded-bridge.ts';
import { printJson } from './simulator/lines.ts';

const HELP = `npm run soak:load -- [options]

Measures how many state changes a second (an authorize or a capture over HTTP) this machine does at most, offers half as
many for half an hour, and then twice as many as it can do. At half load nothing may be lost, wrong or shed, and memory
has to stay flat; beyond the peak what is too much is refused with 503 and Retry-After, and everything that was accepted
is right. At the end the books are verified. Minutes that were done are kept in .specie/soak-load.json: stopped and
started again, the soak does what is left of them.

  --minutes M      how long at half load (default 30, fractions allowed)
  --overload S     seconds at twice the peak (default 60)
  --new            forget what was done
  --json           print one JSON object at the end, and nothing else
  --help           this text

Exit codes: 0 everything held · 1 not so · 2 wrong usage
`;

type Minutes = {
  done: number;
  stateChanges: number;
  latencies: readonly number[];
  faults: string[];
  growthPercentPerHour: number[];
};

const FOLDER = process.env.SPECIE_FOLDER ?? fileURLToPath(new URL('../.specie', import.meta.url));
const STATE_FILE = join(FOLDER, 'soak-load.json');
const PEAK_SECONDS = 15;
const PART_MINUTES = 1;
/** What is still called flat: a process that fills its caches in the first minutes grows by less than this. */
const FLAT_PERCENT_PER_HOUR = 50;

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        minutes: { type: 'string', default: '30' },
        overload: { type: 'string', default: '60' },
        new: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const options = readArguments();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (!/^\d{1,4}(\.\d{1,3})?$/.test(options.minutes)) fail(`--minutes takes a number, not ${options.minutes}`);
if (!/^\d{1,4}$/.test(options.overload)) fail(`--overload takes a number of seconds, not ${options.overload}`);
const minutes = Number(options.minutes);
const overloadSeconds = Number(options.overload);
const say = (line: string) => {
  if (!options.json) console.log(line);
};

function readState(): Minutes {
  const nothing = { done: 0, stateChanges: 0, latencies: [], faults: [], growthPercentPerHour: [] };
  if (options.new) return nothing;
  try {
    return JSON.parse(readFileSync(STATE_FILE, 'utf8')) as Minutes;
  } catch {
    return nothing;
  }
}

function writeState(): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${STATE_FILE}.new`, JSON.stringify({ ...state, latencies: latencies.toJSON() }));
  renameSync(`${STATE_FILE}.new`, STATE_FILE);
}

const state = readState();
const latencies = new Latencies(state.latencies);
const folder = mkdtempSync(join(tmpdir(), 'specie-load-'));
say(`${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores; load and bridge share them`);
const bridge = await LoadedBridge.start(folder);
try {
  const peak = await bridge.measurePeak(PEAK_SECONDS);
  say(`peak: ${peak.toFixed(0)} state changes/s`);
  if (state.done > 0) say(`${state.done} minutes were done before`);
  for (let part = 1; state.done < minutes; part += 1) {
    const length = Math.min(PART_MINUTES, minutes - state.done);
    const { result, memoryMegabytes } = await bridge.offer(`half-${part}`, peak / 2, length * 60);
    state.done = Math.round((state.done + length) * 1_000) / 1_000;
    state.stateChanges += result.stateChanges;
    latencies.addAll(result.latencies);
    if (result.shed > 0) state.faults.push(`${result.shed} shed at half load`);
    if (result.unanswered > 0) state.faults.push(`${result.unanswered} unanswered at half load`);
    state.faults.push(...result.wrong);
    writeState();
    say(
      `${state.done} min: ${(result.stateChanges / length / 60).toFixed(0)}/s, p50 ${result.latencies.percentile(0.5).toFixed(1)} ms, ` +
        `p99 ${result.latencies.percentile(0.99).toFixed(1)} ms, memory ${memoryMegabytes.toFixed(0)} MB`,
    );
  }
  const growth = bridge.memoryGrowthPercentPerHour();
  if (growth !== undefined) state.growthPercentPerHour.push(growth);
  say(`twice the peak, ${(2 * peak).toFixed(0)} state changes/s, for ${overloadSeconds} s`);
  const over = await bridge.offer('twice', 2 * peak, overloadSeconds);
  const lost = await bridge.missing();
  const misfits = await bridge.misfits();
  writeState();
  const summary = {
    peakPerSecond: Math.round(peak),
    half: {
      minutes: state.done,
      stateChanges: state.stateChanges,
      p50: latencies.percentile(0.5),
      p99: latencies.percentile(0.99),
      faults: state.faults,
      memoryGrowthPercentPerHour: state.growthPercentPerHour,
    },
    twice: {
      stateChanges: over.result.stateChanges,
      shed: over.result.shed,
      unanswered: over.result.unanswered,
      wrong: over.result.wrong,
      p99OfAccepted: over.result.latencies.percentile(0.99),
    },
    lost: lost.length,
    misfits,
  };
  const isFlat = state.growthPercentPerHour.every((percent) => percent <= FLAT_PERCENT_PER_HOUR);
  const held =
    state.faults.length === 0 &&
    over.result.wrong.length === 0 &&
    over.result.unanswered === 0 &&
    over.result.shed > 0 &&
    lost.length === 0 &&
    misfits === 0 &&
    isFlat;
  if (options.json) printJson(summary);
  else {
    console.log(JSON.stringify(summary, null, 2));
    console.log(held ? 'everything held' : '✖ not everything held');
  }
  process.exitCode = held ? 0 : 1;
} finally {
  await bridge.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
