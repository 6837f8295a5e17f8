import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import type { Deployment } from '../../bridge/chain/domain.ts';
import { migrateAll } from '../../bridge/main/wiring.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { startBridge } from '../../scripts/local/bridge-process.ts';
import { startLocalChain } from '../../scripts/local/chain.ts';
import { nextFreePort } from '../../scripts/local/ports.ts';
import { startLocalPostgres } from '../../scripts/local/postgres.ts';
import { postgresFolderOf } from '../../scripts/local/postgres-folder.ts';
import { makeApiKey, seedLocalWorld, startLocalSigner } from '../../scripts/local/seed-world.ts';

/** What runs as a process of its own, as in a larger installation: two workers, so that one may take over. */
export const PARTS = ['api', 'worker-1', 'worker-2', 'watcher', 'signer', 'postgres', 'chain'] as const;
export type Part = (typeof PARTS)[number];

/** `pid` is that of the process to kill; `ended` comes when it is gone, however that happened. */
type Running = Readonly<{ pid: number; ended: Promise<unknown>; stop(): Promise<void> }>;

export type InstallationOptions = Readonly<{
  folder: string;
  startsAt: Date;
  redisUrl?: string | undefined;
  environment?: Readonly<Record<string, string>>;
}>;

const PAUSE_MILLISECONDS = 100;
const PATIENCE_MILLISECONDS = 60_000;

/**
 * A whole installation of real processes that a supervisor keeps up: whatever ends is started again, as systemd or
 * Kubernetes would. Postgres writes to the disk as it does for a user.
 */
export class Installation {
  readonly #options: InstallationOptions;
  readonly #ports: Readonly<{ api: number; postgres: number; chain: number }>;
  readonly #running = new Map<Part, Running>();
  readonly #up = new Map<Part, PromiseWithResolvers<void>>();
  readonly #keeping: Promise<void>[] = [];
  #databaseUrl = '';
  #deployment: Deployment | undefined;
  #signerEnvironment: Readonly<Record<string, string>> = {};
  #isStopping = false;
  apiKey = '';

  private constructor(options: InstallationOptions, ports: Readonly<{ api: number; postgres: number; chain: number }>) {
    this.#options = options;
    this.#ports = ports;
  }

  static async start(options: InstallationOptions): Promise<Installation> {
    await mkdir(options.folder, { recursive: true });
    const installation = new Installation(options, {
      api: await nextFreePort(47_000),
      postgres: await nextFreePort(47_100),
      chain: await nextFreePort(47_200),
    });
    try {
      await installation.#open();
      return installation;
    } catch (error) {
      await installation.stop();
      throw error;
    }
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.#ports.api}`;
  }

  get rpcUrl(): string {
    return `http://127.0.0.1:${this.#ports.chain}`;
  }

  get databaseUrl(): string {
    return this.#databaseUrl;
  }

  /** Kills a part where it stands. Effects: it is started again at once; resolves when it is up. */
  async kill(part: Part): Promise<void> {
    const running = this.#running.get(part);
    // It is down already, and on its way back.
    if (!running) return this.untilUp(part);
    process.kill(running.pid, 'SIGKILL');
    await running.ended;
    await this.untilUp(part);
  }

  /** Stops Postgres as an administrator would in a hurry: open work is rolled back, connections are closed. */
  async restartPostgres(): Promise<void> {
    const running = this.#running.get('postgres');
    if (!running) return this.untilUp('postgres');
    process.kill(running.pid, 'SIGINT');
    await running.ended;
    await this.untilUp('postgres');
  }

  /** Cuts every connection to the books, wherever its work is. */
  async cutConnections(): Promise<void> {
    const knife = postgres(this.#databaseUrl, { max: 1, onnotice: () => {}, connect_timeout: 5 });
    try {
      await knife`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`;
    } finally {
      await knife.end({ timeout: 1 });
    }
  }

  /** Empties the queues' Redis, jobs and locks and all. */
  async flushRedis(): Promise<void> {
    const { redisUrl } = this.#options;
    if (!redisUrl) return;
    const redis = new Redis(redisUrl);
    try {
      await redis.flushdb();
    } finally {
      redis.disconnect();
    }
  }

  async untilUp(part: Part): Promise<void> {
    const timer = new AbortController();
    const late = wait(PATIENCE_MILLISECONDS, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`${part} did not come up again`);
    });
    try {
      await Promise.race([this.#up.get(part)?.promise, late]);
    } finally {
      timer.abort();
      late.catch(() => {});
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const part of ['api', 'worker-1', 'worker-2', 'watcher', 'signer', 'chain', 'postgres'] as const) {
      await this.#running.get(part)?.stop();
    }
    await Promise.all(this.#keeping);
    await rm(postgresFolderOf(this.#options.folder), { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    const { startsAt } = this.#options;
    const first = await startLocalPostgres(this.#options.folder, { firstPort: this.#ports.postgres });
    this.#databaseUrl = first.url;
    this.#keep('postgres', first);
    await migrateAll(first.url);
    this.#keep('chain', withPid(await this.#startChain(startsAt)));
    const seeded = await seedLocalWorld({ databaseUrl: first.url, rpcUrl: this.rpcUrl, clock: systemClock });
    this.#deployment = seeded.deployment;
    this.#keep('signer', await this.#startSigner());
    this.apiKey = await makeApiKey(first.url, systemClock, 'faults');
    for (const part of ['worker-1', 'worker-2', 'watcher', 'api'] as const) this.#keep(part);
    await Promise.all(PARTS.map((part) => this.untilUp(part)));
  }

  /** Starts the part, and starts it again whenever it ends. */
  #keep(part: Part, first?: Running): void {
    this.#up.set(part, Promise.withResolvers());
    this.#keeping.push(this.#keepUp(part, first));
  }

  async #keepUp(part: Part, first: Running | undefined): Promise<void> {
    for (let next = first; !this.#isStopping; next = undefined) {
      try {
        const running = next ?? (await this.#start(part));
        this.#running.set(part, running);
        this.#up.get(part)?.resolve();
        if (this.#isStopping) await running.stop();
        await running.ended;
        this.#up.set(part, Promise.withResolvers());
        this.#running.delete(part);
      } catch {
        // What it needs is down too: it is tried again, as a supervisor does.
        await wait(PAUSE_MILLISECONDS);
      }
    }
    this.#up.get(part)?.resolve();
  }

  async #start(part: Part): Promise<Running> {
    const { folder } = this.#options;
    if (part === 'postgres') return startLocalPostgres(folder, { firstPort: this.#ports.postgres });
    if (part === 'chain') return withPid(await this.#startChain());
    if (part === 'signer') return this.#startSigner();
    const main = part.replace(/-\d$/, '');
    const { process: child, ended, stop } = await startBridge(folder, this.#environment(), `bridge/main/${main}.ts`);
    return withPid({ pid: child.pid, ended, stop });
  }

  async #startSigner(): Promise<Running> {
    if (!this.#deployment) throw new Error('a signer knows its contracts');
    const signer = await startLocalSigner(this.#options.folder, this.rpcUrl, this.#deployment);
    this.#signerEnvironment = signer.environment;
    return withPid({ pid: signer.process.pid, ended: signer.ended, stop: signer.stop });
  }

  #startChain(startsAt?: Date) {
    const { folder } = this.#options;
    return startLocalChain(folder, { firstPort: this.#ports.chain, ...(startsAt ? { startsAt } : {}) });
  }

  #environment(): Record<string, string> {
    const { startsAt, redisUrl, environment } = this.#options;
    return {
      DATABASE_URL: this.#databaseUrl,
      RPC_URL: this.rpcUrl,
      ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
      PORT: String(this.#ports.api),
      ...this.#signerEnvironment,
      LOCAL_CLOCK_STARTS_AT: startsAt.toISOString(),
      ISSUER_DEADLINE_MILLISECONDS: '800',
      LOG_LEVEL: 'warn',
      ...environment,
    };
  }
}

function withPid(
  running: Readonly<{ pid: number | undefined; ended: Promise<unknown>; stop(): Promise<void> }>,
): Running {
  const { pid, ended, stop } = running;
  if (pid === undefined) throw new Error('a process that runs has a number');
  return { pid, ended, stop };
}
