import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import { inDatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { AssetCode } from '../../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { IdentifierSource, Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Amount } from '../../../ledger-service/vocabulary/money.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import { EVERYTHING, type Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import { claimOnce, completeOnce, type OnceRequest, viewerOf } from '../../platform/once.ts';
import { requireUnpaused } from '../controls/asset-switches/operations.ts';
import { type QuotePolicy, type QuoteRefused, quoteFromSource, quoteFromTarget } from './domain.ts';
import { observeAll, type PriceSource } from './price-sources.ts';
import { insertQuote, loadQuote, type StoredQuote, takeQuotes } from './store.ts';

export type { StoredQuote } from './store.ts';

export type QuoteDependencies = Readonly<{
  database: Database;
  clock: Clock;
  identifiers: IdentifierSource;
  priceSources: readonly PriceSource[];
  quotePolicy: QuotePolicy;
}>;

/** A quote from what the payer gives, or from what the merchant must get. */
export type CreateQuote = Readonly<{ shard: Shard }> &
  (Readonly<{ source: Amount; to: AssetCode }> | Readonly<{ target: Amount; from: AssetCode }>);

export type QuoteView = Readonly<{
  quoteId: string;
  source: Readonly<{ minorUnits: string; asset: AssetCode }>;
  target: Readonly<{ minorUnits: string; asset: AssetCode }>;
  spread: Readonly<{ minorUnits: string; asset: AssetCode }>;
  rate: Readonly<{ numerator: string; denominator: string; source: string; observedAt: string }>;
  expiresAt: string;
}>;

export type QuoteOutcome = Readonly<{ outcome: 'quoted'; quote: QuoteView }> | QuoteRefused;

/**
 * Promises a rate until it expires; the exposure is checked when a payment accepts it.
 *
 * Units:   minor units on both sides
 * Errors:  refused, returned: RATE_UNAVAILABLE, RATE_DISPUTED, QUOTE_TOO_SMALL · thrown: IDEMPOTENCY_KEY_REUSED
 * Effects: one row in quotes
 */
export async function createQuote(
  dependencies: QuoteDependencies,
  command: CreateQuote,
  once: OnceRequest,
): Promise<Readonly<{ outcome: QuoteOutcome; replayed: boolean }>> {
  const { database, clock, identifiers } = dependencies;
  const [from, to] = 'source' in command ? [command.source.asset, command.to] : [command.from, command.target.asset];
  const now = clock.now();
  const observations = await observeAll(dependencies.priceSources, from, to, now);
  return inDatabaseTransaction(database, async (transaction) => {
    const claim = await claimOnce<QuoteOutcome>(transaction, once, identifiers.next('quo', command.shard), clock);
    if (claim.kind === 'answered') return { outcome: claim.outcome, replayed: true };
    await requireUnpaused(transaction, command.shard, [from, to]);
    const decision =
      'source' in command
        ? quoteFromSource({ source: command.source, to, observations }, dependencies.quotePolicy, now)
        : quoteFromTarget({ target: command.target, from, observations }, dependencies.quotePolicy, now);
    let outcome: QuoteOutcome;
    if (decision.outcome === 'refused') outcome = decision;
    else {
      const { participantId: ownerId } = viewerOf(once);
      const named = { shard: command.shard, quoteId: claim.resourceId, ...(ownerId ? { ownerId } : {}) };
      const stored = { ...decision.quote, ...named };
      await insertQuote(transaction, stored, now);
      outcome = { outcome: 'quoted', quote: viewOfQuote(stored) };
    }
    // A refusal for want of prices must not stick to the key: the same request may succeed later.
    if (outcome.outcome === 'quoted') await completeOnce(transaction, once, outcome);
    return { outcome, replayed: false };
  });
}

/** Errors: thrown QUOTE_UNKNOWN, also for a quote that was made for somebody else. */
export async function findQuote(
  database: Database,
  shard: Shard,
  quoteId: string,
  { participantId }: Viewer = EVERYTHING,
): Promise<StoredQuote> {
  const quote = await loadQuote(database.drizzle, shard, quoteId);
  if (quote && (participantId === undefined || quote.ownerId === participantId)) return quote;
  throw new SettlementError('QUOTE_UNKNOWN', `no quote ${JSON.stringify(quoteId)}`, { quoteId });
}

/**
 * Gives quotes to payments, one each, in the caller's database transaction and with one statement.
 *
 * Errors: thrown QUOTE_EXPIRED, QUOTE_ALREADY_USED; the caller's database transaction is undone.
 */
export async function acceptQuotes(
  transaction: DatabaseTransaction,
  acceptances: readonly Readonly<{ quote: StoredQuote; paymentId: string }>[],
  now: Date,
): Promise<void> {
  const [first] = acceptances;
  if (!first) return;
  const expired = acceptances.find(({ quote }) => now >= quote.expiresAt)?.quote;
  if (expired) {
    throw new SettlementError('QUOTE_EXPIRED', `the quote ended at ${expired.expiresAt.toISOString()}`, {
      quoteId: expired.quoteId,
      expiresAt: expired.expiresAt.toISOString(),
    });
  }
  const taken = await takeQuotes(
    transaction,
    first.quote.shard,
    acceptances.map(({ quote, paymentId }) => ({ quoteId: quote.quoteId, paymentId })),
  );
  const refused = acceptances.find(({ quote, paymentId }) => taken.get(quote.quoteId) !== paymentId)?.quote;
  if (refused) {
    throw new SettlementError('QUOTE_ALREADY_USED', 'another payment has this quote', { quoteId: refused.quoteId });
  }
}

export function viewOfQuote(quote: StoredQuote): QuoteView {
  const wire = (amount: Amount) => ({ minorUnits: amount.minorUnits.toString(), asset: amount.asset });
  return {
    quoteId: quote.quoteId,
    source: wire(quote.source),
    target: wire(quote.target),
    spread: wire(quote.spread),
    rate: {
      numerator: quote.rate.numerator.toString(),
      denominator: quote.rate.denominator.toString(),
      source: quote.rateSource,
      observedAt: quote.observedAt.toISOString(),
    },
    expiresAt: quote.expiresAt.toISOString(),
  };
}
