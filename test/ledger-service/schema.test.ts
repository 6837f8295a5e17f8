import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let books: TestDatabase;
beforeAll(async () => {
  books = await createTestDatabase();
});
afterAll(() => books.drop());

test('schema: the shard leads every primary key, unique index and foreign key of the books', async () => {
  const rows = await books.database.drizzle.execute<{ key: string; column: string; target: string | null }>(sql`
    select i.indexrelid::regclass::text as key, a.attname as column, null as target
    from pg_index i
    join pg_class c on c.oid = i.indrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
    where c.relnamespace = 'ledger'::regnamespace and i.indisunique
    union all
    select k.conname, a.attname, b.attname
    from pg_constraint k
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
    where k.connamespace = 'ledger'::regnamespace and k.contype = 'f'`);
  expect(rows.length).toBeGreaterThanOrEqual(11);
  expect(rows.filter(({ column, target }) => column !== 'shard' || (target ?? 'shard') !== 'shard')).toEqual([]);
});

test('schema: every other index starts with the shard too, and every table has a primary key', async () => {
  const others = await books.database.drizzle.execute<{ index: string }>(sql`
    select i.indexrelid::regclass::text as index from pg_index i
    join pg_class c on c.oid = i.indrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
    where c.relnamespace = 'ledger'::regnamespace and a.attname <> 'shard'`);
  expect([...others]).toEqual([]);
  const keyless = await books.database.drizzle.execute(sql`
    select relname from pg_class c where relnamespace = 'ledger'::regnamespace and relkind = 'r'
      and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)`);
  expect([...keyless]).toEqual([]);
});

test('schema: no sequence, no identity, no default that asks for the time or for chance', async () => {
  const sequences = await books.database.drizzle.execute(
    sql`select relname from pg_class where relnamespace = 'ledger'::regnamespace and relkind = 'S'`,
  );
  expect([...sequences]).toEqual([]);
  const defaults = await books.database.drizzle.execute(sql`
    select column_name, column_default from information_schema.columns
    where table_schema = 'ledger' and (is_identity = 'YES' or column_default !~ '^0$')`);
  expect([...defaults]).toEqual([]);
});

test('schema: half of each page of accounts stays free, so that balances change within their page', async () => {
  const rows = await books.database.drizzle.execute(
    sql`select array_to_string(reloptions, ',') as options from pg_class where oid = 'ledger.accounts'::regclass`,
  );
  expect(rows[0]).toEqual({ options: 'fillfactor=50' });
});
