import { hash } from 'node:crypto';

/** What is owed to one party, in minor units of one asset; the salt keeps others from guessing it out of a hash. */
export type Liability = Readonly<{ party: string; amount: bigint; salt: Buffer }>;

/** A node of a Merkle-sum tree: what its leaves add up to is part of its hash, so no sum can be told otherwise. */
export type SumNode = Readonly<{ hash: Buffer; sum: bigint }>;

/** The siblings of a leaf from below upwards; `side` says where the sibling stands. */
export type InclusionProof = readonly Readonly<{ side: 'left' | 'right'; sibling: SumNode }>[];

/** Sums are written out in this width, so that no two nodes are written the same. */
const SUM_BYTES = 32;
const LARGEST_SUM = (1n << BigInt(8 * SUM_BYTES)) - 1n;
/** What fills a tree up to a power of two: it owes nothing to nobody. */
const NOBODY: SumNode = { hash: Buffer.alloc(32), sum: 0n };

/**
 * The tree over everything that is owed.
 *
 * Shape:  liabilities → levels, leaves first; the root alone in the last. The order of the leaves is that of their hashes,
 *         so that it tells nothing of the parties
 * Errors: thrown: an amount below zero, which would make room for hiding another
 */
export function sumTreeOf(liabilities: readonly Liability[]): readonly (readonly SumNode[])[] {
  const leaves = liabilities.map(leafOf).sort((one, other) => Buffer.compare(one.hash, other.hash));
  let level: SumNode[] = leaves;
  let size = 1;
  while (size < leaves.length) size *= 2;
  while (level.length < size) level.push(NOBODY);
  const levels: SumNode[][] = [level];
  while (level.length > 1) {
    level = Array.from({ length: level.length / 2 }, (_, place) => parentOf(level[2 * place]!, level[2 * place + 1]!));
    levels.push(level);
  }
  return levels;
}

export function rootOf(levels: readonly (readonly SumNode[])[]): SumNode {
  return levels.at(-1)![0]!;
}

/** Leaf and inner node begin differently, so that neither can be passed off as the other. */
export function leafOf({ party, amount, salt }: Liability): SumNode {
  if (amount < 0n || amount > LARGEST_SUM) throw new RangeError(`${amount} is not an amount that can be owed`);
  const partyHash = hash('sha256', party, 'buffer');
  return {
    hash: hash('sha256', Buffer.concat([Buffer.of(0), partyHash, salt, sumBytes(amount)]), 'buffer'),
    sum: amount,
  };
}

function parentOf(left: SumNode, right: SumNode): SumNode {
  const sum = left.sum + right.sum;
  if (sum > LARGEST_SUM) throw new RangeError(`${sum} does not fit a node`);
  const content = [Buffer.of(1), left.hash, sumBytes(left.sum), right.hash, sumBytes(right.sum)];
  return { hash: hash('sha256', Buffer.concat(content), 'buffer'), sum };
}

function sumBytes(sum: bigint): Buffer {
  return Buffer.from(sum.toString(16).padStart(2 * SUM_BYTES, '0'), 'hex');
}

/** What a party needs to see that it was counted; nothing if it was not. */
export function proofOf(levels: readonly (readonly SumNode[])[], liability: Liability): InclusionProof | undefined {
  const leaf = leafOf(liability);
  let place = levels[0]!.findIndex((node) => node.hash.equals(leaf.hash));
  if (place < 0) return undefined;
  const proof: InclusionProof[number][] = [];
  for (const level of levels.slice(0, -1)) {
    const isRight = place % 2 === 1;
    proof.push({ side: isRight ? 'left' : 'right', sibling: level[isRight ? place - 1 : place + 1]! });
    place = Math.floor(place / 2);
  }
  return proof;
}

/**
 * Whether a liability is counted in the sum that a root states.
 *
 * Shape: needs nothing but the proof, what the party knows of itself, and the root; a sibling with a sum below zero
 *        proves nothing
 */
export function isIncluded(root: SumNode, liability: Liability, proof: InclusionProof): boolean {
  let node = leafOf(liability);
  for (const { side, sibling } of proof) {
    if (sibling.sum < 0n || sibling.sum > LARGEST_SUM || sibling.hash.length !== 32) return false;
    if (node.sum + sibling.sum > LARGEST_SUM) return false;
    node = side === 'left' ? parentOf(sibling, node) : parentOf(node, sibling);
  }
  return node.sum === root.sum && node.hash.equals(root.hash);
}
