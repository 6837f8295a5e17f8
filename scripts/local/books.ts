import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startLocalPostgres } from './postgres.ts';
import { postgresFolderOf } from './postgres-folder.ts';
import { runningPostgres } from './run-lock.ts';

/** The books that DATABASE_URL names, or else those of the local run, whether it is up or not. */
export async function findBooks(folder: string): Promise<Readonly<{ url: string; stop(): Promise<void> }> | undefined> {
  if (process.env.DATABASE_URL) return { url: process.env.DATABASE_URL, stop: async () => {} };
  if (!existsSync(join(postgresFolderOf(folder), 'PG_VERSION'))) return undefined;
  if (runningPostgres(folder) === undefined) return startLocalPostgres(folder);
  const password = readFileSync(join(folder, 'postgres.password'), 'utf8').trim();
  // The fourth line of its lock file is the port that the running server listens on.
  const port = readFileSync(join(postgresFolderOf(folder), 'postmaster.pid'), 'utf8').split('\n')[3];
  return { url: `postgres://specie:${password}@127.0.0.1:${port}/specie`, stop: async () => {} };
}
