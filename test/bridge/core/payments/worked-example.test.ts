import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clearPresentment, type Obligation } from '../../../../bridge/core/clearing/domain.ts';
import { feesOf } from '../../../../bridge/core/fees/domain.ts';
import type { Quadrant } from '../../../../bridge/core/payments/domain.ts';
import { authorizationEntry, captureEntry } from '../../../../bridge/core/payments/postings.ts';
import { merchantPayoutEntry, netPositions, settlementEntry } from '../../../../bridge/core/settlement/domain.ts';
import { BooksInMemory } from '../../../support/books.ts';
import { partiesOf, TOKEN, workedExample } from '../../../support/worked-example.ts';

/** What docs/chart-of-accounts.md says is left on the accounts once everything is settled; credits less debits. */
const LEFT: Record<Quadrant, Record<string, bigint>> = {
  fiatToFiat: { 'network/scheme-fees EUR': 5n, 'network/settlement EUR': -5n },
  cryptoToCrypto: {
    [`intermediary/fees ${TOKEN}`]: 1_000_000n,
    [`merchant/arcade/onchain ${TOKEN}`]: 99_000_000n,
    [`payers/onchain ${TOKEN}`]: -100_000_000n,
  },
  cryptoToFiat: {
    'intermediary/fees EUR': 18n,
    'intermediary/position EUR': -9_150n,
    [`intermediary/chain ${TOKEN}`]: -100_000_000n,
    [`intermediary/position ${TOKEN}`]: 99_500_000n,
    [`intermediary/spread ${TOKEN}`]: 500_000n,
    'intermediary/settlement EUR': 9_132n,
    'network/scheme-fees EUR': 5n,
    'network/settlement EUR': -5n,
  },
  fiatToCrypto: {
    'intermediary/fees EUR': -25n,
    'intermediary/position EUR': 9_950n,
    'intermediary/settlement EUR': -9_975n,
    'intermediary/spread EUR': 50n,
    [`intermediary/chain ${TOKEN}`]: 108_156_500n,
    [`intermediary/position ${TOKEN}`]: -108_156_500n,
    'network/scheme-fees EUR': 5n,
    'network/settlement EUR': -5n,
  },
};

describe('the worked example of each quadrant', () => {
  test.each(Object.keys(LEFT) as Quadrant[])('%s leaves exactly the documented balances', (quadrant) => {
    const books = new BooksInMemory();
    for (const entry of workedExample(quadrant)) books.post(entry);
    expect(books.balances()).toEqual(Object.fromEntries(Object.entries(LEFT[quadrant]).sort()));
    expect([...books.pending.values()].every((held) => held === 0n)).toBe(true);
  });

  test.each(Object.keys(LEFT) as Quadrant[])(
    '%s names every entry and transfer once, and always the same',
    (quadrant) => {
      const names = () => workedExample(quadrant).flatMap((entry) => entry.transfers.map((t) => t.transferIdentifier));
      expect(new Set(names()).size).toBe(names().length);
      expect(names()).toEqual(names());
    },
  );
});

describe('a window of random card payments', () => {
  const presentments = fc.array(
    fc.record({ amount: fc.bigInt({ min: 1n, max: 10n ** 12n }), interchange: fc.bigInt({ min: 0n, max: 300n }) }),
    { minLength: 1, maxLength: 20 },
  );

  test('nets to zero, leaves nothing in clearing and loses no unit', () => {
    fc.assert(
      fc.property(presentments, (list) => {
        const books = new BooksInMemory();
        const obligations: Obligation[] = [];
        const owed = { net: 0n, fees: 0n };
        const at = new Date(0);
        for (const [index, { amount, interchange }] of list.entries()) {
          const parties = { ...partiesOf('fiatToFiat'), paymentIdentifier: `pay_${index}` };
          const source = { minorUnits: amount, asset: 'EUR' };
          const zero = { minorUnits: 0n, asset: 'EUR' };
          const fees = feesOf(source, {
            interchangeBasisPoints: interchange,
            schemeFeeBasisPoints: 5n,
            merchantFeeBasisPoints: 120n,
          });
          books.post(authorizationEntry(parties, { source, target: source, eventAt: at, expiresAt: at }));
          books.post(captureEntry(parties, 1, { source, target: source, spread: zero, fee: zero }, at));
          const cleared = clearPresentment({ parties, sequence: 1, amount: source, spread: zero, fees, eventAt: at });
          books.post(cleared.entry);
          obligations.push(...cleared.obligations);
          owed.net += fees.merchantNet.minorUnits;
          owed.fees += fees.merchantFee.minorUnits;
        }
        const positions = netPositions(obligations);
        expect(positions.reduce((sum, position) => sum + position.minorUnits, 0n)).toBe(0n);
        const window = { shard: 0, windowIdentifier: 'win_1', asset: 'EUR', settledAt: at };
        books.post(settlementEntry(window, positions));
        books.post(merchantPayoutEntry(window, { merchant: 'bakery', acquirer: 'porto', ...owed }));
        const left = books.balances();
        const schemeFees = left['network/scheme-fees EUR'] ?? 0n;
        expect(left).toEqual(
          schemeFees === 0n ? {} : { 'network/scheme-fees EUR': schemeFees, 'network/settlement EUR': -schemeFees },
        );
      }),
    );
  });
});
