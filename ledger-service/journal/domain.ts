import { createHash } from 'node:crypto';
import type { ErrorCode, ErrorDetails } from '../vocabulary/errors.ts';
import { uuidFromMeaning } from '../vocabulary/identifiers.ts';
import type {
  AccountPath,
  JournalEntryInstruction,
  TransferInstruction,
  TransferKind,
} from '../vocabulary/journal-entries.ts';
import type { LimitKind, NormalSide } from './chart.ts';
import { ruleOf } from './chart.ts';

/** An account as it stands: four sums that only grow or are given back, and the number of its last line. */
export type AccountState = Readonly<{
  shard: number;
  accountId: string;
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
}>;

export type HoldState = Readonly<{
  shard: number;
  transferId: string;
  debitAccountId: string;
  creditAccountId: string;
  remaining: bigint;
  state: 'pending' | 'posted' | 'voided' | 'expired';
  expiresAt: Date | null;
}>;

/** One row carries both lines of a transfer: each side's version and posted balance after it. */
export type TransferRow = Readonly<{
  shard: number;
  transferId: string;
  entryId: string;
  position: number;
  kind: TransferKind;
  debitAccountId: string;
  creditAccountId: string;
  pendingId: string | null;
  amount: bigint;
  debitVersion: bigint;
  creditVersion: bigint;
  debitBalanceAfter: bigint;
  creditBalanceAfter: bigint;
}>;

export type PostingResult = Readonly<
  | { outcome: 'posted'; entryIdentifier: string }
  /** The same entry was posted before: nothing changed. */
  | { outcome: 'replayed'; entryIdentifier: string }
  | { outcome: 'refused'; entryIdentifier: string; code: ErrorCode; details: ErrorDetails }
>;

/** What a batch needs to know: accounts and holds by identifier, and the content hash of entries that are there. */
export type Books = Readonly<{
  accounts: ReadonlyMap<string, AccountState>;
  holds: ReadonlyMap<string, HoldState>;
  entryHashes: ReadonlyMap<string, string>;
}>;

export type Decided = Readonly<{
  results: readonly PostingResult[];
  entries: readonly JournalEntryInstruction[];
  transfers: readonly TransferRow[];
  accounts: readonly AccountState[];
  newHolds: readonly HoldState[];
  changedHolds: readonly HoldState[];
}>;

type Refusal = Readonly<{ code: ErrorCode; details: ErrorDetails }>;

export function accountIdOf(shard: number, path: AccountPath, asset: string): string {
  return uuidFromMeaning('account', shard, path, asset);
}

/** Tells an entry from another one under the same name. */
export function contentHashOf(entry: JournalEntryInstruction): string {
  const content = [
    entry.kind,
    entry.subject,
    entry.eventAt.toISOString(),
    ...entry.transfers.map((transfer) => [
      transfer.transferIdentifier,
      transfer.kind,
      transfer.debit,
      transfer.credit,
      transfer.amount.minorUnits.toString(),
      transfer.amount.asset,
      transfer.pendingTransferIdentifier ?? null,
      transfer.expiresAt?.toISOString() ?? null,
    ]),
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/**
 * Decides a batch of entries in order, each on what the ones before it left behind.
 *
 * Shape:   books as loaded, and entries → a result per entry and the rows to write
 * Units:   minor units of each transfer's asset
 * Errors:  refused, returned per entry, and its neighbours stand: ACCOUNT_PATH_INVALID, AMOUNT_NOT_POSITIVE,
 *          ASSET_MISMATCH, ENTRY_INVALID, ENTRY_CONFLICT, HOLD_UNKNOWN, HOLD_CLOSED, AMOUNT_EXCEEDS_HOLD,
 *          INSUFFICIENT_AVAILABLE
 * Effects: none
 */
export function decideEntries(books: Books, entries: readonly JournalEntryInstruction[]): Decided {
  const accounts = new Map(books.accounts);
  const holds = new Map(books.holds);
  const hashes = new Map(books.entryHashes);
  const changedAccounts = new Set<string>();
  const newHolds = new Set<string>();
  const changedHolds = new Set<string>();
  const results: PostingResult[] = [];
  const posted: JournalEntryInstruction[] = [];
  const transfers: TransferRow[] = [];
  for (const entry of entries) {
    const { entryIdentifier } = entry;
    const hash = contentHashOf(entry);
    const known = hashes.get(entryIdentifier);
    if (known !== undefined) {
      results.push(
        known === hash
          ? { outcome: 'replayed', entryIdentifier }
          : { outcome: 'refused', entryIdentifier, code: 'ENTRY_CONFLICT', details: { entryIdentifier } },
      );
      continue;
    }
    const attempt = new Attempt(accounts, holds);
    const refusal = attempt.apply(entry);
    if (refusal) {
      results.push({ outcome: 'refused', entryIdentifier, ...refusal });
      continue;
    }
    for (const account of attempt.accounts.values()) {
      accounts.set(account.accountId, account);
      changedAccounts.add(account.accountId);
    }
    for (const hold of attempt.holds.values()) {
      if (holds.has(hold.transferId)) {
        if (!newHolds.has(hold.transferId)) changedHolds.add(hold.transferId);
      } else newHolds.add(hold.transferId);
      holds.set(hold.transferId, hold);
    }
    transfers.push(...attempt.transfers);
    hashes.set(entryIdentifier, hash);
    posted.push(entry);
    results.push({ outcome: 'posted', entryIdentifier });
  }
  const holdsOf = (identifiers: ReadonlySet<string>) => [...identifiers].map((identifier) => holds.get(identifier)!);
  return {
    results,
    entries: posted,
    transfers,
    accounts: [...changedAccounts].map((identifier) => accounts.get(identifier)!),
    newHolds: holdsOf(newHolds),
    changedHolds: holdsOf(changedHolds),
  };
}

/** One entry being tried: its changes stay beside the books until all of its transfers have gone through. */
class Attempt {
  readonly accounts = new Map<string, AccountState>();
  readonly holds = new Map<string, HoldState>();
  readonly transfers: TransferRow[] = [];
  readonly #booksAccounts: ReadonlyMap<string, AccountState>;
  readonly #booksHolds: ReadonlyMap<string, HoldState>;

  constructor(accounts: ReadonlyMap<string, AccountState>, holds: ReadonlyMap<string, HoldState>) {
    this.#booksAccounts = accounts;
    this.#booksHolds = holds;
  }

  apply(entry: JournalEntryInstruction): Refusal | undefined {
    const names = new Set(entry.transfers.map(({ transferIdentifier }) => transferIdentifier));
    if (entry.transfers.length === 0) return refuse('ENTRY_INVALID', { reason: 'an entry has transfers' });
    if (names.size < entry.transfers.length) return refuse('ENTRY_INVALID', { reason: 'a transfer is named twice' });
    for (const [position, transfer] of entry.transfers.entries()) {
      const refusal = this.#transfer(entry, transfer, position);
      if (refusal) return { code: refusal.code, details: { transfer: position, ...refusal.details } };
    }
    return undefined;
  }

  #transfer(entry: JournalEntryInstruction, transfer: TransferInstruction, position: number): Refusal | undefined {
    const { debit, credit, amount, kind } = transfer;
    for (const path of [debit, credit]) {
      if (!ruleOf(path)) return refuse('ACCOUNT_PATH_INVALID', { path });
    }
    if (debit === credit) return refuse('ENTRY_INVALID', { reason: 'an account is moved onto itself', path: debit });
    if (amount.minorUnits <= 0n) return refuse('AMOUNT_NOT_POSITIVE', { amount: amount.minorUnits.toString() });
    const debitId = accountIdOf(entry.shard, debit, amount.asset);
    const creditId = accountIdOf(entry.shard, credit, amount.asset);
    if (kind !== 'post' && kind !== 'pending') {
      const refusal = this.#closeHold(transfer, debitId, creditId);
      if (refusal) return refusal;
    }
    const moves = movesOf(kind, amount.minorUnits);
    const refusal =
      this.#move(debitId, { debits: moves.posted, pendingDebits: moves.pending }) ??
      this.#move(creditId, { credits: moves.posted, pendingCredits: moves.pending });
    if (refusal) return refusal;
    if (kind === 'pending') {
      this.holds.set(transfer.transferIdentifier, {
        shard: entry.shard,
        transferId: transfer.transferIdentifier,
        debitAccountId: debitId,
        creditAccountId: creditId,
        remaining: amount.minorUnits,
        state: 'pending',
        expiresAt: transfer.expiresAt ?? null,
      });
    }
    const [debited, credited] = [this.accounts.get(debitId)!, this.accounts.get(creditId)!];
    this.transfers.push({
      shard: entry.shard,
      transferId: transfer.transferIdentifier,
      entryId: entry.entryIdentifier,
      position,
      kind,
      debitAccountId: debitId,
      creditAccountId: creditId,
      pendingId: transfer.pendingTransferIdentifier ?? null,
      amount: amount.minorUnits,
      debitVersion: debited.version,
      creditVersion: credited.version,
      debitBalanceAfter: postedBalanceOf(debited),
      creditBalanceAfter: postedBalanceOf(credited),
    });
    return undefined;
  }

  #closeHold(transfer: TransferInstruction, debitId: string, creditId: string): Refusal | undefined {
    const name = transfer.pendingTransferIdentifier;
    if (!name) return refuse('ENTRY_INVALID', { reason: 'the hold to act upon is not named' });
    const hold = this.holds.get(name) ?? this.#booksHolds.get(name);
    if (!hold) return refuse('HOLD_UNKNOWN', { hold: name });
    if (hold.debitAccountId !== debitId || hold.creditAccountId !== creditId) {
      return refuse('ASSET_MISMATCH', { hold: name, reason: 'the hold is on other accounts or in another asset' });
    }
    if (hold.state !== 'pending') return refuse('HOLD_CLOSED', { hold: name, state: hold.state });
    const { minorUnits } = transfer.amount;
    if (minorUnits > hold.remaining) {
      return refuse('AMOUNT_EXCEEDS_HOLD', {
        hold: name,
        held: hold.remaining.toString(),
        requested: minorUnits.toString(),
      });
    }
    const remaining = hold.remaining - minorUnits;
    const ended = CLOSED_STATES[transfer.kind as keyof typeof CLOSED_STATES];
    this.holds.set(name, { ...hold, remaining, state: remaining === 0n ? ended : 'pending' });
    return undefined;
  }

  #move(
    accountId: string,
    change: Readonly<Partial<Record<'debits' | 'credits' | 'pendingDebits' | 'pendingCredits', bigint>>>,
  ) {
    const before = this.accounts.get(accountId) ?? this.#booksAccounts.get(accountId);
    if (!before) throw new Error(`Invariant broken: account ${accountId} was loaded`);
    const after: AccountState = {
      ...before,
      postedDebits: before.postedDebits + (change.debits ?? 0n),
      postedCredits: before.postedCredits + (change.credits ?? 0n),
      pendingDebits: before.pendingDebits + (change.pendingDebits ?? 0n),
      pendingCredits: before.pendingCredits + (change.pendingCredits ?? 0n),
      version: before.version + 1n,
    };
    const headroom = headroomOf(after);
    // Only what makes it worse is refused, so that an account above its limit can still be brought back.
    if (headroom !== undefined && headroom < 0n && headroom < (headroomOf(before) ?? 0n)) {
      return refuse('INSUFFICIENT_AVAILABLE', {
        path: after.path,
        asset: after.asset,
        available: (headroomOf(before) ?? 0n).toString(),
      });
    }
    this.accounts.set(accountId, after);
    return undefined;
  }
}

const CLOSED_STATES = { post_pending: 'posted', void_pending: 'voided', expire_pending: 'expired' } as const;

/** How a transfer changes the posted and the pending sum of its sides. */
function movesOf(kind: TransferKind, amount: bigint): Readonly<{ posted: bigint; pending: bigint }> {
  switch (kind) {
    case 'post':
      return { posted: amount, pending: 0n };
    case 'pending':
      return { posted: 0n, pending: amount };
    case 'post_pending':
      return { posted: amount, pending: -amount };
    case 'void_pending':
    case 'expire_pending':
      return { posted: 0n, pending: -amount };
  }
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
