/** Coins that share a slot, 256 to a page: the tree above their words, and what a call says of a page. */
import { concatHex, type Hex, hexToBytes, keccak256, numberToHex, recoverAddress, size, slice } from 'viem';
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

const HEIGHT = 8;
const BRIEF = '0x00';
const WHOLE = '0x02';
const WHOLE_P256 = '0x03';
const NODE = 0x10;

/** 256 words, as `packWord` makes them; a page that was never used has zeros. */
export type PageWords = readonly bigint[];

/** The words of a page, for its root, its proofs and its calls. */
export function wordsOf(state: RegisterState, page: bigint): PageWords {
  return Array.from({ length: PAGE_LEAVES }, (_, leaf) => packWord(coinOf(state, coinInPage(page, leaf))));
}

/** From the words up: as many levels as there are heights, the last of them the root alone. */
export function levelsOf(words: PageWords): readonly (readonly Hex[])[] {
  const levels: Hex[][] = [words.map((word) => numberToHex(word, { size: 32 }))];
  for (let height = 0; height < HEIGHT; height += 1) {
    const below = levels[height]!;
    levels.push(
      Array.from({ length: below.length / 2 }, (_, index) => keccak256(concatHex(below.slice(2 * index, 2 * index + 2)))),
    );
  }
  return levels;
}

export function rootOf(words: PageWords): Hex {
  return levelsOf(words)[HEIGHT]![0]!;
}

/** 288 bytes: the coin's word and the eight nodes beside its way up. Good until anything else in the page changes. */
export function proofOf(words: PageWords, leaf: number): Hex {
  const levels = levelsOf(words);
  const beside = Array.from({ length: HEIGHT }, (_, height) => levels[height]![(leaf >> height) ^ 1]!);
  return concatHex([levels[0]![leaf]!, ...beside]);
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

/** A leaf and what is asked of it. */
type Item = Readonly<{ leaf: number; bytes: Hex }>;

/** Operations in the order of leaves, with nodes for whatever stays as it is between them. */
function packItems(words: PageWords, items: readonly Item[]): Hex {
  const levels = levelsOf(words);
  const byLeaf = new Map(items.map((item) => [item.leaf, item.bytes]));
  if (byLeaf.size !== items.length) throw new CoinPlaceError(BigInt(items.at(-1)!.leaf));
  const packed: Hex[] = [];
  const visit = (height: number, index: number): void => {
    const first = index << height;
    const isTouched = items.some(({ leaf }) => leaf >> height === index);
    if (!isTouched) packed.push(concatHex([numberToHex(NODE + height, { size: 1 }), levels[height]![index]!]));
    else if (height === 0) packed.push(byLeaf.get(first)!);
    else {
      visit(height - 1, 2 * index);
      visit(height - 1, 2 * index + 1);
    }
  };
  visit(HEIGHT, 0);
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
      const isBrief = await isSignedInOrder(register, word, head, signature);
      const isShort = isBrief && signature.curve === 'secp256k1';
      return { leaf, bytes: isShort ? briefSwitch(word, head, signature) : wholeSwitch(word, head, signature) };
    },
  );
  return packItems(words, await Promise.all(items));
}

/** 98 bytes: the owner is whoever signed. */
export function briefSwitch(word: bigint, head: CoinHead, signature: SignatureOfSecp256k1): Hex {
  const { yParity, s } = parityOf(signature);
  const parity = numberToHex(yParity, { size: 1 });
  const hops = numberToHex(head.hops ?? 0, { size: 1 });
  return concatHex([parity, standing(word), hops, head.owner, signature.r, s]);
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

function parityOf({ yParityAndS }: SignatureOfSecp256k1): Readonly<{ yParity: number; s: Hex }> {
  const bits = BigInt(yParityAndS);
  return { yParity: Number(bits >> 255n), s: numberToHex(bits & (2n ** 255n - 1n), { size: 32 }) };
}

/** Only what is surely executed is said in short: its owner is not told, so nothing of it can be told from a stale page. */
async function isSignedInOrder(
  register: Register,
  word: bigint,
  head: CoinHead,
  signature: CoinSignature,
): Promise<boolean> {
  if (signature.curve !== 'secp256k1' || !isInOrder(word, head.sequence)) return false;
  const signer = await signerOf(digestOf(register, { kind: 'Switch', head }), signature);
  return signer === unpackWord(word).owner.toLowerCase();
}

function isInOrder(word: bigint, sequence: number): boolean {
  const coin = unpackWord(word);
  return coin.state === 'active' && !coin.isFrozen && coin.sequence === sequence;
}

async function signerOf(hash: Hex, signature: SignatureOfSecp256k1): Promise<string | undefined> {
  const { yParity, s } = parityOf(signature);
  try {
    return (await recoverAddress({ hash, signature: { r: signature.r, s, yParity } })).toLowerCase();
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
      const bytes =
        isOwn && isInOrder(word, move.sequence)
          ? concatHex([BRIEF, standing(word)])
          : concatHex([WHOLE, numberToHex(word, { size: 32 }), numberToHex(move.sequence, { size: 3 })]);
      return { leaf, bytes };
    }),
  );
}

/** The items of `issuePage`. */
export function packPageIssues(
  words: PageWords,
  issues: readonly Readonly<{ head: CoinHead; amount: bigint }>[],
): Hex {
  return packItems(
    words,
    issues.map(({ head, amount }): Item => {
      const { leaf } = placeInPage(head.coin);
      const word = words[leaf]!;
      const asked = concatHex([numberToHex(amount, { size: 8 }), head.owner]);
      const isUnused = word === 0n && head.sequence === 0;
      const told = concatHex([numberToHex(word, { size: 32 }), numberToHex(head.sequence, { size: 3 })]);
      return { leaf, bytes: isUnused ? concatHex([BRIEF, asked]) : concatHex([WHOLE, told, asked]) };
    }),
  );
}

/** Parts of `bytes`, each `length` long. */
export function partsOf(bytes: Hex, length: number): readonly Hex[] {
  if (size(bytes) % length !== 0) throw new RangeError(`${size(bytes)} bytes are no parts of ${length}`);
  const whole = hexToBytes(bytes);
  return Array.from({ length: whole.length / length }, (_, index) => slice(bytes, index * length, (index + 1) * length));
}
