import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseErrorCode, inDatabaseTransaction, inSnapshot } from '../../ledger-service/platform/database.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const CALLERS = 24;
const CUTS = 80;
const LONGEST_ANSWER_MILLISECONDS = 15_000;

let books: TestDatabase;
let knife: postgres.Sql;

beforeAll(async () => {
  books = await createTestDatabase({ poolSize: 8 });
  await books.database.client.unsafe('create table answered (number integer primary key)');
  knife = postgres(books.url, { max: 1, onnotice: () => {} });
});

afterAll(async () => {
  await knife.end();
  await books.drop();
});

/** Cuts every connection of the pool, wherever it is in its work. */
async function cutAll(): Promise<number> {
  const rows = await knife`
    select pg_terminate_backend(pid) as cut from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`;
  return rows.length;
}

function answersInTime<Result>(work: Promise<Result>): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('no answer')), LONGEST_ANSWER_MILLISECONDS);
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}

test('connections that are cut under load: everyone is answered, what was promised stands, and work goes on', async () => {
  const { database } = books;
  const promised: number[] = [];
  const refusals: unknown[] = [];
  let next = 0;
  let isCutting = true;
  const write = async (number: number) => {
    await inDatabaseTransaction(database, async (transaction) => {
      await transaction.execute(sql`select pg_sleep(0.002)`);
      // Long enough to be sent at once, beside short ones that wait for the end of the turn.
      await Promise.all([
        transaction.execute(sql`insert into answered values (${number})`),
        transaction.execute(sql`select length(${'x'.repeat(number % 3 === 0 ? 4_000 : 10)})`),
      ]);
    });
    promised.push(number);
  };
  const read = () =>
    inSnapshot(database, async (execute) => {
      await execute('select count(*) from answered', []);
      await execute('select pg_sleep(0.002)', []);
    });
  const caller = async () => {
    while (isCutting) {
      const number = next++;
      const work =
        number % 4 === 3 ? read() : number % 4 === 2 ? database.drizzle.execute(sql`select 1`) : write(number);
      await answersInTime(Promise.resolve(work)).catch((error: unknown) => refusals.push(error));
    }
  };
  const callers = Array.from({ length: CALLERS }, caller);
  let cut = 0;
  for (let round = 0; round < CUTS; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5 + (round % 7) * 8));
    cut += await cutAll();
  }
  isCutting = false;
  await Promise.all(callers);

  expect(cut).toBeGreaterThan(CUTS);
  expect(refusals.length).toBeGreaterThan(0);
  const unexpected = refusals.filter((error) => {
    if (error instanceof SettlementError) return error.code !== 'LEDGER_UNAVAILABLE';
    return !/^(57P01|CONNECTION_CLOSED|CONNECTION_DESTROYED|ECONNRESET|EPIPE)$/.test(databaseErrorCode(error) ?? '');
  });
  expect(unexpected).toEqual([]);

  const before = promised.length;
  await Promise.all(Array.from({ length: 64 }, () => answersInTime(write(next++))));
  expect(promised.length).toBe(before + 64);
  const rows = await database.client.unsafe('select number from answered').values();
  const stored = new Set(rows.map(([number]) => Number(number)));
  expect(promised.filter((number) => !stored.has(number))).toEqual([]);
});

test('a server that is away refuses at once, and is used again when it is back', async () => {
  const { database, url } = books;
  const name = new URL(url).pathname.slice(1);
  const elsewhere = postgres(new URL('/postgres', url).href, { max: 1, onnotice: () => {} });
  try {
    await elsewhere.unsafe(`alter database ${name} allow_connections false`);
    await cutAll().catch(() => {});
    // More often than the pool has places: none of them may stay taken.
    for (let attempt = 0; attempt < 40; attempt += 1) {
      await expect(answersInTime(Promise.resolve(database.drizzle.execute(sql`select 1`)))).rejects.toThrow();
    }
  } finally {
    await elsewhere.unsafe(`alter database ${name} allow_connections true`);
    await elsewhere.end();
  }
  // The last of the lost connections may be told of a turn later, and whoever asks in that turn is refused as well.
  const rows = await eventually(
    () =>
      answersInTime(Promise.resolve(database.drizzle.execute<{ one: number }>(sql`select 1 as one`))).catch(() => []),
    (found) => found.length > 0,
  );
  expect([...rows]).toEqual([{ one: 1 }]);
});
