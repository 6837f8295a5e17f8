/** What a device needs of its curves, so that a simulation can do without them. */
import { p256 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { bytesToHex, hexToBytes, keccak256, numberToHex, slice } from 'viem';
import type { Address, Hex } from '../../chain/domain.ts';
import type { CoinSignature } from '../register/domain.ts';
import { p256Key, referenceOfP256, secp256k1Key } from '../register/signing.ts';
import { coinFailure } from './failures.ts';

export type Curve = CoinSignature['curve'];

export interface CoinCryptography {
  referenceOf(secret: Hex, curve: Curve): Address;
  sign(secret: Hex, curve: Curve, digest: Hex): CoinSignature;
  /** Errors: thrown COIN_SIGNATURE_HIGH_S · COIN_KEY_WRONG when nobody can have signed this */
  recover(digest: Hex, signature: CoinSignature): Address;
  /** 32 bytes that only this secret and whoever signed `digest` can work out. Errors: as of `recover` */
  agree(secret: Hex, digest: Hex, signature: CoinSignature): Hex;
}

const HALF_SECP256K1 = secp256k1.CURVE.n / 2n;
const HALF_P256 = p256.CURVE.n / 2n;
const S_MASK = 2n ** 255n - 1n;

export const curves: CoinCryptography = {
  referenceOf: (secret, curve) => keyOf(secret, curve).reference,
  sign: (secret, curve, digest) => keyOf(secret, curve).sign(digest),
  recover(digest, signature) {
    if (signature.curve === 'secp256k1') return slice(keccak256(slice(publicKeyOf(digest, signature), 1)), 12);
    const [r, s] = [BigInt(signature.r), BigInt(signature.s)];
    if (s > HALF_P256) throw coinFailure('COIN_SIGNATURE_HIGH_S', 's is in the upper half');
    const point = hexToBytes(`0x04${signature.x.slice(2)}${signature.y.slice(2)}`);
    if (!isSignedOnP256(r, s, digest, point)) throw coinFailure('COIN_KEY_WRONG', 'not signed by this key');
    return referenceOfP256(signature.x, signature.y);
  },
  agree(secret, digest, signature) {
    if (signature.curve !== 'secp256k1') throw coinFailure('COIN_FORM_UNSUPPORTED', 'no secret is shared on P-256');
    const point = hexToBytes(publicKeyOf(digest, signature));
    return keccak256(secp256k1.getSharedSecret(hexToBytes(secret), point, true));
  },
};

function keyOf(secret: Hex, curve: Curve) {
  return curve === 'secp256k1' ? secp256k1Key(secret) : p256Key(secret);
}

function publicKeyOf(digest: Hex, signature: Extract<CoinSignature, { curve: 'secp256k1' }>): Hex {
  const [r, word] = [BigInt(signature.r), BigInt(signature.yParityAndS)];
  const s = word & S_MASK;
  if (s > HALF_SECP256K1) throw coinFailure('COIN_SIGNATURE_HIGH_S', 's is in the upper half');
  try {
    const parity = Number(word >> 255n);
    const point = new secp256k1.Signature(r, s).addRecoveryBit(parity).recoverPublicKey(hexToBytes(digest));
    return bytesToHex(point.toRawBytes(false));
  } catch (error) {
    throw coinFailure('COIN_KEY_WRONG', error instanceof Error ? error.message : 'no key signed this');
  }
}

function isSignedOnP256(r: bigint, s: bigint, digest: Hex, point: Uint8Array): boolean {
  try {
    return p256.verify({ r, s }, hexToBytes(digest), point, { prehash: false, lowS: true });
  } catch {
    return false;
  }
}

/** Brings an s into the lower half, as secure hardware often does not. */
export function lowerS(signature: Extract<CoinSignature, { curve: 'P-256' }>): CoinSignature {
  const s = BigInt(signature.s);
  return s > HALF_P256 ? { ...signature, s: numberToHex(p256.CURVE.n - s, { size: 32 }) } : signature;
}
