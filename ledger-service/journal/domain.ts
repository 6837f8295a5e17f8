import { hash } from 'node:crypto';
import type { ErrorCode, ErrorDetails } from '../vocabulary/errors.ts';
import { MAXIMUM_SHARD } from '../vocabulary/identifiers.ts';
import type {
  AccountPath,
  JournalEntryInstruction,
  TransferInstruction,
  TransferKind,
} from '../vocabulary/journal-entries.ts';
import { MAXIMUM_MINOR_UNITS } from '../vocabulary/money.ts';
import type { LimitKind, NormalSide } from './chart.ts';
import { ruleOf } from './chart.ts';

/** An account as it stands: four sums that only grow or are given back, and the number of its last line. */
export type AccountState = Readonly<{
  accountId: number;
  revision: number;
  path: AccountPath;
  asset: string;
  normalSide: NormalSide;
  limitKind: LimitKind;
  limitAmount: bigint;
  postedDebits: bigint;
  postedCredits: bigint;
  pendingDebits: bigint;
  pendingCredits: bigint;
  version: bigint;
  recordedAt: Date;
}>;

export type HoldState = Readonly<{
  holdId: string;
  /** The transfer that took it. */
  entryId: string;
  position: number;
  debitAccountId: number;
  creditAccountId: number;
  remaining: bigint;
  state: 'pending' | 'posted' | 'voided' | 'expired';
  expiresAt: Date | null;
}>;

/** The two lines of a transfer: each side's version, and its posted balance on its normal side, after it. */
export type TransferLines = Readonly<{
  debitVersion: bigint;
  creditVersion: bigint;
  debitBalanceAfter: bigint;
  creditBalanceAfter: bigint;
}>;

/** One row carries both lines of a transfer; the first one of an entry carries the entry's kind and subject too. */
export type TransferRow = TransferLines &
  Readonly<{
    entryId: string;
    position: number;
    kind: TransferKind;
    debitAccountId: number;
    creditAccountId: number;
    amount: bigint;
    eventAt: Date;
    recordedAt: Date;
    subjectKey: number;
    entryKind: string | null;
    subject: string | null;
    holdId: string | null;
    expiresAt: Date | null;
  }>;

/** An entry as the books have it. */
export type PostedEntry = Readonly<{
  kind: string;
  subject: string;
  eventAt: Date;
  recordedAt: Date;
  transfers: readonly (TransferLines &
    Readonly<{
      kind: TransferKind;
      debit: AccountPath;
      credit: AccountPath;
      asset: string;
      amount: bigint;
      holdId: string | null;
      expiresAt: Date | null;
    }>)[];
}>;

export type PostingResult = Readonly<
  | { outcome: 'posted'; entryIdentifier: string; recordedAt: Date; lines: readonly TransferLines[] }
  /** The same entry was posted before: nothing changed, and this is what it had come to. */
  | { outcome: 'replayed'; entryIdentifier: string; recordedAt: Date; lines: readonly TransferLines[] }
  /** Nothing of it is kept: the same entry is decided afresh when it comes again. */
  | { outcome: 'refused'; entryIdentifier: string; code: ErrorCode; details: ErrorDetails }
>;

/** What a batch of one shard needs to know: accounts by {@link accountKey}, holds and earlier entries by identifier. */
export type Books = Readonly<{
  accounts: ReadonlyMap<string, AccountState>;
  holds: ReadonlyMap<string, HoldState>;
  entries: ReadonlyMap<string, PostedEntry>;
}>;

export type Decided = Readonly<{
  results: readonly PostingResult[];
  /** The entries that were posted, in order. */
  entryIds: readonly string[];
  transfers: readonly TransferRow[];
  accounts: readonly AccountState[];
  newHolds: readonly HoldState[];
  changedHolds: readonly HoldState[];
}>;

export type Refusal = Readonly<{ code: ErrorCode; details: ErrorDetails }>;
type Working<State> = { -readonly [Field in keyof State]: State[Field] };

const MOST_TRANSFERS = 10_000;
const LONGEST_NAME = 200;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const EARLIEST = Date.UTC(1, 0, 1);
const LATEST = Date.UTC(9999, 11, 31);

/** A path cannot hold the character between its two parts. */
export function accountKey(path: AccountPath, asset: string): string {
  return `${path} ${asset}`;
}

/**
 * Twenty bits of the subject's hash: few enough that rows of a busy shard share their index entry, many enough that
 * among 100 million entries about a hundred are looked at to find those of one subject.
 */
export function subjectKeyOf(subject: string): number {
  return hash('sha256', subject, 'buffer').readUInt32BE(0) >>> 12;
}

/** Those among entries that are refused for their form alone. */
export function malformedAmong(
  entries: readonly JournalEntryInstruction[],
): ReadonlyMap<JournalEntryInstruction, Refusal> {
  const malformed = new Map<JournalEntryInstruction, Refusal>();
  for (const entry of entries) {
    const refusal = malformationOf(entry);
    if (refusal) malformed.set(entry, refusal);
  }
  return malformed;
}

/** What is wrong with an entry that no books need to be read for; what passes can be written as it is. */
function malformationOf(entry: JournalEntryInstruction): Refusal | undefined {
  const { shard, entryIdentifier, kind, subject, eventAt, transfers } = entry;
  const invalid = (reason: string, details: ErrorDetails = {}) => refuse('ENTRY_INVALID', { reason, ...details });
  if (!Number.isInteger(shard) || shard < 0 || shard > MAXIMUM_SHARD) return invalid('there is no such shard');
  if (!UUID.test(entryIdentifier)) return invalid('the identifier is not a UUID in lower case');
  if (!isName(kind) || !isName(subject)) return invalid('kind and subject are texts of 1 to 200 characters');
  if (!isMoment(eventAt)) return invalid('eventAt is not a moment between the years 1 and 9999');
  if (transfers.length === 0) return invalid('an entry has transfers');
  if (transfers.length > MOST_TRANSFERS) return invalid('an entry has at most 10,000 transfers');
  if (transfers.length > 1 && new Set(transfers.map((each) => each.transferIdentifier)).size < transfers.length) {
    return invalid('a transfer is named twice');
  }
  for (const [transfer, instruction] of transfers.entries()) {
    const refusal = malformationOfTransfer(instruction);
    if (refusal) return { code: refusal.code, details: { transfer, ...refusal.details } };
  }
  return undefined;
}

function malformationOfTransfer(transfer: TransferInstruction): Refusal | undefined {
  const { kind, debit, credit, amount, expiresAt } = transfer;
  for (const path of [debit, credit]) if (!ruleOf(path)) return refuse('ACCOUNT_PATH_INVALID', { path });
  if (debit === credit) return refuse('ENTRY_INVALID', { reason: 'an account is moved onto itself', path: debit });
  if (!isName(amount.asset)) return refuse('ENTRY_INVALID', { reason: 'the asset is a text of 1 to 200 characters' });
  if (amount.minorUnits <= 0n) return refuse('AMOUNT_NOT_POSITIVE', { amount: amount.minorUnits.toString() });
  if (amount.minorUnits > MAXIMUM_MINOR_UNITS) return tooLarge(amount.minorUnits);
  if (expiresAt !== undefined && !isMoment(expiresAt)) {
    return refuse('ENTRY_INVALID', { reason: 'expiresAt is not a moment between the years 1 and 9999' });
  }
  const hold = holdOf(transfer);
  if (kind !== 'post' && hold === null) {
    return refuse('ENTRY_INVALID', { reason: 'the hold to act upon is not named' });
  }
  if (hold !== null && !UUID.test(hold)) {
    return refuse('ENTRY_INVALID', { reason: 'the name of a hold is not a UUID in lower case' });
  }
  return undefined;
}

function isName(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_NAME && !text.includes('\0') && text.isWellFormed();
}

function isMoment(date: Date): boolean {
  const milliseconds = date.getTime();
  return milliseconds >= EARLIEST && milliseconds <= LATEST;
}

/** A pending transfer's own name is that of the hold it takes; the closing kinds name the hold they act upon. */
export function holdOf(transfer: TransferInstruction): string | null {
  if (transfer.kind === 'post') return null;
  return transfer.kind === 'pending' ? transfer.transferIdentifier : (transfer.pendingTransferIdentifier ?? null);
}

/**
 * Decides a batch of entries of one shard in order, each on what the ones before it left behind.
 *
 * Shape:   books as loaded, and entries → a result per entry and the rows to write
 * Units:   minor units of each transfer's asset
 * Errors:  refused, returned per entry, and its neighbours stand: ACCOUNT_PATH_INVALID, AMOUNT_NOT_POSITIVE,
 *          AMOUNT_TOO_LARGE, ASSET_MISMATCH, ENTRY_INVALID, ENTRY_CONFLICT (names the field), HOLD_UNKNOWN,
 *          HOLD_CLOSED, AMOUNT_EXCEEDS_HOLD, INSUFFICIENT_AVAILABLE
 * Effects: none
 */
export function decideEntries(
  books: Books,
  entries: readonly JournalEntryInstruction[],
  now: Date,
  malformed = malformedAmong(entries),
): Decided {
  const decider = new Decider(books, now);
  const results = entries.map((entry): PostingResult => {
    const refusal = malformed.get(entry);
    return refusal ? { outcome: 'refused', entryIdentifier: entry.entryIdentifier, ...refusal } : decider.decide(entry);
  });
  return { results, ...decider.rows() };
}

/** The working copy of the books while a batch is decided; what a refused entry had changed is taken back. */
class Decider {
  readonly #books: Books;
  readonly #now: Date;
  readonly #accounts = new Map<string, Working<AccountState>>();
  readonly #holds = new Map<string, HoldState>();
  readonly #posted = new Map<string, readonly [JournalEntryInstruction, PostingResult & { outcome: 'posted' }]>();
  readonly #transfers: TransferRow[] = [];
  #undo: (() => void)[] = [];

  constructor(books: Books, now: Date) {
    this.#books = books;
    this.#now = now;
  }

  decide(entry: JournalEntryInstruction): PostingResult {
    const { entryIdentifier } = entry;
    const earlier = this.#earlier(entryIdentifier);
    if (earlier) return this.#repeated(entry, earlier);
    const transfersBefore = this.#transfers.length;
    this.#undo = [];
    const refusal = this.#apply(entry);
    if (refusal) {
      for (const undo of this.#undo.reverse()) undo();
      this.#transfers.length = transfersBefore;
      return { outcome: 'refused', entryIdentifier, ...refusal };
    }
    const rows = this.#transfers.slice(transfersBefore);
    const result = { outcome: 'posted', entryIdentifier, recordedAt: rows[0]!.recordedAt, lines: rows } as const;
    this.#posted.set(entryIdentifier, [entry, result]);
    return { ...result, lines: rows.map(linesOf) };
  }

  rows(): Omit<Decided, 'results'> {
    const holds = [...this.#holds.values()];
    return {
      entryIds: [...this.#posted.keys()],
      transfers: this.#transfers,
      accounts: [...this.#accounts.values()].filter(
        (account) => account.version !== this.#books.accounts.get(accountKey(account.path, account.asset))!.version,
      ),
      newHolds: holds.filter(({ holdId }) => !this.#books.holds.has(holdId)),
      changedHolds: holds.filter((hold) => this.#books.holds.has(hold.holdId)),
    };
  }

  #earlier(entryIdentifier: string): PostedEntry | undefined {
    const stored = this.#books.entries.get(entryIdentifier);
    if (stored) return stored;
    const [entry, result] = this.#posted.get(entryIdentifier) ?? [];
    return entry && result ? postedEntryOf(entry, result) : undefined;
  }

  #repeated(entry: JournalEntryInstruction, earlier: PostedEntry): PostingResult {
    const { entryIdentifier } = entry;
    const difference = differenceBetween(earlier, entry);
    return difference
      ? { outcome: 'refused', entryIdentifier, code: 'ENTRY_CONFLICT', details: { entryIdentifier, ...difference } }
      : {
          outcome: 'replayed',
          entryIdentifier,
          recordedAt: earlier.recordedAt,
          lines: earlier.transfers.map(linesOf),
        };
  }

  #apply(entry: JournalEntryInstruction): Refusal | undefined {
    const recordedAt = this.#recordedAt(entry);
    const subjectKey = subjectKeyOf(entry.subject);
    for (const [position, transfer] of entry.transfers.entries()) {
      const row = this.#transfer(entry, transfer, position);
      if ('code' in row) return { code: row.code, details: { transfer: position, ...row.details } };
      const first = position === 0 ? { entryKind: entry.kind, subject: entry.subject } : NOT_FIRST;
      this.#transfers.push({ ...row, ...first, eventAt: entry.eventAt, recordedAt, subjectKey });
    }
    return undefined;
  }

  /** No line of an account is recorded before the one ahead of it, whatever the clocks of those who post say. */
  #recordedAt(entry: JournalEntryInstruction): Date {
    const accounts: Working<AccountState>[] = [];
    let latest = this.#now;
    for (const { debit, credit, amount } of entry.transfers) {
      for (const path of [debit, credit]) {
        const account = this.#account(path, amount.asset);
        accounts.push(account);
        if (account.recordedAt > latest) latest = account.recordedAt;
      }
    }
    const before = accounts.map(({ recordedAt }) => recordedAt);
    for (const account of accounts) account.recordedAt = latest;
    this.#undo.push(() => {
      for (const [index, account] of accounts.entries()) account.recordedAt = before[index]!;
    });
    return latest;
  }

  #transfer(
    entry: JournalEntryInstruction,
    transfer: TransferInstruction,
    position: number,
  ): Omit<TransferRow, 'eventAt' | 'recordedAt' | 'subjectKey' | 'entryKind' | 'subject'> | Refusal {
    const { kind, amount } = transfer;
    const debit = this.#account(transfer.debit, amount.asset);
    const credit = this.#account(transfer.credit, amount.asset);
    const holdId = holdOf(transfer);
    const hold = holdId === null ? undefined : (this.#holds.get(holdId) ?? this.#books.holds.get(holdId));
    const changed = kind === 'post' ? undefined : holdAfter(hold, entry, transfer, position, debit, credit);
    if (changed && 'code' in changed) return changed;
    const refusal =
      this.#move(debit, 'postedDebits', 'pendingDebits', kind, amount.minorUnits) ??
      this.#move(credit, 'postedCredits', 'pendingCredits', kind, amount.minorUnits);
    if (refusal) return refusal;
    if (changed) this.#setHold(changed);
    return {
      entryId: entry.entryIdentifier,
      position,
      kind,
      debitAccountId: debit.accountId,
      creditAccountId: credit.accountId,
      amount: amount.minorUnits,
      debitVersion: debit.version,
      creditVersion: credit.version,
      debitBalanceAfter: postedBalanceOf(debit),
      creditBalanceAfter: postedBalanceOf(credit),
      holdId,
      expiresAt: kind === 'pending' ? (transfer.expiresAt ?? null) : null,
    };
  }

  #move(
    account: Working<AccountState>,
    postedSide: 'postedDebits' | 'postedCredits',
    pendingSide: 'pendingDebits' | 'pendingCredits',
    kind: TransferKind,
    amount: bigint,
  ): Refusal | undefined {
    const before = headroomOf(account);
    const { [postedSide]: posted, [pendingSide]: pending, version } = account;
    this.#undo.push(() => {
      account[postedSide] = posted;
      account[pendingSide] = pending;
      account.version = version;
    });
    if (kind === 'post' || kind === 'post_pending') account[postedSide] += amount;
    if (kind === 'pending') account[pendingSide] += amount;
    else if (kind !== 'post') account[pendingSide] -= amount;
    account.version += 1n;
    const larger = account[postedSide] > account[pendingSide] ? account[postedSide] : account[pendingSide];
    if (larger > MAXIMUM_MINOR_UNITS) return tooLarge(larger);
    const after = headroomOf(account);
    // Only what makes it worse is refused, so that an account above its limit can still be brought back.
    if (after === undefined || before === undefined || after >= 0n || after >= before) return undefined;
    return refuse('INSUFFICIENT_AVAILABLE', {
      path: account.path,
      asset: account.asset,
      available: before.toString(),
    });
  }

  #setHold(hold: HoldState): void {
    const before = this.#holds.get(hold.holdId);
    this.#holds.set(hold.holdId, hold);
    this.#undo.push(() => {
      if (before) this.#holds.set(hold.holdId, before);
      else this.#holds.delete(hold.holdId);
    });
  }

  #account(path: AccountPath, asset: string): Working<AccountState> {
    const key = accountKey(path, asset);
    const working = this.#accounts.get(key);
    if (working) return working;
    const loaded = this.#books.accounts.get(key);
    if (!loaded) throw new Error(`Invariant broken: account ${key} was loaded`);
    const copy = { ...loaded };
    this.#accounts.set(key, copy);
    return copy;
  }
}

const NOT_FIRST = { entryKind: null, subject: null } as const;
const CLOSED_STATES = { post_pending: 'posted', void_pending: 'voided', expire_pending: 'expired' } as const;

/** What a pending transfer, or one that closes a hold, makes of it. */
function holdAfter(
  hold: HoldState | undefined,
  entry: JournalEntryInstruction,
  transfer: TransferInstruction,
  position: number,
  debit: AccountState,
  credit: AccountState,
): HoldState | Refusal {
  const holdId = holdOf(transfer)!;
  const { minorUnits } = transfer.amount;
  if (transfer.kind === 'pending') {
    if (hold) return refuse('ENTRY_CONFLICT', { field: `transfers.${position}.transferIdentifier`, hold: holdId });
    return {
      holdId,
      entryId: entry.entryIdentifier,
      position,
      debitAccountId: debit.accountId,
      creditAccountId: credit.accountId,
      remaining: minorUnits,
      state: 'pending',
      expiresAt: transfer.expiresAt ?? null,
    };
  }
  if (!hold) return refuse('HOLD_UNKNOWN', { hold: holdId });
  if (hold.debitAccountId !== debit.accountId || hold.creditAccountId !== credit.accountId) {
    return refuse('ASSET_MISMATCH', { hold: holdId, reason: 'the hold is on other accounts or in another asset' });
  }
  if (hold.state !== 'pending') return refuse('HOLD_CLOSED', { hold: holdId, state: hold.state });
  if (minorUnits > hold.remaining) {
    const figures = { held: hold.remaining.toString(), requested: minorUnits.toString() };
    return refuse('AMOUNT_EXCEEDS_HOLD', { hold: holdId, ...figures });
  }
  const remaining = hold.remaining - minorUnits;
  const ended = CLOSED_STATES[transfer.kind as keyof typeof CLOSED_STATES];
  return { ...hold, remaining, state: remaining === 0n ? ended : 'pending' };
}

function linesOf(row: TransferLines): TransferLines {
  const { debitVersion, creditVersion, debitBalanceAfter, creditBalanceAfter } = row;
  return { debitVersion, creditVersion, debitBalanceAfter, creditBalanceAfter };
}

function postedEntryOf(entry: JournalEntryInstruction, result: PostingResult & { outcome: 'posted' }): PostedEntry {
  return {
    kind: entry.kind,
    subject: entry.subject,
    eventAt: entry.eventAt,
    recordedAt: result.recordedAt,
    transfers: entry.transfers.map((transfer, position) => ({
      ...linesOf(result.lines[position]!),
      kind: transfer.kind,
      debit: transfer.debit,
      credit: transfer.credit,
      asset: transfer.amount.asset,
      amount: transfer.amount.minorUnits,
      holdId: holdOf(transfer),
      expiresAt: transfer.kind === 'pending' ? (transfer.expiresAt ?? null) : null,
    })),
  };
}

/** The first field in which an entry differs from the one that has its identifier already. */
export function differenceBetween(
  posted: PostedEntry,
  entry: JournalEntryInstruction,
): Readonly<{ field: string; first: string; now: string }> | undefined {
  const whole: [field: string, first: string, now: string][] = [
    ['kind', posted.kind, entry.kind],
    ['subject', posted.subject, entry.subject],
    ['eventAt', posted.eventAt.toISOString(), entry.eventAt.toISOString()],
    ['transfers', String(posted.transfers.length), String(entry.transfers.length)],
  ];
  for (const [field, first, now] of whole) if (first !== now) return { field, first, now };
  for (const [position, before] of posted.transfers.entries()) {
    const transfer = entry.transfers[position]!;
    const expiresAt = transfer.kind === 'pending' ? transfer.expiresAt : undefined;
    const holdName = transfer.kind === 'pending' ? 'transferIdentifier' : 'pendingTransferIdentifier';
    const fields: [field: string, first: string, now: string][] = [
      ['kind', before.kind, transfer.kind],
      ['debit', before.debit, transfer.debit],
      ['credit', before.credit, transfer.credit],
      ['amount.asset', before.asset, transfer.amount.asset],
      ['amount.minorUnits', before.amount.toString(), transfer.amount.minorUnits.toString()],
      [holdName, before.holdId ?? '', holdOf(transfer) ?? ''],
      ['expiresAt', before.expiresAt?.toISOString() ?? '', expiresAt?.toISOString() ?? ''],
    ];
    for (const [field, first, now] of fields) {
      if (first !== now) return { field: `transfers.${position}.${field}`, first, now };
    }
  }
  return undefined;
}

/** On the account's normal side; negative when it stands on the other one. */
export function postedBalanceOf(account: Pick<AccountState, 'normalSide' | 'postedDebits' | 'postedCredits'>): bigint {
  const credits = account.postedCredits - account.postedDebits;
  return account.normalSide === 'credit' ? credits : -credits;
}

/** How much more may leave; undefined where nothing limits it. */
function headroomOf(account: AccountState): bigint | undefined {
  switch (account.limitKind) {
    case 'unlimited':
      return undefined;
    case 'not_below_zero':
      return account.normalSide === 'debit'
        ? account.postedDebits - account.postedCredits - account.pendingCredits
        : account.postedCredits - account.postedDebits - account.pendingDebits;
    case 'net_debit_cap':
      return account.limitAmount + account.postedCredits - account.postedDebits - account.pendingDebits;
  }
}

function refuse(code: ErrorCode, details: ErrorDetails): Refusal {
  return { code, details };
}

function tooLarge(amount: bigint): Refusal {
  return refuse('AMOUNT_TOO_LARGE', { amount: amount.toString(), maximum: MAXIMUM_MINOR_UNITS.toString() });
}
