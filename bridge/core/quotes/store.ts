import { and, eq, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { quotes } from '../../schema/payments.ts';
import type { Quote } from './domain.ts';

export type StoredQuote = Quote & Readonly<{ shard: Shard; quoteId: string; ownerId?: string; acceptedBy?: string }>;

type Reader = Database['drizzle'] | DatabaseTransaction;

export async function insertQuote(writer: Reader, stored: StoredQuote, recordedAt: Date): Promise<void> {
  await writer
    .insert(quotes)
    .values({
      shard: stored.shard,
      quoteId: stored.quoteId,
      sourceAsset: stored.source.asset,
      sourceAmount: stored.source.minorUnits,
      targetAsset: stored.target.asset,
      targetAmount: stored.target.minorUnits,
      spreadAmount: stored.spread.minorUnits,
      rateNumerator: stored.rate.numerator,
      rateDenominator: stored.rate.denominator,
      rateSource: stored.rateSource,
      ownerId: stored.ownerId ?? null,
      observedAt: stored.observedAt,
      expiresAt: stored.expiresAt,
      recordedAt,
    })
    .onConflictDoNothing();
}

export async function loadQuote(reader: Reader, shard: Shard, quoteId: string): Promise<StoredQuote | undefined> {
  const [row] = await reader
    .select()
    .from(quotes)
    .where(and(eq(quotes.shard, shard), eq(quotes.quoteId, quoteId)));
  if (!row) return undefined;
  return {
    shard,
    quoteId,
    source: { minorUnits: row.sourceAmount, asset: row.sourceAsset },
    target: { minorUnits: row.targetAmount, asset: row.targetAsset },
    spread: { minorUnits: row.spreadAmount, asset: row.sourceAsset },
    rate: {
      from: row.sourceAsset,
      to: row.targetAsset,
      numerator: row.rateNumerator,
      denominator: row.rateDenominator,
    },
    rateSource: row.rateSource,
    observedAt: row.observedAt,
    expiresAt: row.expiresAt,
    ...(row.ownerId ? { ownerId: row.ownerId } : {}),
    ...(row.acceptedBy ? { acceptedBy: row.acceptedBy } : {}),
  };
}

/**
 * Gives each quote to the payment that asks for it, unless another has it; locked in the order of their names.
 *
 * Shape: → by quote the payment that got it here
 */
export async function takeQuotes(
  transaction: DatabaseTransaction,
  shard: Shard,
  wanted: readonly Readonly<{ quoteId: string; paymentId: string }>[],
): Promise<ReadonlyMap<string, string>> {
  const given = wanted.map(({ quoteId, paymentId }) => ({ quote_id: quoteId, payment_id: paymentId }));
  const rows = await transaction.execute<{ quote_id: string; accepted_by: string }>(sql`
    with given as (
      select quote_id, min(payment_id) as payment_id
      from jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as x(quote_id text, payment_id text)
      group by quote_id
    ), locked as (
      select q.quote_id, g.payment_id from bridge.quotes q join given g on g.quote_id = q.quote_id
      where q.shard = ${shard}::smallint order by q.quote_id for update of q
    )
    update bridge.quotes q set accepted_by = l.payment_id
    from locked l
    where q.shard = ${shard}::smallint and q.quote_id = l.quote_id
      and (q.accepted_by is null or q.accepted_by = l.payment_id)
    returning q.quote_id, q.accepted_by`);
  return new Map([...rows].map((row) => [row.quote_id, row.accepted_by]));
}
