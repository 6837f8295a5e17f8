/** The books against plain Postgres ledgers, on one embedded server, in one run. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setNetDebitCap } from '../../ledger-service/journal/operations/set-net-debit-cap.ts';
import { createPostingEngine, type PostingEngine } from '../../ledger-service/journal/posting-engine.ts';
import { type Database, openDatabase } from '../../ledger-service/platform/database.ts';
import { migrateLedger } from '../../ledger-service/platform/migrate.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { readBalanceAt, readStatement } from '../../ledger-service/statements/operations/read-statement.ts';
import { sealAll } from '../../ledger-service/statements/operations/seal-entries.ts';
import { verifyBooks } from '../../ledger-service/statements/operations/verify-books.ts';
import { uuidFromMeaning } from '../../ledger-service/vocabulary/identifiers.ts';
import type { JournalEntryInstruction } from '../../ledger-service/vocabulary/journal-entries.ts';
import { startLocalPostgres } from '../local/postgres.ts';
import { createPlainLedger, type PlainLedger } from './plain-ledger.ts';
import { type Case, caseOf, median, type RunBenchmark } from './report.ts';

const ROUNDS = 5;
const ROUND_MILLISECONDS = Number(process.env.BENCH_MILLISECONDS ?? 1_500);
const CALLERS = 16;
const ACCOUNTS = 1_000;
const BULK = 1_000;

type World = Readonly<{ database: Database; engine: PostingEngine; plain: PlainLedger; url: string; run: string }>;

export const runBenchmark: RunBenchmark = async (say) => {
  const run = randomBytes(4).toString('hex');
  const folder = fileURLToPath(new URL(`../../.specie/bench-${run}`, import.meta.url));
  const server = await startLocalPostgres(folder);
  try {
    await migrateLedger(server.url);
    const database = openDatabase(server.url, { poolSize: 4 });
    const plain = await createPlainLedger(server.url, { accounts: ACCOUNTS, connections: CALLERS });
    const engine = createPostingEngine({ database, clock: systemClock });
    const world: World = { database, engine, plain, url: server.url, run };
    await openAllAccounts(world);
    const cases: Case[] = [];
    const only = process.env.BENCH_ONLY?.split(',');
    for (const [name, measure] of Object.entries(MEASUREMENTS)) {
      if (only && !only.includes(name)) continue;
      say(`… ${name}`);
      for (const measured of await measure(world)) {
        cases.push(measured);
        say(`  ${measured.name}: ${measured.ours} against ${measured.peerValue} ${measured.unit}, ${measured.ratio} ×`);
      }
    }
    await plain.close();
    await database.close();
    return cases;
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};

let made = 0;

/** One transfer of 1.00 EUR; what it is about looks like a payment's identifier, and no two are about the same. */
function transferOf(run: string, debit: number | string, credit: number | string): JournalEntryInstruction {
  made += 1;
  const path = (account: number | string) => (typeof account === 'string' ? account : `merchant/m${account}/payable`);
  return {
    shard: 0,
    entryIdentifier: uuidFromMeaning('bench', run, made),
    kind: 'payment.capture',
    subject: `pay_00${made.toString(36).padStart(26, '0')}`,
    eventAt: systemClock.now(),
    transfers: [
      {
        transferIdentifier: uuidFromMeaning('bench', run, made, 'transfer'),
        kind: 'post',
        debit: path(debit),
        credit: path(credit),
        amount: { minorUnits: 100n, asset: 'EUR' },
      },
    ],
  };
}

/** Two different accounts. */
function pair(accounts = ACCOUNTS): [number, number] {
  const debit = Math.floor(Math.random() * accounts);
  const credit = (debit + 1 + Math.floor(Math.random() * (accounts - 1))) % accounts;
  return [debit, credit];
}

async function openAllAccounts({ engine, run, database }: Pick<World, 'engine' | 'run' | 'database'>): Promise<void> {
  const entries = Array.from({ length: ACCOUNTS }, (_, account) => transferOf(run, account, (account + 1) % ACCOUNTS));
  await engine.post([...entries, transferOf(run, 0, 'network/clearing'), transferOf(run, 0, 'issuer/dry/position')]);
  const dry = { shard: 0, path: 'issuer/dry/position' };
  await setNetDebitCap(database, dry, { minorUnits: 0n, asset: 'EUR' }, { now: systemClock.now() });
  await engine.post([transferOf(run, 'issuer/dry/position', 0)]);
}

/** How many times a second `callers` get an answer when each asks again as soon as it has one. */
async function rate(callers: number, ask: (caller: number) => Promise<number>): Promise<number> {
  const started = performance.now();
  const deadline = started + ROUND_MILLISECONDS;
  let done = 0;
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      while (performance.now() < deadline) {
        const answered = await ask(caller);
        done += answered;
      }
    }),
  );
  return (done / (performance.now() - started)) * 1_000;
}

/** Both in turn, so that what else the machine does meets both. */
async function rounds(
  peer: () => Promise<number>,
  ours: () => Promise<number>,
): Promise<Readonly<{ peer: readonly number[]; ours: readonly number[] }>> {
  const values = { peer: [] as number[], ours: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    values.peer.push(await peer());
    values.ours.push(await ours());
  }
  return values;
}

async function expectPosted(engine: PostingEngine, entries: readonly JournalEntryInstruction[]): Promise<number> {
  const results = await engine.post(entries);
  const strange = results.find(({ outcome }) => outcome !== 'posted');
  if (strange)
    throw new Error(
      `not posted: ${JSON.stringify(strange, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}`,
    );
  return entries.length;
}

const MEASUREMENTS: Record<string, (world: World) => Promise<readonly Case[]>> = {
  async random({ engine, plain, run }) {
    const values = await rounds(
      () => rate(CALLERS, () => plain.transfer(...pair()).then(() => 1)),
      () => rate(CALLERS, () => expectPosted(engine, [transferOf(run, ...pair())])),
    );
    return [caseOf('random accounts, 16 concurrent callers', 'plain FOR UPDATE', 'transfers/s', '≥ 4 ×', values)];
  },

  async hot({ engine, plain, run }) {
    const values = await rounds(
      () => rate(CALLERS, () => plain.transfer(ACCOUNTS, pair()[0]).then(() => 1)),
      () => rate(CALLERS, () => expectPosted(engine, [transferOf(run, 'network/clearing', pair()[0])])),
    );
    return [caseOf('one hot account, 16 concurrent callers', 'plain FOR UPDATE', 'transfers/s', '≥ 12 ×', values)];
  },

  async bulk({ engine, plain, run }) {
    const values = await rounds(
      () => plain.copyRate(BULK, ROUND_MILLISECONDS),
      () =>
        rate(2, () =>
          expectPosted(
            engine,
            Array.from({ length: BULK }, () => transferOf(run, ...pair())),
          ),
        ),
    );
    const target = '≥ 0.25 × and ≥ 10,000';
    return [caseOf('random accounts, bulk of 1,000', 'COPY of the same rows', 'transfers/s', target, values)];
  },

  async single({ engine, plain, run }) {
    const values = await rounds(
      () => p50(500, () => plain.transfer(...pair())),
      () => p50(500, () => expectPosted(engine, [transferOf(run, ...pair())])),
    );
    return [caseOf('one post, nothing else running, p50', 'plain FOR UPDATE', 'ms', '≤ 1.5 ×', values)];
  },

  /** Of four posts one is new, one was posted before, and two ask for money that is not there, one of them for the second time. */
  async refused({ engine, plain, run }) {
    const earlier = Array.from({ length: 256 }, () => transferOf(run, ...pair()));
    const refusable = Array.from({ length: 256 }, () => transferOf(run, 'issuer/dry/position', pair()[0]));
    await engine.post(earlier);
    const plainEarlier = await Promise.all(Array.from({ length: 256 }, () => plain.transfer(...pair())));
    const check = async (entry: JournalEntryInstruction, outcome: string, code?: string) => {
      const [result] = await engine.post([entry]);
      if (result!.outcome === outcome && (code === undefined || ('code' in result! && result.code === code))) return 1;
      throw new Error(`${outcome} was expected, not ${result!.outcome}`);
    };
    let turn = 0;
    const values = await rounds(
      () =>
        rate(CALLERS, async () => {
          turn += 1;
          if (turn % 4 === 0) await plain.transfer(...pair());
          else if (turn % 4 === 1) await plain.repeat(plainEarlier[turn & 255]!);
          else await plain.refused(pair()[0]);
          return 1;
        }),
      () =>
        rate(CALLERS, () => {
          turn += 1;
          if (turn % 4 === 0) return check(transferOf(run, ...pair()), 'posted');
          if (turn % 4 === 1) return check(earlier[turn & 255]!, 'replayed');
          const entry = turn % 4 === 2 ? transferOf(run, 'issuer/dry/position', pair()[0]) : refusable[turn & 255]!;
          return check(entry, 'refused', 'INSUFFICIENT_AVAILABLE');
        }),
    );
    return [
      caseOf('half refused, half of the rest and of those repeated', 'plain FOR UPDATE', 'answers/s', '≥ 4 ×', values),
    ];
  },

  /** Card payments as they are posted: a hold, its capture, and the five transfers of clearing, about one subject. */
  async payments({ url, run, plain }) {
    const { database, engine } = await ownBooks(url, `payments_${run}`);
    const bytes = async (payments: number) => {
      await engine.post(Array.from({ length: payments }, () => cardPayment(run)).flat());
      await sealAll(database, systemClock);
      return bytesPerTransfer(database);
    };
    for (let batch = 0; batch < 19; batch += 1) await bytes(1_000);
    const values = { peer: [await plain.bytesPerTransfer()], ours: [await bytes(1_000)] };
    await database.close();
    return [caseOf('bytes per transfer, of whole card payments', 'plain tables', 'bytes', '≤ 350', values)];
  },

  /** The books of a busy day beside those of a quiet hour, in a database of their own. */
  async million({ url, run, plain }) {
    const target = Number(process.env.BENCH_TRANSFERS ?? 1_000_000);
    const { database, engine } = await ownBooks(url, `million_${run}`);
    await openAllAccounts({ engine, run: `${run} million`, database });
    let posted = ACCOUNTS + 3;
    const started = systemClock.now();
    const fillTo = async (size: number) => {
      while (posted < size) {
        // One in ten moves the hot account, whose statement is asked for.
        const next = () =>
          made % 10 === 0 ? transferOf(run, 'network/clearing', pair()[0]) : transferOf(run, ...pair());
        posted += await expectPosted(engine, Array.from({ length: Math.min(BULK, size - posted) }, next));
      }
      await sealAll(database, systemClock);
      await database.client.unsafe('vacuum analyze');
      // What the filling left to be written out is not what is measured.
      await database.client.unsafe('checkpoint');
    };
    const asked = { shard: 0, path: 'network/clearing', asset: 'EUR' };
    const measure = async () => {
      const between = () =>
        new Date(started.getTime() + Math.random() * (systemClock.now().getTime() - started.getTime()));
      const span = () => ({ from: between(), to: systemClock.now(), time: 'recorded' as const });
      return {
        post: await p50(300, () => expectPosted(engine, [transferOf(run, ...pair())])),
        balance: await p50(300, () => readBalanceAt(database, asked, between(), 'recorded')),
        statement: await p50(300, () => readStatement(database, asked, span(), { limit: 50 })),
      };
    };
    await fillTo(10_000);
    await measure();
    const small = await measure();
    await fillTo(target);
    await measure();
    const large = await measure();
    const bytes = await bytesPerTransfer(database);
    const verifying = performance.now();
    const verification = await verifyBooks(database);
    const seconds = (performance.now() - verifying) / 1_000;
    if (verification.misfits.length > 0) throw new Error(JSON.stringify(verification.misfits[0]));
    await database.close();
    const one = (name: string, peer: string, unit: string, held: string, peerValue: number, ours: number) =>
      caseOf(name, peer, unit, held, { peer: [peerValue], ours: [ours] });
    const size = target.toLocaleString('en-US');
    return [
      one(
        'bytes per transfer, each an entry about a subject of its own',
        'plain tables',
        'bytes',
        '≤ 350',
        await plain.bytesPerTransfer(),
        bytes,
      ),
      one(`${size} transfers in the books: post, p50`, 'at 10,000', 'ms', '≤ 1.3 ×', small.post, large.post),
      one(
        `${size} transfers in the books: balance at a past time, p50`,
        'at 10,000',
        'ms',
        '≤ 1.3 ×',
        small.balance,
        large.balance,
      ),
      one(
        `${size} transfers in the books: page of a statement, p50`,
        'at 10,000',
        'ms',
        '≤ 1.3 ×',
        small.statement,
        large.statement,
      ),
      one(`verify ${size} transfers`, 'what it is held to', 's', '≤ 60 s', 60, seconds),
    ];
  },
};

/** Books in a database of their own, on the same server. */
async function ownBooks(url: string, name: string): Promise<Readonly<{ database: Database; engine: PostingEngine }>> {
  const administrator = openDatabase(url, { poolSize: 1 });
  await administrator.client.unsafe(`create database ${name}`);
  await administrator.close();
  const ownUrl = url.replace(/\/[^/]*$/, `/${name}`);
  await migrateLedger(ownUrl);
  const database = openDatabase(ownUrl, { poolSize: 4 });
  return { database, engine: createPostingEngine({ database, clock: systemClock }) };
}

/** Three entries of seven transfers: docs/chart-of-accounts.md, fiat to fiat, up to clearing. */
function cardPayment(run: string): readonly JournalEntryInstruction[] {
  made += 1;
  const subject = `pay_00${made.toString(36).padStart(26, '0')}`;
  const merchant = `merchant/m${made % ACCOUNTS}/payable`;
  const hold = uuidFromMeaning('bench', run, made, 'hold');
  const eventAt = systemClock.now();
  const acquirer = 'acquirer/porto/position';
  const entry = (
    kind: string,
    legs: readonly [debit: string, credit: string, minorUnits: bigint][],
    transferKind: 'post' | 'pending' | 'post_pending' = 'post',
  ): JournalEntryInstruction => ({
    shard: 0,
    entryIdentifier: uuidFromMeaning('bench', run, made, kind),
    kind: `payment.${kind}`,
    subject,
    eventAt,
    transfers: legs.map(([debit, credit, minorUnits], position) => ({
      transferIdentifier: transferKind === 'pending' ? hold : uuidFromMeaning('bench', run, made, kind, position),
      kind: transferKind,
      debit,
      credit,
      amount: { minorUnits, asset: 'EUR' },
      ...(transferKind === 'post_pending' ? { pendingTransferIdentifier: hold } : {}),
      ...(transferKind === 'pending' ? { expiresAt: new Date(eventAt.getTime() + 86_400_000) } : {}),
    })),
  });
  return [
    entry('authorization', [['issuer/alba/position', 'network/clearing', 10_000n]], 'pending'),
    entry('capture', [['issuer/alba/position', 'network/clearing', 10_000n]], 'post_pending'),
    entry('clearing', [
      ['network/clearing', acquirer, 10_000n],
      [acquirer, 'issuer/alba/position', 20n],
      [acquirer, 'network/scheme-fees', 5n],
      [acquirer, merchant, 10_000n],
      [merchant, 'acquirer/porto/fees', 100n],
    ]),
  ];
}

async function p50(turns: number, ask: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const started = performance.now();
    await ask();
    times.push(performance.now() - started);
  }
  return median(times);
}

async function bytesPerTransfer(database: Database): Promise<number> {
  const [row] = await database.client<{ bytes: number }[]>`
    select sum(pg_total_relation_size(oid))::float8 / (select count(*) from ledger.transfers) as bytes
    from pg_class where relnamespace = 'ledger'::regnamespace and relkind = 'r'`;
  return row!.bytes;
}
