import type { AssetCode } from '../../../ledger-service/vocabulary/assets.ts';
import type { PriceObservation } from './domain.ts';

/** Who says what a pair costs. Asked outside of any database transaction; a source that fails is left out. */
export interface PriceSource {
  readonly name: string;
  observe(from: AssetCode, to: AssetCode, now: Date): Promise<PriceObservation | undefined>;
}

/** Decimal price of one whole unit, in a common reference currency, as a fraction. */
export type ReferencePrice = Readonly<{ numerator: bigint; denominator: bigint; scale: number }>;

/** Prices that are given once, for a local run: the same day always settles at the same rates. */
export function fixedPrices(name: string, prices: ReadonlyMap<AssetCode, ReferencePrice>): PriceSource {
  return {
    name,
    async observe(from, to, now) {
      const [source, target] = [prices.get(from), prices.get(to)];
      if (!source || !target) return undefined;
      // One minor unit of `from` is 10^-scale whole units; the reference currency cancels out.
      const numerator = source.numerator * target.denominator * 10n ** BigInt(target.scale);
      const denominator = source.denominator * target.numerator * 10n ** BigInt(source.scale);
      const divisor = greatestCommonDivisor(numerator, denominator);
      return {
        source: name,
        rate: { from, to, numerator: numerator / divisor, denominator: denominator / divisor },
        observedAt: now,
      };
    },
  };
}

/** What every source that answers says of a pair. */
export async function observeAll(
  sources: readonly PriceSource[],
  from: AssetCode,
  to: AssetCode,
  now: Date,
): Promise<readonly PriceObservation[]> {
  const answers = await Promise.allSettled(sources.map((source) => source.observe(from, to, now)));
  return answers.flatMap((answer) => (answer.status === 'fulfilled' && answer.value ? [answer.value] : []));
}

function greatestCommonDivisor(left: bigint, right: bigint): bigint {
  let [larger, smaller] = [left, right];
  while (smaller > 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
