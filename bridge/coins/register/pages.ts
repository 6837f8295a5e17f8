/** Coins that share a slot, 256 to a page: the tree above their words, and what a call says of a page. */
import { concatHex, type Hex, keccak256, numberToHex, recoverAddress, slice } from 'viem';
import type { Address } from '../../chain/domain.ts';
import type { CoinHead, CoinMove, CoinSignature, Register } from './domain.ts';
import {
  CoinPlaceError,
  coinInPage,
  inLeafOrder,
  isInPage,
  PAGE_LEAVES,
  packSignature,
  packWord,
  placeInPage,
  unpackWord,
} from './domain.ts';
import { coinOf, type RegisterState } from './model.ts';
import { digestOf } from './signing.ts';

const GROUP = 16;
const BRIEF = '0x00';
const WHOLE = '0x01';
const WHOLE_P256 = '0x02';
const LEAF_NODE = '0x10';
const GROUP_NODE = '0x11';

/** 256 words, as `packWord` makes them; a page that was never used has zeros. */
export type PageWords = readonly bigint[];

/** The words of a page, for its root, its proofs and its calls. */
export function wordsOf(state: RegisterState, page: bigint): PageWords {
  return Array.from({ length: PAGE_LEAVES }, (_, leaf) => packWord(coinOf(state, coinInPage(page, leaf))));
}

function leavesOf(words: PageWords): readonly Hex[] {
  return words.map((word) => numberToHex(word, { size: 32 }));
}

function groupsOf(leaves: readonly Hex[]): readonly Hex[] {
  return Array.from({ length: GROUP }, (_, group) => keccak256(concatHex(inGroup(leaves, group))));
}

function inGroup(leaves: readonly Hex[], group: number): Hex[] {
  return leaves.slice(group * GROUP, (group + 1) * GROUP);
}

/** What the register keeps of a page: a hash over sixteen groups of sixteen words. */
export function rootOf(words: PageWords): Hex {
  return keccak256(concatHex(groupsOf(leavesOf(words))));
}

/**
 * 992 bytes: the coin's word, its fifteen brothers in the group, and the group's fifteen in the page. Good until anything
 * else in the page changes.
 */
export function proofOf(words: PageWords, leaf: number): Hex {
  const leaves = leavesOf(words);
  const group = Math.floor(leaf / GROUP);
  const brothers = inGroup(leaves, group).toSpliced(leaf % GROUP, 1);
  return concatHex([leaves[leaf]!, ...brothers, ...groupsOf(leaves).toSpliced(group, 1)]);
}

/** Proofs for a call on one or two coins, of which the second is shown after the first one's change. */
export function proofsOf(
  before: RegisterState,
  afterFirst: RegisterState,
  coins: readonly [bigint] | readonly [bigint, bigint],
): Hex {
  return concatHex(
    coins.map((coin, index) => {
      if (!isInPage(coin)) return '0x';
      const { page, leaf } = placeInPage(coin);
      return proofOf(wordsOf(index === 0 ? before : afterFirst, page), leaf);
    }),
  );
}

/** A leaf and what is asked of it; in short, it may stand together with its neighbours. */
type Item = Readonly<{ leaf: number; isBrief: boolean; bytes: Hex }>;

/** Operations in the order of leaves, with words and groups between them that stay as they are. */
function packItems(words: PageWords, items: readonly Item[]): Hex {
  const leaves = leavesOf(words);
  const byLeaf = new Map(items.map((item) => [item.leaf, item]));
  if (byLeaf.size !== items.length) throw new CoinPlaceError(BigInt(items.at(-1)!.leaf));
  const packed: Hex[] = [];
  for (let leaf = 0; leaf < PAGE_LEAVES; ) {
    const item = byLeaf.get(leaf);
    if (item?.isBrief) {
      const run: Hex[] = [];
      for (let next = byLeaf.get(leaf); next?.isBrief; next = byLeaf.get(leaf + run.length)) run.push(next.bytes);
      packed.push(BRIEF, numberToHex(run.length - 1, { size: 1 }), ...run);
      leaf += run.length;
    } else if (item) {
      packed.push(item.bytes);
      leaf += 1;
    } else if (leaf % GROUP === 0 && !items.some((other) => Math.floor(other.leaf / GROUP) === leaf / GROUP)) {
      packed.push(GROUP_NODE, keccak256(concatHex(inGroup(leaves, leaf / GROUP))));
      leaf += GROUP;
    } else {
      packed.push(LEAF_NODE, leaves[leaf]!);
      leaf += 1;
    }
  }
  return concatHex(packed);
}

type SignatureOfSecp256k1 = Extract<CoinSignature, { curve: 'secp256k1' }>;
export type SignedSwitch = Readonly<{ head: CoinHead; signature: CoinSignature }>;

/**
 * The items of `switchPage`. A switch that the owner has signed in order is said in short; of any other the register is
 * told the word, so that it can name what is wrong and pass over it.
 *
 * Shape: where the register is, its page as it stands, switches of different leaves → items
 */
export async function packPageSwitches(
  register: Register,
  words: PageWords,
  switches: readonly SignedSwitch[],
): Promise<Hex> {
  const items = inLeafOrder(switches.map(({ head, signature }) => ({ ...head, head, signature }))).map(
    async ({ head, signature }): Promise<Item> => {
      const { leaf } = placeInPage(head.coin);
      const word = words[leaf]!;
      const isBrief = signature.curve === 'secp256k1' && (await isSignedInOrder(register, word, head, signature));
      return {
        leaf,
        isBrief,
        bytes: isBrief ? briefSwitch(word, head, signature) : wholeSwitch(word, head, signature),
      };
    },
  );
  return packItems(words, await Promise.all(items));
}

/** 97 bytes: the owner is whoever signed. */
export function briefSwitch(word: bigint, head: CoinHead, signature: CoinSignature): Hex {
  return concatHex([standing(word), numberToHex(head.hops ?? 0, { size: 1 }), head.owner, packSignature(signature)]);
}

/** 121 bytes, or 185 of P-256. */
export function wholeSwitch(word: bigint, head: CoinHead, signature: CoinSignature): Hex {
  return concatHex([
    signature.curve === 'secp256k1' ? WHOLE : WHOLE_P256,
    numberToHex(word, { size: 32 }),
    numberToHex(head.sequence, { size: 3 }),
    numberToHex(head.hops ?? 0, { size: 1 }),
    head.owner,
    packSignature(signature),
  ]);
}

/** All that a word says but the owner, who is told otherwise: 12 bytes. */
function standing(word: bigint): Hex {
  return slice(numberToHex(word, { size: 32 }), 0, 12);
}

/** Only what is surely executed is said in short: its owner is not told, so nothing of it can be told from a stale page. */
async function isSignedInOrder(
  register: Register,
  word: bigint,
  head: CoinHead,
  signature: SignatureOfSecp256k1,
): Promise<boolean> {
  if (!isInOrder(word, head.sequence)) return false;
  const signer = await signerOf(digestOf(register, { kind: 'Switch', head }), signature);
  return signer === unpackWord(word).owner.toLowerCase();
}

function isInOrder(word: bigint, sequence: number): boolean {
  const coin = unpackWord(word);
  return coin.state === 'active' && !coin.isFrozen && coin.sequence === sequence;
}

async function signerOf(hash: Hex, signature: SignatureOfSecp256k1): Promise<string | undefined> {
  const bits = BigInt(signature.yParityAndS);
  const s = numberToHex(bits & (2n ** 255n - 1n), { size: 32 });
  try {
    return (
      await recoverAddress({ hash, signature: { r: signature.r, s, yParity: Number(bits >> 255n) } })
    ).toLowerCase();
  } catch {
    // Numbers that are no signature of anybody.
    return undefined;
  }
}

/** The items of `movePage`: coins of `owner` in short, others with their words, to be named and passed over. */
export function packPageMoveItems(words: PageWords, owner: Address, moves: readonly CoinMove[]): Hex {
  return packItems(
    words,
    moves.map((move): Item => {
      const { leaf } = placeInPage(move.coin);
      const word = words[leaf]!;
      const isOwn = unpackWord(word).owner.toLowerCase() === owner.toLowerCase();
      const isBrief = isOwn && isInOrder(word, move.sequence);
      const whole = [WHOLE, numberToHex(word, { size: 32 }), numberToHex(move.sequence, { size: 3 })] as const;
      return { leaf, isBrief, bytes: isBrief ? standing(word) : concatHex(whole) };
    }),
  );
}

/** The items of `issuePage`. */
export function packPageIssues(words: PageWords, issues: readonly Readonly<{ head: CoinHead; amount: bigint }>[]): Hex {
  return packItems(
    words,
    issues.map(({ head, amount }): Item => {
      const { leaf } = placeInPage(head.coin);
      const word = words[leaf]!;
      const asked = concatHex([numberToHex(amount, { size: 8 }), head.owner]);
      const isUnused = word === 0n && head.sequence === 0;
      const told = concatHex([numberToHex(word, { size: 32 }), numberToHex(head.sequence, { size: 3 })]);
      return { leaf, isBrief: isUnused, bytes: isUnused ? asked : concatHex([WHOLE, told, asked]) };
    }),
  );
}
