import type { AssetCode } from '../../../../ledger-service/vocabulary/assets.ts';
import { type Amount, convertUp, type Rate } from '../../../../ledger-service/vocabulary/money.ts';

/** What one whole asset is worth in the currency that exposure is measured in. */
export interface Marks {
  readonly currency: AssetCode;
  /** Asked outside of any database transaction. Errors: thrown RATE_UNAVAILABLE, RATE_DISPUTED. */
  markOf(asset: AssetCode): Promise<Rate>;
}

/** What an asset has at risk, in minor units of the asset. */
export type AtRisk = Readonly<{
  /** Promises that are not final: quotes accepted, deposits and authorizations on their way, payouts owed. */
  open: bigint;
  /** What the wallet holds by the books, reserved or not. */
  inventory: bigint;
}>;

/** Limits in minor units of the mark's currency. */
export type ExposureLimit = Readonly<{ maximum: bigint; highBasisPoints: number; lowBasisPoints: number }>;

export type ExposureVerdict = Readonly<
  { outcome: 'within'; exposure: Amount } | { outcome: 'exceeded'; exposure: Amount; maximum: Amount }
>;

/**
 * What promises and inventory are worth together, rounded up. Gross: a promise to buy and a promise to sell do not
 * cancel out, since whoever knows tomorrow's price keeps the one and lets the other lapse.
 */
export function exposureAtMark({ open, inventory }: AtRisk, mark: Rate): Amount {
  return convertUp({ minorUnits: open + inventory, asset: mark.from }, mark);
}

/** Whether an exposure, with what is being promised in it, stays within its limit. */
export function decideExposure(atRisk: AtRisk, mark: Rate, maximum: bigint): ExposureVerdict {
  const exposure = exposureAtMark(atRisk, mark);
  if (exposure.minorUnits <= maximum) return { outcome: 'within', exposure };
  return { outcome: 'exceeded', exposure, maximum: { minorUnits: maximum, asset: exposure.asset } };
}

/** Of two marks the one that makes more of an exposure. */
export function higherMark(left: Rate, right: Rate): Rate {
  return left.numerator * right.denominator >= right.numerator * left.denominator ? left : right;
}

/**
 * Whether an alert stands. It comes at the high mark and ends at the low one, so that an exposure that trembles at one
 * of them is told of once.
 */
export function isHighNow(exposure: bigint, limit: ExposureLimit, wasHigh: boolean): boolean {
  const share = BigInt(wasHigh ? limit.lowBasisPoints : limit.highBasisPoints);
  return wasHigh
    ? exposure * 10_000n > limit.maximum * share
    : exposure * 10_000n >= limit.maximum * share && exposure > 0n;
}

/** The same for a wallet that runs dry: the alert comes below the minimum, and ends a tenth above it. */
export function isDryNow(free: bigint, minimum: bigint, wasDry: boolean): boolean {
  return wasDry ? free * 10n < minimum * 11n : free < minimum;
}
