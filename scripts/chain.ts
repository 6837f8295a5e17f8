/**
 * The local chain as a process of its own: `npm run chain`, and what `npm start` starts.
 *
 * Prints one JSON line per event: chain.replaying, chain.ready, chain.failed. Ends on SIGTERM or SIGINT, and with the
 * process that started it when there is an IPC channel. Exit code 0 stopped, 1 failed, 2 wrong usage.
 */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { SettlementError } from '../ledger-service/vocabulary/errors.ts';
import { lockChainFolder } from './local/chain-lock.ts';
import { LocalChain } from './local/chain-node.ts';
import { listenForCalls } from './local/chain-server.ts';

type Options = Readonly<{
  folder: string;
  port: number;
  startsAt?: Date;
  blockMilliseconds: number;
  confirmations: number;
}>;

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}

function isoTime(text: string): Date {
  const time = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError('It is not an ISO time, such as 2026-11-02T09:00:00Z.');
  }
  return time;
}

const options = new Command('chain')
  .description('Runs the local chain, chain id 31337, and keeps it from run to run.')
  .option('--folder <folder>', 'where its journal is', '.specie')
  .option('--port <number>', 'port on 127.0.0.1', wholeNumber, 8545)
  .option('--starts-at <time>', 'where the clock of a new chain begins; default: now', isoTime)
  .option('--block-milliseconds <number>', 'how often a block may be mined', wholeNumber, 250)
  .option('--confirmations <number>', 'empty blocks mined after one with transactions', wholeNumber, 3)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Options>();

// Whoever read our lines may be gone; that is told by signal or channel, not by a broken pipe.
process.stdout.on('error', () => undefined);
const say = (event: string, fields: object) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

const ending = new AbortController();
const ended = new Promise<undefined>((resolve) => ending.signal.addEventListener('abort', () => resolve(undefined)));
for (const signal of ['SIGTERM', 'SIGINT', 'disconnect']) process.on(signal, () => ending.abort());

try {
  await run(options);
  process.exit(0);
} catch (error) {
  const { code, details } = error as { code?: string; details?: object };
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof SettlementError ? `${error.code}: ${message}` : error);
  process.stdout.write(`${JSON.stringify({ event: 'chain.failed', code, message, details })}\n`, () => process.exit(1));
}

async function run({ port, blockMilliseconds, ...given }: Options): Promise<void> {
  const folder = resolve(given.folder);
  mkdirSync(folder, { recursive: true });
  const server = await listenForCalls(port);
  const unlock = await lockChainFolder(folder, server.port);
  try {
    const opening = LocalChain.open({
      folder,
      startsAt: given.startsAt,
      confirmations: given.confirmations,
      machineClock: Date.now,
      onProgress: (progress) => {
        say('chain.replaying', progress);
      },
    });
    // A replay only reads, so it may be left where it stands.
    const chain = await Promise.race([opening, ended]);
    if (!chain) return;
    server.serve(chain);
    const { height, hash: headHash } = chain.head;
    const url = `http://127.0.0.1:${server.port}`;
    say('chain.ready', { url, port: server.port, height, headHash, replayed: chain.replayed });
    try {
      await mineUntilEnding(chain, blockMilliseconds);
    } finally {
      // Only when nothing can be written any more does the port, by which others know of us, fall silent.
      if (!chain.fault) await chain.close();
      await server.close();
    }
  } finally {
    unlock();
  }
}

async function mineUntilEnding(chain: LocalChain, blockMilliseconds: number): Promise<void> {
  while (!ending.signal.aborted) {
    await chain.tick();
    await delay(blockMilliseconds, undefined, { signal: ending.signal }).catch(() => undefined);
  }
}
