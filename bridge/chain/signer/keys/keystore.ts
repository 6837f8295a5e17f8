import { createCipheriv, createDecipheriv, pbkdf2Sync, scryptSync, timingSafeEqual } from 'node:crypto';
import { keccak256, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { z } from 'zod';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Address, Hex } from '../../domain.ts';
import type { SigningKey } from './signing-key.ts';

const hexadecimal = z.string().regex(/^(?:[0-9a-fA-F]{2})+$/);
const derivation = z.discriminatedUnion('kdf', [
  z.object({
    kdf: z.literal('scrypt'),
    kdfparams: z.object({
      n: z
        .number()
        .int()
        .min(2)
        .max(1 << 20),
      r: z.number().int().min(1).max(32),
      p: z.number().int().min(1).max(16),
      dklen: z.literal(32),
      salt: hexadecimal,
    }),
  }),
  z.object({
    kdf: z.literal('pbkdf2'),
    kdfparams: z.object({
      c: z.number().int().min(1).max(10_000_000),
      prf: z.literal('hmac-sha256'),
      dklen: z.literal(32),
      salt: hexadecimal,
    }),
  }),
]);

/** The Web3 secret storage of version 3, as geth, Besu and every wallet write it. */
const keystoreSchema = z.object({
  version: z.literal(3),
  crypto: z
    .object({
      cipher: z.literal('aes-128-ctr'),
      cipherparams: z.object({ iv: z.string().regex(/^[0-9a-fA-F]{32}$/) }),
      ciphertext: z.string().regex(/^[0-9a-fA-F]{64}$/),
      mac: z.string().regex(/^[0-9a-fA-F]{64}$/),
    })
    .and(derivation),
});

/** geth's strong and its light setting. */
export const STRONG_SCRYPT = 1 << 18;
export const LIGHT_SCRYPT = 1 << 12;
const SCRYPT_BLOCKS = 8;

/**
 * Opens the key of a keystore.
 *
 * Errors: thrown CONFIGURATION_INVALID for a wrong password, or a file that is no keystore; neither is repeated
 */
export function openKeystore(json: unknown, password: string): SigningKey {
  const account = privateKeyToAccount(revealKeystore(json, password));
  return {
    address: account.address.toLowerCase() as Address,
    sign: (transaction) => account.signTransaction(transaction),
    close: () => {},
  };
}

/** The key itself. Errors: as where it is opened. */
export function revealKeystore(json: unknown, password: string): Hex {
  // Some programs write the name with a capital letter, as the format's first version did.
  const { Crypto: legacy, ...rest } = (typeof json === 'object' && json !== null ? json : {}) as { Crypto?: unknown };
  const parsed = keystoreSchema.safeParse(legacy === undefined ? json : { ...rest, crypto: legacy });
  if (!parsed.success) throw invalid('not a keystore of version 3');
  const { crypto } = parsed.data;
  const derived = deriveKey(crypto, password);
  const ciphertext = Buffer.from(crypto.ciphertext, 'hex');
  const mac = macOf(derived, ciphertext);
  if (!timingSafeEqual(mac, Buffer.from(crypto.mac, 'hex'))) throw invalid('the password does not open the keystore');
  const decipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), Buffer.from(crypto.cipherparams.iv, 'hex'));
  const secret = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  const revealed = toHex(secret);
  secret.fill(0);
  derived.fill(0);
  return revealed;
}

/** Writes a key as a keystore. `bytes` gives the salt and the initialization vector. */
export function sealKeystore(
  privateKey: Hex,
  password: string,
  bytes: (length: number) => Uint8Array,
  strength: number = STRONG_SCRYPT,
): unknown {
  const salt = Buffer.from(bytes(32));
  const iv = Buffer.from(bytes(16));
  const kdfparams = { n: strength, r: SCRYPT_BLOCKS, p: 1, dklen: 32 as const, salt: salt.toString('hex') };
  const derived = deriveKey({ kdf: 'scrypt', kdfparams }, password);
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv);
  const ciphertext = Buffer.concat([cipher.update(Buffer.from(privateKey.slice(2), 'hex')), cipher.final()]);
  return {
    version: 3,
    address: privateKeyToAccount(privateKey).address.slice(2).toLowerCase(),
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: iv.toString('hex') },
      ciphertext: ciphertext.toString('hex'),
      kdf: 'scrypt',
      kdfparams,
      mac: macOf(derived, ciphertext).toString('hex'),
    },
  };
}

function deriveKey(settings: z.infer<typeof derivation>, password: string): Buffer {
  const salt = Buffer.from(settings.kdfparams.salt, 'hex');
  if (settings.kdf === 'pbkdf2') return pbkdf2Sync(password, salt, settings.kdfparams.c, 32, 'sha256');
  const { n, r, p } = settings.kdfparams;
  return scryptSync(password, salt, 32, { N: n, r, p, maxmem: 256 * n * r });
}

function macOf(derived: Buffer, ciphertext: Buffer): Buffer {
  return Buffer.from(keccak256(Buffer.concat([derived.subarray(16, 32), ciphertext]), 'bytes'));
}

function invalid(why: string): SettlementError {
  return new SettlementError('CONFIGURATION_INVALID', why, { param: 'keystore' });
}
