import type { AssetCode } from '../../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import type { Marks } from '../controls/exposure/domain.ts';
import { markFrom, type QuotePolicy } from './domain.ts';
import { observeAll, type PriceSource } from './price-sources.ts';

/** Marks by the same sources that quotes are made from, and by the same rules of freshness and agreement. */
export function createMarks(
  dependencies: Readonly<{
    clock: Clock;
    priceSources: readonly PriceSource[];
    quotePolicy: QuotePolicy;
    currency: AssetCode;
  }>,
): Marks {
  const { clock, priceSources, quotePolicy, currency } = dependencies;
  return {
    currency,
    async markOf(asset) {
      const now = clock.now();
      const observations = await observeAll(priceSources, asset, currency, now);
      const marked = markFrom(asset, currency, observations, quotePolicy, now);
      if (marked.outcome === 'marked') return marked.rate;
      const { outcome: _, code, ...figures } = marked;
      throw new SettlementError(code, `no mark of ${asset} in ${currency}`, { ...figures, asset });
    },
  };
}
