import { type Database, type Execute, inSnapshot, type Row } from '../../platform/database.ts';
import { openCursor, sealCursor } from '../../platform/http/cursor.ts';
import { SettlementError } from '../../vocabulary/errors.ts';
import type { AccountPath, TransferKind } from '../../vocabulary/journal-entries.ts';

export type AccountInBooks = Readonly<{ shard: number; path: AccountPath; asset: string }>;

/** By when it happened, or by when the books learned of it. */
export type Time = 'event' | 'recorded';

/** A posted balance on the account's normal side, and the number of lines that it is made of. */
export type BalanceAt = Readonly<{ balance: bigint; lines: bigint }>;

export type StatementLine = Readonly<{
  version: bigint;
  entryIdentifier: string;
  kind: TransferKind;
  entryKind: string;
  subject: string;
  counterparty: AccountPath;
  /** What it adds to the balance on the normal side: nothing for a hold, negative for what leaves. */
  change: bigint;
  amount: bigint;
  balanceAfter: bigint;
  eventAt: Date;
  recordedAt: Date;
}>;

export type Statement = Readonly<{
  opening: bigint;
  closing: bigint;
  lines: readonly StatementLine[];
  nextCursor: string | null;
}>;

const LARGEST_PAGE = 500;
const MINUTE_MILLISECONDS = 60_000;
/** Lines recorded so much before or after they happened stand in an index of their own (schema/ledger.ts). */
const LATE = `interval '1 minute'`;

/** A line is one side of a transfer. Looked up from both sides, each by its own index. */
const linesWhere = (
  columns: (side: 'debit' | 'credit') => string,
  condition: (side: 'debit' | 'credit') => string,
  end: (side: 'debit' | 'credit') => string = () => '',
) =>
  (['debit', 'credit'] as const)
    .map(
      (side) => `(select ${columns(side)} from ledger.transfers t
        where t.shard = $1::smallint and t.${side}_account_id = $2::integer and ${condition(side)} ${end(side)})`,
    )
    .join('\n      union all\n      ');

/** A debit adds to an account that is normally in debit. `$3` is the account's normal side. */
const changeOn = (side: string) =>
  `case when t.kind in ('post', 'post_pending') then case when $3 = '${side}' then t.amount else -t.amount end else 0 end`;

const ONE_LINE = linesWhere(
  (side) => `t.${side}_balance_after`,
  (side) => `t.${side}_version = $3::bigint`,
);

const LATE_LINES = `
  select coalesce(sum(change), 0), count(*) from (
      ${linesWhere(
        (side) => `${changeOn(side)} as change`,
        (side) => `t.recorded_at - t.event_at not between -${LATE} and ${LATE} and t.event_at < $4::timestamptz
          and t.${side}_version > $5::bigint and t.${side}_version <= $6::bigint`,
      )}) as late`;

const EARLY_LINES = LATE_LINES.replaceAll('t.event_at < $4', 't.event_at >= $4');

const LINES_BETWEEN = `
  select coalesce(sum(change), 0), count(*) from (
      ${linesWhere(
        (side) => `${changeOn(side)} as change`,
        (side) => `t.${side}_version > $5::bigint and t.${side}_version <= $6::bigint and t.event_at < $4::timestamptz`,
      )}) as near`;

/**
 * The posted balance of an account as it was just before a moment.
 *
 * Shape:  by `recorded` time: what the books said then; by `event` time: what we know by now to have been so, lines that
 *         came late included. An account that is not there has a balance of nothing
 * Units:  minor units of the account's asset, on its normal side
 * Cost:   grows with the logarithm of the account's lines; by event time also with those recorded within a minute of the
 *         moment, and with those recorded late
 */
export async function readBalanceAt(
  database: Database,
  account: AccountInBooks,
  before: Date,
  time: Time = 'event',
): Promise<BalanceAt> {
  return inSnapshot(database, async (execute) => {
    const found = await findAccount(execute, account);
    return found ? balanceAt(execute, found, before, time, found.version) : { balance: 0n, lines: 0n };
  });
}

type Found = Readonly<{ shard: number; accountId: number; normalSide: string; version: bigint }>;

async function balanceAt(
  execute: Execute,
  account: Found,
  before: Date,
  time: Time,
  through: bigint,
): Promise<BalanceAt> {
  if (time === 'recorded') {
    const version = await lastVersionBefore(execute, account, before, through);
    return { balance: await balanceAfter(execute, account, version), lines: version };
  }
  // Up to `surelyBefore` all lines count but those recorded early; beyond `surelyAfter` only those recorded late.
  const [surelyBefore, surelyAfter] = await Promise.all([
    lastVersionBefore(execute, account, laterBy(before, -MINUTE_MILLISECONDS), through),
    lastVersionBefore(execute, account, laterBy(before, MINUTE_MILLISECONDS + 1), through),
  ]);
  const window = (from: bigint, to: bigint) => [
    ...[account.shard, account.accountId, account.normalSide, before.toISOString()],
    ...[from.toString(), to.toString()],
  ];
  const [start, [early], [near], [late]] = await Promise.all([
    balanceAfter(execute, account, surelyBefore),
    execute(EARLY_LINES, window(0n, surelyBefore)),
    execute(LINES_BETWEEN, window(surelyBefore, surelyAfter)),
    execute(LATE_LINES, window(surelyAfter, through)),
  ]);
  const sum = (place: number) =>
    BigInt(near![place] as string) + BigInt(late![place] as string) - BigInt(early![place] as string);
  return { balance: start + sum(0), lines: surelyBefore + sum(1) };
}

/** Lines of an account are recorded in the order of their versions, so halving finds the last one before a moment. */
const LAST_VERSION_BEFORE = `
  with recursive search (low, high) as (
    select 0::bigint, $3::bigint
    union all
    select case when line.recorded_at < $4::timestamptz then half.middle else low end,
      case when line.recorded_at < $4::timestamptz then high else half.middle - 1 end
    from search
    cross join lateral (select (low + high + 1) / 2 as middle) as half
    cross join lateral (
      ${linesWhere(
        () => 't.recorded_at',
        (side) => `t.${side}_version = half.middle`,
      )}
      limit 1) as line
    where low < high)
  select low from search where low >= high`;

async function lastVersionBefore(execute: Execute, account: Found, before: Date, through: bigint): Promise<bigint> {
  const [row] = await execute(LAST_VERSION_BEFORE, [
    ...[account.shard, account.accountId, through.toString(), before.toISOString()],
  ]);
  return BigInt(row![0] as string);
}

async function balanceAfter(execute: Execute, account: Found, version: bigint): Promise<bigint> {
  if (version === 0n) return 0n;
  const [line] = await execute(ONE_LINE, [account.shard, account.accountId, version.toString()]);
  return BigInt(line![0] as string);
}

const lineColumns = (side: 'debit' | 'credit') => `t.${side}_version as version, t.entry_id, t.kind,
          ${changeOn(side)} as change, t.amount, t.${side}_balance_after as balance_after, t.event_at, t.recorded_at,
          t.${side === 'debit' ? 'credit' : 'debit'}_account_id as other_id`;

/** `$4` is the last line that was shown; lines from `$5` to `$6` were recorded near the span, others only late. */
const PAGE = (time: Time) => {
  const inSpan = `t.${time}_at >= $8::timestamptz and t.${time}_at < $9::timestamptz`;
  const near = linesWhere(
    lineColumns,
    (side) => `t.${side}_version > greatest($4::bigint, $5::bigint) and t.${side}_version <= $6::bigint and ${inSpan}`,
    // Each side by its index and no further than the page, whatever the planner makes of their union.
    (side) => `order by t.shard, t.${side}_account_id, t.${side}_version limit $10::integer`,
  );
  const late = linesWhere(
    lineColumns,
    (side) => `t.recorded_at - t.event_at not between -${LATE} and ${LATE} and ${inSpan}
          and t.${side}_version > $4::bigint and t.${side}_version <= $7::bigint
          and (t.${side}_version <= $5::bigint or t.${side}_version > $6::bigint)`,
  );
  return `
  select x.version, x.entry_id, x.kind, f.entry_kind, f.subject, o.path, x.change, x.amount, x.balance_after, x.event_at,
    x.recorded_at
  from (
      ${time === 'event' ? `${near}\n      union all\n      ${late}` : near}
      order by version limit $10::integer) as x
  join ledger.transfers f on f.shard = $1::smallint and f.entry_id = x.entry_id and f.position = 0
  join ledger.accounts o on o.shard = $1::smallint and o.account_id = x.other_id
  ${time === 'event' ? '' : 'where $7::bigint is not null'}
  order by x.version`;
};
const PAGES = { event: PAGE('event'), recorded: PAGE('recorded') };

/**
 * A page of an account's statement: what stood at the start, each line, what stood at the end.
 *
 * Shape:   lines in the order of their versions, `from` included and `to` not. The first page fixes how far the account
 *          had come; further pages, by `nextCursor`, go no further, so that none is skipped, shown twice, or missing from
 *          the closing balance, whatever is posted meanwhile
 * Units:   minor units of the account's asset, on its normal side
 * Errors:  thrown FIELD_INVALID for a cursor that was never given out
 */
export async function readStatement(
  database: Database,
  account: AccountInBooks,
  span: Readonly<{ from: Date; to: Date; time?: Time }>,
  page: Readonly<{ limit: number; cursor?: string }>,
): Promise<Statement> {
  const { from, to, time = 'event' } = span;
  const limit = Math.min(page.limit, LARGEST_PAGE);
  return inSnapshot(database, async (execute) => {
    const found = await findAccount(execute, account);
    if (!found) return { opening: 0n, closing: 0n, lines: [], nextCursor: null };
    const cursor = page.cursor === undefined ? undefined : readCursor(page.cursor);
    const through = cursor?.through ?? found.version;
    const [opening, closing] = await Promise.all([
      balanceAt(execute, found, from, time, through),
      balanceAt(execute, found, to, time, through),
    ]);
    const slack = time === 'event' ? MINUTE_MILLISECONDS : 0;
    const near = await Promise.all([
      lastVersionBefore(execute, found, laterBy(from, -slack), through),
      lastVersionBefore(execute, found, laterBy(to, slack + 1), through),
    ]);
    const rows = await execute(PAGES[time], [
      ...[found.shard, found.accountId, found.normalSide, (cursor?.after ?? 0n).toString()],
      ...[...near, through].map(String),
      ...[from.toISOString(), to.toISOString(), limit + 1],
    ]);
    const lines = rows.slice(0, limit).map(lineOf);
    const last = lines.at(-1);
    return {
      opening: opening.balance,
      closing: closing.balance,
      lines,
      nextCursor: rows.length > limit && last ? sealCursor(`${last.version} ${through}`) : null,
    };
  });
}

function laterBy(date: Date, milliseconds: number): Date {
  return new Date(date.getTime() + milliseconds);
}

function lineOf(row: Row): StatementLine {
  const [version, entryId, kind, entryKind, subject, path, change, amount, balanceAfter, eventAt, recordedAt] =
    row as string[];
  return {
    version: BigInt(version!),
    entryIdentifier: entryId!,
    kind: kind as TransferKind,
    entryKind: entryKind!,
    subject: subject!,
    counterparty: path!,
    change: BigInt(change!),
    amount: BigInt(amount!),
    balanceAfter: BigInt(balanceAfter!),
    eventAt: new Date(eventAt!),
    recordedAt: new Date(recordedAt!),
  };
}

async function findAccount(execute: Execute, { shard, path, asset }: AccountInBooks): Promise<Found | undefined> {
  const [row] = await execute(
    `select account_id, normal_side, version from ledger.accounts
     where shard = $1::smallint and path = $2 and asset = $3`,
    [shard, path, asset],
  );
  if (!row) return undefined;
  return { shard, accountId: row[0] as number, normalSide: row[1] as string, version: BigInt(row[2] as string) };
}

function readCursor(text: string): Readonly<{ after: bigint; through: bigint }> {
  const match = /^(\d{1,18}) (\d{1,18})$/.exec(openCursor(text) ?? '');
  if (!match) throw new SettlementError('FIELD_INVALID', 'this is no cursor of a statement', { param: 'cursor' });
  return { after: BigInt(match[1]!), through: BigInt(match[2]!) };
}
