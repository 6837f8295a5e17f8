import {
  asUnavailability,
  type Database,
  databaseErrorCode,
  type Execute,
  executeOn,
  isContention,
} from '../platform/database.ts';
import { createGatherer, type Gatherer } from '../platform/gatherer.ts';
import { systemTimers } from '../platform/ports.ts';
import { SettlementError } from '../vocabulary/errors.ts';
import type { Shard } from '../vocabulary/identifiers.ts';
import type { JournalEntryInstruction } from '../vocabulary/journal-entries.ts';
import type { Clock, Timers } from '../vocabulary/time.ts';
import {
  type AccountState,
  accountKey,
  type Books,
  type Decided,
  decideEntries,
  type HoldState,
  type PostingResult,
} from './domain.ts';
import { asConflict, type BookKeys, keysOf, loadBooks, writeDecided } from './store.ts';

export type PostingEngine = Readonly<{
  /**
   * Posts entries; each stands or falls by itself, and linked transfers are one entry.
   *
   * Shape:  entries → a result for each, in their order, once they are on disk
   * Errors: refused, returned per entry: see `decideEntries` · thrown LEDGER_UNAVAILABLE (retryable): whether they were
   *         posted is unknown, so the same entries are sent again
   */
  post(entries: readonly JournalEntryInstruction[]): Promise<readonly PostingResult[]>;
  /** Resolves once everything that was given to `post` has been answered. */
  idle(): Promise<void>;
}>;

export type PostingEngineOptions = Readonly<{
  /** Entries in one database transaction. */
  largestBatch?: number;
}>;

type Dependencies = Readonly<{ database: Database; clock: Clock; timers?: Timers }>;

const LARGEST_BATCH = 1_000;
const MAXIMUM_ATTEMPTS = 8;
const FIRST_BACKOFF_MILLISECONDS = 2;
/** Accounts and holds that a shard's engine remembers; beyond it all are forgotten and read again. */
const MOST_REMEMBERED = 200_000;
/**
 * Cached plans follow the tables' statistics, and those of a table that was empty a moment ago are wrong: they are taken
 * again when so many entries were posted, and each time that these have become four times as many.
 */
const FIRST_ANALYSIS_AFTER_ENTRIES = 64;
/** After the books had moved on, so many batches are read under lock before memory is trusted again. */
const BATCHES_READ_AFTER_CONFLICT = 32;

/**
 * Posts what many callers ask for in few database transactions: one at a time per shard, everything that came meanwhile
 * in the next.
 *
 * The engine remembers accounts and holds as its last posting left them, and writes with one statement that first checks,
 * under lock, that they are still so; only if not, it reads them. So several engines may post to one shard: who is
 * out of date reads, decides afresh, and loses nothing but time.
 */
export function createPostingEngine(dependencies: Dependencies, options: PostingEngineOptions = {}): PostingEngine {
  const shards = new Map<Shard, Gatherer<JournalEntryInstruction, PostingResult>>();
  const gathererOf = (shard: Shard) => {
    const known = shards.get(shard);
    if (known) return known;
    const books = new ShardBooks(dependencies, shard);
    const gatherer = createGatherer<JournalEntryInstruction, PostingResult>({
      work: (entries) => books.post(entries),
      largestBatch: options.largestBatch ?? LARGEST_BATCH,
      concurrentBatches: 1,
      isOneCommandsFault: (error) => !(error instanceof SettlementError),
    });
    shards.set(shard, gatherer);
    return gatherer;
  };
  return {
    post: (entries) => Promise.all(entries.map((entry) => gathererOf(entry.shard).add(entry))),
    idle: async () => {
      await Promise.all([...shards.values()].map((gatherer) => gatherer.idle()));
    },
  };
}

/** The books of one shard, as far as this process remembers them. */
class ShardBooks {
  readonly #dependencies: Dependencies;
  readonly #shard: Shard;
  readonly #execute: Execute;
  #accounts = new Map<string, AccountState>();
  #holds = new Map<string, HoldState>();
  #batchesToRead = 0;
  #posted = 0;
  #nextAnalysis = FIRST_ANALYSIS_AFTER_ENTRIES;

  constructor(dependencies: Dependencies, shard: Shard) {
    this.#dependencies = dependencies;
    this.#shard = shard;
    this.#execute = executeOn(dependencies.database.client);
  }

  async post(entries: readonly JournalEntryInstruction[]): Promise<readonly PostingResult[]> {
    const keys = keysOf(entries);
    if (keys.entryIds.size === 0) return decideEntries(NO_BOOKS, entries, this.#dependencies.clock.now()).results;
    return (await this.#postFromMemory(entries, keys)) ?? (await this.#postUnderLock(entries, keys));
  }

  /** Nothing if memory does not suffice, or turns out to be out of date. */
  async #postFromMemory(
    entries: readonly JournalEntryInstruction[],
    keys: BookKeys,
  ): Promise<readonly PostingResult[] | undefined> {
    const books = this.#remembered(keys);
    if (!books) return undefined;
    const decided = decideEntries(books, entries, this.#dependencies.clock.now(), keys.malformed);
    // A refused entry may be one that was posted long ago, which only the database can tell.
    if (decided.entryIds.length < entries.length) return undefined;
    try {
      await writeDecided(this.#execute, this.#shard, books, decided);
    } catch (error) {
      this.#forget();
      if (!isContention(databaseErrorCode(asConflict(error)) ?? '')) throw asUnavailability(error);
      this.#batchesToRead = BATCHES_READ_AFTER_CONFLICT;
      return undefined;
    }
    this.#remember(decided);
    return decided.results;
  }

  /** Reads first, and in the same database transaction writes; begin and commit travel with what they enclose. */
  async #postUnderLock(entries: readonly JournalEntryInstruction[], keys: BookKeys): Promise<readonly PostingResult[]> {
    const { database, clock, timers = systemTimers } = this.#dependencies;
    for (let attempt = 1; ; attempt += 1) {
      const connection = await database.client.reserve();
      const execute = executeOn(connection);
      try {
        const now = clock.now();
        const [, books] = await Promise.all([
          execute('begin isolation level read committed', []),
          loadBooks(execute, this.#shard, keys, now),
        ]);
        const decided = decideEntries(books, entries, now, keys.malformed);
        await Promise.all([
          decided.entryIds.length > 0 ? writeDecided(execute, this.#shard, books, decided) : undefined,
          execute('commit', []),
        ]);
        for (const [key, account] of books.accounts) this.#accounts.set(key, account);
        for (const [holdId, hold] of books.holds) this.#holds.set(holdId, hold);
        this.#remember(decided);
        return decided.results;
      } catch (error) {
        await execute('rollback', []).catch(() => {});
        if (!isContention(databaseErrorCode(asConflict(error)) ?? '') || attempt === MAXIMUM_ATTEMPTS) {
          this.#forget();
          throw asUnavailability(error);
        }
        await timers.wait(FIRST_BACKOFF_MILLISECONDS * 2 ** (attempt - 1));
      } finally {
        connection.release();
      }
    }
  }

  #remembered(keys: BookKeys): Books | undefined {
    if (this.#batchesToRead > 0) {
      this.#batchesToRead -= 1;
      return undefined;
    }
    const accounts = new Map<string, AccountState>();
    for (const key of keys.accounts.keys()) {
      const account = this.#accounts.get(key);
      if (!account) return undefined;
      accounts.set(key, account);
    }
    const holds = new Map<string, HoldState>();
    for (const holdId of keys.holdIds) {
      const hold = this.#holds.get(holdId);
      if (hold) holds.set(holdId, hold);
      else if (keys.closedHoldIds.has(holdId)) return undefined;
    }
    return { accounts, holds, entries: new Map() };
  }

  #remember(decided: Decided): void {
    this.#countPosted(decided.entryIds.length);
    if (this.#accounts.size > MOST_REMEMBERED) this.#accounts = new Map();
    if (this.#holds.size > MOST_REMEMBERED) this.#holds = new Map();
    for (const account of decided.accounts) this.#accounts.set(accountKey(account.path, account.asset), account);
    for (const hold of [...decided.newHolds, ...decided.changedHolds]) this.#holds.set(hold.holdId, hold);
  }

  #countPosted(entries: number): void {
    this.#posted += entries;
    if (this.#posted < this.#nextAnalysis) return;
    while (this.#nextAnalysis <= this.#posted) this.#nextAnalysis *= 4;
    // A role that may not do this leaves it to the server, which does the same within a minute or so.
    this.#execute('analyze ledger.accounts, ledger.transfers, ledger.holds', []).catch(() => {});
  }

  #forget(): void {
    this.#accounts = new Map();
    this.#holds = new Map();
  }
}

const NO_BOOKS: Books = { accounts: new Map(), holds: new Map(), entries: new Map() };
