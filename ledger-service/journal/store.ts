import { type Execute, type Row, SerializationConflict } from '../platform/database.ts';
import { uuidFromMeaning } from '../vocabulary/identifiers.ts';
import type { JournalEntryInstruction } from '../vocabulary/journal-entries.ts';
import { ruleOf } from './chart.ts';
import {
  type AccountState,
  accountKey,
  type Books,
  type Decided,
  type HoldState,
  holdOf,
  malformedAmong,
  type PostedEntry,
  type Refusal,
} from './domain.ts';

export type AccountName = Readonly<{ path: string; asset: string }>;

/** Everything that the entries of one shard touch, each thing once. */
export type BookKeys = Readonly<{
  accounts: ReadonlyMap<string, AccountName>;
  entryIds: ReadonlySet<string>;
  holdIds: ReadonlySet<string>;
  /** Those among them that are acted upon, and so must be there. */
  closedHoldIds: ReadonlySet<string>;
  malformed: ReadonlyMap<JournalEntryInstruction, Refusal>;
}>;

export function keysOf(entries: readonly JournalEntryInstruction[]): BookKeys {
  const accounts = new Map<string, AccountName>();
  const entryIds = new Set<string>();
  const holdIds = new Set<string>();
  const closedHoldIds = new Set<string>();
  const malformed = malformedAmong(entries);
  for (const entry of entries) {
    // What is refused for its form has no place in the books, and could not even be asked for.
    if (malformed.has(entry)) continue;
    entryIds.add(entry.entryIdentifier);
    for (const transfer of entry.transfers) {
      const { asset } = transfer.amount;
      for (const path of [transfer.debit, transfer.credit]) accounts.set(accountKey(path, asset), { path, asset });
      const hold = holdOf(transfer);
      if (hold === null) continue;
      holdIds.add(hold);
      if (transfer.kind !== 'pending') closedHoldIds.add(hold);
    }
  }
  return { accounts, entryIds, holdIds, closedHoldIds, malformed };
}

const ACCOUNT_COLUMNS = `a.account_id, a.path, a.asset, a.normal_side, a.limit_kind, a.limit_amount, a.posted_debits,
  a.posted_credits, a.pending_debits, a.pending_credits, a.version, a.recorded_at, a.revision`;

/**
 * Names to numbers, then rows in the order of the numbers; nothing is locked as long as one of them is not there. Each account is looked up by itself (`lateral`), because a
 * plan that was made while the tables were small must still be the right one when they are large.
 */
const LOCK_ACCOUNTS = `
  with named as materialized (
    select a.account_id
    from unnest($2::text[], $3::text[]) as k(path, asset)
    cross join lateral (
      select a.account_id from ledger.accounts a
      where a.shard = $1::smallint and a.path = k.path and a.asset = k.asset limit 1) a
    order by a.account_id)
  select ${ACCOUNT_COLUMNS}
  from named
  cross join lateral (
    select * from ledger.accounts a where a.shard = $1::smallint and a.account_id = named.account_id limit 1
    for no key update) a
  where (select count(*) from named) = cardinality($2::text[])`;

const LOAD_ENTRIES = `
  select t.entry_id, t.kind, t.debit_account_id, t.credit_account_id, t.amount, t.hold_id, t.expires_at, t.event_at,
    t.recorded_at, t.entry_kind, t.subject, t.debit_version, t.credit_version, t.debit_balance_after,
    t.credit_balance_after
  from ledger.transfers t
  where t.shard = $1::smallint and t.entry_id = any($2::uuid[])
  order by t.entry_id, t.position`;

const NAME_ACCOUNTS = `
  select a.account_id, a.path, a.asset from ledger.accounts a
  where a.shard = $1::smallint and a.account_id = any($2::integer[])`;

const LOAD_HOLDS = `
  select h.hold_id, h.entry_id, h.position, h.debit_account_id, h.credit_account_id, h.remaining, h.state, h.expires_at
  from ledger.holds h
  where h.shard = $1::smallint and h.hold_id = any($2::uuid[])`;

/**
 * Locks the accounts in the order of their numbers and reads them, then what is there of entries and holds.
 *
 * Shape:   one flight of statements; the later ones see what the holders of the locks before us have committed, so
 *          entries and holds need no locks of their own
 * Effects: accounts that are not there are opened first, before any is locked
 */
export async function loadBooks(execute: Execute, shard: number, keys: BookKeys, now: Date): Promise<Books> {
  if (keys.entryIds.size === 0) return { accounts: new Map(), holds: new Map(), entries: new Map() };
  const names = [...keys.accounts.values()];
  const load = () =>
    Promise.all([
      execute(LOCK_ACCOUNTS, [shard, ...namesOf(names)]),
      execute(LOAD_ENTRIES, [shard, plainArray([...keys.entryIds])]),
      keys.holdIds.size === 0 ? [] : execute(LOAD_HOLDS, [shard, plainArray([...keys.holdIds])]),
    ]);
  let loaded = await load();
  if (loaded[0].length < names.length)
    [, loaded] = await Promise.all([openAccounts(execute, shard, names, now), load()]);
  const [accountRows, entryRows, holdRows] = loaded;
  const accounts = new Map(accountRows.map(accountEntryOf));
  const entries = entriesOf(entryRows, await accountNames(execute, shard, entryRows, accounts.values()));
  return { accounts, holds: new Map(holdRows.map(holdEntryOf)), entries };
}

/** Locks and reads accounts; those that are not there are opened first. */
export async function lockAccounts(
  execute: Execute,
  shard: number,
  names: readonly AccountName[],
  now: Date,
): Promise<ReadonlyMap<string, AccountState>> {
  let rows = await execute(LOCK_ACCOUNTS, [shard, ...namesOf(names)]);
  if (rows.length < names.length) {
    await openAccounts(execute, shard, names, now);
    rows = await execute(LOCK_ACCOUNTS, [shard, ...namesOf(names)]);
  }
  return new Map(rows.map(accountEntryOf));
}

function namesOf(names: readonly AccountName[]): [paths: string, assets: string] {
  return [textArray(names.map(({ path }) => path)), textArray(names.map(({ asset }) => asset))];
}

/** The accounts of entries that are there already: the very ones that are asked for, unless something differs. */
async function accountNames(
  execute: Execute,
  shard: number,
  entryRows: readonly Row[],
  accounts: Iterable<AccountState>,
): Promise<ReadonlyMap<number, AccountName>> {
  const names = new Map<number, AccountName>([...accounts].map((account) => [account.accountId, account]));
  const unknown = entryRows.flatMap(([, , debit, credit]) => [debit as number, credit as number]);
  const missing = [...new Set(unknown)].filter((accountId) => !names.has(accountId));
  if (missing.length === 0) return names;
  for (const [accountId, path, asset] of await execute(NAME_ACCOUNTS, [shard, plainArray(missing)])) {
    names.set(accountId as number, { path: path as string, asset: asset as string });
  }
  return names;
}

/** Over `line`, the text of whole rows; the pool's sessions all write moments in one way. */
export const HASH_OF_LINES = `sha256(convert_to(string_agg(line, E'\\n' order by line collate "C"), 'UTF8'))`;

const OPEN_ACCOUNTS = `
  with missing as (
    select k.*, (row_number() over (order by k.path, k.asset))::integer as n
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $7::uuid[])
      as k(path, asset, normal_side, limit_kind, opening_id)
    where not exists (
      select from ledger.accounts a where a.shard = $1::smallint and a.path = k.path and a.asset = k.asset)),
  counted as (
    update ledger.shards s set accounts = s.accounts + (select count(*) from missing)
    where s.shard = $1::smallint returning s.accounts),
  opened as (
    insert into ledger.accounts
      (shard, account_id, revision, path, asset, normal_side, limit_kind, limit_amount, recorded_at)
    select $1::smallint, counted.accounts - (select count(*) from missing) + n, 0, path, asset, normal_side, limit_kind,
      0, $6::timestamptz
    from missing, counted
    returning *),
  agreed as (
    insert into ledger.account_terms as t
      (shard, account_id, revision, path, asset, normal_side, limit_kind, limit_amount, recorded_at)
    select shard, account_id, revision, path, asset, normal_side, limit_kind, limit_amount, recorded_at from opened
    returning t::text as line)
  insert into ledger.unsealed (shard, unsealed_id, hash, entry_ids, terms)
  select $1::smallint, (array_agg(m.opening_id))[1], (select ${HASH_OF_LINES} from agreed), '{}',
    array_agg(t.number order by o.account_id, t.place)
  from opened o
  join missing m on m.path = o.path and m.asset = o.asset,
  lateral (values (1, o.account_id), (2, o.revision)) as t(place, number)
  having count(*) > 0`;

/** The shard's row is locked first, so two that open the same account come one after the other. */
async function openAccounts(execute: Execute, shard: number, names: readonly AccountName[], now: Date): Promise<void> {
  const rules = names.map(({ path }) => ruleOf(path)!);
  await Promise.all([
    execute('insert into ledger.shards (shard, accounts) values ($1::smallint, 0) on conflict do nothing', [shard]),
    execute('select from ledger.shards where shard = $1::smallint for update', [shard]),
    execute(OPEN_ACCOUNTS, [
      shard,
      ...namesOf(names),
      plainArray(rules.map(({ normalSide }) => normalSide)),
      plainArray(rules.map(({ limitKind }) => limitKind)),
      now.toISOString(),
      // An account is opened once, so what lists it for sealing can have its name.
      plainArray(names.map(({ path, asset }) => uuidFromMeaning('account opened', shard, path, asset))),
    ]),
  ]);
}

const WRITE_HEAD = `
  with changed as (
    update ledger.accounts a set posted_debits = k.posted_debits, posted_credits = k.posted_credits,
      pending_debits = k.pending_debits, pending_credits = k.pending_credits, version = k.version,
      recorded_at = k.recorded_at
    from unnest($2::integer[], $3::bigint[], $4::integer[], $5::numeric[], $6::numeric[], $7::numeric[], $8::numeric[],
      $9::bigint[], $10::timestamptz[]) as k(account_id, version_before, revision, posted_debits, posted_credits,
      pending_debits, pending_credits, version, recorded_at)
    where a.shard = $1::smallint and a.account_id = k.account_id and a.version = k.version_before and a.revision = k.revision
    returning 1),
  posted as (
    insert into ledger.transfers as t (event_at, recorded_at, debit_version, credit_version, debit_account_id,
      credit_account_id, subject_key, kind, shard, position, entry_id, amount, debit_balance_after,
      credit_balance_after, entry_kind, subject, hold_id, expires_at)
    select k.event_at, k.recorded_at, k.debit_version, k.credit_version, k.debit_account_id, k.credit_account_id,
      k.subject_key, k.kind, $1::smallint, k.position, k.entry_id, k.amount, k.debit_balance_after,
      k.credit_balance_after, k.entry_kind, k.subject, k.hold_id, k.expires_at
    from unnest($11::timestamptz[], $12::timestamptz[], $13::bigint[], $14::bigint[], $15::integer[], $16::integer[],
      $17::integer[], $18::ledger.transfer_kind[], $19::smallint[], $20::uuid[], $21::numeric[], $22::numeric[],
      $23::numeric[], $24::text[], $25::text[], $26::uuid[], $27::timestamptz[])
      as k(event_at, recorded_at, debit_version, credit_version, debit_account_id, credit_account_id, subject_key, kind,
        position, entry_id, amount, debit_balance_after, credit_balance_after, entry_kind, subject, hold_id, expires_at)
    returning t::text as line),
  listed as (
    insert into ledger.unsealed (shard, unsealed_id, hash, entry_ids, terms)
    select $1::smallint, $28::uuid, (select ${HASH_OF_LINES} from posted), $29::uuid[], '{}')`;
const WRITE_HOLDS = `,
  held as (
    insert into ledger.holds (shard, position, hold_id, entry_id, debit_account_id, credit_account_id, remaining, state,
      expires_at)
    select $1::smallint, k.position, k.hold_id, k.entry_id, k.debit_account_id, k.credit_account_id, k.remaining,
      k.state, k.expires_at
    from unnest($30::smallint[], $31::uuid[], $32::uuid[], $33::integer[], $34::integer[], $35::numeric[], $36::text[],
      $37::timestamptz[])
      as k(position, hold_id, entry_id, debit_account_id, credit_account_id, remaining, state, expires_at)),
  released as (
    update ledger.holds h set remaining = k.remaining, state = k.state
    from unnest($38::uuid[], $39::numeric[], $40::text[]) as k(hold_id, remaining, state)
    where h.shard = $1::smallint and h.hold_id = k.hold_id)`;
const WRITE_TAIL = `
  select case when (select count(*) from changed) <> cardinality($2::integer[])
    then ledger.refuse_stale_books() end`;
const WRITE = WRITE_HEAD + WRITE_TAIL;
const WRITE_WITH_HOLDS = WRITE_HEAD + WRITE_HOLDS + WRITE_TAIL;

/**
 * Writes everything that was decided, in one statement.
 *
 * Errors:  thrown with 40001 when an account that was decided upon is no longer as `books` has it, and with 23505 when
 *          an entry or hold has come to be meanwhile: nothing is written, and what was decided is void
 * Effects: all or nothing, also outside a database transaction
 */
export async function writeDecided(
  execute: Execute,
  shard: number,
  books: Pick<Books, 'accounts'>,
  decided: Decided,
): Promise<void> {
  const { transfers, entryIds, newHolds, changedHolds } = decided;
  const accounts = decided.accounts.toSorted((one, other) => one.accountId - other.accountId);
  const rows: (string | number | null)[] = [
    shard,
    plainArray(accounts.map(({ accountId }) => accountId)),
    plainArray(accounts.map(({ path, asset }) => books.accounts.get(accountKey(path, asset))!.version)),
    plainArray(accounts.map(({ revision }) => revision)),
    plainArray(accounts.map(({ postedDebits }) => postedDebits)),
    plainArray(accounts.map(({ postedCredits }) => postedCredits)),
    plainArray(accounts.map(({ pendingDebits }) => pendingDebits)),
    plainArray(accounts.map(({ pendingCredits }) => pendingCredits)),
    plainArray(accounts.map(({ version }) => version)),
    momentArray(accounts.map(({ recordedAt }) => recordedAt)),
    momentArray(transfers.map(({ eventAt }) => eventAt)),
    momentArray(transfers.map(({ recordedAt }) => recordedAt)),
    plainArray(transfers.map(({ debitVersion }) => debitVersion)),
    plainArray(transfers.map(({ creditVersion }) => creditVersion)),
    plainArray(transfers.map(({ debitAccountId }) => debitAccountId)),
    plainArray(transfers.map(({ creditAccountId }) => creditAccountId)),
    plainArray(transfers.map(({ subjectKey }) => subjectKey)),
    plainArray(transfers.map(({ kind }) => kind)),
    plainArray(transfers.map(({ position }) => position)),
    plainArray(transfers.map(({ entryId }) => entryId)),
    plainArray(transfers.map(({ amount }) => amount)),
    plainArray(transfers.map(({ debitBalanceAfter }) => debitBalanceAfter)),
    plainArray(transfers.map(({ creditBalanceAfter }) => creditBalanceAfter)),
    textArray(transfers.map(({ entryKind }) => entryKind)),
    textArray(transfers.map(({ subject }) => subject)),
    plainArray(transfers.map(({ holdId }) => holdId)),
    momentArray(transfers.map(({ expiresAt }) => expiresAt)),
    entryIds[0]!,
    plainArray(entryIds),
  ];
  if (newHolds.length + changedHolds.length === 0) await execute(WRITE, rows);
  else {
    await execute(WRITE_WITH_HOLDS, [
      ...rows,
      plainArray(newHolds.map(({ position }) => position)),
      plainArray(newHolds.map(({ holdId }) => holdId)),
      plainArray(newHolds.map(({ entryId }) => entryId)),
      plainArray(newHolds.map(({ debitAccountId }) => debitAccountId)),
      plainArray(newHolds.map(({ creditAccountId }) => creditAccountId)),
      plainArray(newHolds.map(({ remaining }) => remaining)),
      plainArray(newHolds.map(({ state }) => state)),
      momentArray(newHolds.map(({ expiresAt }) => expiresAt)),
      plainArray(changedHolds.map(({ holdId }) => holdId)),
      plainArray(changedHolds.map(({ remaining }) => remaining)),
      plainArray(changedHolds.map(({ state }) => state)),
    ]);
  }
}

/** An entry or hold that came to be between reading and writing: to be decided afresh, like any other contention. */
export function asConflict(error: unknown): unknown {
  const names = ['transfers_key', 'holds_key', 'transfers_debit_line', 'transfers_credit_line', 'unsealed_key'];
  const { code, constraint_name: constraint } = error as { code?: string; constraint_name?: string };
  return code === '23505' && names.includes(constraint ?? '')
    ? new SerializationConflict('another posting came first', { cause: error })
    : error;
}

function accountEntryOf(row: Row): [string, AccountState] {
  const [accountId, path, asset, normalSide, limitKind, limitAmount, ...rest] = row as [number, ...string[]];
  const [postedDebits, postedCredits, pendingDebits, pendingCredits, version, recordedAt] = rest;
  return [
    accountKey(path!, asset!),
    {
      accountId,
      revision: row[12] as number,
      path: path!,
      asset: asset!,
      normalSide: normalSide as AccountState['normalSide'],
      limitKind: limitKind as AccountState['limitKind'],
      limitAmount: BigInt(limitAmount!),
      postedDebits: BigInt(postedDebits!),
      postedCredits: BigInt(postedCredits!),
      pendingDebits: BigInt(pendingDebits!),
      pendingCredits: BigInt(pendingCredits!),
      version: BigInt(version!),
      recordedAt: new Date(recordedAt!),
    },
  ];
}

function holdEntryOf(row: Row): [string, HoldState] {
  const [holdId, entryId, position, debitAccountId, creditAccountId, remaining, state, expiresAt] = row;
  return [
    holdId as string,
    {
      holdId: holdId as string,
      entryId: entryId as string,
      position: position as number,
      debitAccountId: debitAccountId as number,
      creditAccountId: creditAccountId as number,
      remaining: BigInt(remaining as string),
      state: state as HoldState['state'],
      expiresAt: momentOf(expiresAt as string | null),
    },
  ];
}

function entriesOf(rows: readonly Row[], accounts: ReadonlyMap<number, AccountName>): ReadonlyMap<string, PostedEntry> {
  const transferOf = ([, kind, debit, credit, amount, holdId, expiresAt, , , , , ...lines]: Row) => ({
    kind: kind as PostedEntry['transfers'][number]['kind'],
    debit: accounts.get(debit as number)!.path,
    credit: accounts.get(credit as number)!.path,
    asset: accounts.get(debit as number)!.asset,
    amount: BigInt(amount as string),
    holdId: holdId as string | null,
    expiresAt: momentOf(expiresAt as string | null),
    debitVersion: BigInt(lines[0] as string),
    creditVersion: BigInt(lines[1] as string),
    debitBalanceAfter: BigInt(lines[2] as string),
    creditBalanceAfter: BigInt(lines[3] as string),
  });
  const entryOf = (lines: readonly Row[]): PostedEntry => {
    const [, , , , , , , eventAt, recordedAt, kind, subject] = lines[0] as string[];
    return {
      kind: kind!,
      subject: subject!,
      eventAt: new Date(eventAt!),
      recordedAt: new Date(recordedAt!),
      transfers: lines.map(transferOf),
    };
  };
  const grouped = Map.groupBy(rows, (row) => row[0] as string);
  return new Map([...grouped].map(([entryId, lines]) => [entryId, entryOf(lines)]));
}

function momentOf(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

/** Values whose text has nothing that an array's text would have to quote. */
function plainArray(values: readonly (string | number | bigint | null)[]): string {
  // An array's own join writes null as nothing at all.
  let text = '';
  for (const value of values) text += text === '' ? `${value}` : `,${value}`;
  return `{${text}}`;
}

function textArray(values: readonly (string | null)[]): string {
  return plainArray(values.map((text) => (text === null ? null : `"${text.replace(/["\\]/g, '\\$&')}"`)));
}

/** Most moments of a batch are one and the same, and writing one out takes longer than finding it. */
function momentArray(values: readonly (Date | null)[]): string {
  let last: Date | null = null;
  let text = '';
  return plainArray(
    values.map((date) => {
      if (date === null) return null;
      if (date !== last) text = `"${date.toISOString()}"`;
      last = date;
      return text;
    }),
  );
}
