/** What owners of coins sign, and how either kind of key signs it. */
import { p256 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { bytesToHex, concatHex, type Hex, hashTypedData, hexToBytes, keccak256, numberToHex, slice } from 'viem';
import type { Address } from '../../chain/domain.ts';
import type { CoinHead, CoinMove, CoinSignature, Register } from './domain.ts';
import { packMoves, packPageMoves } from './domain.ts';

/** Operations that an owner signs; `head` names the coin and who has it afterwards. */
export type CoinOperation =
  | Readonly<{ kind: 'Switch' | 'Redeem' | 'Claim' | 'Reclaim'; head: CoinHead }>
  | Readonly<{ kind: 'Move'; owner: Address; moves: readonly CoinMove[] }>
  | Readonly<{ kind: 'MoveInPage'; page: bigint; owner: Address; moves: readonly CoinMove[] }>
  | Readonly<{ kind: 'Split'; rest: CoinHead; part: CoinHead; partAmount: bigint }>
  | Readonly<{ kind: 'Merge'; head: CoinHead; other: CoinMove }>
  | Readonly<{ kind: 'Lock'; head: CoinHead; deadline: bigint }>;

/** A key that owns coins; the register knows it by its reference alone. */
export type CoinKey = Readonly<{ reference: Address; sign(digest: Hex): CoinSignature }>;

const COIN_AND_SEQUENCE = [
  { name: 'coin', type: 'uint256' },
  { name: 'sequence', type: 'uint256' },
] as const;
const NEW_OWNER = { name: 'newOwner', type: 'address' } as const;
const TYPES = {
  Switch: [...COIN_AND_SEQUENCE, NEW_OWNER, { name: 'hops', type: 'uint256' }],
  Redeem: [...COIN_AND_SEQUENCE, { name: 'recipient', type: 'address' }],
  Claim: [...COIN_AND_SEQUENCE, NEW_OWNER],
  Reclaim: [...COIN_AND_SEQUENCE, NEW_OWNER],
  Move: [NEW_OWNER, { name: 'moves', type: 'bytes' }],
  MoveInPage: [{ name: 'page', type: 'uint256' }, NEW_OWNER, { name: 'moves', type: 'bytes' }],
  Split: [
    ...COIN_AND_SEQUENCE,
    { name: 'owner', type: 'address' },
    { name: 'part', type: 'uint256' },
    { name: 'partSequence', type: 'uint256' },
    { name: 'partAmount', type: 'uint256' },
    { name: 'partOwner', type: 'address' },
  ],
  Merge: [
    ...COIN_AND_SEQUENCE,
    { name: 'other', type: 'uint256' },
    { name: 'otherSequence', type: 'uint256' },
    NEW_OWNER,
  ],
  Lock: [...COIN_AND_SEQUENCE, { name: 'payee', type: 'address' }, { name: 'deadline', type: 'uint256' }],
} as const;

export type TypedData = Readonly<{
  domain: Readonly<{ name: string; version: string; chainId: number; verifyingContract: Address }>;
  types: Readonly<Record<string, readonly Readonly<{ name: string; type: string }>[]>>;
  primaryType: string;
  message: Readonly<Record<string, unknown>>;
}>;

/** EIP-712 typed data, for any wallet that signs such. */
export function typedDataOf(register: Register, operation: CoinOperation): TypedData {
  return {
    domain: {
      name: 'Specie CoinRegister',
      version: '1',
      chainId: register.chainId,
      verifyingContract: register.address,
    },
    types: { [operation.kind]: TYPES[operation.kind] },
    primaryType: operation.kind,
    message: messageOf(operation),
  };
}

/** The 32 bytes that a key signs: bound to chain, register, coin and sequence. */
export function digestOf(register: Register, operation: CoinOperation): Hex {
  return hashTypedData(typedDataOf(register, operation) as Parameters<typeof hashTypedData>[0]);
}

export function signOperation(key: CoinKey, register: Register, operation: CoinOperation): CoinSignature {
  return key.sign(digestOf(register, operation));
}

/** A key of secp256k1: its reference is its address. */
export function secp256k1Key(secret: Hex): CoinKey {
  const secretBytes = hexToBytes(secret);
  const point = bytesToHex(secp256k1.getPublicKey(secretBytes, false));
  return {
    reference: slice(keccak256(slice(point, 1)), 12),
    sign(digest) {
      const { r, s, recovery } = secp256k1.sign(hexToBytes(digest), secretBytes, { lowS: true, prehash: false });
      const yParityAndS = (BigInt(recovery ?? 0) << 255n) | s;
      return { curve: 'secp256k1', r: word(r), yParityAndS: word(yParityAndS) };
    },
  };
}

/** A key of P-256, as secure elements hold it: its reference is a hash over its uncompressed form. */
export function p256Key(secret: Hex): CoinKey {
  const secretBytes = hexToBytes(secret);
  const point = bytesToHex(p256.getPublicKey(secretBytes, false));
  const [x, y] = [slice(point, 1, 33), slice(point, 33, 65)];
  return {
    reference: referenceOfP256(x, y),
    sign(digest) {
      const { r, s } = p256.sign(hexToBytes(digest), secretBytes, { lowS: true, prehash: false });
      return { curve: 'P-256', r: word(r), s: word(s), x, y };
    },
  };
}

/** The last 20 bytes of keccak256 over 0x04, x and y. */
export function referenceOfP256(x: Hex, y: Hex): Address {
  return slice(keccak256(concatHex(['0x04', x, y])), 12);
}

function messageOf(operation: CoinOperation): Readonly<Record<string, unknown>> {
  switch (operation.kind) {
    case 'Switch':
      return { ...placeOf(operation.head), newOwner: operation.head.owner, hops: BigInt(operation.head.hops ?? 0) };
    case 'Redeem':
      return { ...placeOf(operation.head), recipient: operation.head.owner };
    case 'Claim':
    case 'Reclaim':
      return { ...placeOf(operation.head), newOwner: operation.head.owner };
    case 'Move':
      return { newOwner: operation.owner, moves: packMoves(operation.moves) };
    case 'MoveInPage':
      return { page: operation.page, newOwner: operation.owner, moves: packPageMoves(operation.moves) };
    case 'Split':
      return {
        ...placeOf(operation.rest),
        owner: operation.rest.owner,
        part: operation.part.coin,
        partSequence: BigInt(operation.part.sequence),
        partAmount: operation.partAmount,
        partOwner: operation.part.owner,
      };
    case 'Merge':
      return {
        ...placeOf(operation.head),
        other: operation.other.coin,
        otherSequence: BigInt(operation.other.sequence),
        newOwner: operation.head.owner,
      };
    case 'Lock':
      return { ...placeOf(operation.head), payee: operation.head.owner, deadline: operation.deadline };
  }
}

function placeOf({ coin, sequence }: CoinMove): Readonly<{ coin: bigint; sequence: bigint }> {
  return { coin, sequence: BigInt(sequence) };
}

function word(value: bigint): Hex {
  return numberToHex(value, { size: 32 });
}
