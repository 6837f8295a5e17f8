import { sql } from 'drizzle-orm';
import type { Database } from '../../platform/database.ts';
import type { AccountPath, TransferKind } from '../../vocabulary/journal-entries.ts';

/** One transfer as the books have it, with what its entry is about. Minor units. */
export type BookLine = Readonly<{
  entryIdentifier: string;
  entryKind: string;
  subject: string;
  kind: TransferKind;
  debit: AccountPath;
  credit: AccountPath;
  amount: bigint;
  asset: string;
}>;

/**
 * Every transfer of the entries whose kind begins with one of `kinds`, for comparison with other sets of books.
 *
 * Shape: kinds such as `payment.` or `settlement.net` → lines in the order of their entries
 */
export async function readBookLines(database: Database, kinds: readonly string[]): Promise<readonly BookLine[]> {
  const rows = await database.drizzle.execute<Record<string, string>>(sql`
    select t.entry_id, e.entry_kind, e.subject, t.kind, d.path as debit, c.path as credit, t.amount, d.asset
    from ledger.transfers e
    join json_array_elements_text(${JSON.stringify(kinds)}::json) as wanted(kind)
      on starts_with(e.entry_kind, wanted.kind)
    join ledger.transfers t on t.shard = e.shard and t.entry_id = e.entry_id
    join ledger.accounts d on d.shard = t.shard and d.account_id = t.debit_account_id
    join ledger.accounts c on c.shard = t.shard and c.account_id = t.credit_account_id
    where e.position = 0
    order by e.shard, e.recorded_at, e.entry_id, t.position`);
  return [...rows].map((row) => ({
    entryIdentifier: row.entry_id!,
    entryKind: row.entry_kind!,
    subject: row.subject!,
    kind: row.kind as TransferKind,
    debit: row.debit!,
    credit: row.credit!,
    amount: BigInt(row.amount!),
    asset: row.asset!,
  }));
}
