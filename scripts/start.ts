/** `npm start`: settles a day of payments on embedded parts and stays up, see `--help`. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SettlementError } from '../ledger-service/vocabulary/errors.ts';
import { DayFileError } from './day/day-file.ts';
import { startLocalDay } from './local/local-day.ts';
import { RunIsUpError } from './local/run-lock.ts';

const HELP = `npm start -- [options]

Settles a day of payments in all four quadrants on an embedded Postgres and a local chain, prints one table,
writes reports to .specie/out/, and stays up at http://localhost:4000 until Ctrl-C.

  --file FILE   settle this CSV instead of the day that ships with Specie (columns: README)
  --once        do not stay up; exit code 0 only if everything reconciled
  --json        print one JSON line at the end and nothing else on standard output
  --port PORT   where the API listens; the next free one if it is taken (default 4000)
  --help        this text

Environment: DATABASE_URL (your own Postgres), RPC_URL (your own local chain, id 31337), REDIS_URL (BullMQ on Redis),
             SPECIE_FOLDER (where this run keeps its files; default .specie)
Exit codes:  0 done and reconciled · 1 refused or not reconciled · 2 wrong usage
`;

const root = fileURLToPath(new URL('..', import.meta.url));

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        file: { type: 'string' },
        once: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        port: { type: 'string', default: '4000' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) throw new Error('--port takes a port number');
    return values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

const options = readArguments();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const file = options.file ? resolve(options.file) : join(root, 'scripts', 'day', 'default-day.csv');
let text: string;
try {
  text = readFileSync(file, 'utf8');
} catch (error) {
  process.stderr.write(`✖ ${file} cannot be read: ${(error as Error).message}\n`);
  process.exit(2);
}
try {
  process.exitCode = await startLocalDay({
    folder: process.env.SPECIE_FOLDER ? resolve(process.env.SPECIE_FOLDER) : join(root, '.specie'),
    text,
    fileName: options.file ?? 'default-day.csv',
    once: options.once,
    json: options.json,
    port: Number(options.port),
    environment: process.env,
  });
} catch (error) {
  const known =
    error instanceof SettlementError || error instanceof RunIsUpError || error instanceof DayFileError
      ? `${error.code}: ${error.message}`
      : undefined;
  process.stderr.write(`✖ ${known ?? (error instanceof Error ? (error.stack ?? error.message) : error)}\n`);
  process.exit(error instanceof DayFileError ? 2 : 1);
}
process.exit();
