import type { Asset, AssetCode } from './assets.ts';
import { assertInvariant, SettlementError } from './errors.ts';

/** 12345n of USD (scale 2) is 123.45 US dollars. Never negative: direction is the side of the posting. */
export type Amount = Readonly<{ minorUnits: bigint; asset: AssetCode }>;

/** The form in which an amount travels: minor units as a string of digits. */
export type WireAmount = Readonly<{ minorUnits: string; asset: AssetCode }>;

/** Minor units of `to` per minor unit of `from`, as a fraction; both numbers are above zero. */
export type Rate = Readonly<{ from: AssetCode; to: AssetCode; numerator: bigint; denominator: bigint }>;

/** numeric(38,0) in tables: the widest amount the books hold. */
export const MAXIMUM_MINOR_UNITS = 10n ** 38n - 1n;
const BASIS_POINTS = 10_000n;
// The pattern comes before BigInt, which reads '' as 0 and '0x10' as 16.
const WHOLE_NUMBER = /^(0|[1-9]\d{0,77})$/;
const DECIMAL_NUMBER = /^(0|[1-9]\d{0,77})(?:\.(\d{1,78}))?$/;

/** Errors: thrown AMOUNT_INVALID, AMOUNT_TOO_LARGE. */
export function parseMinorUnits(text: string): bigint {
  if (!WHOLE_NUMBER.test(text)) {
    throw new SettlementError('AMOUNT_INVALID', `${JSON.stringify(text)} is not a whole number of minor units`, {
      amount: text,
    });
  }
  return checkedSize(BigInt(text), text);
}

/**
 * Reads a decimal amount such as `123.45`; what is finer than the asset is refused, never rounded.
 *
 * Errors: thrown AMOUNT_INVALID, AMOUNT_TOO_PRECISE, AMOUNT_TOO_LARGE.
 */
export function parseAmount(text: string, asset: Asset): Amount {
  const match = DECIMAL_NUMBER.exec(text);
  if (!match)
    throw new SettlementError('AMOUNT_INVALID', `${JSON.stringify(text)} is not a decimal amount`, { amount: text });
  const [, whole = '0', fraction = ''] = match;
  if (fraction.length > asset.scale) {
    throw new SettlementError(
      'AMOUNT_TOO_PRECISE',
      `amount ${text} ${asset.symbol} has ${fraction.length} decimals, ${asset.symbol} has ${asset.scale}`,
      { amount: text, asset: asset.code, decimals: fraction.length, scale: asset.scale },
    );
  }
  return { minorUnits: checkedSize(BigInt(whole + fraction.padEnd(asset.scale, '0')), text), asset: asset.code };
}

/** `formatAmount(12345n, EUR)` is `123.45`: exact, no grouping, no symbol. */
export function formatAmount(minorUnits: bigint, asset: Asset): string {
  const sign = minorUnits < 0n ? '-' : '';
  const digits = (minorUnits < 0n ? -minorUnits : minorUnits).toString().padStart(asset.scale + 1, '0');
  if (asset.scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -asset.scale)}.${digits.slice(-asset.scale)}`;
}

export function toWire(amount: Amount): WireAmount {
  return { minorUnits: amount.minorUnits.toString(), asset: amount.asset };
}

/** Errors: thrown AMOUNT_INVALID, AMOUNT_TOO_LARGE. */
export function fromWire(wire: WireAmount): Amount {
  return { minorUnits: parseMinorUnits(wire.minorUnits), asset: wire.asset };
}

/** Errors: thrown ASSET_MISMATCH, AMOUNT_TOO_LARGE. */
export function addAmounts(left: Amount, right: Amount): Amount {
  requireSameAsset(left, right);
  const sum = left.minorUnits + right.minorUnits;
  return { minorUnits: checkedSize(sum, sum.toString()), asset: left.asset };
}

/** The caller has made sure that `right` is not above `left`. Errors: thrown ASSET_MISMATCH. */
export function subtractAmounts(left: Amount, right: Amount): Amount {
  requireSameAsset(left, right);
  assertInvariant(left.minorUnits >= right.minorUnits, `${left.minorUnits} less ${right.minorUnits} is not negative`);
  return { minorUnits: left.minorUnits - right.minorUnits, asset: left.asset };
}

/** 175 basis points are 1.75 %. Rounds toward zero. */
export function multiplyByBasisPointsDown(amount: Amount, basisPoints: bigint): Amount {
  assertInvariant(basisPoints >= 0n, 'basis points are not negative');
  return { minorUnits: (amount.minorUnits * basisPoints) / BASIS_POINTS, asset: amount.asset };
}

/** Rounds away from zero. */
export function multiplyByBasisPointsUp(amount: Amount, basisPoints: bigint): Amount {
  assertInvariant(basisPoints >= 0n, 'basis points are not negative');
  return { minorUnits: divideUp(amount.minorUnits * basisPoints, BASIS_POINTS), asset: amount.asset };
}

/** Converts at `rate`, in minor units on both sides, toward zero. Errors: thrown ASSET_MISMATCH, RATE_INVALID. */
export function convertDown(amount: Amount, rate: Rate): Amount {
  requireRate(amount, rate);
  return { minorUnits: (amount.minorUnits * rate.numerator) / rate.denominator, asset: rate.to };
}

/** Converts at `rate`, away from zero. Errors: thrown ASSET_MISMATCH, RATE_INVALID. */
export function convertUp(amount: Amount, rate: Rate): Amount {
  requireRate(amount, rate);
  return { minorUnits: divideUp(amount.minorUnits * rate.numerator, rate.denominator), asset: rate.to };
}

/**
 * Splits an amount by weights; each share is rounded down and what is left over goes to the share at `residueIndex`,
 * so that the shares always add up to the amount.
 */
export function splitByWeights(amount: Amount, weights: readonly bigint[], residueIndex: number): Amount[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  assertInvariant(total > 0n && weights.every((weight) => weight >= 0n), 'weights are not negative and not all zero');
  assertInvariant(residueIndex in weights, 'the residue goes to one of the shares');
  const shares = weights.map((weight) => (amount.minorUnits * weight) / total);
  const residue = amount.minorUnits - shares.reduce((sum, share) => sum + share, 0n);
  return shares.map((share, index) => ({
    minorUnits: index === residueIndex ? share + residue : share,
    asset: amount.asset,
  }));
}

function requireSameAsset(left: Amount, right: Amount): void {
  if (left.asset === right.asset) return;
  throw new SettlementError('ASSET_MISMATCH', `${left.asset} and ${right.asset} are different assets`, {
    left: left.asset,
    right: right.asset,
  });
}

function requireRate(amount: Amount, rate: Rate): void {
  if (rate.numerator <= 0n || rate.denominator <= 0n) {
    throw new SettlementError('RATE_INVALID', `${rate.numerator}/${rate.denominator} is not a rate above zero`, {
      numerator: rate.numerator.toString(),
      denominator: rate.denominator.toString(),
    });
  }
  requireSameAsset(amount, { minorUnits: 0n, asset: rate.from });
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

function checkedSize(minorUnits: bigint, asGiven: string): bigint {
  if (minorUnits <= MAXIMUM_MINOR_UNITS) return minorUnits;
  throw new SettlementError('AMOUNT_TOO_LARGE', `${asGiven} has more than 38 digits of minor units`, {
    amount: asGiven,
    maximum: MAXIMUM_MINOR_UNITS.toString(),
  });
}
