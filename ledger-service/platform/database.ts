import type { ExtractTablesWithRelations } from 'drizzle-orm';
import type { PgTransaction } from 'drizzle-orm/pg-core';
import { drizzle, type PostgresJsDatabase, type PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { SettlementError } from '../vocabulary/errors.ts';
import type { Timers } from '../vocabulary/time.ts';
import { systemTimers } from './ports.ts';

type NoRelations = Record<string, never>;

/** A database transaction that is under way: what every store works in. */
export type DatabaseTransaction = PgTransaction<
  PostgresJsQueryResultHKT,
  NoRelations,
  ExtractTablesWithRelations<NoRelations>
>;

export type Database = Readonly<{
  drizzle: PostgresJsDatabase<NoRelations>;
  /** What pauses between attempts wait on. */
  timers: Timers;
  close(): Promise<void>;
}>;

/** What is asked of the driver; a simulation puts a client of its own in its place. */
export type DatabaseClient = Pick<postgres.Sql, 'options' | 'unsafe' | 'begin' | 'end'>;

const STATEMENT_TIMEOUT_MILLISECONDS = 30_000;
const LOCK_TIMEOUT_MILLISECONDS = 10_000;
const CONNECT_TIMEOUT_SECONDS = 5;
const MAXIMUM_ATTEMPTS = 8;
const FIRST_BACKOFF_MILLISECONDS = 5;

/** Opens a pool of connections; the first is made when it is first used. */
export function openDatabase(url: string, options: Readonly<{ poolSize: number }>): Database {
  const client = postgres(url, {
    max: options.poolSize,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    onnotice: () => {},
    connection: {
      application_name: 'specie',
      statement_timeout: STATEMENT_TIMEOUT_MILLISECONDS,
      lock_timeout: LOCK_TIMEOUT_MILLISECONDS,
    },
  });
  return databaseOver(client, systemTimers);
}

export function databaseOver(client: DatabaseClient, timers: Timers): Database {
  return { drizzle: drizzle(client as postgres.Sql), timers, close: () => client.end({ timeout: 5 }) };
}

/**
 * Runs `work` in one database transaction, at READ COMMITTED.
 *
 * When the database gives up on it for the sake of another (40001, 40P01), the whole of it runs again, after a pause
 * that doubles each time; so `work` must have no effect outside the database transaction.
 *
 * Errors:  thrown LEDGER_UNAVAILABLE (retryable) when the connection fails or attempts run out; whether a lost commit
 *          took place is unknown, so the caller sends the same identifiers again · whatever `work` throws
 * Effects: those of `work`, all or none
 */
export async function inDatabaseTransaction<Result>(
  database: Database,
  work: (transaction: DatabaseTransaction) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await database.drizzle.transaction(work, { isolationLevel: 'read committed' });
    } catch (error) {
      const code = databaseErrorCode(error);
      if (code === undefined) throw error;
      if (!isContention(code)) throw asLedgerFault(error);
      if (attempt === MAXIMUM_ATTEMPTS) throw unavailable(error, code);
      await database.timers.wait(FIRST_BACKOFF_MILLISECONDS * 2 ** (attempt - 1));
    }
  }
}

/**
 * Thrown in a database transaction when another one came first and its rows must be read afresh: the transaction is
 * run again as if the database itself had refused it.
 */
export class SerializationConflict extends Error {
  readonly code = '40001';
}

/**
 * What a caller is told when the database failed: LEDGER_UNAVAILABLE for whatever may succeed later, the error itself
 * otherwise. Statements outside of any database transaction throw what the driver throws, so who answers calls this.
 */
export function asLedgerFault(error: unknown): unknown {
  const code = databaseErrorCode(error);
  if (code === undefined || !(isContention(code) || isUnavailability(code))) return error;
  return unavailable(error, code);
}

function databaseErrorCode(error: unknown): string | undefined {
  // Drizzle wraps what the driver throws, and a wrapped error may be wrapped again.
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof SettlementError) return undefined;
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return undefined;
}

function isContention(code: string): boolean {
  return code === '40001' || code === '40P01';
}

const CONNECTION_FAULTS = new Set([
  ...['CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECTION_ENDED', 'CONNECT_TIMEOUT'],
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH'],
  // Statement or lock timeout, and a read-only stand-by after a failover.
  ...['57014', '55P03', '25006'],
]);

/** SQLSTATE classes 08 connection, 53 out of resources, 57P operator intervention (PostgreSQL manual, appendix A). */
function isUnavailability(code: string): boolean {
  return CONNECTION_FAULTS.has(code) || /^(08|53|57P)/.test(code);
}

function unavailable(cause: unknown, code: string): SettlementError {
  return new SettlementError('LEDGER_UNAVAILABLE', `the database gave ${code}`, { databaseCode: code }, { cause });
}
