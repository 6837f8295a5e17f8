/** What a merchant owes and what is kept for it, in minor units of one asset. */
export type Standing = Readonly<{
  owed: bigint;
  writtenOff: bigint;
  /** What its reserve holds. */
  reserved: bigint;
  reserveBasisPoints: number;
  reserveDays: number;
  leftAt: Date | null;
}>;

/** What becomes of an amount that a merchant has to bear: its reserve first, then its next payouts, then nobody. */
export type Borne = Readonly<{ fromReserve: bigint; carried: bigint; writtenOff: bigint }>;

/**
 * Charges a merchant.
 *
 * Units: `fromReserve + carried + writtenOff` is the amount; only a merchant who has left is written off
 */
export function bear(standing: Pick<Standing, 'reserved' | 'leftAt'>, amount: bigint): Borne {
  const fromReserve = smaller(standing.reserved, amount);
  const rest = amount - fromReserve;
  return standing.leftAt === null
    ? { fromReserve, carried: rest, writtenOff: 0n }
    : { fromReserve, carried: 0n, writtenOff: rest };
}

/** What a payout is made of: what the merchant owed, what had been written off, what is kept back, and what is paid. */
export type Split = Readonly<{ netted: bigint; writtenBack: bigint; withheld: bigint; paid: bigint }>;

/**
 * Splits what a merchant is due.
 *
 * Units: the four parts are the amount; what is kept back is rounded down, in favour of the merchant
 */
export function splitPayout(standing: Standing, due: bigint): Split {
  const netted = smaller(standing.owed, due);
  const writtenBack = smaller(standing.writtenOff, due - netted);
  const left = due - netted - writtenBack;
  const withheld = (left * BigInt(standing.reserveBasisPoints)) / 10_000n;
  return { netted, writtenBack, withheld, paid: left - withheld };
}

function smaller(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
