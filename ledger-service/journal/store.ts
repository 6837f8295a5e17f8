import { sql } from 'drizzle-orm';
import type { DatabaseTransaction } from '../platform/database.ts';
import type { AccountPath } from '../vocabulary/journal-entries.ts';
import { ruleOf } from './chart.ts';
import { type AccountState, accountIdOf, contentHashOf, type Decided, type HoldState } from './domain.ts';

export type AccountName = Readonly<{ shard: number; path: AccountPath; asset: string }>;

type AccountRow = Readonly<{
  shard: number;
  account_id: string;
  path: string;
  asset: string;
  normal_side: AccountState['normalSide'];
  limit_kind: AccountState['limitKind'];
  limit_amount: string;
  posted_debits: string;
  posted_credits: string;
  pending_debits: string;
  pending_credits: string;
  version: string;
}>;

/**
 * Locks the named accounts in the order of their keys and reads them; those that are not there are made first.
 *
 * Whoever posts holds the locks of all its accounts before it reads holds or entries, so these need no locks of theirs.
 */
export async function lockAccounts(
  transaction: DatabaseTransaction,
  names: readonly AccountName[],
): Promise<ReadonlyMap<string, AccountState>> {
  const wanted = new Map(names.map((name) => [accountIdOf(name.shard, name.path, name.asset), name]));
  const identifiers = [...wanted.keys()].sort();
  const found = await selectForUpdate(transaction, identifiers, wanted);
  if (found.size === identifiers.length) return found;
  const missing = identifiers.filter((identifier) => !found.has(identifier));
  await insertAccounts(transaction, missing, wanted);
  const made = await selectForUpdate(transaction, missing, wanted);
  return new Map([...found, ...made]);
}

async function selectForUpdate(
  transaction: DatabaseTransaction,
  identifiers: readonly string[],
  wanted: ReadonlyMap<string, AccountName>,
): Promise<Map<string, AccountState>> {
  const keys = JSON.stringify(identifiers.map((id) => ({ shard: wanted.get(id)!.shard, id })));
  const rows = await transaction.execute<AccountRow>(sql`
    select a.* from ledger.accounts a
    join json_to_recordset(${keys}::json) as k(shard smallint, id uuid) on a.shard = k.shard and a.account_id = k.id
    order by a.shard, a.account_id
    for no key update of a`);
  return new Map([...rows].map((row) => [row.account_id, fromRow(row)]));
}

async function insertAccounts(
  transaction: DatabaseTransaction,
  identifiers: readonly string[],
  wanted: ReadonlyMap<string, AccountName>,
): Promise<void> {
  const rows = identifiers.map((account_id) => {
    const { shard, path, asset } = wanted.get(account_id)!;
    const rule = ruleOf(path);
    return { shard, account_id, path, asset, normal_side: rule?.normalSide, limit_kind: rule?.limitKind };
  });
  await transaction.execute(sql`
    insert into ledger.accounts (shard, account_id, path, asset, normal_side, limit_kind, limit_amount)
    select shard, account_id, path, asset, normal_side, limit_kind, 0
    from json_to_recordset(${JSON.stringify(rows)}::json)
      as x(shard smallint, account_id uuid, path text, asset text, normal_side text, limit_kind text)
    order by shard, account_id
    on conflict do nothing`);
}

export async function loadEntryHashes(
  transaction: DatabaseTransaction,
  entries: readonly Readonly<{ shard: number; entryIdentifier: string }>[],
): Promise<ReadonlyMap<string, string>> {
  const keys = JSON.stringify(entries.map(({ shard, entryIdentifier }) => ({ shard, id: entryIdentifier })));
  const rows = await transaction.execute<{ entry_id: string; hash: string }>(sql`
    select e.entry_id, encode(e.content_hash, 'hex') as hash from ledger.journal_entries e
    join json_to_recordset(${keys}::json) as k(shard smallint, id uuid) on e.shard = k.shard and e.entry_id = k.id`);
  return new Map([...rows].map(({ entry_id, hash }) => [entry_id, hash]));
}

export async function loadHolds(
  transaction: DatabaseTransaction,
  holds: readonly Readonly<{ shard: number; transferId: string }>[],
): Promise<ReadonlyMap<string, HoldState>> {
  if (holds.length === 0) return new Map();
  const keys = JSON.stringify(holds.map(({ shard, transferId }) => ({ shard, id: transferId })));
  const rows = await transaction.execute<{
    shard: number;
    transfer_id: string;
    debit_account_id: string;
    credit_account_id: string;
    remaining: string;
    state: HoldState['state'];
    expires_at: string | null;
  }>(sql`
    select h.shard, h.transfer_id, t.debit_account_id, t.credit_account_id, h.remaining, h.state, h.expires_at
    from ledger.holds h
    join json_to_recordset(${keys}::json) as k(shard smallint, id uuid) on h.shard = k.shard and h.transfer_id = k.id
    join ledger.transfers t on t.shard = h.shard and t.transfer_id = h.transfer_id`);
  return new Map(
    [...rows].map((row) => [
      row.transfer_id,
      {
        shard: row.shard,
        transferId: row.transfer_id,
        debitAccountId: row.debit_account_id,
        creditAccountId: row.credit_account_id,
        remaining: BigInt(row.remaining),
        state: row.state,
        expiresAt: row.expires_at === null ? null : new Date(row.expires_at),
      },
    ]),
  );
}

/** Writes everything that was decided, a statement for each table. */
export async function writeDecided(
  transaction: DatabaseTransaction,
  decided: Decided,
  recordedAt: Date,
): Promise<void> {
  if (decided.entries.length === 0) return;
  const entries = decided.entries.map((entry) => ({
    shard: entry.shard,
    entry_id: entry.entryIdentifier,
    kind: entry.kind,
    subject: entry.subject,
    content_hash: contentHashOf(entry),
    event_at: entry.eventAt.toISOString(),
  }));
  const transfers = decided.transfers.map((row) => ({
    shard: row.shard,
    transfer_id: row.transferId,
    entry_id: row.entryId,
    position: row.position,
    kind: row.kind,
    debit_account_id: row.debitAccountId,
    credit_account_id: row.creditAccountId,
    pending_id: row.pendingId,
    amount: row.amount.toString(),
    debit_version: row.debitVersion.toString(),
    credit_version: row.creditVersion.toString(),
    debit_balance_after: row.debitBalanceAfter.toString(),
    credit_balance_after: row.creditBalanceAfter.toString(),
  }));
  const accounts = decided.accounts.map((account) => ({
    shard: account.shard,
    account_id: account.accountId,
    posted_debits: account.postedDebits.toString(),
    posted_credits: account.postedCredits.toString(),
    pending_debits: account.pendingDebits.toString(),
    pending_credits: account.pendingCredits.toString(),
    version: account.version.toString(),
  }));
  const holdRow = (hold: HoldState) => ({
    shard: hold.shard,
    transfer_id: hold.transferId,
    remaining: hold.remaining.toString(),
    state: hold.state,
    expires_at: hold.expiresAt?.toISOString() ?? null,
  });
  await transaction.execute(sql`
    insert into ledger.journal_entries (shard, entry_id, kind, subject, content_hash, event_at, recorded_at)
    select shard, entry_id, kind, subject, decode(content_hash, 'hex'), event_at, ${recordedAt.toISOString()}::timestamptz
    from json_to_recordset(${JSON.stringify(entries)}::json)
      as x(shard smallint, entry_id uuid, kind text, subject text, content_hash text, event_at timestamptz)`);
  await transaction.execute(sql`
    insert into ledger.transfers (shard, transfer_id, entry_id, position, kind, debit_account_id, credit_account_id,
      pending_id, amount, debit_version, credit_version, debit_balance_after, credit_balance_after)
    select shard, transfer_id, entry_id, position, kind, debit_account_id, credit_account_id,
      pending_id, amount, debit_version, credit_version, debit_balance_after, credit_balance_after
    from json_to_recordset(${JSON.stringify(transfers)}::json)
      as x(shard smallint, transfer_id uuid, entry_id uuid, position smallint, kind text, debit_account_id uuid,
        credit_account_id uuid, pending_id uuid, amount numeric, debit_version bigint, credit_version bigint,
        debit_balance_after numeric, credit_balance_after numeric)`);
  if (decided.newHolds.length > 0) {
    await transaction.execute(sql`
      insert into ledger.holds (shard, transfer_id, remaining, state, expires_at)
      select shard, transfer_id, remaining, state, expires_at
      from json_to_recordset(${JSON.stringify(decided.newHolds.map(holdRow))}::json)
        as x(shard smallint, transfer_id uuid, remaining numeric, state text, expires_at timestamptz)`);
  }
  if (decided.changedHolds.length > 0) {
    await transaction.execute(sql`
      update ledger.holds h set remaining = x.remaining, state = x.state
      from json_to_recordset(${JSON.stringify(decided.changedHolds.map(holdRow))}::json)
        as x(shard smallint, transfer_id uuid, remaining numeric, state text)
      where h.shard = x.shard and h.transfer_id = x.transfer_id`);
  }
  await transaction.execute(sql`
    update ledger.accounts a set posted_debits = x.posted_debits, posted_credits = x.posted_credits,
      pending_debits = x.pending_debits, pending_credits = x.pending_credits, version = x.version
    from json_to_recordset(${JSON.stringify(accounts)}::json)
      as x(shard smallint, account_id uuid, posted_debits numeric, posted_credits numeric,
        pending_debits numeric, pending_credits numeric, version bigint)
    where a.shard = x.shard and a.account_id = x.account_id`);
}

function fromRow(row: AccountRow): AccountState {
  return {
    shard: row.shard,
    accountId: row.account_id,
    path: row.path,
    asset: row.asset,
    normalSide: row.normal_side,
    limitKind: row.limit_kind,
    limitAmount: BigInt(row.limit_amount),
    postedDebits: BigInt(row.posted_debits),
    postedCredits: BigInt(row.posted_credits),
    pendingDebits: BigInt(row.pending_debits),
    pendingCredits: BigInt(row.pending_credits),
    version: BigInt(row.version),
  };
}
