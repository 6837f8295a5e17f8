/** `npm run soak:power`: cuts the power of the books' disk in the middle of payments, see `--help`. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CutResult, cutRounds } from './power/cut-rounds.ts';
import { missingForPowerCuts } from './power/power-disk.ts';
import { printJson } from './simulator/lines.ts';

const HELP = `npm run soak:power -- [options]

Runs Specie on a disk whose power is cut in the middle of card payments, again and again: whatever was not flushed is
gone. After each cut every payment and capture that was acknowledged must be in the books, and the books must add up. At
the end the same with a Postgres that does not flush (fsync off), which has to lose: a test that cannot fail proves
nothing. What was done is kept in .specie/soak-power.json after each cut: stopped and started again, it goes on there.

  --cuts N         how often at least (default 10)
  --payments N     how many acknowledged payments at least (default 10000)
  --new            forget what was done
  --json           print one JSON object at the end, and nothing else
  --help           this text

Needs root on Linux, and Debian's nbdkit and libnbd-bin (apt-get install nbdkit libnbd-bin).
Exit codes: 0 nothing was lost, and the control lost · 1 not so · 2 wrong usage, or this machine lacks something
`;

type State = {
  cuts: number;
  payments: number;
  captures: number;
  unanswered: number;
  lost: string[];
  secondsToServe: number[];
};

const FOLDER = process.env.SPECIE_FOLDER ?? fileURLToPath(new URL('../.specie', import.meta.url));
const STATE_FILE = join(FOLDER, 'soak-power.json');
const WORK_FOLDER = '/var/tmp';

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) fail(`--${name} takes a whole number, not ${text}`);
  return Number(text);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        cuts: { type: 'string', default: '10' },
        payments: { type: 'string', default: '10000' },
        new: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return {
      ...values,
      cuts: wholeNumber('cuts', values.cuts),
      payments: wholeNumber('payments', values.payments),
    };
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function readState(): State {
  const nothing = { cuts: 0, payments: 0, captures: 0, unanswered: 0, lost: [], secondsToServe: [] };
  if (options.new) return nothing;
  try {
    return JSON.parse(readFileSync(STATE_FILE, 'utf8')) as State;
  } catch {
    return nothing;
  }
}

const options = readArguments();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const missing = missingForPowerCuts();
if (missing.length > 0) fail(`this machine cannot cut its power: it lacks ${missing.join(', ')}`);
const say = (line: string) => {
  if (!options.json) console.log(line);
};
const state = readState();
if (state.cuts > 0) say(`${state.cuts} cuts and ${state.payments} payments were made before; going on`);

function note(result: CutResult): void {
  state.cuts += 1;
  state.payments += result.payments;
  state.captures += result.captures;
  state.unanswered += result.unanswered;
  state.lost.push(...result.lost);
  state.secondsToServe.push(result.secondsToServe);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${STATE_FILE}.new`, JSON.stringify(state));
  renameSync(`${STATE_FILE}.new`, STATE_FILE);
  say(
    `cut ${state.cuts}: ${result.payments} payments and ${result.captures} captures acknowledged, ${result.unanswered} requests unanswered, ` +
      `${result.lost.length} lost · served again after ${result.secondsToServe.toFixed(1)} s`,
  );
}

const folder = () => mkdtempSync(join(WORK_FOLDER, 'specie-power-'));
const isDone = () => state.cuts >= options.cuts && state.payments >= options.payments;
if (!isDone()) {
  for await (const result of cutRounds({ folder: folder(), flushes: true })) {
    note(result);
    if (isDone()) break;
  }
}
say('control: the same with a Postgres that does not flush');
let control: CutResult | undefined;
for await (const result of cutRounds({ folder: folder(), flushes: false })) {
  control = result;
  break;
}
const controlLost = control?.lost.length ?? 0;
say(
  `control: ${control?.payments} payments acknowledged, ${controlLost} lost${control?.isUnreadable ? ' (the books could not be opened any more)' : ''}`,
);
const slowest = Math.max(...state.secondsToServe);
const summary = {
  ...state,
  slowestToServeSeconds: slowest,
  control: { payments: control?.payments, lost: controlLost },
};
if (options.json) printJson(summary);
else {
  console.log(
    `\n${state.cuts} power cuts, ${state.payments} payments and ${state.captures} captures acknowledged, ${state.lost.length} lost, ` +
      `${state.unanswered} unanswered; served again after at most ${slowest.toFixed(1)} s`,
  );
}
process.exit(state.lost.length === 0 && controlLost > 0 ? 0 : 1);
