/** What the coin register understands: coins, heads of operations, and the bytes that a call packs them into. */
import { bytesToHex, concatHex, hexToBytes, numberToHex, padHex, size, slice } from 'viem';
import type { Address, Hex } from '../../chain/domain.ts';

/** Where a register is. */
export type Register = Readonly<{ chainId: number; address: Address }>;

/**
 * Which coin, at which number of its sequence, goes to whom.
 *
 * Units: `coin` below 2^40; `sequence` is the coin's before the operation, below 2^24; `hops` below 2^8, only in a switch
 */
export type CoinHead = Readonly<{ coin: bigint; sequence: number; owner: Address; hops?: number }>;

/** One coin of a move: no owner, because all of them go to the same. */
export type CoinMove = Readonly<Pick<CoinHead, 'coin' | 'sequence'>>;

/** r and s with the parity of y in its highest bit (EIP-2098), or r, s, x, y of P-256. */
export type CoinSignature =
  | Readonly<{ curve: 'secp256k1'; r: Hex; yParityAndS: Hex }>
  | Readonly<{ curve: 'P-256'; r: Hex; s: Hex; x: Hex; y: Hex }>;

export type CoinState = 'free' | 'active' | 'locked';

/** A coin as its word says. `amount` in token units. */
export type Coin = Readonly<{
  state: CoinState;
  isFrozen: boolean;
  sequence: number;
  hops: number;
  amount: bigint;
  owner: Address;
}>;

/** What became of an operation, in the order of the contract's numbers. */
export const OUTCOMES = [
  'executed',
  'alreadyDone',
  'notInState',
  'frozen',
  'sequenceStale',
  'sequenceAhead',
  'sequenceExhausted',
  'ownerZero',
  'hopsAboveLimit',
  'signatureMalformed',
  'signatureHighS',
  'notOwner',
  'amountZero',
  'amountAboveCoin',
  'amountAboveMaximum',
  'duplicateCoin',
  'slotTaken',
  'tooEarly',
  'tooLate',
  'proofStale',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const LAST_SEQUENCE = 2 ** 24 - 1;
export const LARGEST_AMOUNT = 2n ** 60n - 1n;
/** Coins from here on are in pages, those below in slots. */
export const FIRST_PAGE_COIN = 2n ** 40n;
export const PAGE_LEAVES = 256;
const LAST_PAGE = 2n ** 32n - 1n;
const HEAD_BYTES = 29;
const STATES: readonly CoinState[] = ['free', 'active', 'locked'];

/** A part does not fit into its bits; nothing is cut off. */
export class CoinFieldError extends RangeError {
  readonly field: string;
  readonly value: bigint;
  constructor(field: string, value: bigint, bits: number) {
    super(`${field} ${value} does not fit into ${bits} bits`);
    this.field = field;
    this.value = value;
  }
}

function field(name: string, value: bigint | number, bits: number): bigint {
  const whole = BigInt(value);
  if (whole < 0n || whole >> BigInt(bits) !== 0n) throw new CoinFieldError(name, whole, bits);
  return whole;
}

/** The word that the register keeps of a coin. */
export function packWord(coin: Coin): bigint {
  return (
    (field('sequence', coin.sequence, 24) << 232n) |
    ((coin.isFrozen ? 1n : 0n) << 231n) |
    (BigInt(STATES.indexOf(coin.state)) << 228n) |
    (field('hops', coin.hops, 8) << 220n) |
    (field('amount', coin.amount, 60) << 160n) |
    field('owner', BigInt(coin.owner), 160)
  );
}

/** Errors: thrown CoinFieldError when the word names a state that there is none of */
export function unpackWord(word: bigint): Coin {
  const state = STATES[Number((word >> 228n) & 7n)];
  if (state === undefined) throw new CoinFieldError('state', (word >> 228n) & 7n, 2);
  return {
    state,
    isFrozen: ((word >> 231n) & 1n) === 1n,
    sequence: Number(word >> 232n),
    hops: Number((word >> 220n) & 0xffn),
    amount: (word >> 160n) & LARGEST_AMOUNT,
    owner: numberToHex(word & (2n ** 160n - 1n), { size: 20 }),
  };
}

/** 29 bytes: coin 5, sequence 3, hops 1, owner to come 20. */
export function packHead(head: CoinHead): Hex {
  const front =
    (field('coin', head.coin, 40) << 32n) |
    (field('sequence', head.sequence, 24) << 8n) |
    field('hops', head.hops ?? 0, 8);
  return concatHex([
    numberToHex(front, { size: 9 }),
    numberToHex(field('owner', BigInt(head.owner), 160), { size: 20 }),
  ]);
}

/** The head as a word of a call. */
export function headWord(head: CoinHead): Hex {
  return padHex(packHead(head), { size: 32 });
}

/** The head as a word of a call on coins in slots or pages, which have identifiers of 41 bits. */
export function anyHeadWord(head: CoinHead): Hex {
  const coin = field('coin', head.coin, 41);
  const rest = (field('sequence', head.sequence, 24) << 168n) | (field('hops', head.hops ?? 0, 8) << 160n);
  return numberToHex((coin << 192n) | rest | field('owner', BigInt(head.owner), 160), { size: 32 });
}

/** The word of `passAdjacent`: `count` coins that lie next to each other, from the first on. */
export function rowWord(first: bigint, count: number, owner: Address): Hex {
  return headWord({ coin: first, sequence: 0, hops: count, owner });
}

export function unpackHead(bytes: Hex): Required<CoinHead> {
  const front = BigInt(slice(bytes, 0, 9));
  return {
    coin: front >> 32n,
    sequence: Number((front >> 8n) & 0xffffffn),
    hops: Number(front & 0xffn),
    owner: slice(bytes, 9, HEAD_BYTES),
  };
}

/** 64 or 128 bytes, for the calls that take a signature as bytes. */
export function packSignature(signature: CoinSignature): Hex {
  return signature.curve === 'secp256k1'
    ? concatHex([signature.r, signature.yParityAndS])
    : concatHex([signature.r, signature.s, signature.x, signature.y]);
}

/** Records of `switchBatch` or `switchBatchByP256`: heads with signatures of one curve. */
export function packSwitches(switches: readonly Readonly<{ head: CoinHead; signature: CoinSignature }>[]): Hex {
  return concatHex(switches.flatMap(({ head, signature }) => [packHead(head), packSignature(signature)]));
}

/** Records of `issueBatch`. */
export function packIssues(issues: readonly Readonly<{ head: CoinHead; amount: bigint }>[]): Hex {
  return concatHex(
    issues.flatMap(({ head, amount }) => [packHead(head), numberToHex(field('amount', amount, 60), { size: 8 })]),
  );
}

/** The coins of `moveCoins`. */
export function packMoves(moves: readonly CoinMove[]): Hex {
  return concatHex(
    moves.map(({ coin, sequence }) =>
      numberToHex((field('coin', coin, 40) << 24n) | field('sequence', sequence, 24), { size: 8 }),
    ),
  );
}

/** Heads as `SwitchedBatch` logs them, in the order in which they were executed. */
export function unpackHeads(heads: Hex): readonly Required<CoinHead>[] {
  return Array.from({ length: size(heads) / HEAD_BYTES }, (_, index) =>
    unpackHead(bytesToHex(hexToBytes(heads).subarray(index * HEAD_BYTES, (index + 1) * HEAD_BYTES))),
  );
}

/** One outcome for each of `count` operations: no bytes at all say that every one was executed. */
export function readOutcomes(bytes: Hex, count: number): readonly Outcome[] {
  if (size(bytes) === 0) return Array.from({ length: count }, () => 'executed' as const);
  if (size(bytes) !== count) throw new CoinFieldError('outcomes', BigInt(size(bytes)), count);
  return [...hexToBytes(bytes)].map((code) => {
    const outcome = OUTCOMES[code];
    if (outcome === undefined) throw new CoinFieldError('outcome', BigInt(code), 8);
    return outcome;
  });
}

/** The page is no page, the leaf no leaf, or the coin is in a slot. */
export class CoinPlaceError extends RangeError {
  readonly place: bigint;
  constructor(place: bigint) {
    super(`${place} is no place in a page`);
    this.place = place;
  }
}

/** Units: `page` below 2^32, `leaf` below 256 */
export function coinInPage(page: bigint, leaf: number): bigint {
  if (page < 0n || page > LAST_PAGE) throw new CoinPlaceError(page);
  if (!Number.isInteger(leaf) || leaf < 0 || leaf >= PAGE_LEAVES) throw new CoinPlaceError(BigInt(leaf));
  return FIRST_PAGE_COIN | (page << 8n) | BigInt(leaf);
}

export function isInPage(coin: bigint): boolean {
  return coin >= FIRST_PAGE_COIN;
}

/** Errors: thrown CoinPlaceError for a coin in a slot */
export function placeInPage(coin: bigint): Readonly<{ page: bigint; leaf: number }> {
  if (!isInPage(coin) || coin >= 2n * FIRST_PAGE_COIN) throw new CoinPlaceError(coin);
  return { page: (coin - FIRST_PAGE_COIN) >> 8n, leaf: Number(coin & 0xffn) };
}

/** Operations in the order in which a page's items, and so its outcomes, have them. */
export function inLeafOrder<Place extends Readonly<{ coin: bigint }>>(places: readonly Place[]): readonly Place[] {
  return [...places].sort((one, other) => placeInPage(one.coin).leaf - placeInPage(other.coin).leaf);
}

/** The moves of a page, as their owner signs them: leaf 1, sequence 3. */
export function packPageMoves(moves: readonly CoinMove[]): Hex {
  return concatHex(
    inLeafOrder(moves).map(({ coin, sequence }) =>
      concatHex([numberToHex(placeInPage(coin).leaf, { size: 1 }), numberToHex(sequence, { size: 3 })]),
    ),
  );
}

/** Parts of `bytes`, each `length` long. */
export function partsOf(bytes: Hex, length: number): readonly Hex[] {
  if (size(bytes) % length !== 0) throw new RangeError(`${size(bytes)} bytes are no parts of ${length}`);
  const whole = hexToBytes(bytes);
  return Array.from({ length: whole.length / length }, (_, index) =>
    slice(bytes, index * length, (index + 1) * length),
  );
}
