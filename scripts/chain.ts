/** `npm run chain`: the local chain as a process of its own, see `--help`. */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemTimers } from '../ledger-service/platform/ports.ts';
import { SettlementError } from '../ledger-service/vocabulary/errors.ts';
import { LocalChain } from './local/chain-node.ts';
import { listenForCalls } from './local/chain-server.ts';

const HELP = `npm run chain -- [options]

A local chain (id 31337, JSON-RPC on loopback) that is kept in FOLDER/chain.ndjson and replayed from it at start.

  --folder FOLDER            where the journal is (default .specie)
  --port PORT                where to listen (default 8545)
  --starts-at TIME           the clock of a new chain begins here, ISO 8601 in UTC (default now)
  --block-milliseconds N     how often it looks for something to mine (default 250)
  --confirmations N          empty blocks after one with transactions (default 3)
  --help                     this text

Writes one JSON line for each event to standard output: chain.replaying, chain.ready, chain.failed.
`;

const WHOLE_NUMBER = /^\d{1,9}$/;

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        folder: { type: 'string', default: '.specie' },
        port: { type: 'string', default: '8545' },
        'starts-at': { type: 'string' },
        'block-milliseconds': { type: 'string', default: '250' },
        confirmations: { type: 'string', default: '3' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    for (const name of ['port', 'block-milliseconds', 'confirmations'] as const) {
      if (!WHOLE_NUMBER.test(values[name])) throw new Error(`--${name} takes a whole number`);
    }
    const startsAt = values['starts-at'] === undefined ? undefined : new Date(values['starts-at']);
    if (startsAt && Number.isNaN(startsAt.getTime()))
      throw new Error('--starts-at takes a time like 2026-11-02T06:00:00Z');
    return { ...values, startsAt };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

function report(event: string, details: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);
}

const options = readArguments();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.on(signal, () => stopping.abort());
try {
  mkdirSync(options.folder, { recursive: true });
  const server = await listenForCalls(Number(options.port));
  const chain = await LocalChain.open({
    folder: options.folder,
    startsAt: options.startsAt,
    confirmations: Number(options.confirmations),
    machineClock: () => Date.now(),
    onProgress: (progress) => report('chain.replaying', progress),
  });
  server.serve(chain);
  const { height, hash: headHash } = chain.head;
  const url = `http://127.0.0.1:${server.port}`;
  report('chain.ready', { url, port: server.port, height, headHash, replayed: chain.replayed });
  while (!stopping.signal.aborted && !chain.fault) {
    await chain.tick();
    await systemTimers.wait(Number(options['block-milliseconds']), stopping.signal).catch(() => {});
  }
  if (chain.fault) throw chain.fault;
  await server.close();
  await chain.close();
  process.exit(0);
} catch (error) {
  const code = error instanceof SettlementError ? error.code : ((error as NodeJS.ErrnoException).code ?? 'INTERNAL');
  report('chain.failed', { code, message: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}
