import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPostingEngine } from '../../ledger-service/journal/posting-engine.ts';
import {
  readBalanceAt,
  readStatement,
  type StatementLine,
} from '../../ledger-service/statements/operations/read-statement.ts';
import { AT, entryNamed } from '../support/entries.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let books: TestDatabase;
let nextShard = 0;
beforeAll(async () => {
  books = await createTestDatabase();
});
afterAll(() => books.drop());

const at = (seconds: number) => new Date(AT.getTime() + seconds * 1_000);

/** Posts lines to one account, some of them long after they happened and some before, and keeps them beside it. */
async function postLines(drawn: readonly { recorded: number; lag: number; amount: number; out: boolean }[]) {
  const shard = nextShard;
  nextShard += 1;
  let now = 0;
  const engine = createPostingEngine({ database: books.database, clock: { now: () => at(now) } });
  const lines: { event: number; recorded: number; change: bigint }[] = [];
  for (const [index, { recorded, lag, amount, out }] of drawn.entries()) {
    now += recorded;
    const [debit, credit] = out
      ? ['merchant/a/payable', 'network/clearing']
      : ['network/clearing', 'merchant/a/payable'];
    const leg = { debit: debit!, credit: credit!, amount: BigInt(amount) };
    const [result] = await engine.post([entryNamed(`${index}`, [leg], { shard, eventAt: at(now - lag) })]);
    expect(result!.outcome).toBe('posted');
    lines.push({ event: now - lag, recorded: now, change: BigInt(out ? -amount : amount) });
  }
  return { account: { shard, path: 'merchant/a/payable', asset: 'EUR' }, lines };
}

const drawnLines = fc.array(
  fc.record({
    recorded: fc.integer({ min: 0, max: 90 }),
    // Around the minute that parts what is late from what is not, and far beyond it, on both sides.
    lag: fc.oneof(fc.constantFrom(0, 59, 60, 61, -59, -60, -61), fc.integer({ min: -400, max: 400 })),
    amount: fc.integer({ min: 1, max: 99 }),
    out: fc.boolean(),
  }),
  { minLength: 1, maxLength: 25 },
);

test('history: the balance at any moment, by either time, is the sum of the lines before it', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      drawnLines,
      fc.array(fc.integer({ min: -500, max: 2_500 }), { minLength: 3, maxLength: 6 }),
      async (drawn, moments) => {
        const { account, lines } = await postLines(drawn);
        for (const moment of [...moments, lines[0]!.recorded, lines[0]!.event, lines.at(-1)!.recorded + 1]) {
          for (const time of ['event', 'recorded'] as const) {
            const before = lines.filter((line) => line[time] < moment);
            expect(await readBalanceAt(books.database, account, at(moment), time)).toEqual({
              balance: before.reduce((sum, { change }) => sum + change, 0n),
              lines: BigInt(before.length),
            });
          }
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('statement: opening, lines and closing agree, whatever the span', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(drawnLines, fc.nat(1_500), fc.nat(1_500), async (drawn, start, length) => {
      const { account, lines } = await postLines(drawn);
      for (const time of ['event', 'recorded'] as const) {
        const span = { from: at(start), to: at(start + length), time };
        const statement = await readStatement(books.database, account, span, { limit: 100 });
        const expected = lines.filter((line) => line[time] >= start && line[time] < start + length);
        expect(statement.lines.map(({ change }) => change)).toEqual(expected.map(({ change }) => change));
        expect(statement.closing).toBe(statement.lines.reduce((sum, { change }) => sum + change, statement.opening));
        expect(statement.nextCursor).toBeNull();
      }
    }),
    { numRuns: 30 },
  );
});

test('statement: pages neither skip nor repeat a line while others post', async () => {
  const { account, lines } = await postLines(
    Array.from({ length: 40 }, (_, index) => ({ recorded: 1, lag: index % 7 === 0 ? 300 : 0, amount: 1, out: false })),
  );
  const engine = createPostingEngine({ database: books.database, clock: { now: () => at(1_000) } });
  const span = { from: at(-1_000), to: at(5_000) };
  const seen: StatementLine[] = [];
  let cursor: string | undefined;
  let turn = 0;
  do {
    const page = await readStatement(books.database, account, span, { limit: 7, ...(cursor ? { cursor } : {}) });
    seen.push(...page.lines);
    expect([page.opening, page.closing]).toEqual([0n, 40n]);
    cursor = page.nextCursor ?? undefined;
    turn += 1;
    // Late ones too: they happened in the midst of what was read already.
    await engine.post([
      entryNamed(`meanwhile ${turn}`, [{ debit: 'network/clearing', credit: account.path, amount: 1_000n }], {
        shard: account.shard,
        eventAt: at(turn),
      }),
    ]);
  } while (cursor);
  expect(seen.map(({ version }) => version)).toEqual(lines.map((_, index) => BigInt(index + 1)));
  const [whole] = [await readStatement(books.database, account, span, { limit: 500 })];
  expect(whole!.closing).toBe(40n + 1_000n * BigInt(turn));
});

test('statement: a hold is a line that moves nothing yet', async () => {
  const engine = createPostingEngine({ database: books.database, clock: { now: () => AT } });
  const shard = nextShard;
  const move = { debit: 'merchant/a/payable', credit: 'network/clearing' };
  await engine.post([
    entryNamed('held', [{ ...move, amount: 9n, kind: 'pending', hold: 'h' }], { shard }),
    entryNamed('taken', [{ ...move, amount: 4n, kind: 'post_pending', hold: 'h' }], { shard }),
    entryNamed('let go', [{ ...move, amount: 5n, kind: 'void_pending', hold: 'h' }], { shard }),
  ]);
  const account = { shard, path: 'merchant/a/payable', asset: 'EUR' };
  const { lines, closing } = await readStatement(books.database, account, { from: at(-1), to: at(1) }, { limit: 10 });
  expect(lines.map(({ kind, change, amount, counterparty }) => [kind, change, amount, counterparty])).toEqual([
    ['pending', 0n, 9n, 'network/clearing'],
    ['post_pending', -4n, 4n, 'network/clearing'],
    ['void_pending', 0n, 5n, 'network/clearing'],
  ]);
  expect(closing).toBe(-4n);
});

test('statement: nothing is known of an account that is not there, and a strange cursor is refused', async () => {
  const account = { shard: 0, path: 'merchant/nobody/payable', asset: 'EUR' };
  expect(await readBalanceAt(books.database, account, AT)).toEqual({ balance: 0n, lines: 0n });
  const { account: known } = await postLines([{ recorded: 1, lag: 0, amount: 1, out: false }]);
  const asked = readStatement(books.database, known, { from: AT, to: AT }, { limit: 1, cursor: 'x' });
  await expect(asked).rejects.toMatchObject({ code: 'FIELD_INVALID' });
});
