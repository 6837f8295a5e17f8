/** Payments on a disk whose power is cut: books and bridge go down with it, the chain is another machine. */
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { migrateAll } from '../../bridge/main/wiring.ts';
import { openDatabase } from '../../ledger-service/platform/database.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { verifyBooks } from '../../ledger-service/statements/operations/verify-books.ts';
import { CardCallers, openCards } from '../load/card-payments.ts';
import { type BridgeProcess, startBridge } from '../local/bridge-process.ts';
import { startLocalChain } from '../local/chain.ts';
import { nextFreePort } from '../local/ports.ts';
import { type LocalPostgres, startLocalPostgres } from '../local/postgres.ts';
import { postgresFolderOf } from '../local/postgres-folder.ts';
import { makeApiKey, privateKeyOf, seedLocalWorld } from '../local/seed-world.ts';
import { PowerDisk } from './power-disk.ts';

/** What one cut came to. `lost` names what was acknowledged and is not there. */
export type CutResult = Readonly<{
  payments: number;
  captures: number;
  /** Requests under way when the power went: their outcome was unknown to whoever asked. */
  unanswered: number;
  lost: readonly string[];
  secondsToServe: number;
  /** The cluster would not start, or its figures do not add up: everything on it counts as lost. */
  isUnreadable: boolean;
}>;

const CALLERS = 32;
const SHORTEST_MILLISECONDS = 4_000;
const SPREAD_MILLISECONDS = 4_000;

type Machine = Readonly<{ postgres: LocalPostgres; bridge: BridgeProcess }>;

/**
 * Cuts, one after another, for as long as the caller wants more.
 *
 * Effects: a disk, processes and a chain in `folder`, all gone when the caller stops asking
 */
export async function* cutRounds(
  options: Readonly<{ folder: string; flushes: boolean }>,
): AsyncGenerator<CutResult, void, void> {
  const { folder, flushes } = options;
  // Postgres runs as a user of its own, and its cluster has to be on the disk that is cut, not beside it.
  chmodSync(folder, 0o755);
  const disk = new PowerDisk(folder);
  const chain = await startLocalChain(join(folder, 'chain'));
  const ports = { postgres: await nextFreePort(48_100), api: await nextFreePort(48_000) };
  let machine: Machine | undefined;
  try {
    await disk.powerOn();
    const books = join(disk.mountPoint, 'books');
    if (!postgresFolderOf(books).startsWith(disk.mountPoint))
      throw new Error('the books are not on the disk that is cut');
    const settings = flushes ? [] : ['fsync=off'];
    const start = async (prepare?: (url: string) => Promise<void>): Promise<Machine> => {
      const postgres = await startLocalPostgres(books, { firstPort: ports.postgres, settings });
      await prepare?.(postgres.url);
      const bridge = await startBridge(folder, {
        DATABASE_URL: postgres.url,
        RPC_URL: chain.url,
        PORT: String(ports.api),
        OPERATOR_PRIVATE_KEY: privateKeyOf('operator'),
        LOG_LEVEL: 'error',
      });
      return { postgres, bridge };
    };
    let apiKey = '';
    machine = await start(async (url) => {
      await migrateAll(url);
      await seedLocalWorld({ databaseUrl: url, rpcUrl: chain.url, clock: systemClock });
      await openCards(url);
      apiKey = await makeApiKey(url, systemClock, 'power');
    });
    // The installation is there before the first cut, as on a machine that has been running for a while.
    disk.flush();
    for (let round = 1; ; round += 1) {
      const load = new Load({ url: machine.bridge.url, apiKey, round });
      await wait(SHORTEST_MILLISECONDS + Math.floor(Math.random() * SPREAD_MILLISECONDS));
      disk.cut();
      await endAll(machine);
      machine = undefined;
      const told = await load.ended();
      await disk.clearAway();
      const started = performance.now();
      await disk.powerOn();
      try {
        machine = await start();
      } catch {
        yield { ...told.counts, lost: told.all, secondsToServe: 0, isUnreadable: true };
        return;
      }
      const secondsToServe = (performance.now() - started) / 1_000;
      const { lost, isUnreadable } = await missingOf(machine.postgres.url, told);
      yield { ...told.counts, lost, secondsToServe, isUnreadable };
    }
  } finally {
    if (machine) await endAll(machine);
    await chain.stop();
    await disk.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function endAll({ postgres, bridge }: Machine): Promise<void> {
  bridge.process.kill('SIGKILL');
  process.kill(postgres.pid, 'SIGKILL');
  await Promise.all([bridge.ended, postgres.ended]);
}

type Told = Readonly<{
  payments: readonly string[];
  captured: readonly string[];
  all: readonly string[];
  counts: Readonly<{ payments: number; captures: number; unanswered: number }>;
}>;

/** Callers who pay and capture until nobody answers any more; what they were told is kept here, off the disk. */
class Load {
  readonly #payments: string[] = [];
  readonly #captured: string[] = [];
  readonly #callers: CardCallers;
  readonly #working: Promise<unknown>;
  #unanswered = 0;

  constructor({ url, apiKey, round }: Readonly<{ url: string; apiKey: string; round: number }>) {
    this.#callers = new CardCallers({ url, apiKey, connections: CALLERS });
    let next = 0;
    const caller = async () => {
      for (;;) {
        const index = next++;
        const name = `power-${round}-${index}`;
        try {
          const paid = await this.#callers.authorize(index, name);
          if (paid.status !== 201) return;
          const paymentId = String(paid.body.paymentId);
          this.#payments.push(paymentId);
          const captured = await this.#callers.capture(paymentId, `${name}-capture`);
          if (captured.status !== 201) return;
          this.#captured.push(paymentId);
        } catch {
          this.#unanswered += 1;
          return;
        }
      }
    };
    this.#working = Promise.all(Array.from({ length: CALLERS }, caller));
  }

  async ended(): Promise<Told> {
    await this.#working;
    this.#callers.close();
    const counts = { payments: this.#payments.length, captures: this.#captured.length, unanswered: this.#unanswered };
    const all = [...this.#payments, ...this.#captured.map((paymentId) => `${paymentId} captured`)];
    return { payments: this.#payments, captured: this.#captured, all, counts };
  }
}

/** What was acknowledged and is not in the books; everything, where the books do not add up. */
async function missingOf(
  databaseUrl: string,
  told: Told,
): Promise<Readonly<{ lost: readonly string[]; isUnreadable: boolean }>> {
  const database = openDatabase(databaseUrl, { poolSize: 2 });
  try {
    const rows = await database.client.unsafe('select payment_id, captured from bridge.payments');
    const captured = new Map(rows.map((row) => [String(row.payment_id), BigInt(row.captured)]));
    const lost = [
      ...told.payments.filter((paymentId) => !captured.has(paymentId)),
      ...told.captured.filter((paymentId) => !captured.get(paymentId)).map((paymentId) => `${paymentId} captured`),
    ];
    const { misfits } = await verifyBooks(database);
    return misfits.length > 0 ? { lost: told.all, isUnreadable: true } : { lost, isUnreadable: false };
  } catch {
    return { lost: told.all, isUnreadable: true };
  } finally {
    await database.close();
  }
}
