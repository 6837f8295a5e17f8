import { sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../platform/database.ts';
import { openCursor, sealCursor } from '../../platform/http/cursor.ts';
import { SettlementError } from '../../vocabulary/errors.ts';
import type { AccountPath, TransferKind } from '../../vocabulary/journal-entries.ts';
import type { LimitKind, NormalSide } from '../chart.ts';
import { subjectKeyOf } from '../domain.ts';

/** An account's four sums, in minor units of its asset. */
export type AccountBalance = Readonly<{
  shard: number;
  path: AccountPath;
  asset: string;
  normalSide: NormalSide;
  limitKind: LimitKind;
  limitAmount: bigint;
  postedDebits: bigint;
  postedCredits: bigint;
  pendingDebits: bigint;
  pendingCredits: bigint;
}>;

/** Per asset: what all accounts together were debited and credited. The two are equal, or the books are broken. */
export type TrialBalance = Readonly<{
  entries: number;
  assets: readonly Readonly<{
    asset: string;
    postedDebits: bigint;
    postedCredits: bigint;
    pendingDebits: bigint;
    pendingCredits: bigint;
  }>[];
  balanced: boolean;
}>;

export type StoredEntry = Readonly<{
  entryIdentifier: string;
  kind: string;
  subject: string;
  eventAt: Date;
  recordedAt: Date;
  transfers: readonly Readonly<{
    /** The hold that is taken or acted upon; a transfer without one is named by its entry and its place in it. */
    holdIdentifier: string | null;
    kind: TransferKind;
    debit: AccountPath;
    credit: AccountPath;
    amount: bigint;
    asset: string;
  }>[];
}>;

/** `party` narrows to transfers that touch the accounts below it: `issuer/alba`. */
export type EntryFilter = Readonly<{
  shard: number;
  party?: string;
  subject?: string;
  kind?: string;
  limit: number;
  cursor?: string;
}>;

const LARGEST_PAGE = 500;

/** Accounts in the order of path and asset; a prefix of the path narrows them, and so does whose they are. */
export async function readBalances(
  database: Database,
  shard: number,
  prefix = '',
  party?: string,
): Promise<readonly AccountBalance[]> {
  const own = party === undefined ? '' : `${party}/`;
  const rows = await database.drizzle.execute<Record<string, string>>(sql`
    select * from ledger.accounts where shard = ${shard} and starts_with(path, ${prefix}) and starts_with(path, ${own})
    order by path, asset`);
  return [...rows].map((row) => balanceOf(shard, row));
}

/** One account in some assets, as the caller's database transaction sees it at this statement; it is not locked. */
export async function readAccount(
  reader: Database['drizzle'] | DatabaseTransaction,
  shard: number,
  path: AccountPath,
  assets: readonly string[],
): Promise<readonly AccountBalance[]> {
  const rows = await reader.execute<Record<string, string>>(sql`
    select * from ledger.accounts
    where shard = ${shard} and path = ${path}
      and asset in (select jsonb_array_elements_text(${JSON.stringify(assets)}::jsonb))
    order by asset`);
  return [...rows].map((row) => balanceOf(shard, row));
}

function balanceOf(shard: number, row: Readonly<Record<string, string>>): AccountBalance {
  return {
    shard,
    path: row.path!,
    asset: row.asset!,
    normalSide: row.normal_side as NormalSide,
    limitKind: row.limit_kind as LimitKind,
    limitAmount: BigInt(row.limit_amount!),
    postedDebits: BigInt(row.posted_debits!),
    postedCredits: BigInt(row.posted_credits!),
    pendingDebits: BigInt(row.pending_debits!),
    pendingCredits: BigInt(row.pending_credits!),
  };
}

/**
 * Adds up the books twice: from the accounts' balances and from the transfers.
 *
 * Shape: → balanced only if, per asset, debits equal credits in both, and both agree
 */
export async function readTrialBalance(database: Database): Promise<TrialBalance> {
  // One statement, and so one moment of the books, for both sums.
  const rows = await database.drizzle.execute<Record<string, string>>(sql`
    with moved as (
      select a.asset, sum(t.amount) filter (where t.kind in ('post', 'post_pending')) as posted,
        count(*) filter (where t.position = 0) as entries
      from ledger.transfers t join ledger.accounts a on a.shard = t.shard and a.account_id = t.debit_account_id
      group by a.asset),
    held as (
      select asset, sum(posted_debits) as posted_debits, sum(posted_credits) as posted_credits,
        sum(pending_debits) as pending_debits, sum(pending_credits) as pending_credits
      from ledger.accounts group by asset)
    select held.*, coalesce(moved.posted, 0) as posted, coalesce(moved.entries, 0) as entries
    from held left join moved on moved.asset = held.asset order by held.asset`);
  const posted = new Map([...rows].map((row) => [row.asset!, BigInt(row.posted!)]));
  const entries = [...rows].reduce((sum, row) => sum + Number(row.entries), 0);
  const assets = [...rows].map((row) => ({
    asset: row.asset!,
    postedDebits: BigInt(row.posted_debits!),
    postedCredits: BigInt(row.posted_credits!),
    pendingDebits: BigInt(row.pending_debits!),
    pendingCredits: BigInt(row.pending_credits!),
  }));
  const balanced = assets.every(
    (sums) =>
      sums.postedDebits === sums.postedCredits &&
      sums.pendingDebits === sums.pendingCredits &&
      sums.postedDebits === (posted.get(sums.asset) ?? 0n),
  );
  return { entries, assets, balanced };
}

/**
 * Journal entries in the order in which they were recorded.
 *
 * Shape:  a filter → a page, and the cursor of the next one
 * Errors: thrown FIELD_INVALID for a cursor that was never given out
 */
export async function listEntries(
  database: Database,
  filter: EntryFilter,
): Promise<Readonly<{ entries: readonly StoredEntry[]; nextCursor: string | null }>> {
  const limit = Math.min(filter.limit, LARGEST_PAGE);
  const after = filter.cursor === undefined ? undefined : readCursor(filter.cursor);
  const conditions = [sql`shard = ${filter.shard}`, sql`position = 0`];
  if (filter.subject !== undefined) {
    conditions.push(sql`subject_key = ${subjectKeyOf(filter.subject)}`, sql`subject = ${filter.subject}`);
  }
  if (filter.kind !== undefined) conditions.push(sql`entry_kind = ${filter.kind}`);
  if (filter.party !== undefined) {
    conditions.push(sql`exists (
      select from ledger.transfers o join ledger.accounts a on a.shard = o.shard and starts_with(a.path, ${`${filter.party}/`})
      where o.shard = f.shard and o.entry_id = f.entry_id and a.account_id in (o.debit_account_id, o.credit_account_id))`);
  }
  if (after) {
    conditions.push(sql`(recorded_at, entry_id) > (${after.recordedAt}::timestamptz, ${after.entryId}::uuid)`);
  }
  const own = filter.party === undefined ? '' : `${filter.party}/`;
  const rows = await database.drizzle.execute<Record<string, string>>(sql`
    with page as (
      select shard, entry_id, entry_kind, subject, recorded_at from ledger.transfers f
      where ${sql.join(conditions, sql` and `)}
      order by recorded_at, entry_id limit ${limit + 1})
    select p.entry_id, p.entry_kind, p.subject, t.event_at, p.recorded_at, t.hold_id, t.kind, t.amount,
      d.path as debit, c.path as credit, d.asset
    from page p
    join ledger.transfers t on t.shard = p.shard and t.entry_id = p.entry_id
    join ledger.accounts d on d.shard = t.shard and d.account_id = t.debit_account_id
    join ledger.accounts c on c.shard = t.shard and c.account_id = t.credit_account_id
    where ${own === '' ? sql`true` : sql`(starts_with(d.path, ${own}) or starts_with(c.path, ${own}))`}
    order by p.recorded_at, p.entry_id, t.position`);
  const grouped = [...Map.groupBy([...rows], (row) => row.entry_id!).values()];
  const page = grouped.slice(0, limit).map(entryOf);
  const last = page.at(-1);
  return {
    entries: page,
    nextCursor:
      grouped.length > limit && last ? sealCursor(`${last.recordedAt.toISOString()} ${last.entryIdentifier}`) : null,
  };
}

function entryOf(rows: readonly Record<string, string>[]): StoredEntry {
  const first = rows[0]!;
  return {
    entryIdentifier: first.entry_id!,
    kind: first.entry_kind!,
    subject: first.subject!,
    eventAt: new Date(first.event_at!),
    recordedAt: new Date(first.recorded_at!),
    transfers: rows.map((row) => ({
      holdIdentifier: row.hold_id ?? null,
      kind: row.kind as TransferKind,
      debit: row.debit!,
      credit: row.credit!,
      amount: BigInt(row.amount!),
      asset: row.asset!,
    })),
  };
}

function readCursor(text: string) {
  const [recordedAt = '', entryId = ''] = (openCursor(text) ?? '').split(' ');
  if (Number.isNaN(new Date(recordedAt).getTime()) || !/^[0-9a-f-]{36}$/.test(entryId)) {
    throw new SettlementError('FIELD_INVALID', 'this is no cursor of this list', { param: 'cursor' });
  }
  return { recordedAt, entryId };
}
