/**
 * Removes everything a local run has made: books, chain journal, reports, compiled contracts.
 *
 * Effects: what a killed run left running is stopped, then `.specie/` is deleted; refuses, with exit code 1, while a
 *          run is up.
 */
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { postgresFolderOf } from './local/postgres-folder.ts';
import { isRunUp, stopLeftovers } from './local/run-lock.ts';

const folder = fileURLToPath(new URL('../.specie', import.meta.url));
const pid = isRunUp(folder);
if (pid !== undefined) {
  console.error(`A local run is still up as process ${pid}. Stop it with Ctrl-C, then reset.`);
  process.exit(1);
}
const existed = existsSync(folder);
if (existed) await stopLeftovers(folder);
rmSync(postgresFolderOf(folder), { recursive: true, force: true });
rmSync(folder, { recursive: true, force: true });
console.log(existed ? 'Removed .specie: books, chain, reports and compiled contracts.' : 'Nothing to remove.');
