/** The local chain of a run, started as a process of its own. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, errorCatalogue, SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { nextFreePort } from './ports.ts';

export type RunningChain = Readonly<{
  url: string;
  port: number;
  pid: number | undefined;
  /** As it was when it was ready: before anything new was mined. */
  height: number;
  headHash: `0x${string}`;
  /** How many blocks were replayed from the journal. */
  replayed: number;
  /** Resolves when the process has ended, told to or not. */
  ended: Promise<void>;
  stop(): Promise<void>;
}>;

type ReplayProgress = Readonly<{ done: number; total: number }>;
type ChainEvent = Readonly<
  | ({ event: 'chain.replaying' } & ReplayProgress)
  | { event: 'chain.ready'; url: string; port: number; height: number; headHash: `0x${string}`; replayed: number }
  | { event: 'chain.failed'; code: string; message: string }
>;

const FIRST_PORT = 8_545;
const program = fileURLToPath(new URL('../chain.ts', import.meta.url));

/**
 * Starts the chain that the folder keeps, or a new one.
 *
 * Effects: a process that ends when it is told to, or when this one is gone
 * Errors:  thrown with the chain's own code: JOURNAL_MISMATCH when its journal is damaged or replays to other blocks
 */
export async function startLocalChain(
  folder: string,
  options: Readonly<{
    startsAt?: Date;
    blockMilliseconds?: number;
    onProgress?: (progress: ReplayProgress) => void;
  }>,
): Promise<RunningChain> {
  const port = await nextFreePort(FIRST_PORT);
  const { startsAt, blockMilliseconds, onProgress } = options;
  const programArguments = [
    ...['--disable-warning=ExperimentalWarning', program, '--folder', folder, '--port', String(port)],
    ...(startsAt ? ['--starts-at', startsAt.toISOString()] : []),
    ...(blockMilliseconds === undefined ? [] : ['--block-milliseconds', String(blockMilliseconds)]),
  ];
  const child = spawn(process.execPath, programArguments, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error('the chain has no output to read');
  let lastWords = '';
  stderr.on('data', (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString('utf8')).slice(-2_000);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const ready = await new Promise<ChainEvent & { event: 'chain.ready' }>((resolve, reject) => {
    createInterface({ input: stdout }).on('line', (line) => {
      const event = JSON.parse(line) as ChainEvent;
      if (event.event === 'chain.replaying') onProgress?.({ done: event.done, total: event.total });
      if (event.event === 'chain.ready') resolve(event);
      if (event.event === 'chain.failed') reject(errorFrom(event));
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the chain ended with code ${code}:\n${lastWords.trim()}`)));
  });
  const { event: _, ...facts } = ready;
  return {
    ...facts,
    pid: child.pid,
    ended: exited,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
}

function errorFrom({ code, message }: Readonly<{ code: string; message: string }>): Error {
  return code in errorCatalogue ? new SettlementError(code as ErrorCode, message) : new Error(`${code}: ${message}`);
}
