/**
 * Removes everything a local run has made: books, chain journal, reports, compiled contracts.
 *
 * Effects: deletes `.specie/`; refuses, with exit code 1, while a local Postgres of it is still running.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export function runningPostgres(folder: string): number | undefined {
  const pidFile = join(folder, 'postgres', 'postmaster.pid');
  if (!existsSync(pidFile)) return undefined;
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  try {
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const folder = fileURLToPath(new URL('../.specie', import.meta.url));
  const pid = runningPostgres(folder);
  if (pid !== undefined) {
    console.error(`A local run is still up (Postgres has process ${pid}). Stop it with Ctrl-C, then reset.`);
    process.exit(1);
  }
  const existed = existsSync(folder);
  rmSync(folder, { recursive: true, force: true });
  console.log(existed ? 'Removed .specie: books, chain, reports and compiled contracts.' : 'Nothing to remove.');
}
