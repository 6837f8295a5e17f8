import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PostingResult } from '../../../ledger-service/journal/domain.ts';
import { postEntries } from '../../../ledger-service/journal/operations/post-entries.ts';
import { readBalances, readTrialBalance } from '../../../ledger-service/journal/operations/read-books.ts';
import { setNetDebitCap } from '../../../ledger-service/journal/operations/set-net-debit-cap.ts';
import { createPostingEngine } from '../../../ledger-service/journal/posting-engine.ts';
import { type Database, inDatabaseTransaction, openDatabase } from '../../../ledger-service/platform/database.ts';
import type { JournalEntryInstruction } from '../../../ledger-service/vocabulary/journal-entries.ts';
import { AT, entryNamed } from '../../support/entries.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const clock = { now: () => AT };
const WALLET = { debit: 'intermediary/position', credit: 'intermediary/chain' };
const FUNDING = { debit: 'intermediary/chain', credit: 'intermediary/treasury' };
const HOLD = { debit: 'issuer/alba/position', credit: 'network/clearing' };

let books: TestDatabase;
let second: Database;
beforeEach(async () => {
  books = await createTestDatabase({ poolSize: 20 });
  second = openDatabase(books.url, { poolSize: 4 });
});
afterEach(async () => {
  // Whatever was raced, the books add up.
  expect((await readTrialBalance(books.database)).balanced).toBe(true);
  await second.close();
  await books.drop();
});

/** The three ways in which posts can meet: one engine, two processes with an engine each, callers' own transactions. */
type Poster = (entry: JournalEntryInstruction) => Promise<PostingResult>;
const WAYS: readonly [string, () => readonly Poster[]][] = [
  [
    'one engine',
    () => {
      const engine = createPostingEngine({ database: books.database, clock });
      return [async (entry) => (await engine.post([entry]))[0]!];
    },
  ],
  [
    'two engines',
    () =>
      [books.database, second].map((database) => {
        const engine = createPostingEngine({ database, clock });
        return async (entry: JournalEntryInstruction) => (await engine.post([entry]))[0]!;
      }),
  ],
  [
    'database transactions of callers',
    () => [
      (entry) =>
        inDatabaseTransaction(books.database, async (transaction) => {
          const [result] = await postEntries(transaction, [entry], { now: AT });
          return result!;
        }),
    ],
  ],
  [
    'an engine beside transactions of callers',
    () => {
      const engine = createPostingEngine({ database: second, clock });
      return [
        async (entry) => (await engine.post([entry]))[0]!,
        (entry) =>
          inDatabaseTransaction(books.database, async (transaction) => {
            const [result] = await postEntries(transaction, [entry], { now: AT });
            return result!;
          }),
      ];
    },
  ],
];

describe.each(WAYS)('%s', (_, open) => {
  const race = (entries: readonly JournalEntryInstruction[]) => {
    const posters = open();
    return Promise.all(entries.map((entry, index) => posters[index % posters.length]!(entry)));
  };
  const outcomes = (results: readonly PostingResult[]) =>
    results.map((result) => (result.outcome === 'refused' ? result.code : result.outcome)).sort();

  test('two first-ever spends of one account: it is opened once, and both lines are there', async () => {
    const spend = (name: string) =>
      entryNamed(name, [{ debit: 'merchant/new/payable', credit: 'network/clearing', amount: 5n }]);
    expect(outcomes(await race([spend('one'), spend('two')]))).toEqual(['posted', 'posted']);
    const [account] = await readBalances(books.database, 0, 'merchant/');
    expect(account).toMatchObject({ postedDebits: 10n, postedCredits: 0n });
  });

  test('first-ever spends of many accounts at once, in every order', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const entries = names.flatMap((from) =>
      names
        .filter((to) => to !== from)
        .map((to) =>
          entryNamed(`${from}${to}`, [
            { debit: `merchant/${from}/payable`, credit: `merchant/${to}/payable`, amount: 1n },
          ]),
        ),
    );
    expect(new Set(outcomes(await race(entries)))).toEqual(new Set(['posted']));
    for (const account of await readBalances(books.database, 0)) {
      expect(account).toMatchObject({ postedDebits: 5n, postedCredits: 5n });
    }
  });

  test('hold against hold: only as many stand as the money suffices for', async () => {
    const posters = open();
    await posters[0]!(entryNamed('funding', [{ ...FUNDING, amount: 100n }]));
    const holds = Array.from({ length: 12 }, (_, index) =>
      entryNamed(`hold ${index}`, [{ ...WALLET, kind: 'pending', amount: 30n }]),
    );
    const results = await Promise.all(holds.map((hold, index) => posters[index % posters.length]!(hold)));
    expect(results.filter(({ outcome }) => outcome === 'posted')).toHaveLength(3);
    expect(results.filter(({ outcome }) => outcome === 'refused')).toHaveLength(9);
    const [wallet] = await readBalances(books.database, 0, 'intermediary/chain');
    expect(wallet).toMatchObject({ postedDebits: 100n, pendingCredits: 90n });
  });

  test('holds under a net debit cap: none passes it, and a cap that is lowered stops the next', async () => {
    const cap = (minorUnits: bigint) =>
      setNetDebitCap(books.database, { shard: 0, path: HOLD.debit }, { minorUnits, asset: 'EUR' }, { now: AT });
    const posters = open();
    await cap(100n);
    const hold = (index: number) => entryNamed(`hold ${index}`, [{ ...HOLD, kind: 'pending', amount: 40n }]);
    const first = await Promise.all([0, 1, 2].map((index) => posters[index % posters.length]!(hold(index))));
    expect(outcomes(first)).toEqual(['INSUFFICIENT_AVAILABLE', 'posted', 'posted']);
    await cap(200n);
    for (const poster of posters)
      await poster(entryNamed(`paid ${posters.indexOf(poster)}`, [{ ...HOLD, amount: 10n }]));
    await cap(0n);
    expect((await posters[0]!(hold(9))).outcome).toBe('refused');
  });

  test.each([
    ['post against void', 'post_pending', 'void_pending'],
    ['expiry against capture', 'post_pending', 'expire_pending'],
    ['void against expiry', 'void_pending', 'expire_pending'],
  ] as const)('%s: one of them has the hold', async (_, one, other) => {
    for (let turn = 0; turn < 5; turn += 1) {
      const posters = open();
      const taken = entryNamed(`hold ${turn}`, [
        { ...HOLD, kind: 'pending', amount: 30n, hold: `h${turn}`, expiresAt: AT },
      ]);
      await posters[0]!(taken);
      const closing = (kind: typeof one | typeof other) =>
        entryNamed(`${kind} ${turn}`, [{ ...HOLD, kind, amount: 30n, hold: `h${turn}` }]);
      const results = await Promise.all([posters[0]!(closing(one)), posters.at(-1)!(closing(other))]);
      expect(outcomes(results)).toEqual(['HOLD_CLOSED', 'posted']);
    }
  });

  test('partial captures at once never take more than is held', async () => {
    const posters = open();
    await posters[0]!(entryNamed('taken', [{ ...HOLD, kind: 'pending', amount: 100n, hold: 'h' }]));
    const captures = Array.from({ length: 8 }, (_, index) =>
      entryNamed(`capture ${index}`, [{ ...HOLD, kind: 'post_pending', amount: 30n, hold: 'h' }]),
    );
    const results = await Promise.all(captures.map((capture, index) => posters[index % posters.length]!(capture)));
    expect(results.filter(({ outcome }) => outcome === 'posted')).toHaveLength(3);
    const [issuer] = await readBalances(books.database, 0, HOLD.debit);
    expect(issuer).toMatchObject({ postedDebits: 90n, pendingDebits: 10n });
  });

  test('one entry from many callers is posted once, and all are told what it came to', async () => {
    const entry = entryNamed('once', [{ ...HOLD, amount: 7n }]);
    const results = await race(Array.from({ length: 10 }, () => entry));
    expect(outcomes(results)).toEqual(['posted', ...Array.from({ length: 9 }, () => 'replayed')]);
    const [told, ...others] = results.map((result) => 'lines' in result && result.lines);
    for (const other of others) expect(other).toEqual(told);
    const [issuer] = await readBalances(books.database, 0, HOLD.debit);
    expect(issuer).toMatchObject({ postedDebits: 7n });
  });

  test('two entries of one name on different accounts: one is posted, the other is a conflict', async () => {
    const one = entryNamed('name', [{ debit: 'merchant/a/payable', credit: 'merchant/b/payable', amount: 1n }]);
    const other = entryNamed('name', [{ debit: 'merchant/c/payable', credit: 'merchant/d/payable', amount: 1n }]);
    expect(outcomes(await race([one, other]))).toEqual(['ENTRY_CONFLICT', 'posted']);
  });

  test('two holds of one name on different accounts: one is taken', async () => {
    const one = entryNamed('one', [
      { debit: 'merchant/a/payable', credit: 'merchant/b/payable', amount: 1n, kind: 'pending', hold: 'h' },
    ]);
    const other = entryNamed('other', [
      { debit: 'merchant/c/payable', credit: 'merchant/d/payable', amount: 1n, kind: 'pending', hold: 'h' },
    ]);
    expect(outcomes(await race([one, other]))).toEqual(['ENTRY_CONFLICT', 'posted']);
  });
});
