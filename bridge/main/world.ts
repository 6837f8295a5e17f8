import { z } from 'zod';
import type { Database } from '../../ledger-service/platform/database.ts';
import type { Asset } from '../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Clock } from '../../ledger-service/vocabulary/time.ts';
import type { Deployment } from '../chain/domain.ts';
import type { Marks } from '../core/controls/exposure/domain.ts';
import type { QuotePolicy } from '../core/quotes/domain.ts';
import { createMarks } from '../core/quotes/marks.ts';
import { fixedPrices, type PriceSource, type ReferencePrice } from '../core/quotes/price-sources.ts';
import { readSetting, writeSetting } from '../platform/settings.ts';

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const digits = z.string().regex(/^\d{1,38}$/);

/** What is true of one installation, whoever its processes are: its chain, its tokens, its prices and its limits. */
const worldSchema = z.object({
  deployment: z.object({
    chainId: z.number().int(),
    escrow: address,
    wallet: address,
    feeReceiver: address,
    deposits: address,
    depositInitCodeHash: z.string().regex(/^0x[0-9a-f]{64}$/),
    tokenDomains: z.record(z.string(), z.object({ name: z.string(), version: z.string() })),
    firstHeight: z.number().int(),
    filledAtHeight: z.number().int(),
  }),
  assets: z.array(
    z.object({ code: z.string(), kind: z.enum(['token', 'coin']), symbol: z.string(), scale: z.number().int() }),
  ),
  networkFees: z.object({
    interchangeBasisPoints: z.number().int(),
    schemeFeeBasisPoints: z.number().int(),
  }),
  quotePolicy: z.object({
    maximumAgeMilliseconds: z.number().int(),
    maximumDeviationBasisPoints: digits,
    minimumSources: z.number().int(),
    spreadBasisPoints: digits,
    validForMilliseconds: z.number().int(),
  }),
  /** Fixed prices in one reference currency, by source and asset: a fraction for one whole unit. */
  prices: z.record(
    z.string(),
    z.record(z.string(), z.object({ numerator: digits, denominator: digits, scale: z.number().int() })),
  ),
  /** The currency that exposure and its limits are counted in. */
  exposureCurrency: z.string().default('USD'),
  /** What is less than this, in minor units, is not sent back: the chain would cost more. None: all is. */
  leastReturns: z.record(z.string(), digits).default({}),
  /** The most that one payment may ask for, in minor units. */
  paymentLimits: z.record(z.string(), digits),
  /** Who bears coins that left for a card payment whose issuer says too late that it never stood. */
  lateReversalsBorneBy: z.enum(['merchant', 'intermediary']).default('merchant'),
  /** Names the settlement model's calendar: one window is open per currency and calendar. */
  calendar: z.string(),
});

export type World = Readonly<z.infer<typeof worldSchema>>;
const SETTING = 'world';

export async function writeWorld(database: Database, world: World): Promise<void> {
  await writeSetting(database.drizzle, SETTING, worldSchema.parse(world));
}

/** Errors: thrown CONFIGURATION_INVALID when nobody has seeded these books. */
export async function readWorld(database: Database): Promise<World> {
  const stored = await readSetting(database.drizzle, SETTING);
  const parsed = worldSchema.safeParse(stored);
  if (parsed.success) return parsed.data;
  throw new SettlementError('CONFIGURATION_INVALID', 'these books have no world: run `npm run seed` first', {
    param: 'world',
  });
}

export async function hasWorld(database: Database): Promise<boolean> {
  return worldSchema.safeParse(await readSetting(database.drizzle, SETTING)).success;
}

export function deploymentOf({ deployment }: World): Deployment {
  return deployment as Deployment;
}

export function assetsOf({ assets }: World): readonly Asset[] {
  return assets;
}

export function quotePolicyOf({ quotePolicy }: World): QuotePolicy {
  return {
    ...quotePolicy,
    maximumDeviationBasisPoints: BigInt(quotePolicy.maximumDeviationBasisPoints),
    spreadBasisPoints: BigInt(quotePolicy.spreadBasisPoints),
  };
}

export function priceSourcesOf({ prices }: World): readonly PriceSource[] {
  return Object.entries(prices).map(([name, byAsset]) =>
    fixedPrices(
      name,
      new Map(
        Object.entries(byAsset).map(([asset, { numerator, denominator, scale }]): [string, ReferencePrice] => [
          asset,
          { numerator: BigInt(numerator), denominator: BigInt(denominator), scale },
        ]),
      ),
    ),
  );
}

export function paymentLimitsOf({ paymentLimits }: World): ReadonlyMap<string, bigint> {
  return new Map(Object.entries(paymentLimits).map(([asset, maximum]) => [asset, BigInt(maximum)]));
}

/** Exposure is marked by the sources and the policy of quotes. */
export function marksOf(world: World, clock: Clock): Marks {
  return createMarks({
    clock,
    priceSources: priceSourcesOf(world),
    quotePolicy: quotePolicyOf(world),
    currency: world.exposureCurrency,
  });
}

export function leastReturnsOf({ leastReturns }: World): ReadonlyMap<string, bigint> {
  return new Map(Object.entries(leastReturns).map(([asset, least]) => [asset, BigInt(least)]));
}
