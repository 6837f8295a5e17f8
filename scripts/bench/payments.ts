/**
 * State changes over HTTP (an authorize or a capture) beside pgbench's TPC-B on the same server, in the same run.
 *
 * The bridge runs as `npm start` runs it: api, worker and watcher in one process, a local chain beside it. Every payment
 * is by card in euro, authorized and captured in full; a state change is one POST that was answered.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { migrateAll } from '../../bridge/main/wiring.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { CardCallers, openCards, percentile, type TimedAnswer } from '../load/card-payments.ts';
import { startBridge } from '../local/bridge-process.ts';
import { startLocalChain } from '../local/chain.ts';
import { nextFreePort } from '../local/ports.ts';
import { startLocalPostgres } from '../local/postgres.ts';
import { makeApiKey, seedLocalWorld, startLocalSigner } from '../local/seed-world.ts';
import { type Case, caseOf } from './report.ts';

const ROUNDS = 3;
const ROUND_SECONDS = 8;
const CLIENTS = 16;
/** More callers than TPC-B has: who comes together is served together. */
const OWN_CLIENTS = 96;
const SCALE = 10;

/** Shape: → one case, the median of the rounds of each side, which take turns */
export async function runBenchmark(say: (text: string) => void): Promise<readonly Case[]> {
  const folder = await mkdtemp(join(tmpdir(), 'specie-bench-'));
  const server = await startLocalPostgres(folder);
  const chain = await startLocalChain(folder, { startsAt: new Date('2026-11-02T08:00:00Z') });
  try {
    await migrateAll(server.url);
    const { deployment } = await seedLocalWorld({ databaseUrl: server.url, rpcUrl: chain.url, clock: systemClock });
    await openCards(server.url);
    const apiKey = await makeApiKey(server.url, systemClock, 'bench');
    const signer = await startLocalSigner(folder, chain.url, deployment);
    const bridge = await startBridge(folder, {
      DATABASE_URL: server.url,
      RPC_URL: chain.url,
      PORT: String(await nextFreePort(4_500)),
      ...signer.environment,
      LOG_LEVEL: 'warn',
    });
    const tpcb = await prepareTpcb(server.url, folder);
    say(`peer: ${tpcb.name}, scale ${SCALE}, ${CLIENTS} clients; ${ROUNDS} rounds of ${ROUND_SECONDS} s each`);
    try {
      const ours: number[] = [];
      const peers: number[] = [];
      const waits: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const peer = await tpcb.run(ROUND_SECONDS);
        const { perSecond, p50, p99 } = await load(bridge.url, apiKey, round);
        peers.push(peer);
        ours.push(perSecond);
        waits.push(p99);
        say(
          `round ${round + 1}: TPC-B ${peer.toFixed(0)}/s · ours ${perSecond.toFixed(0)}/s, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
        );
      }
      return [
        caseOf(`authorize or capture over HTTP, ${OWN_CLIENTS} callers`, tpcb.name, 'state changes/s', '≥ 1.0 ×', {
          peer: peers,
          ours,
        }),
        caseOf('p99 of the same', 'the aim at half load', 'ms', '≤ 50', { peer: [50], ours: waits }),
      ];
    } finally {
      await bridge.stop();
      await signer.stop();
      await tpcb.close();
    }
  } finally {
    await chain.stop();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function load(url: string, apiKey: string, round: number) {
  const callers = new CardCallers({ url, apiKey, connections: OWN_CLIENTS });
  const waits: number[] = [];
  const started = performance.now();
  const until = started + ROUND_SECONDS * 1_000;
  let next = 0;
  const settled = ({ status, body, milliseconds }: TimedAnswer) => {
    if (status !== 201) throw new Error(`${status}: ${JSON.stringify(body)}`);
    waits.push(milliseconds);
    return body;
  };
  const client = async () => {
    while (performance.now() < until) {
      const index = next++;
      const name = `bench-${round}-${index}`;
      const payment = settled(await callers.authorize(index, name));
      if (payment.phase !== 'open') throw new Error(`not authorized: ${JSON.stringify(payment)}`);
      settled(await callers.capture(String(payment.paymentId), `${name}-capture`));
    }
  };
  await Promise.all(Array.from({ length: OWN_CLIENTS }, client));
  const seconds = (performance.now() - started) / 1_000;
  callers.close();
  waits.sort((left, right) => left - right);
  return { perSecond: waits.length / seconds, p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) };
}

type Tpcb = Readonly<{ name: string; run(seconds: number): Promise<number>; close(): Promise<void> }>;

/** pgbench itself where the machine has it, else the same script from here: the peer's name says which. */
async function prepareTpcb(databaseUrl: string, folder: string): Promise<Tpcb> {
  const administrator = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  await administrator.unsafe('create database tpcb');
  await administrator.end();
  const url = new URL(databaseUrl);
  url.pathname = '/tpcb';
  const pgbench = ['/usr/bin/pgbench', ...globSync('/usr/lib/postgresql/*/bin/pgbench')].find(existsSync);
  return pgbench ? withPgbench(pgbench, url.href, folder) : withOwnClients(url.href);
}

function withPgbench(program: string, url: string, folder: string): Tpcb {
  const run = (parameters: readonly string[]) => {
    const result = spawnSync(program, [...parameters, url], { cwd: folder, encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`pgbench: ${result.stderr}`);
    return result.stdout;
  };
  run(['-i', '-q', '-s', String(SCALE)]);
  return {
    name: 'pgbench TPC-B',
    run: async (seconds) => {
      const output = run(['-c', String(CLIENTS), '-j', '2', '-T', String(seconds), '-n']);
      return Number(/tps = ([\d.]+)/.exec(output)?.[1] ?? 0);
    },
    close: async () => {},
  };
}

/** TPC-B as pgbench's manual describes it: three updates, a select and an insert in one database transaction. */
async function withOwnClients(url: string): Promise<Tpcb> {
  const sql = postgres(url, { max: CLIENTS, onnotice: () => {} });
  await sql.unsafe(`
    create table pgbench_branches (bid int primary key, bbalance int) with (fillfactor = 100);
    create table pgbench_tellers (tid int primary key, bid int, tbalance int) with (fillfactor = 100);
    create table pgbench_accounts (aid int primary key, bid int, abalance int, filler char(84));
    create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp);
    insert into pgbench_branches select id, 0 from generate_series(1, ${SCALE}) id;
    insert into pgbench_tellers select id, (id - 1) / 10 + 1, 0 from generate_series(1, ${SCALE * 10}) id;
    insert into pgbench_accounts select id, (id - 1) / 100000 + 1, 0, '' from generate_series(1, ${SCALE * 100_000}) id;
    analyze`);
  const below = (limit: number) => 1 + Math.floor(Math.random() * limit);
  return {
    name: 'TPC-B, own clients',
    run: async (seconds) => {
      let done = 0;
      const until = performance.now() + seconds * 1_000;
      const client = async () => {
        while (performance.now() < until) {
          const [aid, bid, tid] = [below(SCALE * 100_000), below(SCALE), below(SCALE * 10)];
          const delta = below(10_001) - 5_001;
          await sql.begin(async (transaction) => {
            await transaction`update pgbench_accounts set abalance = abalance + ${delta} where aid = ${aid}`;
            await transaction`select abalance from pgbench_accounts where aid = ${aid}`;
            await transaction`update pgbench_tellers set tbalance = tbalance + ${delta} where tid = ${tid}`;
            await transaction`update pgbench_branches set bbalance = bbalance + ${delta} where bid = ${bid}`;
            await transaction`insert into pgbench_history values (${tid}, ${bid}, ${aid}, ${delta}, current_timestamp)`;
          });
          done += 1;
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
      return done / seconds;
    },
    close: () => sql.end(),
  };
}
