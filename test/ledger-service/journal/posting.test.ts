import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBalances } from '../../../ledger-service/journal/operations/read-books.ts';
import { createPostingEngine, type PostingEngine } from '../../../ledger-service/journal/posting-engine.ts';
import type { JournalEntryInstruction } from '../../../ledger-service/vocabulary/journal-entries.ts';
import { AT, entryNamed, type Leg } from '../../support/entries.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const LATER = new Date('2026-11-03T10:00:00.000Z');
const MOVE: Leg = { debit: 'merchant/a/payable', credit: 'merchant/b/payable', amount: 5n };
const HELD: Leg = { ...MOVE, kind: 'pending', expiresAt: LATER };

let books: TestDatabase;
let engine: PostingEngine;
beforeAll(async () => {
  books = await createTestDatabase();
  engine = createPostingEngine({ database: books.database, clock: { now: () => AT } });
});
afterAll(() => books.drop());

async function post(entry: JournalEntryInstruction) {
  const [result] = await engine.post([entry]);
  return result!;
}

test('posting: tells the version and the balance of each line', async () => {
  const legs: Leg[] = [
    { debit: 'merchant/x/payable', credit: 'network/clearing', amount: 30n, asset: 'CHF' },
    { debit: 'network/clearing', credit: 'merchant/x/payable', amount: 10n, asset: 'CHF' },
  ];
  expect(await post(entryNamed('lines', legs))).toMatchObject({
    outcome: 'posted',
    recordedAt: AT,
    lines: [
      { debitVersion: 1n, creditVersion: 1n, debitBalanceAfter: -30n, creditBalanceAfter: 30n },
      { debitVersion: 2n, creditVersion: 2n, debitBalanceAfter: 20n, creditBalanceAfter: -20n },
    ],
  });
});

test('replay: the same entry answers what it had come to, also after others moved its accounts, and also elsewhere', async () => {
  const entry = entryNamed('replayed', [MOVE, HELD]);
  const first = await post(entry);
  await post(entryNamed('between', [MOVE]));
  const elsewhere = createPostingEngine({ database: books.database, clock: { now: () => LATER } });
  for (const again of [await post(entry), (await elsewhere.post([entry]))[0]!]) {
    expect(again).toEqual({ ...first, outcome: 'replayed' });
  }
});

describe('conflict: names the field that differs', () => {
  const original = entryNamed('original', [
    { ...MOVE, amount: 9n },
    { ...HELD, amount: 8n },
  ]);
  const change = (changes: Partial<JournalEntryInstruction>, place?: number, leg: object = {}) => ({
    ...original,
    ...changes,
    transfers: original.transfers.map((transfer, index) => (index === place ? { ...transfer, ...leg } : transfer)),
  });
  const other = '00000000-0000-8000-8000-000000000000';
  test.each([
    ['kind', change({ kind: 'test.other' })],
    ['subject', change({ subject: 'another' })],
    ['eventAt', change({ eventAt: LATER })],
    ['transfers', { ...original, transfers: original.transfers.slice(0, 1) }],
    ['transfers.0.kind', change({}, 0, { kind: 'pending' })],
    ['transfers.0.debit', change({}, 0, { debit: 'merchant/c/payable' })],
    ['transfers.1.credit', change({}, 1, { credit: 'merchant/c/payable' })],
    ['transfers.0.amount.asset', change({}, 0, { amount: { minorUnits: 9n, asset: 'USD' } })],
    ['transfers.1.amount.minorUnits', change({}, 1, { amount: { minorUnits: 7n, asset: 'EUR' } })],
    ['transfers.1.transferIdentifier', change({}, 1, { transferIdentifier: other })],
    ['transfers.1.expiresAt', change({}, 1, { expiresAt: AT })],
  ])('%s', async (field, changed) => {
    await post(original);
    expect(await post(changed as JournalEntryInstruction)).toMatchObject({
      outcome: 'refused',
      code: 'ENTRY_CONFLICT',
      details: { field },
    });
    // In one batch with the entry that it differs from, it is no less a conflict.
    const [, together] = await engine.post([original, changed as JournalEntryInstruction]);
    expect(together).toMatchObject({ code: 'ENTRY_CONFLICT', details: { field } });
  });
});

describe('a malformed entry is refused, and its neighbours are posted', () => {
  let malformed = 0;
  const good = entryNamed('good', [MOVE]);
  const broken = (changes: object) => ({ ...entryNamed('broken', [MOVE]), ...changes }) as JournalEntryInstruction;
  const leg = (changes: object) => ({ ...good.transfers[0]!, ...changes });
  test.each([
    ['ENTRY_INVALID', broken({ entryIdentifier: 'no uuid' })],
    ['ENTRY_INVALID', broken({ shard: 1024 })],
    ['ENTRY_INVALID', broken({ kind: '' })],
    ['ENTRY_INVALID', broken({ subject: 'a\0b' })],
    ['ENTRY_INVALID', broken({ subject: 'half \ud800 a pair' })],
    ['ENTRY_INVALID', broken({ eventAt: new Date('no date') })],
    ['ENTRY_INVALID', broken({ eventAt: new Date(8.64e15) })],
    ['ENTRY_INVALID', broken({ transfers: [] })],
    ['ENTRY_INVALID', broken({ transfers: [leg({}), leg({})] })],
    ['ENTRY_INVALID', broken({ transfers: [leg({ credit: MOVE.debit })] })],
    ['ENTRY_INVALID', broken({ transfers: [leg({ kind: 'void_pending' })] })],
    ['ENTRY_INVALID', broken({ transfers: [leg({ kind: 'pending', transferIdentifier: 'h' })] })],
    ['ACCOUNT_PATH_INVALID', broken({ transfers: [leg({ debit: 'nobody' })] })],
    ['AMOUNT_NOT_POSITIVE', broken({ transfers: [leg({ amount: { minorUnits: 0n, asset: 'EUR' } })] })],
    ['AMOUNT_TOO_LARGE', broken({ transfers: [leg({ amount: { minorUnits: 10n ** 38n, asset: 'EUR' } })] })],
    [
      'HOLD_UNKNOWN',
      broken({ transfers: [leg({ kind: 'void_pending', pendingTransferIdentifier: good.entryIdentifier })] }),
    ],
  ])('%s %#', async (code, entry) => {
    malformed += 1;
    const before = entryNamed(`before ${malformed}`, [MOVE]);
    const [first, refused, last] = await engine.post([before, entry, good]);
    expect(first!.outcome).toBe('posted');
    expect(refused).toMatchObject({ outcome: 'refused', code });
    expect(['posted', 'replayed']).toContain(last!.outcome);
  });

  test('a sum that no longer fits its column is refused', async () => {
    const most = { debit: 'merchant/rich/payable', credit: 'merchant/richer/payable', amount: 10n ** 38n - 1n };
    expect((await post(entryNamed('most', [most]))).outcome).toBe('posted');
    expect(await post(entryNamed('more', [{ ...most, amount: 1n }]))).toMatchObject({ code: 'AMOUNT_TOO_LARGE' });
  });
});

test('texts come back as they were sent, whatever they hold', async () => {
  const subject = 'quote " backslash \\ brace } comma , null NULL';
  const entry = entryNamed('texts', [MOVE], { subject, kind: '{"}' });
  await post(entry);
  expect(await post(entry)).toMatchObject({ outcome: 'replayed' });
  expect(await post({ ...entry, subject: 'x' })).toMatchObject({ details: { field: 'subject', first: subject } });
});

test('linked transfers stand or fall together', async () => {
  const before = await readBalances(books.database, 0, 'merchant/');
  const legs: Leg[] = [MOVE, { debit: 'intermediary/position', credit: 'intermediary/chain', amount: 1n }];
  expect(await post(entryNamed('linked', legs))).toMatchObject({
    code: 'INSUFFICIENT_AVAILABLE',
    details: { transfer: 1, path: 'intermediary/chain', available: '0' },
  });
  expect(await readBalances(books.database, 0, 'merchant/')).toEqual(before);
});

test('available is checked in the order of the batch', async () => {
  const out = (name: string) =>
    entryNamed(name, [{ debit: 'intermediary/position', credit: 'intermediary/chain', amount: 60n }]);
  const fund = entryNamed('fund', [{ debit: 'intermediary/chain', credit: 'intermediary/treasury', amount: 100n }]);
  const results = await engine.post([out('too early'), fund, out('in time'), out('too late')]);
  expect(results.map(({ outcome }) => outcome)).toEqual(['refused', 'posted', 'posted', 'refused']);
});

test('what is recorded never goes back in time, whatever the clocks of those who post say', async () => {
  const fast = createPostingEngine({ database: books.database, clock: { now: () => LATER } });
  await fast.post([entryNamed('fast', [{ debit: 'merchant/t/payable', credit: 'merchant/u/payable', amount: 1n }])]);
  const slow = await post(
    entryNamed('slow', [{ debit: 'merchant/v/payable', credit: 'merchant/t/payable', amount: 1n }]),
  );
  expect(slow).toMatchObject({ outcome: 'posted', recordedAt: LATER });
});
