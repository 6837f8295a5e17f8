import { and, eq } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../ledger-service/platform/database.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Identifier, Shard } from '../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../ledger-service/vocabulary/time.ts';
import { onceKeys } from '../schema/platform.ts';

/** What a caller asked for under a key of its own choice. */
export type OnceRequest = Readonly<{
  shard: Shard;
  callerId: string;
  idempotencyKey: string;
  operation: string;
  /** JSON as it was sent; compared by meaning, not by the order of its keys. */
  request: unknown;
}>;

export type OnceClaim<Outcome> = Readonly<
  | { kind: 'fresh'; resourceId: Identifier }
  /** Claimed before by a run that has not answered: it may have been stopped in the middle. */
  | { kind: 'resumed'; resourceId: Identifier }
  | { kind: 'answered'; outcome: Outcome }
>;

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
  if (isRecord(first) && isRecord(now)) {
    for (const key of [...new Set([...Object.keys(first), ...Object.keys(now)])].sort()) {
      const difference = firstDifference(first[key], now[key], path ? `${path}.${key}` : key);
      if (difference) return difference;
    }
    return undefined;
  }
  const [left, right] = [JSON.stringify(first) ?? 'absent', JSON.stringify(now) ?? 'absent'];
  return left === right ? undefined : { path: path || 'body', first: left.slice(0, 200), now: right.slice(0, 200) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
