/** One process per chain journal: two that append to it would each write blocks the other knows nothing of. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';

type Holder = Readonly<{ pid: number; port: number }>;

const ANSWER_TIMEOUT_MILLISECONDS = 2000;

/**
 * Shape:  folder, and the port this process listens on already → what gives the lock back
 * Errors: thrown CONFIGURATION_INVALID while another process holds it; what a killed one left behind is taken over
 */
export async function lockChainFolder(folder: string, port: number): Promise<() => void> {
  const file = join(folder, 'chain.lock');
  const holder = readHolder(file);
  if (holder && (await isAlive(holder))) {
    throw new SettlementError(
      'CONFIGURATION_INVALID',
      `process ${holder.pid} keeps the chain in ${folder} on port ${holder.port}; stop it first`,
      { folder, pid: holder.pid, port: holder.port },
    );
  }
  rmSync(file, { force: true });
  // Two that got here at once: the second to write finds the first one's file.
  writeFileSync(file, JSON.stringify({ pid: process.pid, port } satisfies Holder), { flag: 'wx', mode: 0o600 });
  return () => {
    if (readHolder(file)?.pid === process.pid) rmSync(file, { force: true });
  };
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/** Numbers of dead processes are given out again, so it must live and answer on its port as well. */
async function isAlive({ pid, port }: Holder): Promise<boolean> {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MILLISECONDS);
    await fetch(`http://127.0.0.1:${port}`, { method: 'OPTIONS', signal });
    return true;
  } catch (error) {
    // Busy and silent is not dead.
    return (error as Error).name === 'TimeoutError';
  }
}
