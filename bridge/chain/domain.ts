import type { Shard } from '../../ledger-service/vocabulary/identifiers.ts';

export type Hex = `0x${string}`;
export type Address = Hex;

/** Where our contracts are. `feeReceiver` is who gets what crypto merchants pay for being paid. */
export type Deployment = Readonly<{
  chainId: number;
  escrow: Address;
  wallet: Address;
  feeReceiver: Address;
  /** Makes deposit addresses; with the hash of the code it makes, every address is known before there is one. */
  deposits: Address;
  depositInitCodeHash: Hex;
  /** The EIP-712 name and version of each token that payers sign for, by its address in lower case. */
  tokenDomains: Readonly<Record<string, Readonly<{ name: string; version: string }>>>;
  /** No log of ours is older than this block. */
  firstHeight: number;
  /** Up to this block the wallet was filled by whoever set it up, and the books were told by them. */
  filledAtHeight: number;
}>;

/** One call to a contract of ours, before it is signed. `gasLimit` in gas, `value` in wei. */
export type ChainCall = Readonly<{
  shard: Shard;
  callId: string;
  kind: string;
  subject: string;
  sequence: number;
  recipient: Address;
  data: Hex;
  value: bigint;
  gasLimit: number;
  /** Why it may move money, for the signer to look up. */
  grounds?: unknown;
  /** Until when it is worth being tried again, where what it met is a standstill of a token. */
  retryUntil?: Date;
}>;

/** The kind of a transfer of nothing from a key to itself: all it does is spend a nonce. */
export const NONCE_FILLER = 'nonceFiller';

export type ObservedBlock = Readonly<{
  height: number;
  hash: Hex;
  parentHash: Hex;
  minedAt: Date;
  chainHashes: readonly Hex[];
}>;

/** A log of one of our contracts; the fields are decoded, whole numbers as strings. */
export type ObservedLog = Readonly<{
  blockHash: Hex;
  height: number;
  chainHash: Hex;
  logIndex: number;
  ordinal: number;
  address: Address;
  event: string;
  fields: Readonly<Record<string, string>>;
}>;

/** Captures of less than `below` units of a token count from a lesser depth on; undone when their block is lost. */
export type EarlyAcceptance = Readonly<{ token: Address; below: bigint; depth: number }>;

/** How far below the head a block counts as final, and what counts before that. */
export type FinalityPolicy = Readonly<{ depth: number; early?: readonly EarlyAcceptance[] }>;

/** The depth from which on a capture counts before it is final; undefined when it waits. The least of those that fit. */
export function earlyDepthOf(
  { early = [] }: FinalityPolicy,
  token: string | undefined,
  amount: bigint,
): number | undefined {
  const fitting = early.filter((one) => one.token === token && amount < one.below).map(({ depth }) => depth);
  return fitting.length === 0 ? undefined : Math.min(...fitting);
}

/** The height up to which everything is final. */
export function finalHeight(headHeight: number, policy: FinalityPolicy): number {
  return headHeight - policy.depth;
}

/**
 * Finds where new blocks join what is known.
 *
 * Shape: new blocks in order of height, and the known canonical hash by height → `joins` when the first one's parent is
 *        known as it is, else the height from which on the known ones are to be given up
 */
export function joinBlocks(
  blocks: readonly ObservedBlock[],
  knownHashAt: (height: number) => string | undefined,
): Readonly<{ outcome: 'joins' } | { outcome: 'forked'; giveUpFrom: number } | { outcome: 'torn'; height: number }> {
  for (const [index, block] of blocks.entries()) {
    const parent = index === 0 ? knownHashAt(block.height - 1) : blocks[index - 1]!.hash;
    if (parent === undefined || parent === block.parentHash) continue;
    // Within one answer a misfit means that the chain changed while it was read: read again.
    return index === 0
      ? { outcome: 'forked', giveUpFrom: block.height - 1 }
      : { outcome: 'torn', height: block.height };
  }
  return { outcome: 'joins' };
}
