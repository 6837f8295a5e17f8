import type { Execute, Row } from '../platform/database.ts';

/** Every column: a seal leaves nothing out. */
const TERMS = `
  select t.shard, t.account_id, t.revision, t.path, t.asset, t.normal_side, t.limit_kind, t.limit_amount, t.recorded_at
  from ledger.account_terms t where t.shard = $1::smallint and t.account_id = any($2::integer[])`;

const TRANSFERS = `
  select t.entry_id, t.position, t.shard, t.subject_key, t.subject, t.kind, t.debit_account_id, t.credit_account_id,
    t.debit_version, t.credit_version, t.amount, t.debit_balance_after, t.credit_balance_after, t.event_at,
    t.recorded_at, t.entry_kind, t.hold_id, t.expires_at
  from ledger.transfers t where t.shard = $1::smallint and t.entry_id = any($2::uuid[])
  order by t.entry_id, t.position`;

/** A transfer's row as {@link rowsOf} gives it: its places, for those who read more of it than its hash. */
export const SUBJECT_KEY = 3;
export const SUBJECT = 4;

export type Listed = Readonly<{ entryIds: readonly string[]; terms: readonly number[] }>;

/**
 * The rows that seals list, each list in its order.
 *
 * Shape: lists → rows of each; an entry or a term that is not there leaves its place out, and `missing` names the first
 */
export async function rowsOf(
  execute: Execute,
  shard: number,
  lists: readonly Listed[],
): Promise<readonly Readonly<{ terms: readonly Row[]; transfers: readonly Row[]; missing?: string }>[]> {
  const entryIds = lists.flatMap((list) => list.entryIds);
  const accountIds = lists.flatMap(({ terms }) => terms.filter((_, place) => place % 2 === 0));
  const [transferRows, termRows] = await Promise.all([
    entryIds.length === 0 ? [] : execute(TRANSFERS, [shard, `{${entryIds.join(',')}}`]),
    accountIds.length === 0 ? [] : execute(TERMS, [shard, `{${[...new Set(accountIds)].join(',')}}`]),
  ]);
  const byEntry = new Map<string, Row[]>();
  for (const row of transferRows) {
    const before = byEntry.get(row[0] as string);
    if (before) before.push(row);
    else byEntry.set(row[0] as string, [row]);
  }
  const byTerm = new Map(termRows.map((row) => [`${row[1]} ${row[2]}`, row]));
  return lists.map((list) => {
    let missing: string | undefined;
    const transfers: Row[] = [];
    for (const entryId of list.entryIds) {
      const rows = byEntry.get(entryId);
      if (rows) transfers.push(...rows);
      else missing ??= `entry ${entryId}`;
    }
    const terms: Row[] = [];
    for (let place = 0; place < list.terms.length; place += 2) {
      const row = byTerm.get(`${list.terms[place]} ${list.terms[place + 1]}`);
      if (row) terms.push(row);
      else missing ??= `revision ${list.terms[place + 1]} of account ${list.terms[place]}`;
    }
    return missing === undefined ? { terms, transfers } : { terms, transfers, missing };
  });
}
