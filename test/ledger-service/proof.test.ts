import { afterAll, beforeAll, expect, test } from 'vitest';
import { setNetDebitCap } from '../../ledger-service/journal/operations/set-net-debit-cap.ts';
import { createPostingEngine } from '../../ledger-service/journal/posting-engine.ts';
import { sealAll, sealOnce } from '../../ledger-service/statements/operations/seal-entries.ts';
import { verifyBooks } from '../../ledger-service/statements/operations/verify-books.ts';
import { AT, entryNamed } from '../support/entries.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const clock = { now: () => AT };
const MOVE = { debit: 'merchant/a/payable', credit: 'merchant/b/payable' };

let books: TestDatabase;
beforeAll(async () => {
  books = await createTestDatabase();
  const engine = createPostingEngine({ database: books.database, clock });
  const expiresAt = new Date('2026-11-03T10:00:00Z');
  await engine.post([
    entryNamed('plain', [
      { ...MOVE, amount: 100n },
      { ...MOVE, amount: 5n, asset: 'CHF' },
    ]),
    entryNamed('held', [{ ...MOVE, kind: 'pending', amount: 30n, hold: 'h', expiresAt }]),
    entryNamed('also held', [{ ...MOVE, kind: 'pending', amount: 8n, hold: 'i' }]),
    entryNamed('taken', [{ ...MOVE, kind: 'post_pending', amount: 20n, hold: 'h' }]),
    entryNamed('let go', [{ ...MOVE, kind: 'void_pending', amount: 8n, hold: 'i' }]),
  ]);
  await setNetDebitCap(
    books.database,
    { shard: 0, path: 'issuer/alba/position' },
    { minorUnits: 7n, asset: 'EUR' },
    { now: AT },
  );
  await sealAll(books.database, clock);
  // A second seal, so that the chain has a link; and one posting that still waits for its seal.
  await engine.post([entryNamed('second', [{ ...MOVE, amount: 1n }])]);
  await sealOnce(books.database, 0, AT);
  await engine.post([entryNamed('waiting', [{ ...MOVE, amount: 2n }])]);
  await setNetDebitCap(
    books.database,
    { shard: 0, path: 'issuer/alba/position' },
    { minorUnits: 9n, asset: 'EUR' },
    { now: AT },
  );
});
afterAll(() => books.drop());

test('verify: books that nobody touched fit', async () => {
  const verification = await verifyBooks(books.database);
  expect(verification).toMatchObject({ transfers: 8, entries: 7, seals: 2, unsealedEntries: 1, misfits: [] });
});

/** Another value of the same type, such as one who tampers would choose. */
const OTHER_VALUE: Record<string, string> = {
  smallint: 'coalesce(%, 0) + 1000',
  integer: 'coalesce(%, 0) + 1000',
  bigint: 'coalesce(%, 0) + 1000',
  numeric: 'coalesce(%, 0) + 1',
  uuid: `case when % is null then '00000000-0000-8000-8000-000000000001' else overlay(%::text placing case right(%::text, 1) when '0' then '1' else '0' end from 36)::uuid end`,
  'timestamp with time zone': `coalesce(% + interval '1 microsecond', '2026-01-01')`,
  text: `case % when 'debit' then 'credit' when 'credit' then 'debit' when 'pending' then 'voided' when 'voided' then 'expired' else coalesce(%, '') || 'x' end`,
  bytea: 'set_byte(%, 31, get_byte(%, 31) # 1)',
  ARRAY: `case when cardinality(%) > 0 then %[2:] else $ end`,
  'USER-DEFINED': `case % when 'post' then 'pending' when 'pending' then 'post_pending' when 'void_pending' then 'expire_pending' else 'void_pending' end::ledger.transfer_kind`,
};

/** For a list that is empty. */
const SOMETHING: Record<string, string> = {
  terms: "'{1,0}'::integer[]",
  entry_ids: "'{00000000-0000-8000-8000-000000000001}'::uuid[]",
};

test('verify: finds a change of any column of any row, one by one', { timeout: 300_000 }, async () => {
  const { client } = books.database;
  const columns = await client<{ table_name: string; column_name: string; data_type: string }[]>`
    select table_name, column_name, data_type from information_schema.columns
    where table_schema = 'ledger' order by table_name, ordinal_position`;
  expect(columns.length).toBeGreaterThanOrEqual(50);
  // What the schema itself forbids, it forbids to our tampering too: constraints are out of the way for a moment.
  for (const { sql } of await client<{ sql: string }[]>`
    select format('alter table %s drop constraint %I', conrelid::regclass, conname) as sql from pg_constraint
    where connamespace = 'ledger'::regnamespace and contype in ('c', 'f')`) {
    await client.unsafe(sql);
  }
  await client.unsafe('drop index ledger.transfers_debit_line; drop index ledger.transfers_credit_line');
  const unnoticed: string[] = [];
  for (const { table_name: table, column_name: column, data_type: type } of columns) {
    const [counted] = await client.unsafe(`select count(*)::int as rows from ledger.${table}`);
    for (let place = 0; place < counted!.rows; place += 1) {
      // What was restored has moved, in the same order.
      const [row] = await client.unsafe(`select ctid::text from ledger.${table} order by ctid offset ${place} limit 1`);
      const other = OTHER_VALUE[type]!.replaceAll('%', column).replace('$', SOMETHING[column] ?? '');
      await client.unsafe(`create table kept as select * from ledger.${table}`);
      const [changed] = await client.unsafe(`
        with before as (select ${column} as value from ledger.${table} where ctid = '${row!.ctid}'),
        after as (update ledger.${table} set ${column} = ${other} where ctid = '${row!.ctid}' returning ${column} as value)
        select (before.value is distinct from after.value) as changed from before, after`);
      expect([table, column, changed!.changed]).toEqual([table, column, true]);
      if ((await verifyBooks(books.database)).misfits.length === 0)
        unnoticed.push(`${table}.${column} at ${row!.ctid}`);
      await client.unsafe(
        `delete from ledger.${table}; insert into ledger.${table} select * from kept; drop table kept`,
      );
      if (table === 'transfers') await client.unsafe('vacuum ledger.transfers');
    }
  }
  expect(unnoticed).toEqual([]);
});
