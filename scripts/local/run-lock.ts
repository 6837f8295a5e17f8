/** One local run at a time in a folder, and what an earlier run that was killed left behind. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { postgresFolderOf } from './postgres-folder.ts';

type RunRecord = { pid: number; children: Record<string, number> };

export type RunLock = Readonly<{ remember(name: string, pid: number | undefined): void; release(): void }>;

const POLL_MILLISECONDS = 50;
const PATIENCE_MILLISECONDS = 8_000;

/** Another run is up in this folder. */
export class RunIsUpError extends Error {
  readonly code = 'RUN_IS_UP';
}

/**
 * Takes the folder for this process.
 *
 * Effects: processes that a killed run left behind are stopped: first they are waited for, since they end by
 *          themselves when their parent is gone; Postgres is asked to shut down, then everything is made to
 * Errors:  thrown RunIsUpError when the earlier run is still there
 */
export async function takeRunLock(folder: string): Promise<RunLock> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'run.json');
  const earlier = readRecord(file);
  if (earlier && isAlive(earlier.pid)) {
    throw new RunIsUpError(`a run is up already as process ${earlier.pid}; stop it with Ctrl-C first`);
  }
  await stopLeftovers(folder, earlier);
  const record: RunRecord = { pid: process.pid, children: {} };
  const write = () => writeFileSync(file, JSON.stringify(record));
  write();
  return {
    remember(name, pid) {
      if (pid !== undefined) record.children[name] = pid;
      write();
    },
    release: () => rmSync(file, { force: true }),
  };
}

/** Stops what a run that is no longer there has left running. */
export async function stopLeftovers(folder: string, record = readRecord(join(folder, 'run.json'))): Promise<void> {
  const postgres = runningPostgres(folder);
  // SIGINT is Postgres' fast shutdown: sessions are ended, everything committed is kept.
  if (postgres !== undefined) process.kill(postgres, 'SIGINT');
  const left = [...Object.values(record?.children ?? {}), ...(postgres === undefined ? [] : [postgres])];
  const deadline = performance.now() + PATIENCE_MILLISECONDS;
  while (left.some(isAlive)) {
    if (performance.now() > deadline) {
      for (const pid of left.filter(isAlive)) process.kill(pid, 'SIGKILL');
    }
    await wait(POLL_MILLISECONDS);
  }
}

/** True while the run that took the folder is there. */
export function isRunUp(folder: string): number | undefined {
  const record = readRecord(join(folder, 'run.json'));
  return record && isAlive(record.pid) ? record.pid : undefined;
}

/** The process of the Postgres that runs on a folder's cluster, if one does. */
export function runningPostgres(folder: string): number | undefined {
  const pidFile = join(postgresFolderOf(folder), 'postmaster.pid');
  if (!existsSync(pidFile)) return undefined;
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  return Number.isInteger(pid) && pid > 1 && isAlive(pid) ? pid : undefined;
}

function readRecord(file: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user is alive too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
