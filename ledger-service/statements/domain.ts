import { createHash } from 'node:crypto';
import type { Row } from '../platform/database.ts';

/** What a seal lists, in its order: terms of accounts first, then entries, each with its transfers by position. */
export type SealContent = Readonly<{
  shard: number;
  sealNumber: bigint;
  sealedAt: string;
  /** Every column of each row, as the server writes it. */
  terms: readonly Row[];
  transfers: readonly Row[];
}>;

/** What the chain of a shard begins with. */
export const FIRST_LINK = Buffer.alloc(32);

/**
 * The hash of a seal.
 *
 * Shape:  SHA-256 over the hash before it, then a line of JSON for the seal itself and for each of its rows; JSON keeps
 *         apart what stands beside each other, whatever the texts hold
 */
export function sealHash(previous: Buffer, content: SealContent): Buffer {
  const hash = createHash('sha256').update(previous);
  const { shard, sealNumber, sealedAt, terms, transfers } = content;
  hash.update(`${JSON.stringify([shard, sealNumber.toString(), sealedAt, terms.length, transfers.length])}\n`);
  for (const row of terms) hash.update(`${JSON.stringify(row)}\n`);
  for (const row of transfers) hash.update(`${JSON.stringify(row)}\n`);
  return hash.digest();
}
