import { type Hex, parseTransaction } from 'viem';

/** What a call offers for each unit of gas, in wei: at most so much in all, and so much of it to whoever mines it. */
export type Fees = Readonly<{ maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }>;

const LOWEST_FEE_PER_GAS = 2_000_000_000n;
const FIRST_TIP_PER_GAS = 1_000_000_000n;
/** Nodes ask for 10 % more before one transaction takes another's place; an eighth leaves room for their rounding. */
const BUMP = { numerator: 9n, denominator: 8n } as const;

/**
 * What a call offers when it is signed first.
 *
 * The base fee can double within six full blocks; four times the price of now outlives any short wait.
 */
export function firstFees(gasPrice: bigint, maximumFeePerGas: bigint): Fees {
  const wanted = gasPrice * 4n > LOWEST_FEE_PER_GAS ? gasPrice * 4n : LOWEST_FEE_PER_GAS;
  const maxFeePerGas = lower(wanted, maximumFeePerGas);
  return { maxFeePerGas, maxPriorityFeePerGas: lower(FIRST_TIP_PER_GAS, maxFeePerGas) };
}

/**
 * What a replacement offers: both parts raised by an eighth at least, and as much as a new call would.
 *
 * Shape: undefined when the maximum leaves no room for that; a smaller raise would be refused as underpriced
 */
export function replacementFees(offered: Fees, gasPrice: bigint, maximumFeePerGas: bigint): Fees | undefined {
  const fresh = firstFees(gasPrice, maximumFeePerGas);
  const maxFeePerGas = higher(raised(offered.maxFeePerGas), fresh.maxFeePerGas);
  const maxPriorityFeePerGas = higher(raised(offered.maxPriorityFeePerGas), fresh.maxPriorityFeePerGas);
  if (maxFeePerGas > maximumFeePerGas || maxPriorityFeePerGas > maxFeePerGas) return undefined;
  return { maxFeePerGas, maxPriorityFeePerGas };
}

/** What signed bytes offer. */
export function feesOfRaw(raw: string): Fees {
  const { maxFeePerGas = 0n, maxPriorityFeePerGas = 0n } = parseTransaction(raw as Hex);
  return { maxFeePerGas, maxPriorityFeePerGas };
}

function raised(fee: bigint): bigint {
  return (fee * BUMP.numerator + BUMP.denominator - 1n) / BUMP.denominator;
}

function lower(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

function higher(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
