import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Arrival,
  type DepositStanding,
  decideArrival,
  retryAfterMilliseconds,
  shareOfDebt,
  sharesOfReturn,
} from '../../../../bridge/core/deposits/domain.ts';
import {
  attributedEntry,
  owedBackEntry,
  receivedEntry,
  returnedEntry,
  suspenseReleasedEntry,
  suspenseReservedEntry,
  suspenseReturnedEntry,
  sweptEntry,
  unattributedEntry,
} from '../../../../bridge/core/deposits/postings.ts';
import { depositCaptureEntry } from '../../../../bridge/core/payments/postings.ts';
import { BooksInMemory } from '../../../support/books.ts';
import { partiesOf, TOKEN } from '../../../support/worked-example.ts';

const IN_TIME = new Date('2026-11-02T10:00:00Z');
const PAY_BY = new Date('2026-11-02T11:00:00Z');
const OTHER = 'eip155:31337/slip44:60';
const DEPOSIT: DepositStanding = { asset: TOKEN, amount: 100n, held: 0n, state: 'open', payBy: PAY_BY };
const ARRIVAL: Arrival = { asset: TOKEN, amount: 100n, minedAt: IN_TIME, isReleased: false };
const LEAST = 10n;

function decide(deposit: Partial<DepositStanding>, arrival: Partial<Arrival>): string {
  const decision = decideArrival({ ...DEPOSIT, ...deposit }, { ...ARRIVAL, ...arrival }, LEAST);
  const { outcome, held, owed, dust, isComplete } = decision;
  return `${outcome} ${held}/${owed}/${dust}${isComplete ? ' complete' : ''}`;
}

describe('an arrival', () => {
  test.each([
    ['is exact', {}, {}, 'exact 100/0/0 complete'],
    ['is a part', {}, { amount: 99n }, 'part 99/0/0'],
    ['completes parts', { held: 99n }, { amount: 1n }, 'exact 1/0/0 complete'],
    ['is over', {}, { amount: 130n }, 'over 100/30/0 complete'],
    ['is over by dust', { held: 60n }, { amount: 49n }, 'over 40/0/9 complete'],
    ['is a part below what is sent back', {}, { amount: 1n }, 'part 1/0/0'],
    ['is late at the very second', {}, { minedAt: PAY_BY }, 'late 0/100/0'],
    ['is late for a payment that has ended', { state: 'expired' }, {}, 'late 0/100/0'],
    ['comes while the amount is swept', { state: 'sweeping', held: 100n }, {}, 'second 0/100/0'],
    ['comes a second time', { state: 'swept' }, { amount: 5n }, 'second 0/0/5'],
    ['is given back by the escrow', { state: 'swept' }, { isReleased: true }, 'released 0/100/0'],
    ['is of another asset', {}, { asset: OTHER }, 'wrongToken 0/100/0'],
    ['is of another asset, late', { state: 'expired' }, { asset: OTHER }, 'wrongToken 0/100/0'],
  ] as const)('that %s', (_, deposit, arrival, expected) => {
    expect(decide(deposit, arrival)).toBe(expected);
  });

  test('never loses a unit, and never holds more than is asked for', () => {
    const arrivals = fc.array(
      fc.record({
        amount: fc.bigInt({ min: 1n, max: 200n }),
        isLate: fc.boolean(),
        isOther: fc.boolean(),
        isReleased: fc.boolean(),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 300n }), arrivals, (amount, list) => {
        let deposit: DepositStanding = { ...DEPOSIT, amount };
        let completed = 0;
        for (const { isLate, isOther, ...one } of list) {
          const arrival = { ...one, minedAt: isLate ? PAY_BY : IN_TIME, asset: isOther ? OTHER : TOKEN };
          const { held, owed, dust, isComplete } = decideArrival(deposit, arrival, LEAST);
          expect(held + owed + dust).toBe(arrival.amount);
          expect(dust === 0n || dust < LEAST).toBe(true);
          deposit = { ...deposit, held: deposit.held + held, state: isComplete ? 'sweeping' : deposit.state };
          if (isComplete) completed += 1;
          expect(deposit.held <= amount).toBe(true);
          expect(isComplete).toBe(held > 0n && deposit.held === amount);
        }
        expect(completed <= 1).toBe(true);
      }),
    );
  });
});

describe('a return', () => {
  test('pays what is owed first, and is not believed beyond what has come', () => {
    const known = { owed: 30n, held: 20n, dust: 5n };
    expect(sharesOfReturn(30n, known)).toEqual({ owed: 30n, held: 0n, dust: 0n });
    expect(sharesOfReturn(41n, known)).toEqual({ owed: 30n, held: 11n, dust: 0n });
    expect(sharesOfReturn(55n, known)).toEqual(known);
    expect(sharesOfReturn(56n, known)).toBeUndefined();
  });

  test('is asked again later each time, at least hourly', () => {
    expect([0, 1, 2, 5, 6, 100].map(retryAfterMilliseconds)).toEqual([
      60_000, 120_000, 240_000, 1_920_000, 3_600_000, 3_600_000,
    ]);
    expect([shareOfDebt(9n, LEAST), shareOfDebt(10n, LEAST)]).toEqual([
      { owed: 0n, dust: 9n },
      { owed: 10n, dust: 0n },
    ]);
  });
});

describe('the worked example of docs/chart-of-accounts.md', () => {
  const about = { shard: 0, asset: TOKEN, eventAt: IN_TIME };
  const units = (text: string) => BigInt(text.replace('.', ''));
  const none = { held: 0n, owed: 0n, dust: 0n };
  const left = (books: BooksInMemory, path: string) => books.balances()[`${path} ${TOKEN}`] ?? 0n;

  test('leaves what was paid twice to be returned, and the dust', () => {
    const books = new BooksInMemory();
    const received = (name: string, shares: Partial<typeof none>) =>
      books.post(receivedEntry(name, { ...none, ...shares }, about));
    received('first', { held: units('60.000000') });
    received('second', { held: units('40.000000'), owed: units('5.000000') });
    books.post(sweptEntry('pay_a', { ...none, held: units('100.000000') }, about));
    const captured = {
      source: { minorUnits: units('100.000000'), asset: TOKEN },
      target: { minorUnits: 9_150n, asset: 'EUR' },
      spread: { minorUnits: units('0.500000'), asset: TOKEN },
    };
    books.post(depositCaptureEntry(partiesOf('cryptoToFiat'), 1, captured, IN_TIME));
    books.post(returnedEntry('pay_a', ['hash', 0], { ...none, owed: units('5.000000') }, about));
    received('third', { owed: units('100.000000') });
    received('fourth', { dust: 9_999n });
    expect(left(books, 'deposits/onchain')).toBe(-units('100.009999'));
    expect(left(books, 'deposits/held')).toBe(0n);
    expect(left(books, 'deposits/returnable')).toBe(units('100.000000'));
    expect(left(books, 'deposits/dust')).toBe(9_999n);
    expect(left(books, 'intermediary/chain')).toBe(-units('100.000000'));
    expect(left(books, 'intermediary/position')).toBe(units('99.500000'));
    expect(left(books, 'intermediary/spread')).toBe(units('0.500000'));
    expect(books.balances()['intermediary/clearing EUR']).toBe(9_150n);
  });

  test('gives a short payment back, and leaves nothing of what an operator has settled', () => {
    const books = new BooksInMemory();
    books.post(receivedEntry('part', { ...none, held: units('60.000000') }, about));
    books.post(owedBackEntry('pay_b', { owed: units('60.000000'), dust: 0n }, about));
    expect(left(books, 'deposits/returnable')).toBe(units('60.000000'));
    books.post(returnedEntry('pay_b', ['hash', 1], { ...none, owed: units('60.000000') }, about));
    books.post(unattributedEntry('ours', units('3.000000'), about));
    books.post(attributedEntry('ours', units('3.000000'), about));
    books.post(unattributedEntry('theirs', units('4.000000'), about));
    books.post(suspenseReservedEntry('refused', 'theirs', units('4.000000'), about));
    books.post(suspenseReleasedEntry('refused', 'theirs', units('4.000000'), about));
    books.post(suspenseReservedEntry('again', 'theirs', units('4.000000'), about));
    books.post(suspenseReturnedEntry('again', 'theirs', units('4.000000'), about));
    expect(books.balances()).toEqual({
      [`intermediary/chain ${TOKEN}`]: -units('3.000000'),
      [`intermediary/treasury ${TOKEN}`]: units('3.000000'),
    });
    expect([...books.pending.values()].every((held) => held === 0n)).toBe(true);
  });
});
