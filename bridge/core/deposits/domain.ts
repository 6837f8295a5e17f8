export type DepositState = 'open' | 'sweeping' | 'swept' | 'expired';

/** A deposit, as far as a decision needs to know. Amounts in minor units of the asset that was asked for. */
export type DepositStanding = Readonly<{
  asset: string;
  amount: bigint;
  /** In time, and not moved on yet. */
  held: bigint;
  state: DepositState;
  /** Coins that are mined from here on are late. */
  payBy: Date;
}>;

export type Arrival = Readonly<{
  asset: string;
  amount: bigint;
  minedAt: Date;
  /** From the escrow or a merchant, who give back what was swept before. */
  isReleased: boolean;
}>;

export type DepositOutcome = 'exact' | 'part' | 'over' | 'late' | 'second' | 'wrongToken' | 'released';

/** What of an arrival waits to be swept, what goes back, and what is too little to be sent back. They add up to it. */
export type ArrivalDecision = Readonly<{
  outcome: DepositOutcome;
  held: bigint;
  owed: bigint;
  dust: bigint;
  /** With this arrival all is there. */
  isComplete: boolean;
}>;

/**
 * What a final transfer to a deposit address is good for. Nobody is told by sender or amount: the address alone says
 * which payment it is for.
 *
 * Shape: `leastReturn` in minor units of the arrival's asset: below it, what is owed is kept as dust
 */
export function decideArrival(deposit: DepositStanding, arrival: Arrival, leastReturn: bigint): ArrivalDecision {
  const back = (outcome: DepositOutcome, amount = arrival.amount, held = 0n): ArrivalDecision => ({
    outcome,
    held,
    ...shareOfDebt(amount, leastReturn),
    isComplete: held > 0n && deposit.held + held === deposit.amount,
  });
  if (arrival.asset !== deposit.asset) return back('wrongToken');
  if (arrival.isReleased) return back('released');
  if (deposit.state === 'sweeping' || deposit.state === 'swept') return back('second');
  if (deposit.state === 'expired' || arrival.minedAt >= deposit.payBy) return back('late');
  const missing = deposit.amount - deposit.held;
  if (arrival.amount < missing) return back('part', 0n, arrival.amount);
  return back(arrival.amount > missing ? 'over' : 'exact', arrival.amount - missing, missing);
}

/** What is owed, or, where it is too little to be worth a chain transaction, kept. */
export function shareOfDebt(amount: bigint, leastReturn: bigint): Readonly<{ owed: bigint; dust: bigint }> {
  return amount < leastReturn ? { owed: 0n, dust: amount } : { owed: amount, dust: 0n };
}

/**
 * Which liabilities a return has paid. A payer may have taken it by itself, and then also what still waited to be swept.
 *
 * Shape: → parts that add up to the amount, or undefined when more has left than is known to have come
 */
export function sharesOfReturn(
  amount: bigint,
  known: Readonly<{ owed: bigint; held: bigint; dust: bigint }>,
): Readonly<{ owed: bigint; held: bigint; dust: bigint }> | undefined {
  const owed = least(amount, known.owed);
  const held = least(amount - owed, known.held);
  const dust = least(amount - owed - held, known.dust);
  return owed + held + dust === amount ? { owed, held, dust } : undefined;
}

/** The next attempt to send something back comes later each time, and at least hourly. */
export function retryAfterMilliseconds(attempts: number): number {
  return Math.min(60_000 * 2 ** Math.min(attempts, 6), 3_600_000);
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
