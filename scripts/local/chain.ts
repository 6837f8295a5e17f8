/** Starts the local chain as a process of its own and speaks for it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Hex } from 'viem';
import {
  type ErrorCode,
  type ErrorDetails,
  errorCatalogue,
  SettlementError,
} from '../../ledger-service/vocabulary/errors.ts';
import type { ReplayProgress } from './chain-node.ts';
import { nextFreePort } from './ports.ts';

export type StartLocalChain = Readonly<{
  /** Where the clock of a new chain begins; a chain that was kept goes on from its last block. */
  startsAt?: Date;
  blockMilliseconds?: number;
  confirmations?: number;
  /** The first port tried; 8545 unless given. */
  firstPort?: number;
  onProgress?: (progress: ReplayProgress) => void;
}>;

/** `replayed` counts blocks; `pid` is the chain's own process; `ended` is kept, with its exit code, when it ends for any reason. */
export type RunningChain = Readonly<{
  url: string;
  port: number;
  height: number;
  headHash: Hex;
  replayed: number;
  pid: number | undefined;
  ended: Promise<number | null>;
  stop(): Promise<void>;
}>;

type Ready = Readonly<{ url: string; port: number; height: number; headHash: Hex; replayed: number }>;
type Failed = Readonly<{ code?: string; message: string; details?: ErrorDetails }>;

const FIRST_PORT = 8545;
const LINES_KEPT = 40;
const STOP_TIMEOUT_MILLISECONDS = 10_000;
const PORT_TAKEN = 'EADDRINUSE';
const program = fileURLToPath(new URL('../chain.ts', import.meta.url));

/**
 * Starts the chain kept in `folder`, or a new one, and waits until it answers.
 *
 * Errors:  thrown, in the words and with the code of the chain's process: JOURNAL_MISMATCH, CONFIGURATION_INVALID, …
 * Effects: a process on loopback; it ends with `stop`, and with this process however that ends
 */
export async function startLocalChain(folder: string, options: StartLocalChain = {}): Promise<RunningChain> {
  let firstPort = options.firstPort ?? FIRST_PORT;
  for (;;) {
    const port = await nextFreePort(firstPort);
    try {
      return await startOn(port, folder, options);
    } catch (error) {
      // Somebody took the port between our look and the child's.
      if ((error as NodeJS.ErrnoException).code !== PORT_TAKEN) throw error;
      firstPort = port + 1;
    }
  }
}

async function startOn(port: number, folder: string, options: StartLocalChain): Promise<RunningChain> {
  const child = spawn(process.execPath, [program, ...programArguments(port, folder, options)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A Ctrl-C in the terminal is for whoever started us: the chain ends after those who use it.
    detached: process.platform !== 'win32',
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = await untilReady(child, options.onProgress);
  return { ...ready, pid: child.pid, ended: exited, stop: () => stop(child, exited) };
}

function programArguments(port: number, folder: string, options: StartLocalChain): string[] {
  const given: [string, string | number | undefined][] = [
    ['--folder', folder],
    ['--port', port],
    ['--starts-at', options.startsAt?.toISOString()],
    ['--block-milliseconds', options.blockMilliseconds],
    ['--confirmations', options.confirmations],
  ];
  return given.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
}

async function untilReady(child: ChildProcess, onProgress: StartLocalChain['onProgress']): Promise<Ready> {
  const errorLines: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => {
    errorLines.push(line);
    if (errorLines.length > LINES_KEPT) errorLines.shift();
  });
  let failed: Failed | undefined;
  const ready = new Promise<Ready>((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const { event, ...fields } = JSON.parse(line) as { event: string };
      if (event === 'chain.replaying') onProgress?.(fields as ReplayProgress);
      if (event === 'chain.ready') resolve(fields as Ready);
      if (event === 'chain.failed') failed = fields as unknown as Failed;
    });
  });
  // Closed, not only exited: by then its last words were read.
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code) => resolve(`the local chain ended with code ${code}:\n${errorLines.join('\n')}`));
    child.once('error', (error) => resolve(error.message));
  });
  const first = await Promise.race([ready, ended]);
  if (typeof first !== 'string') return first;
  if (!failed) throw new Error(first);
  const { code, message, details } = failed;
  if (code && Object.hasOwn(errorCatalogue, code)) throw new SettlementError(code as ErrorCode, message, details);
  throw Object.assign(new Error(first), { code });
}

/** The closed channel is the wish to end, on every system; who does not heed it in time is killed, which the journal bears. */
async function stop(child: ChildProcess, exited: Promise<number | null>): Promise<void> {
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MILLISECONDS);
  await exited;
  clearTimeout(timer);
}
