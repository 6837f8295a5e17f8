import { and, asc, eq, or, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../ledger-service/platform/database.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Identifier, Shard } from '../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../ledger-service/vocabulary/time.ts';
import { EVERYTHING, type Viewer } from '../../ledger-service/vocabulary/viewers.ts';
import { onceKeys } from '../schema/platform.ts';
import { insertRows, isOneOf } from './rows.ts';

/** What a caller asked for under a key of its own choice. */
export type OnceRequest = Readonly<{
  shard: Shard;
  callerId: string;
  idempotencyKey: string;
  operation: string;
  /** JSON as it was sent; compared by meaning, not by the order of its keys. */
  request: unknown;
  /** Whose object it has to be; none: anybody's. */
  viewer?: Viewer;
}>;

export type OnceClaim<Outcome> = Readonly<
  | { kind: 'fresh'; resourceId: Identifier }
  /** Claimed before by a run that has not answered: it may have been stopped in the middle. */
  | { kind: 'resumed'; resourceId: Identifier }
  | { kind: 'answered'; outcome: Outcome }
>;

export function viewerOf({ viewer }: Pick<OnceRequest, 'viewer'>): Viewer {
  return viewer ?? EVERYTHING;
}

/**
 * Claims a key in the caller's database transaction; whoever comes second waits for the first one's commit.
 *
 * Errors:  thrown IDEMPOTENCY_KEY_REUSED with the field that differs
 * Effects: one row in once_keys, with the identifier under which the work is known
 */
export async function claimOnce<Outcome>(
  transaction: DatabaseTransaction,
  request: OnceRequest,
  resourceId: Identifier,
  clock: Clock,
): Promise<OnceClaim<Outcome>> {
  const inserted = await transaction
    .insert(onceKeys)
    .values({ ...request, request: request.request ?? {}, resourceId, recordedAt: clock.now() })
    .onConflictDoNothing()
    .returning({ resourceId: onceKeys.resourceId });
  if (inserted.length > 0) return { kind: 'fresh', resourceId };
  const [stored] = await transaction.select().from(onceKeys).where(sameKey(request)).for('update');
  if (!stored) throw new SettlementError('REQUEST_IN_PROGRESS', 'the same request is under way');
  return readStored<Outcome>(stored, request);
}

/** Stores the answer, so that a repetition gets it again. */
export async function completeOnce(
  transaction: DatabaseTransaction,
  request: OnceRequest,
  outcome: unknown,
): Promise<void> {
  await transaction.update(onceKeys).set({ outcome }).where(sameKey(request));
}

/** The stored answer of a key, if there is one: looked at before anything else, so that a repetition costs one read. */
export async function findOutcome<Outcome>(
  database: Database,
  request: OnceRequest,
): Promise<OnceClaim<Outcome> | undefined> {
  const [stored] = await database.drizzle.select().from(onceKeys).where(sameKey(request));
  return stored ? readStored<Outcome>(stored, request) : undefined;
}

/** The same for many keys of one shard with one read; a key that was used with another body is its own error. */
export async function findOutcomes<Outcome>(
  database: Database,
  requests: readonly OnceRequest[],
): Promise<readonly (OnceClaim<Outcome> | SettlementError | undefined)[]> {
  const stored = await database.drizzle.select().from(onceKeys).where(anyOf(requests));
  const byKey = new Map(stored.map((row) => [nameOf(row), row]));
  return requests.map((request) => {
    const row = byKey.get(nameOf(request));
    return row && readOrError<Outcome>(row, request);
  });
}

/**
 * Claims many keys at once, in the caller's database transaction; no key stands among them twice.
 *
 * Shape:   requests of one shard, each with the identifier that its work gets → a claim for each, or
 *          IDEMPOTENCY_KEY_REUSED as a value, so that one reused key does not fail its neighbours
 * Effects: rows in once_keys, made in the order of their keys; who came second waits for the first one's commit
 */
export async function claimMany<Outcome>(
  transaction: DatabaseTransaction,
  requests: readonly Readonly<{ once: OnceRequest; resourceId: Identifier }>[],
  clock: Clock,
): Promise<readonly (OnceClaim<Outcome> | SettlementError)[]> {
  const recordedAt = clock.now();
  const rows = requests.map(({ once, resourceId }) => ({
    ...once,
    request: once.request ?? {},
    resourceId,
    outcome: null,
    recordedAt,
  }));
  const inserted = await insertRows(
    transaction,
    onceKeys,
    rows.toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1)),
    [onceKeys.callerId, onceKeys.idempotencyKey],
  );
  const fresh = new Set(inserted.map((row) => `${row.caller_id} ${row.idempotency_key}`));
  const others = requests.map(({ once }) => once).filter((once) => !fresh.has(nameOf(once)));
  const stored =
    others.length === 0
      ? []
      : await transaction
          .select()
          .from(onceKeys)
          .where(anyOf(others))
          .orderBy(asc(onceKeys.callerId), asc(onceKeys.idempotencyKey))
          .for('update');
  const byKey = new Map(stored.map((row) => [nameOf(row), row]));
  return requests.map(({ once, resourceId }) => {
    if (fresh.has(nameOf(once))) return { kind: 'fresh', resourceId };
    const row = byKey.get(nameOf(once));
    return row
      ? readOrError<Outcome>(row, once)
      : new SettlementError('REQUEST_IN_PROGRESS', 'the same request is under way');
  });
}

/** Stores many answers with one statement. */
export async function completeMany(
  transaction: DatabaseTransaction,
  answers: readonly Readonly<{ once: OnceRequest; outcome: unknown }>[],
): Promise<void> {
  if (answers.length === 0) return;
  const rows = answers.map(({ once, outcome }) => ({
    shard: once.shard,
    caller_id: once.callerId,
    idempotency_key: once.idempotencyKey,
    outcome,
  }));
  await transaction.execute(sql`
    update bridge.once_keys k set outcome = x.outcome
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as x(shard smallint, caller_id text, idempotency_key text, outcome jsonb)
    where k.shard = x.shard and k.caller_id = x.caller_id and k.idempotency_key = x.idempotency_key`);
}

/** Lets go of keys that were claimed for requests which were then refused: a refusal changes nothing, and is not kept. */
export async function releaseMany(transaction: DatabaseTransaction, requests: readonly OnceRequest[]): Promise<void> {
  if (requests.length > 0) await transaction.delete(onceKeys).where(anyOf(requests));
}

export function nameOf({ callerId, idempotencyKey }: Pick<OnceRequest, 'callerId' | 'idempotencyKey'>): string {
  return `${callerId} ${idempotencyKey}`;
}

function anyOf(requests: readonly OnceRequest[]) {
  const shard = requests[0]?.shard ?? 0;
  const callers = [...new Set(requests.map(({ callerId }) => callerId))];
  return and(
    eq(onceKeys.shard, shard),
    or(
      ...callers.map((callerId) =>
        and(
          eq(onceKeys.callerId, callerId),
          isOneOf(
            onceKeys.idempotencyKey,
            requests.filter((one) => one.callerId === callerId).map(({ idempotencyKey }) => idempotencyKey),
          ),
        ),
      ),
    ),
  );
}

function readOrError<Outcome>(
  stored: typeof onceKeys.$inferSelect,
  request: OnceRequest,
): OnceClaim<Outcome> | SettlementError {
  try {
    return readStored<Outcome>(stored, request);
  } catch (error) {
    if (error instanceof SettlementError) return error;
    throw error;
  }
}

function readStored<Outcome>(stored: typeof onceKeys.$inferSelect, request: OnceRequest): OnceClaim<Outcome> {
  const difference =
    stored.operation === request.operation
      ? firstDifference(stored.request, request.request ?? {})
      : { path: 'operation', first: stored.operation, now: request.operation };
  if (difference) {
    throw new SettlementError('IDEMPOTENCY_KEY_REUSED', `${difference.path} was ${difference.first}`, {
      param: difference.path,
      first: difference.first,
      now: difference.now,
    });
  }
  if (stored.outcome !== null) return { kind: 'answered', outcome: stored.outcome as Outcome };
  return { kind: 'resumed', resourceId: stored.resourceId };
}

function sameKey(request: OnceRequest) {
  return and(
    eq(onceKeys.shard, request.shard),
    eq(onceKeys.callerId, request.callerId),
    eq(onceKeys.idempotencyKey, request.idempotencyKey),
  );
}

type Difference = Readonly<{ path: string; first: string; now: string }>;

/** The first field, in the order of names, in which two bodies differ. */
export function firstDifference(first: unknown, now: unknown, path = ''): Difference | undefined {
  // The database keeps the fields of an object in an order of its own, within lists too.
  if ((isRecord(first) && isRecord(now)) || (Array.isArray(first) && Array.isArray(now))) {
    return firstDifferentField(first as Fields, now as Fields, path);
  }
  const [left, right] = [JSON.stringify(first) ?? 'absent', JSON.stringify(now) ?? 'absent'];
  return left === right ? undefined : { path: path || 'body', first: left.slice(0, 200), now: right.slice(0, 200) };
}

type Fields = Readonly<Record<string, unknown>>;

function firstDifferentField(first: Fields, now: Fields, path: string): Difference | undefined {
  for (const key of [...new Set([...Object.keys(first), ...Object.keys(now)])].sort()) {
    const difference = firstDifference(first[key], now[key], path ? `${path}.${key}` : key);
    if (difference) return difference;
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
