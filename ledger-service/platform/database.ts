import type { ExtractTablesWithRelations } from 'drizzle-orm';
import type { PgTransaction } from 'drizzle-orm/pg-core';
import { drizzle, type PostgresJsDatabase, type PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js';
import type postgres from 'postgres';
import { SettlementError } from '../vocabulary/errors.ts';
import type { Timers } from '../vocabulary/time.ts';
import { systemTimers } from './ports.ts';
import { connectPostgres } from './postgres-pool.ts';
import { inSpan } from './tracing.ts';

type NoRelations = Record<string, never>;

/** A database transaction that is under way: what every store works in. */
export type DatabaseTransaction = PgTransaction<
  PostgresJsQueryResultHKT,
  NoRelations,
  ExtractTablesWithRelations<NoRelations>
>;

export type Database = Readonly<{
  drizzle: PostgresJsDatabase<NoRelations>;
  client: postgres.Sql;
  /** What pauses between attempts wait on. */
  timers: Timers;
  close(): Promise<void>;
}>;

/** What is asked of the driver; a simulation puts a client of its own in its place. */
export type DatabaseClient = Pick<postgres.Sql, 'options' | 'unsafe' | 'begin' | 'end'>;

/** A row as the server sends it: numerics, bigints and moments as text. */
export type Row = readonly (string | number | boolean | Buffer | string[] | number[] | null)[];

/** Runs one prepared statement; statements started together travel together. */
export type Execute = (statement: string, parameters: readonly (string | number | null)[]) => Promise<Row[]>;

const DATABASE_TRANSACTION = { name: 'database transaction' };
const STATEMENT_TIMEOUT_MILLISECONDS = 30_000;
const LOCK_TIMEOUT_MILLISECONDS = 10_000;
const MAXIMUM_ATTEMPTS = 8;
const FIRST_BACKOFF_MILLISECONDS = 5;

/** Opens a pool of connections; the first is made when it is first used. */
export function openDatabase(url: string, options: Readonly<{ poolSize: number }>): Database {
  const client = connectPostgres(url, {
    max: options.poolSize,
    onnotice: () => {},
    connection: {
      application_name: 'specie',
      statement_timeout: STATEMENT_TIMEOUT_MILLISECONDS,
      lock_timeout: LOCK_TIMEOUT_MILLISECONDS,
      // Moments as text, and so the hashes over them, are the same wherever the server stands.
      TimeZone: 'UTC',
      // The planner's default is for disks whose arm has to move.
      random_page_cost: 1.1,
    },
  });
  return databaseOver(client, systemTimers);
}

export function databaseOver(client: DatabaseClient, timers: Timers): Database {
  const sql = client as postgres.Sql;
  return { drizzle: drizzle(preparing(sql)), client: sql, timers, close: () => client.end({ timeout: 5 }) };
}

/**
 * Drizzle asks for statements that are not prepared, and then the driver asks the server for the types of their
 * parameters before it sends any: two round trips each. A statement that is prepared takes one from its second use on.
 */
function preparing(client: postgres.Sql): postgres.Sql {
  return new Proxy(client, {
    get(target, name) {
      if (name === 'unsafe') {
        return (statement: string, parameters: never[] = [], options: postgres.UnsafeQueryOptions = {}) =>
          target.unsafe(statement, parameters, parameters.length > 0 ? { ...options, prepare: true } : options);
      }
      if (name === 'begin' || name === 'savepoint') {
        const run = (Reflect.get(target, name) as (...given: unknown[]) => unknown).bind(target);
        return (...given: unknown[]) =>
          run(
            ...given.map((argument) =>
              typeof argument === 'function' ? (inner: postgres.Sql) => argument(preparing(inner)) : argument,
            ),
          );
      }
      return Reflect.get(target, name);
    },
  });
}

/** Each statement is on its way when this returns, so that those started in one turn travel in their order. */
export function executeOn(client: Pick<postgres.Sql, 'unsafe'>): Execute {
  return (statement, parameters) => {
    const query = client.unsafe(statement, parameters as (string | number | null)[], { prepare: true });
    return query.execute().values() as unknown as Promise<Row[]>;
  };
}

/** The same connection, below Drizzle: for the few statements whose speed decides that of everything. */
export function executeIn(transaction: DatabaseTransaction): Execute {
  // Drizzle keeps the driver's connection in the session of its transaction.
  const { session } = transaction as unknown as { session: { client: postgres.Sql } };
  return executeOn(session.client);
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
      return await inSpan(DATABASE_TRANSACTION, () =>
        database.drizzle.transaction(work, { isolationLevel: 'read committed' }),
      );
    } catch (error) {
      const code = databaseErrorCode(error);
      if (code === undefined || !isContention(code) || attempt === MAXIMUM_ATTEMPTS) throw asUnavailability(error);
      await database.timers.wait(FIRST_BACKOFF_MILLISECONDS * 2 ** (attempt - 1));
    }
  }
}

/** A fault of the connection, or contention that did not end, as LEDGER_UNAVAILABLE; anything else as it is. */
export function asUnavailability(error: unknown): unknown {
  const code = databaseErrorCode(error);
  return code !== undefined && (isContention(code) || isUnavailability(code)) ? unavailable(error, code) : error;
}

/**
 * Has `work` run on a connection of its own, between `begin` and `commit`, which travel with what they enclose.
 *
 * Errors:  whatever `work` throws
 * Effects: those of `work`, all or none; the connection goes back to the pool, unless it was lost: the driver, given back
 *          a connection that is about to close, would still send queries to it
 */
export async function onOneConnection<Result>(
  database: Database,
  begin: string,
  work: (execute: Execute) => Promise<Result>,
): Promise<Result> {
  const connection = await database.client.reserve();
  const execute = executeOn(connection);
  try {
    const begun = execute(begin, []);
    const [, result] = await Promise.all([begun, work(execute)]);
    connection.release();
    return result;
  } catch (error) {
    if (!isConnectionLost(error)) {
      await execute('rollback', []).catch(() => {});
      connection.release();
    }
    throw error;
  }
}

/** Reads in one snapshot. Errors: whatever `work` throws. */
export function inSnapshot<Result>(database: Database, work: (execute: Execute) => Promise<Result>): Promise<Result> {
  return onOneConnection(database, 'begin isolation level repeatable read read only', async (execute) => {
    const result = await work(execute);
    await execute('commit', []);
    return result;
  });
}

function isConnectionLost(error: unknown): boolean {
  const code = databaseErrorCode(error) ?? '';
  return /^(08|57P)/.test(code) || (CONNECTION_FAULTS.has(code) && !/^\d/.test(code));
}

/**
 * Thrown in a database transaction when another one came first and its rows must be read afresh: the transaction is
 * run again as if the database itself had refused it.
 */
export class SerializationConflict extends Error {
  readonly code = '40001';
}

export function databaseErrorCode(error: unknown): string | undefined {
  // Drizzle wraps what the driver throws, and a wrapped error may be wrapped again.
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof SettlementError) return undefined;
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return undefined;
}

export function isContention(code: string): boolean {
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
