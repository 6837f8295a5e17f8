import { afterAll, beforeAll, expect, test } from 'vitest';
import { readBalances } from '../../ledger-service/journal/operations/read-books.ts';
import { createPostingEngine } from '../../ledger-service/journal/posting-engine.ts';
import { exportHledger } from '../../ledger-service/statements/operations/export-hledger.ts';
import { AssetRegistry } from '../../ledger-service/vocabulary/assets.ts';
import { AT, entryNamed } from '../support/entries.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const TOKEN = { code: `eip155:31337/erc20:0x${'aa'.repeat(20)}`, kind: 'token', symbol: 'TST', scale: 6 } as const;

let books: TestDatabase;
beforeAll(async () => {
  books = await createTestDatabase();
});
afterAll(() => books.drop());

test('hledger: the journal balances in every entry, and its accounts come to what ours hold', async () => {
  const engine = createPostingEngine({ database: books.database, clock: { now: () => AT } });
  const move = { debit: 'merchant/a/payable', credit: 'network/clearing' };
  await engine.post([
    entryNamed('first; with\na second line', [
      { ...move, amount: 12_345n },
      { ...move, amount: 1n, asset: TOKEN.code },
    ]),
    entryNamed('yen', [{ ...move, amount: 7n, asset: 'JPY' }]),
    entryNamed('held', [{ ...move, amount: 500n, kind: 'pending', hold: 'h' }]),
    entryNamed('taken', [{ ...move, amount: 200n, kind: 'post_pending', hold: 'h' }]),
  ]);
  let text = '';
  const entries = await exportHledger(books.database, new AssetRegistry([TOKEN]), (more) => {
    text += more;
  });
  expect(entries).toBe(3);
  expect(text).toContain('2026-11-02 * test.moved | first with a second line  ; entry:');
  expect(text).toContain('    merchant:a:payable  123.45 EUR\n    network:clearing  -123.45 EUR\n');
  expect(text).toContain(`    merchant:a:payable  0.000001 "${TOKEN.code}"\n`);
  const sums = new Map<string, number>();
  for (const block of text.trim().split('\n\n')) {
    let total = 0;
    for (const [, account, quantity, commodity] of block.matchAll(/^ {4}(\S+) {2}(-?[\d.]+) (.+)$/gm)) {
      total += Number(quantity);
      sums.set(`${account} ${commodity}`, (sums.get(`${account} ${commodity}`) ?? 0) + Number(quantity));
    }
    expect(total).toBe(0);
  }
  for (const { path, asset, postedDebits, postedCredits } of await readBalances(books.database, 0)) {
    if (asset !== 'EUR') continue;
    expect(sums.get(`${path.replaceAll('/', ':')} EUR`)).toBe(Number(postedDebits - postedCredits) / 100);
  }
});
