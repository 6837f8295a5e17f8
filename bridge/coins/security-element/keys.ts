/** The keys of a device: derived from a seed, so that they come back with it, or kept by hardware, which gives none away. */
import { bytesToHex, concatHex, hexToBytes, keccak256, numberToHex, stringToHex } from 'viem';
import type { Address, Hex } from '../../chain/domain.ts';
import type { CoinSignature } from '../register/domain.ts';
import { referenceOfP256 } from '../register/signing.ts';
import type { CoinCryptography, Curve } from './cryptography.ts';
import { curves, lowerS } from './cryptography.ts';
import { coinFailure } from './failures.ts';

/** `device` names the device in everything it signs; the key of a coin is told by its number. */
export interface KeyRing {
  readonly device: Address;
  readonly curve: Curve;
  signAsDevice(digest: Hex): Promise<CoinSignature>;
  reference(index: number): Promise<Address>;
  sign(index: number, digest: Hex): Promise<CoinSignature>;
  /** Whether secrets can be handed over at all. */
  readonly givesSecrets: boolean;
  /** Errors: thrown COIN_FORM_UNSUPPORTED by hardware */
  secret(index: number): Hex;
  /** 32 bytes shared with whoever signed `digest`. Errors: thrown COIN_FORM_UNSUPPORTED by hardware */
  agree(digest: Hex, signature: CoinSignature): Hex;
  /** Errors: thrown COIN_KEYS_NOT_RESTORABLE: what hardware lost nobody has */
  requireRestorable(): void;
}

/**
 * Shape:  32 bytes of seed → the same keys at any time, on any machine
 * Errors: thrown COIN_SEED_INVALID
 */
export function seedKeys(
  seed: Hex,
  { cryptography = curves, curve = 'secp256k1' }: Readonly<{ cryptography?: CoinCryptography; curve?: Curve }> = {},
): KeyRing {
  if (!/^0x[0-9a-f]{64}$/i.test(seed) || BigInt(seed) === 0n) {
    throw coinFailure('COIN_SEED_INVALID', 'a seed is 0x and 64 hexadecimal digits, and not zero');
  }
  const deviceSecret = scalarOf(seed, `device ${curve}`);
  const secrets = new Map<number, Hex>();
  const secret = (index: number) => {
    const known = secrets.get(index) ?? scalarOf(seed, `coin ${curve} ${index}`);
    secrets.set(index, known);
    return known;
  };
  return {
    device: cryptography.referenceOf(deviceSecret, curve),
    curve,
    givesSecrets: curve === 'secp256k1',
    signAsDevice: async (digest) => cryptography.sign(deviceSecret, curve, digest),
    reference: async (index) => cryptography.referenceOf(secret(index), curve),
    sign: async (index, digest) => cryptography.sign(secret(index), curve, digest),
    secret,
    agree: (digest, signature) => cryptography.agree(deviceSecret, digest, signature),
    requireRestorable: () => undefined,
  };
}

/** A key that never leaves its hardware. */
export type HardwareKey = Readonly<{ x: Hex; y: Hex; sign(digest: Hex): Promise<Readonly<{ r: Hex; s: Hex }>> }>;

/** `key` answers the same key for the same name, and makes it the first time. */
export interface SecureHardware {
  key(name: string): Promise<HardwareKey>;
}

/** Keys of P-256 as secure hardware of phones keeps them: coins go on as chains of signed switches, never as secrets. */
export async function hardwareKeys(hardware: SecureHardware): Promise<KeyRing> {
  const device = await hardware.key('device');
  const unsupported = () => coinFailure('COIN_FORM_UNSUPPORTED', 'this hardware gives no secret away');
  const signed = async ({ sign, x, y }: HardwareKey, digest: Hex) =>
    lowerS({ curve: 'P-256', ...(await sign(digest)), x, y });
  return {
    device: referenceOfP256(device.x, device.y),
    curve: 'P-256',
    givesSecrets: false,
    signAsDevice: (digest) => signed(device, digest),
    reference: async (index) => {
      const { x, y } = await hardware.key(`coin ${index}`);
      return referenceOfP256(x, y);
    },
    sign: async (index, digest) => signed(await hardware.key(`coin ${index}`), digest),
    secret: () => {
      throw unsupported();
    },
    agree: () => {
      throw unsupported();
    },
    requireRestorable: () => {
      throw coinFailure(
        'COIN_KEYS_NOT_RESTORABLE',
        'these keys exist in this hardware alone: a lost device loses its coins',
      );
    },
  };
}

/** 512 bits of keccak256 over seed and name, below the order of both curves and above zero, with no bias to speak of. */
function scalarOf(seed: Hex, name: string): Hex {
  const half = (part: number) =>
    keccak256(concatHex([stringToHex('Specie coin key v1'), seed, numberToHex(part, { size: 1 }), stringToHex(name)]));
  // The smaller of the two orders (P-256's), so that one number serves both.
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const wide = BigInt(concatHex([half(1), half(2)]));
  return numberToHex((wide % (order - 1n)) + 1n, { size: 32 });
}

/** One-time pad over 32 bytes; each pad comes from a transfer's identifier and is used once. */
export function sealSecret(secret: Hex, shared: Hex, transferId: Hex): Hex {
  const pad = hexToBytes(keccak256(concatHex([stringToHex('Specie coin seal v1'), shared, transferId])));
  return bytesToHex(hexToBytes(secret).map((byte, index) => byte ^ pad[index]!));
}
