import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Amount } from '../../../ledger-service/vocabulary/money.ts';
import { exposures } from '../../schema/participants.ts';
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

/** True for the one payment that gets the quote, however often it asks. */
export async function takeQuote(
  transaction: DatabaseTransaction,
  shard: Shard,
  quoteId: string,
  paymentId: string,
): Promise<boolean> {
  const taken = await transaction
    .update(quotes)
    .set({ acceptedBy: paymentId })
    .where(and(eq(quotes.shard, shard), eq(quotes.quoteId, quoteId), isNull(quotes.acceptedBy)))
    .returning({ quoteId: quotes.quoteId });
  if (taken.length > 0) return true;
  return (await loadQuote(transaction, shard, quoteId))?.acceptedBy === paymentId;
}

/** False when the amount would take the exposure above its maximum; an asset without a row has no room at all. */
export async function raiseExposure(transaction: DatabaseTransaction, shard: Shard, amount: Amount): Promise<boolean> {
  const raised = await transaction
    .update(exposures)
    .set({ open: sql`${exposures.open} + ${amount.minorUnits}` })
    .where(
      and(
        eq(exposures.shard, shard),
        eq(exposures.asset, amount.asset),
        sql`${exposures.open} + ${amount.minorUnits} <= ${exposures.maximum}`,
      ),
    )
    .returning({ open: exposures.open });
  return raised.length > 0;
}

export async function lowerExposure(transaction: DatabaseTransaction, shard: Shard, amount: Amount): Promise<void> {
  if (amount.minorUnits === 0n) return;
  await transaction
    .update(exposures)
    .set({ open: sql`${exposures.open} - ${amount.minorUnits}` })
    .where(and(eq(exposures.shard, shard), eq(exposures.asset, amount.asset)));
}

export async function insertExposureLimit(writer: Reader, shard: Shard, asset: string, maximum: bigint): Promise<void> {
  await writer
    .insert(exposures)
    .values({ shard, asset, open: 0n, maximum })
    .onConflictDoUpdate({ target: [exposures.shard, exposures.asset], set: { maximum } });
}

export async function loadExposures(
  reader: Reader,
): Promise<readonly Readonly<{ asset: string; open: bigint; maximum: bigint }>[]> {
  return reader.select({ asset: exposures.asset, open: exposures.open, maximum: exposures.maximum }).from(exposures);
}
