import { and, asc, eq } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { insertRows, isOneOf } from '../../platform/rows.ts';
import { chainRecipients } from '../../schema/deposits.ts';
import type { Address } from '../domain.ts';

type Reader = Database['drizzle'] | DatabaseTransaction;
export type Recipient = Readonly<{ shard: Shard; address: Address; subject: string }>;

/**
 * Has transfers to addresses looked for, in the database transaction that makes the addresses known: nobody can pay to
 * one before, so no block that is read later is read without it.
 */
export async function watchRecipients(
  transaction: DatabaseTransaction,
  recipients: readonly Recipient[],
): Promise<void> {
  await insertRows(transaction, chainRecipients, [...recipients]);
}

/** Every address that is watched; they are for ever, since someone may pay to one again years later. */
export async function listRecipients(reader: Reader): Promise<readonly Recipient[]> {
  const rows = await reader.select().from(chainRecipients).orderBy(asc(chainRecipients.address));
  return rows as Recipient[];
}

/** By address, in lower case, what it was made for. */
export async function findRecipients(
  reader: Reader,
  shard: Shard,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (addresses.length === 0) return new Map();
  const rows = await reader
    .select()
    .from(chainRecipients)
    .where(and(eq(chainRecipients.shard, shard), isOneOf(chainRecipients.address, addresses)));
  return new Map(rows.map(({ address, subject }) => [address, subject]));
}
