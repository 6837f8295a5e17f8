import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AssetRegistry } from '../../../ledger-service/vocabulary/assets.ts';
import { type ErrorCode, SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import {
  addAmounts,
  convertDown,
  convertUp,
  formatAmount,
  MAXIMUM_MINOR_UNITS,
  multiplyByBasisPointsDown,
  multiplyByBasisPointsUp,
  parseAmount,
  parseMinorUnits,
  splitByWeights,
  subtractAmounts,
} from '../../../ledger-service/vocabulary/money.ts';

const TOKEN = 'eip155:31337/erc20:0x5fbdb2315678afecb367f032d93f642f64180aa3';
const registry = new AssetRegistry([{ code: TOKEN, kind: 'token', symbol: 'USDC', scale: 6 }]);
const EUR = registry.get('EUR');
const JPY = registry.get('JPY');
const amounts = fc.bigInt({ min: 0n, max: MAXIMUM_MINOR_UNITS });

function codeOf(work: () => unknown): ErrorCode | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof SettlementError) return error.code;
    throw error;
  }
  return undefined;
}

describe('amounts from text', () => {
  test('a decimal amount becomes minor units of its asset', () => {
    expect(parseAmount('123.45', EUR)).toEqual({ minorUnits: 12345n, asset: 'EUR' });
    expect(parseAmount('7', EUR).minorUnits).toBe(700n);
    expect(parseAmount('500', JPY).minorUnits).toBe(500n);
    expect(parseAmount('0.000001', registry.get(TOKEN)).minorUnits).toBe(1n);
  });

  test('an amount finer than its asset is refused, never rounded', () => {
    expect(codeOf(() => parseAmount('12.345', EUR))).toBe('AMOUNT_TOO_PRECISE');
    expect(codeOf(() => parseAmount('1.0', JPY))).toBe('AMOUNT_TOO_PRECISE');
  });

  test.each(['', ' 1', '1 ', '-1', '+1', '1e3', '0x10', '1,5', '01', '.5', '5.', 'NaN', '１', '1_000'])(
    '%j is not an amount',
    (text) => {
      expect(codeOf(() => parseAmount(text, EUR))).toBe('AMOUNT_INVALID');
      expect(codeOf(() => parseMinorUnits(text))).toBe('AMOUNT_INVALID');
    },
  );

  test('38 digits are held, one more is refused', () => {
    expect(parseMinorUnits('9'.repeat(38))).toBe(MAXIMUM_MINOR_UNITS);
    expect(codeOf(() => parseMinorUnits(`1${'0'.repeat(38)}`))).toBe('AMOUNT_TOO_LARGE');
  });

  test('what is written can be read back, whatever the asset', () => {
    fc.assert(
      fc.property(amounts, fc.constantFrom(EUR, JPY, registry.get(TOKEN)), (minorUnits, asset) => {
        expect(parseAmount(formatAmount(minorUnits, asset), asset).minorUnits).toBe(minorUnits);
      }),
    );
  });
});

describe('arithmetic', () => {
  test('amounts of different assets do not add', () => {
    expect(codeOf(() => addAmounts({ minorUnits: 1n, asset: 'EUR' }, { minorUnits: 1n, asset: 'USD' }))).toBe(
      'ASSET_MISMATCH',
    );
  });

  test('taking away more than there is breaks an invariant', () => {
    expect(() => subtractAmounts({ minorUnits: 1n, asset: 'EUR' }, { minorUnits: 2n, asset: 'EUR' })).toThrow(
      'not negative',
    );
  });

  test('rounding up and down differ by at most one unit, and not at all on whole results', () => {
    fc.assert(
      fc.property(amounts, fc.bigInt({ min: 0n, max: 10_000n }), (minorUnits, basisPoints) => {
        const amount = { minorUnits, asset: 'EUR' };
        const difference =
          multiplyByBasisPointsUp(amount, basisPoints).minorUnits -
          multiplyByBasisPointsDown(amount, basisPoints).minorUnits;
        expect(difference).toBe((minorUnits * basisPoints) % 10_000n === 0n ? 0n : 1n);
      }),
    );
  });

  test('a conversion there and back never makes money', () => {
    const positive = fc.bigInt({ min: 1n, max: 10n ** 20n });
    fc.assert(
      fc.property(amounts, positive, positive, (minorUnits, numerator, denominator) => {
        const there = { from: 'EUR', to: 'USD', numerator, denominator };
        const back = { from: 'USD', to: 'EUR', numerator: denominator, denominator: numerator };
        const start = { minorUnits, asset: 'EUR' };
        expect(convertDown(convertDown(start, there), back).minorUnits).toBeLessThanOrEqual(minorUnits);
        expect(convertUp(convertUp(start, there), back).minorUnits).toBeGreaterThanOrEqual(minorUnits);
      }),
    );
  });

  test('a rate of zero is refused', () => {
    const rate = { from: 'EUR', to: 'USD', numerator: 0n, denominator: 1n };
    expect(codeOf(() => convertDown({ minorUnits: 1n, asset: 'EUR' }, rate))).toBe('RATE_INVALID');
  });

  test('shares always add up to the whole', () => {
    const weights = fc
      .array(fc.bigInt({ min: 0n, max: 1_000n }), { minLength: 1, maxLength: 8 })
      .filter((list) => list.some((w) => w > 0n));
    fc.assert(
      fc.property(amounts, weights, fc.nat(), (minorUnits, list, position) => {
        const shares = splitByWeights({ minorUnits, asset: 'EUR' }, list, position % list.length);
        expect(shares.reduce((sum, share) => sum + share.minorUnits, 0n)).toBe(minorUnits);
      }),
    );
  });
});

describe('assets', () => {
  test('a currency has the decimals of ISO 4217', () => {
    expect([EUR.scale, JPY.scale, registry.get('KWD').scale]).toEqual([2, 0, 3]);
  });

  test.each(['eur', 'XYZ', 'EURO', '', TOKEN.toUpperCase(), 'constructor'])('%j is not an asset', (code) => {
    expect(codeOf(() => registry.get(code))).toBe('ASSET_UNKNOWN');
  });

  test('a token is registered under its lower-case CAIP-19 name only', () => {
    const mixedCase = { code: 'eip155:1/erc20:0xA0b8', kind: 'token' as const, symbol: 'X', scale: 6 };
    expect(codeOf(() => new AssetRegistry([mixedCase]))).toBe('ASSET_UNKNOWN');
  });
});
