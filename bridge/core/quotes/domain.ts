import type { AssetCode } from '../../../ledger-service/vocabulary/assets.ts';
import {
  type Amount,
  convertDown,
  convertUp,
  multiplyByBasisPointsUp,
  type Rate,
  subtractAmounts,
} from '../../../ledger-service/vocabulary/money.ts';

/** What one price source said, and when. */
export type PriceObservation = Readonly<{ source: string; rate: Rate; observedAt: Date }>;

export type QuotePolicy = Readonly<{
  /** An older observation is stale. */
  maximumAgeMilliseconds: number;
  /** How far two sources may lie apart. 100 basis points are 1 %. */
  maximumDeviationBasisPoints: bigint;
  /** How many fresh sources must agree. */
  minimumSources: number;
  spreadBasisPoints: bigint;
  validForMilliseconds: number;
}>;

/** `source` is what the payer gives; `target` what the merchant's side receives before fees; the spread is its own part. */
export type Quote = Readonly<{
  source: Amount;
  target: Amount;
  /** Part of `source` that the intermediary keeps for bearing the price. */
  spread: Amount;
  rate: Rate;
  rateSource: string;
  observedAt: Date;
  expiresAt: Date;
}>;

export type QuoteRefused = Readonly<
  | { outcome: 'refused'; code: 'RATE_UNAVAILABLE'; fresh: number; needed: number }
  | { outcome: 'refused'; code: 'RATE_DISPUTED'; lowest: string; highest: string; deviationBasisPoints: string }
  | { outcome: 'refused'; code: 'QUOTE_TOO_SMALL'; source: string; target: string }
>;

/**
 * Quotes a conversion of a fixed source amount.
 *
 * Shape:   { source, to, observations, policy, now } → quoted | refused
 * Units:   minor units on both sides; the spread is rounded up and the target down, in favour of who bears the risk
 * Errors:  refused, returned: RATE_UNAVAILABLE (too few fresh sources), RATE_DISPUTED (sources too far apart),
 *          QUOTE_TOO_SMALL (one side would be nothing)
 */
export function quoteFromSource(
  request: Readonly<{ source: Amount; to: AssetCode; observations: readonly PriceObservation[] }>,
  policy: QuotePolicy,
  now: Date,
): Readonly<{ outcome: 'quoted'; quote: Quote }> | QuoteRefused {
  const agreed = agreeOnRate(request.source.asset, request.to, request.observations, policy, now);
  if (agreed.outcome === 'refused') return agreed;
  const spread = multiplyByBasisPointsUp(request.source, policy.spreadBasisPoints);
  if (spread.minorUnits >= request.source.minorUnits) return tooSmall(request.source.minorUnits, 0n);
  const target = convertDown(subtractAmounts(request.source, spread), agreed.observation.rate);
  if (target.minorUnits === 0n) return tooSmall(request.source.minorUnits, target.minorUnits);
  return { outcome: 'quoted', quote: buildQuote(request.source, target, spread, agreed.observation, policy, now) };
}

/**
 * Quotes a conversion that must give a fixed target amount.
 *
 * Shape and errors as {@link quoteFromSource}; the source is rounded up, so the target is always covered.
 */
export function quoteFromTarget(
  request: Readonly<{ target: Amount; from: AssetCode; observations: readonly PriceObservation[] }>,
  policy: QuotePolicy,
  now: Date,
): Readonly<{ outcome: 'quoted'; quote: Quote }> | QuoteRefused {
  const agreed = agreeOnRate(request.from, request.target.asset, request.observations, policy, now);
  if (agreed.outcome === 'refused') return agreed;
  const { rate } = agreed.observation;
  const inverse = { from: rate.to, to: rate.from, numerator: rate.denominator, denominator: rate.numerator };
  const withoutSpread = convertUp(request.target, inverse);
  // source − spread(source) must still cover what the target costs, so the spread is taken of the larger sum.
  const withSpread: Rate = {
    from: request.from,
    to: request.from,
    numerator: 10_000n,
    denominator: 10_000n - policy.spreadBasisPoints,
  };
  if (request.target.minorUnits === 0n || policy.spreadBasisPoints >= 10_000n)
    return tooSmall(0n, request.target.minorUnits);
  const source = convertUp(withoutSpread, withSpread);
  const spread = subtractAmounts(source, withoutSpread);
  return { outcome: 'quoted', quote: buildQuote(source, request.target, spread, agreed.observation, policy, now) };
}

/** The target of the first `captured` source units, all captures taken together: the last one gets what is left. */
export function targetOfCaptured(quote: Pick<Quote, 'source' | 'target'>, capturedSourceUnits: bigint): bigint {
  return (quote.target.minorUnits * capturedSourceUnits) / quote.source.minorUnits;
}

/** The spread within the first `captured` source units, all captures taken together. */
export function spreadOfCaptured(quote: Pick<Quote, 'source' | 'spread'>, capturedSourceUnits: bigint): bigint {
  return (quote.spread.minorUnits * capturedSourceUnits) / quote.source.minorUnits;
}

/**
 * What an asset counts for where risk is measured: of sources that agree the highest, since it makes the most of it.
 *
 * Errors: refused, returned: RATE_UNAVAILABLE, RATE_DISPUTED, as for a quote
 */
export function markFrom(
  from: AssetCode,
  to: AssetCode,
  observations: readonly PriceObservation[],
  policy: QuotePolicy,
  now: Date,
): Readonly<{ outcome: 'marked'; rate: Rate }> | QuoteRefused {
  const agreed = agreeOnRate(from, to, observations, policy, now);
  return agreed.outcome === 'refused' ? agreed : { outcome: 'marked', rate: agreed.highest.rate };
}

function agreeOnRate(
  from: AssetCode,
  to: AssetCode,
  observations: readonly PriceObservation[],
  policy: QuotePolicy,
  now: Date,
): Readonly<{ outcome: 'agreed'; observation: PriceObservation; highest: PriceObservation }> | QuoteRefused {
  const fresh = observations.filter((observation) => isUsable(observation, from, to, policy, now));
  const sources = new Set(fresh.map((observation) => observation.source));
  if (sources.size < policy.minimumSources) {
    return { outcome: 'refused', code: 'RATE_UNAVAILABLE', fresh: sources.size, needed: policy.minimumSources };
  }
  const ordered = fresh.toSorted((left, right) => compareRates(left.rate, right.rate));
  const lowest = ordered[0]!;
  const highest = ordered[ordered.length - 1]!;
  const deviation = deviationBasisPointsUp(lowest.rate, highest.rate);
  if (deviation > policy.maximumDeviationBasisPoints) {
    return {
      outcome: 'refused',
      code: 'RATE_DISPUTED',
      lowest: `${lowest.source} ${lowest.rate.numerator}/${lowest.rate.denominator}`,
      highest: `${highest.source} ${highest.rate.numerator}/${highest.rate.denominator}`,
      deviationBasisPoints: deviation.toString(),
    };
  }
  // The lowest is the one that promises the least: among agreeing sources, the intermediary bears the least risk.
  return { outcome: 'agreed', observation: lowest, highest };
}

function isUsable(
  observation: PriceObservation,
  from: AssetCode,
  to: AssetCode,
  policy: QuotePolicy,
  now: Date,
): boolean {
  const { rate, observedAt } = observation;
  const age = now.getTime() - observedAt.getTime();
  return (
    rate.from === from &&
    rate.to === to &&
    rate.numerator > 0n &&
    rate.denominator > 0n &&
    age >= 0 &&
    age <= policy.maximumAgeMilliseconds
  );
}

function compareRates(left: Rate, right: Rate): number {
  const difference = left.numerator * right.denominator - right.numerator * left.denominator;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function deviationBasisPointsUp(lowest: Rate, highest: Rate): bigint {
  const low = lowest.numerator * highest.denominator;
  const high = highest.numerator * lowest.denominator;
  return ((high - low) * 10_000n + low - 1n) / low;
}

function buildQuote(
  source: Amount,
  target: Amount,
  spread: Amount,
  observation: PriceObservation,
  policy: QuotePolicy,
  now: Date,
): Quote {
  return {
    source,
    target,
    spread,
    rate: observation.rate,
    rateSource: observation.source,
    observedAt: observation.observedAt,
    expiresAt: new Date(now.getTime() + policy.validForMilliseconds),
  };
}

function tooSmall(source: bigint, target: bigint): QuoteRefused {
  return { outcome: 'refused', code: 'QUOTE_TOO_SMALL', source: source.toString(), target: target.toString() };
}
