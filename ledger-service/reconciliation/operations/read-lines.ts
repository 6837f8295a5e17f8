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
  // One pass over the transfers: joined with themselves, a planner that has not counted them yet pairs each with each.
  const rows = await database.drizzle.execute<Record<string, string>>(sql`
    with entries as (
      select t.*, first_value(t.entry_kind) over entry as kind_of_entry, first_value(t.subject) over entry as subject_of_entry
      from ledger.transfers t window entry as (partition by t.shard, t.entry_id order by t.position))
    select t.entry_id, t.kind_of_entry as entry_kind, t.subject_of_entry as subject, t.kind, d.path as debit,
      c.path as credit, t.amount, d.asset
    from entries t
    join ledger.accounts d on d.shard = t.shard and d.account_id = t.debit_account_id
    join ledger.accounts c on c.shard = t.shard and c.account_id = t.credit_account_id
    where exists (
      select from json_array_elements_text(${JSON.stringify(kinds)}::json) as wanted(kind)
      where starts_with(t.kind_of_entry, wanted.kind))
    order by t.shard, t.recorded_at, t.entry_id, t.position`);
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
