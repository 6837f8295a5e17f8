import { createHash } from 'node:crypto';
import { SettlementError } from './errors.ts';

/**
 * Identifiers look like `pay_00k3…`: a prefix that says what it names, two characters of shard, then 26 characters of
 * time and chance (Crockford's base 32, lower case, so no two look alike). The shard travels in the identifier, so a
 * request finds its rows without asking every shard.
 */
export type Identifier = string;

/** 0 … 1023. Leads every key in the database. */
export type Shard = number;

export const MAXIMUM_SHARD = 1023;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const IDENTIFIER = /^[a-z]{2,8}_([0-9a-hjkmnp-tv-z]{2})[0-9a-hjkmnp-tv-z]{26}$/;

/** Time, identifiers and chance are ports, so that a whole day can be replayed from a seed. */
export interface IdentifierSource {
  next(prefix: string, shard: Shard): Identifier;
}

/** Shape: 6 bytes of milliseconds and 10 random bytes, 128 bits in 26 characters. */
export function encodeIdentifier(
  prefix: string,
  shard: Shard,
  epochMilliseconds: number,
  chance: Uint8Array,
): Identifier {
  if (!Number.isInteger(shard) || shard < 0 || shard > MAXIMUM_SHARD) {
    throw new SettlementError('IDENTIFIER_INVALID', `shard ${shard} is not from 0 to ${MAXIMUM_SHARD}`, { shard });
  }
  let value = BigInt(epochMilliseconds) & 0xffff_ffff_ffffn;
  for (const byte of chance.subarray(0, 10)) value = (value << 8n) | BigInt(byte);
  let body = '';
  for (let position = 0; position < 26; position += 1) {
    body = ALPHABET[Number(value & 31n)] + body;
    value >>= 5n;
  }
  return `${prefix}_${ALPHABET[shard >> 5]}${ALPHABET[shard & 31]}${body}`;
}

/** Errors: thrown IDENTIFIER_INVALID. */
export function shardOf(identifier: Identifier): Shard {
  const characters = IDENTIFIER.exec(identifier)?.[1];
  if (!characters) {
    throw new SettlementError('IDENTIFIER_INVALID', `${JSON.stringify(identifier.slice(0, 64))} is not an identifier`, {
      identifier: identifier.slice(0, 64),
    });
  }
  return ALPHABET.indexOf(characters[0]!) * 32 + ALPHABET.indexOf(characters[1]!);
}

export function isIdentifier(text: string, prefix: string): boolean {
  return text.startsWith(`${prefix}_`) && IDENTIFIER.test(text);
}

/**
 * A UUID made from what something means, so that whoever says the same thing twice names it the same.
 *
 * Units: the parts are joined with a character that cannot stand in any of them; the first 128 bits of their SHA-256,
 * marked as version 8 (RFC 9562 section 5.8).
 */
export function uuidFromMeaning(...parts: readonly (string | number | bigint)[]): string {
  const digest = createHash('sha256').update(parts.map(String).join('\u001f')).digest();
  digest[6] = (digest[6]! & 0x0f) | 0x80;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  const hex = digest.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
