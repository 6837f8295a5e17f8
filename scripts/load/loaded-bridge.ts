/** A bridge under load: one process on an embedded Postgres and a local chain, with what it was told and what it holds. */
import { readFileSync } from 'node:fs';
import { migrateAll } from '../../bridge/main/wiring.ts';
import { openDatabase } from '../../ledger-service/platform/database.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { verifyBooks } from '../../ledger-service/statements/operations/verify-books.ts';
import { type BridgeProcess, startBridge } from '../local/bridge-process.ts';
import { type RunningChain, startLocalChain } from '../local/chain.ts';
import { nextFreePort } from '../local/ports.ts';
import { type LocalPostgres, startLocalPostgres } from '../local/postgres.ts';
import { makeApiKey, privateKeyOf, seedLocalWorld } from '../local/seed-world.ts';
import { CardCallers, openCards } from './card-payments.ts';
import { type LoopResult, openLoop } from './open-loop.ts';

const PEAK_CALLERS = 96;
const SAMPLE_MILLISECONDS = 1_000;
/** The first minutes fill caches and pools; growth is measured after them. */
const WARM_UP_SHARE = 0.3;

type Sample = Readonly<{ hours: number; megabytes: number }>;
type Parts = Readonly<{ postgres: LocalPostgres; chain: RunningChain; bridge: BridgeProcess; apiKey: string }>;

export class LoadedBridge {
  readonly #parts: Parts;
  readonly #callers: CardCallers;
  readonly #authorized: string[] = [];
  readonly #captured: string[] = [];
  readonly #samples: Sample[] = [];
  #sampledAt = 0;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#callers = new CardCallers({ url: parts.bridge.url, apiKey: parts.apiKey, connections: 4_096 });
  }

  static async start(folder: string): Promise<LoadedBridge> {
    const postgres = await startLocalPostgres(folder);
    const chain = await startLocalChain(folder);
    await migrateAll(postgres.url);
    await seedLocalWorld({ databaseUrl: postgres.url, rpcUrl: chain.url, clock: systemClock });
    await openCards(postgres.url);
    const apiKey = await makeApiKey(postgres.url, systemClock, 'load');
    const bridge = await startBridge(folder, {
      DATABASE_URL: postgres.url,
      RPC_URL: chain.url,
      PORT: String(await nextFreePort(4_600)),
      OPERATOR_PRIVATE_KEY: privateKeyOf('operator'),
      LOG_LEVEL: 'warn',
    });
    return new LoadedBridge({ postgres, chain, bridge, apiKey });
  }

  /** State changes a second when everyone asks again as soon as they are answered; the first third warms up. */
  async measurePeak(seconds: number): Promise<number> {
    const started = performance.now();
    const warmUntil = started + (seconds * 1_000) / 3;
    const until = started + seconds * 1_000;
    let next = 0;
    let counted = 0;
    const caller = async () => {
      while (performance.now() < until) {
        const index = next++;
        const paid = await this.#callers.authorize(index, `peak-${index}`);
        if (paid.status !== 201) continue;
        const captured = await this.#callers.capture(String(paid.body.paymentId), `peak-${index}-capture`);
        if (captured.status === 201 && performance.now() > warmUntil) counted += 2;
      }
    };
    await Promise.all(Array.from({ length: PEAK_CALLERS }, caller));
    return counted / ((performance.now() - warmUntil) / 1_000);
  }

  async offer(
    name: string,
    stateChangesPerSecond: number,
    seconds: number,
  ): Promise<Readonly<{ result: LoopResult; memoryMegabytes: number }>> {
    const result = await openLoop(this.#callers, {
      name,
      stateChangesPerSecond,
      seconds,
      onTick: () => this.#sample(),
    });
    this.#authorized.push(...result.authorized);
    this.#captured.push(...result.captured);
    return { result, memoryMegabytes: this.#samples.at(-1)?.megabytes ?? 0 };
  }

  /** Of the bridge's process, by least squares over what was sampled; undefined before there is enough to say. */
  memoryGrowthPercentPerHour(): number | undefined {
    const samples = this.#samples.slice(Math.floor(this.#samples.length * WARM_UP_SHARE));
    if (samples.length < 60) return undefined;
    const mean = (of: (sample: Sample) => number) => samples.reduce((sum, one) => sum + of(one), 0) / samples.length;
    const [hours, megabytes] = [mean((one) => one.hours), mean((one) => one.megabytes)];
    const slope =
      mean((one) => (one.hours - hours) * (one.megabytes - megabytes)) / mean((one) => (one.hours - hours) ** 2);
    return (100 * slope) / megabytes;
  }

  /** What was acknowledged and is not in the books. */
  async missing(): Promise<readonly string[]> {
    const database = openDatabase(this.#parts.postgres.url, { poolSize: 1 });
    try {
      const rows = await database.client.unsafe('select payment_id, captured from bridge.payments');
      const captured = new Map(rows.map((row) => [String(row.payment_id), BigInt(row.captured)]));
      return [
        ...this.#authorized.filter((paymentId) => !captured.has(paymentId)),
        ...this.#captured.filter((paymentId) => !captured.get(paymentId)).map((paymentId) => `${paymentId} captured`),
      ];
    } finally {
      await database.close();
    }
  }

  async misfits(): Promise<number> {
    const database = openDatabase(this.#parts.postgres.url, { poolSize: 2 });
    try {
      return (await verifyBooks(database)).misfits.length;
    } finally {
      await database.close();
    }
  }

  async stop(): Promise<void> {
    this.#callers.close();
    await this.#parts.bridge.stop();
    await this.#parts.chain.stop();
    await this.#parts.postgres.stop();
  }

  #sample(): void {
    const now = performance.now();
    if (now - this.#sampledAt < SAMPLE_MILLISECONDS) return;
    this.#sampledAt = now;
    const megabytes = residentMegabytes(this.#parts.bridge.process.pid);
    if (megabytes !== undefined) this.#samples.push({ hours: now / 3_600_000, megabytes });
  }
}

/** Undefined where the system has no /proc. */
function residentMegabytes(pid: number | undefined): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
  } catch {
    return undefined;
  }
}
