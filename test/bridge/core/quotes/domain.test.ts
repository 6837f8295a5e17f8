import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type PriceObservation,
  type QuotePolicy,
  quoteFromSource,
  quoteFromTarget,
  spreadOfCaptured,
  targetOfCaptured,
} from '../../../../bridge/core/quotes/domain.ts';
import { convertDown, subtractAmounts } from '../../../../ledger-service/vocabulary/money.ts';

const NOW = new Date('2026-11-02T12:00:00Z');
const policy: QuotePolicy = {
  maximumAgeMilliseconds: 15_000,
  maximumDeviationBasisPoints: 100n,
  minimumSources: 2,
  spreadBasisPoints: 50n,
  validForMilliseconds: 300_000,
};

function observe(source: string, numerator: bigint, denominator: bigint, ageMilliseconds = 0): PriceObservation {
  return {
    source,
    rate: { from: 'EUR', to: 'USD', numerator, denominator },
    observedAt: new Date(NOW.getTime() - ageMilliseconds),
  };
}

const agreeing = [observe('one', 1087n, 1000n), observe('two', 1088n, 1000n)];
const eur = (minorUnits: bigint) => ({ minorUnits, asset: 'EUR' });
const ask = (observations: readonly PriceObservation[], minorUnits = 10_000n) =>
  quoteFromSource({ source: eur(minorUnits), to: 'USD', observations }, policy, NOW);

describe('a quote', () => {
  test('takes the spread apart and promises by the lower of two agreeing sources', () => {
    expect(ask(agreeing)).toMatchObject({
      outcome: 'quoted',
      quote: { spread: eur(50n), target: { minorUnits: 10_815n, asset: 'USD' }, rateSource: 'one' },
    });
  });

  test('is refused when a source is stale, from the future, absent or counted twice', () => {
    const stale = [agreeing[0]!, observe('two', 1088n, 1000n, 15_001)];
    const early = [agreeing[0]!, observe('two', 1088n, 1000n, -1)];
    const twice = [agreeing[0]!, observe('one', 1088n, 1000n)];
    for (const observations of [stale, early, twice, [], [agreeing[0]!]]) {
      expect(ask(observations)).toMatchObject({ code: 'RATE_UNAVAILABLE', needed: 2 });
    }
  });

  test('is refused when a source says zero, a negative price or the pair the other way round', () => {
    const swapped = { ...agreeing[1]!, rate: { from: 'USD', to: 'EUR', numerator: 1n, denominator: 1n } };
    for (const odd of [observe('two', 0n, 1n), observe('two', -1n, 1n), swapped]) {
      expect(ask([agreeing[0]!, odd])).toMatchObject({ code: 'RATE_UNAVAILABLE' });
    }
  });

  test('is refused when sources disagree, and names both', () => {
    expect(ask([agreeing[0]!, observe('two', 108_700n, 1000n)])).toMatchObject({
      code: 'RATE_DISPUTED',
      lowest: 'one 1087/1000',
      highest: 'two 108700/1000',
    });
  });

  test('is refused when one side would be nothing', () => {
    expect(ask(agreeing, 1n)).toMatchObject({ code: 'QUOTE_TOO_SMALL' });
  });

  test('for a fixed target always covers it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 20n }), (minorUnits) => {
        const target = { minorUnits, asset: 'USD' };
        const quoted = quoteFromTarget({ target, from: 'EUR', observations: agreeing }, policy, NOW);
        if (quoted.outcome !== 'quoted') throw new Error(quoted.code);
        const { source, spread, rate } = quoted.quote;
        expect(convertDown(subtractAmounts(source, spread), rate).minorUnits).toBeGreaterThanOrEqual(minorUnits);
        expect(spread.minorUnits * 10_000n).toBeGreaterThanOrEqual(source.minorUnits * 50n - 10_000n);
      }),
    );
  });

  test('captured in any parts gives the whole target and the whole spread', () => {
    const parts = fc.array(fc.bigInt({ min: 1n, max: 10n ** 9n }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(parts, fc.bigInt({ min: 1n, max: 10n ** 9n }), (captures, target) => {
        const whole = captures.reduce((sum, part) => sum + part, 0n);
        const quote = { source: eur(whole), target: { minorUnits: target, asset: 'USD' }, spread: eur(whole / 200n) };
        let sourceSoFar = 0n;
        let targetSoFar = 0n;
        for (const part of captures) {
          const next = targetOfCaptured(quote, sourceSoFar + part);
          expect(next).toBeGreaterThanOrEqual(targetSoFar);
          sourceSoFar += part;
          targetSoFar = next;
        }
        expect(targetSoFar).toBe(target);
        expect(spreadOfCaptured(quote, sourceSoFar)).toBe(quote.spread.minorUnits);
      }),
    );
  });
});
