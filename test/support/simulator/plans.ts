import type { Quadrant } from '../../../bridge/core/payments/domain.ts';
import type { SeededChance } from './seeded-chance.ts';
import { type PayerName, TOKEN_ASSET } from './simulated-world.ts';

export type PaymentPlan = Readonly<{
  name: string;
  quadrant: Quadrant;
  /** In the chain's own coin, which its payer sends instead of signing for it. */
  paysCoins: boolean;
  payer: PayerName;
  amount: bigint;
  validForMilliseconds: number;
  /** Shares of the amount in hundredths; what is above the rest is refused. */
  captures: readonly number[];
  ending: 'void' | 'expiry' | 'capture the rest';
  refunds: readonly number[];
  isSigned: boolean;
  /** Somebody tries a second payment with the same quote. */
  sharesQuote: boolean;
  /** Its merchant captures once more when the hold's time is about to end, or has ended. */
  capturesLate: boolean;
  /** A cardholder's issuer charges part of it back; its merchant answers, gives in or lets time pass. */
  dispute?: DisputePlan;
  /** An issuer says, once its coins are on their way, that the card's authorization never stood; and says it again. */
  isReversedLate: boolean;
  /** A crypto payer who can only push, and how well it does that. */
  deposit?: DepositConduct;
  /** A crypto payer takes back by itself what the escrow still holds when its time has ended. */
  reclaims: boolean;
}>;

export type DisputePlan = Readonly<{
  /** Of what was authorized, in hundredths; what is above what can be charged back is refused. */
  share: number;
  answer: 'evidence' | 'acceptance' | 'none';
  /** What the issuer says of the merchant's answer; nothing: time decides. */
  outcome: 'won' | 'lost' | 'none';
}>;

/** How much of a merchant's payouts is kept back, and for how long. */
export type ReservePlan = Readonly<{ merchantId: 'bakery' | 'arcade'; basisPoints: number; days: number }>;

/** Half of the seeds keep nothing back. */
export function drawReserves(chance: SeededChance): readonly ReservePlan[] {
  const drawn = (merchantId: ReservePlan['merchantId']): readonly ReservePlan[] =>
    chance.happens(0.4) ? [{ merchantId, basisPoints: chance.between(1, 4_000), days: chance.below(40) }] : [];
  return chance.happens(0.5) ? [] : [...drawn('bakery'), ...drawn('arcade')];
}

function drawDispute(chance: SeededChance): DisputePlan {
  return {
    share: chance.between(1, 100),
    answer: chance.pick(['evidence', 'evidence', 'acceptance', 'none']),
    outcome: chance.pick(['won', 'won', 'lost', 'none']),
  };
}
export type DepositConduct = (typeof DEPOSIT_CONDUCTS)[number];
const DEPOSIT_CONDUCTS = ['exact', 'parts', 'over', 'dust', 'short', 'late', 'second', 'wrongToken', 'stray'] as const;

const QUADRANTS: readonly Quadrant[] = ['fiatToFiat', 'cryptoToCrypto', 'cryptoToFiat', 'fiatToCrypto'];
const PAYMENTS = 6;
const LONG_MILLISECONDS = 2_400_000;
/** An authorization lasts a minute at least. */
const SHORT_MILLISECONDS = 66_000;

/** Half of the seeds let captures count before they are final: all of them, or small ones, at the head or a block below. */
export function drawEarly(chance: SeededChance): readonly Readonly<{ asset: string; below: bigint; depth: number }>[] {
  if (chance.happens(0.5)) return [];
  const all = { asset: TOKEN_ASSET, below: 10n ** 12n, depth: chance.below(2) };
  const small = { asset: TOKEN_ASSET, below: 50_000_000n, depth: chance.below(2) };
  return chance.happens(0.7) ? [all] : [small, { ...all, depth: 2 }];
}

/** Six payments, so that each quadrant comes at least once. */
export function drawPlans(chance: SeededChance): readonly PaymentPlan[] {
  return Array.from({ length: PAYMENTS }, (_, index): PaymentPlan => {
    const quadrant = QUADRANTS[index] ?? chance.pick(QUADRANTS);
    const paysFiat = quadrant.startsWith('fiat');
    const paysCoins = quadrant === 'cryptoToFiat' && chance.happens(0.4);
    const isDeposit = !paysFiat && chance.happens(0.5);
    const isShort = chance.happens(0.25) && !isDeposit;
    const units = paysFiat ? chance.between(50, 20_000) : chance.between(1_000, 300_000_000);
    return {
      name: `order-${index}`,
      quadrant,
      paysCoins,
      payer: chance.pick<PayerName>(['ana', 'ben']),
      amount: BigInt(units) * (paysCoins ? 1_000_000_000n : 1n),
      validForMilliseconds: isShort ? SHORT_MILLISECONDS + chance.below(10_000) : LONG_MILLISECONDS,
      captures: Array.from({ length: chance.between(0, 3) }, () => chance.between(1, 70)),
      ending: chance.pick(['void', 'expiry', 'capture the rest']),
      refunds: Array.from({ length: chance.below(3) }, () => chance.between(1, 60)),
      isSigned: chance.happens(0.9),
      sharesQuote: chance.happens(0.3),
      ...(isDeposit ? { deposit: chance.pick(DEPOSIT_CONDUCTS) } : {}),
      capturesLate: isShort && chance.happens(0.7),
      isReversedLate: quadrant === 'fiatToCrypto' && chance.happens(0.3),
      ...(paysFiat && chance.happens(0.5) ? { dispute: drawDispute(chance) } : {}),
      reclaims: isShort && !paysFiat && chance.happens(0.7),
    };
  });
}

/**
 * Moments at which seeds begin. Each is followed by a leap of an hour, which takes some over midnight, the end of a
 * year, or the hour that summer time (Central European, directive 2000/84/EC) takes away or gives back.
 */
const PLAIN_MOMENT = '2026-11-02T08:00:00Z';
const MIDNIGHTS = ['2026-11-02T22:45:00Z', '2026-12-31T23:20:00Z', '2028-02-28T23:30:00Z'];
const CHANGES = ['2027-03-28T00:30:00Z', '2026-10-25T00:30:00Z'];

export function drawStart(chance: SeededChance): Date {
  const isPlain = chance.happens(0.5);
  return new Date(isPlain ? PLAIN_MOMENT : chance.pick([...MIDNIGHTS, ...CHANGES]));
}

/** Which borders of time lie between two moments: midnight of UTC or of Central Europe, a change of the clocks. */
export function bordersBetween(from: number, to: number): readonly string[] {
  const dayAt = (time: number, hoursAhead: number) => new Date(time + 3_600_000 * hoursAhead).getUTCDate();
  const crosses = [0, 1].some((hours) => dayAt(from, hours) !== dayAt(to, hours));
  const changes = CHANGES.map((moment) => Date.parse(moment) + 1_800_000);
  return [
    ...(crosses ? ['leap over midnight'] : []),
    ...(changes.some((change) => from < change && change <= to) ? ['leap over a change to summer time or back'] : []),
  ];
}
