import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let books: TestDatabase;
beforeAll(async () => {
  books = await createTestDatabase();
});
afterAll(() => books.drop());

test('schema: the shard leads every key and unique index of the books', async () => {
  const rows = await books.database.drizzle.execute<{ index: string; column: string }>(sql`
    select i.indexrelid::regclass::text as index, a.attname as column
    from pg_index i
    join pg_class c on c.oid = i.indrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
    where c.relnamespace = 'ledger'::regnamespace and i.indisunique`);
  expect(rows.length).toBeGreaterThanOrEqual(8);
  expect(rows.filter((row) => row.column !== 'shard')).toEqual([]);
});

test('schema: half of each page of accounts stays free, so that balances change within their page', async () => {
  const rows = await books.database.drizzle.execute(
    sql`select reloptions from pg_class where oid = 'ledger.accounts'::regclass`,
  );
  expect(rows[0]).toEqual({ reloptions: ['fillfactor=50'] });
});
