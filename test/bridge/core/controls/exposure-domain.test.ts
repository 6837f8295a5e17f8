import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AtRisk,
  decideExposure,
  exposureAtMark,
  isDryNow,
  isHighNow,
} from '../../../../bridge/core/controls/exposure/domain.ts';
import { markFrom, type PriceObservation, quoteFromSource } from '../../../../bridge/core/quotes/domain.ts';
import { TOKEN } from '../../../support/worked-example.ts';

const NOW = new Date('2026-11-02T10:00:00Z');
const POLICY = {
  maximumAgeMilliseconds: 30_000,
  maximumDeviationBasisPoints: 50n,
  minimumSources: 2,
  spreadBasisPoints: 50n,
  validForMilliseconds: 300_000,
};
const LIMIT = { maximum: 1_000n, highBasisPoints: 8_000, lowBasisPoints: 7_000 };

describe('exposure', () => {
  test('is rounded up, and refused at one minor unit above its limit', () => {
    const mark = { from: TOKEN, to: 'USD', numerator: 1n, denominator: 10_000n };
    const atRisk = { open: 1n, inventory: 10_000n };
    expect(exposureAtMark(atRisk, mark)).toEqual({ minorUnits: 2n, asset: 'USD' });
    expect(decideExposure(atRisk, mark, 2n).outcome).toBe('within');
    expect(decideExposure(atRisk, mark, 1n)).toEqual({
      outcome: 'exceeded',
      exposure: { minorUnits: 2n, asset: 'USD' },
      maximum: { minorUnits: 1n, asset: 'USD' },
    });
  });

  test('tells of a crossing once, however often it trembles at the mark', () => {
    let isHigh = false;
    const told: string[] = [];
    for (const exposure of [799n, 800n, 799n, 801n, 750n, 900n, 701n, 700n, 705n, 799n, 800n, 0n]) {
      const next = isHighNow(exposure, LIMIT, isHigh);
      if (next !== isHigh) told.push(`${next ? 'high' : 'low'} at ${exposure}`);
      isHigh = next;
    }
    expect(told).toEqual(['high at 800', 'low at 700', 'high at 800', 'low at 0']);
  });

  test('calls a wallet dry below its minimum, and filled again a tenth above it', () => {
    expect([isDryNow(100n, 100n, false), isDryNow(99n, 100n, false)]).toEqual([false, true]);
    expect([isDryNow(109n, 100n, true), isDryNow(110n, 100n, true)]).toEqual([true, false]);
    expect(isDryNow(0n, 0n, false)).toBe(false);
  });
});

/** Two desks whose prices of one whole token, in cents, lie a little apart. */
function observed(from: string, to: string, cents: bigint): readonly PriceObservation[] {
  return [cents, cents + cents / 400n].map((price, index) => ({
    source: `desk-${index}`,
    observedAt: NOW,
    rate:
      from === TOKEN
        ? { from, to, numerator: price, denominator: 1_000_000n }
        : { from, to, numerator: 1_000_000n, denominator: price },
  }));
}

describe('someone who knows the price of tomorrow', () => {
  const day = fc.record({
    price: fc.bigInt({ min: 10_000n, max: 1_000_000n }),
    // From nothing to twice the price: docs/exposure.md says how far the limit carries.
    tomorrow: fc.integer({ min: 0, max: 200 }),
    inventory: fc.bigInt({ min: 0n, max: 2_000_000_000n }),
    wishes: fc.array(fc.record({ sells: fc.boolean(), cents: fc.bigInt({ min: 100n, max: 5_000_000n }) }), {
      maxLength: 30,
    }),
  });

  test('takes no more than the limit in a day, on 10,000 days', () => {
    let worst = 0n;
    let refused = 0;
    const maximum = 10_000_000n;
    fc.assert(
      fc.property(day, ({ price, tomorrow, inventory, wishes }) => {
        const marked = markFrom(TOKEN, 'USD', observed(TOKEN, 'USD', price), POLICY, NOW);
        if (marked.outcome !== 'marked') throw new Error(marked.code);
        const later = (units: bigint) => (units * price * BigInt(tomorrow)) / 100_000_000n;
        let atRisk: AtRisk = { open: 0n, inventory };
        let loss = 0n;
        for (const { sells, cents } of wishes) {
          const [from, to] = sells ? [TOKEN, 'USD'] : ['USD', TOKEN];
          const source = { minorUnits: sells ? (cents * 1_000_000n) / price : cents, asset: from };
          const quoted = quoteFromSource({ source, to, observations: observed(from, to, price) }, POLICY, NOW);
          if (quoted.outcome !== 'quoted') continue;
          const { target } = quoted.quote;
          const coins = sells ? source.minorUnits : target.minorUnits;
          const ours = sells ? target.minorUnits - later(coins) : later(coins) - source.minorUnits;
          // Of every promise that is offered, only those are accepted that will be worth it.
          if (ours <= 0n) continue;
          const wanted = { ...atRisk, open: atRisk.open + coins };
          if (decideExposure(wanted, marked.rate, maximum).outcome === 'exceeded') {
            refused += 1;
            continue;
          }
          atRisk = wanted;
          loss += ours;
        }
        if (loss > worst) worst = loss;
        expect(loss <= maximum).toBe(true);
      }),
      { numRuns: 10_000, seed: 20_261_102 },
    );
    // It did try, and it was the limit that held it.
    expect(worst > maximum / 2n).toBe(true);
    expect(refused > 100).toBe(true);
  });
});
