import { and, asc, desc, eq, gt, isNull, lt, ne, or, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { webhookEndpoints, webhookSecrets } from '../../../schema/webhooks.ts';
import type { Cursor } from '../../cursor.ts';
import { isOneOf } from '../../rows.ts';

export type EndpointRow = typeof webhookEndpoints.$inferSelect;
export type SecretRow = typeof webhookSecrets.$inferSelect;
type Reader = Database['drizzle'] | DatabaseTransaction;

/** Whose endpoints: one merchant's, or everybody's. */
export type Visibility = Readonly<{ ownerId?: string | undefined }>;

export async function insertEndpoint(transaction: DatabaseTransaction, row: EndpointRow): Promise<void> {
  await unrepeated(() => transaction.insert(webhookEndpoints).values(row));
}

/** Of those that are not deleted. */
export async function countEndpoints(reader: Reader, shard: Shard, ownerId: string | null): Promise<number> {
  const [row] = await reader
    .select({ count: sql<number>`count(*)::int` })
    .from(webhookEndpoints)
    .where(
      and(
        eq(webhookEndpoints.shard, shard),
        ownerId === null ? isNull(webhookEndpoints.ownerId) : eq(webhookEndpoints.ownerId, ownerId),
        ne(webhookEndpoints.state, 'deleted'),
      ),
    );
  return row?.count ?? 0;
}

export async function loadEndpoint(
  reader: Reader,
  shard: Shard,
  endpointId: string,
  visible: Visibility,
): Promise<EndpointRow | undefined> {
  const [row] = await reader
    .select()
    .from(webhookEndpoints)
    .where(seen(shard, endpointId, visible));
  return row;
}

export async function lockEndpoint(
  transaction: DatabaseTransaction,
  shard: Shard,
  endpointId: string,
  visible: Visibility,
): Promise<EndpointRow | undefined> {
  const query = transaction
    .select()
    .from(webhookEndpoints)
    .where(seen(shard, endpointId, visible));
  const [row] = await query.for('update');
  return row;
}

/** Newest first. */
export async function loadEndpoints(
  reader: Reader,
  shard: Shard,
  visible: Visibility,
  after: Cursor | undefined,
  limit: number,
): Promise<readonly EndpointRow[]> {
  return reader
    .select()
    .from(webhookEndpoints)
    .where(
      and(
        eq(webhookEndpoints.shard, shard),
        ne(webhookEndpoints.state, 'deleted'),
        visible.ownerId === undefined ? undefined : eq(webhookEndpoints.ownerId, visible.ownerId),
        after
          ? or(
              lt(webhookEndpoints.recordedAt, after.recordedAt),
              and(eq(webhookEndpoints.recordedAt, after.recordedAt), gt(webhookEndpoints.endpointId, after.identifier)),
            )
          : undefined,
      ),
    )
    .orderBy(desc(webhookEndpoints.recordedAt), asc(webhookEndpoints.endpointId))
    .limit(limit);
}

export async function saveEndpoint(
  transaction: DatabaseTransaction,
  row: Pick<EndpointRow, 'shard' | 'endpointId'>,
  change: Partial<EndpointRow>,
): Promise<void> {
  await unrepeated(() =>
    transaction
      .update(webhookEndpoints)
      .set(change)
      .where(and(eq(webhookEndpoints.shard, row.shard), eq(webhookEndpoints.endpointId, row.endpointId))),
  );
}

/** Disables an endpoint that is gone, unless it was changed since it said so. */
export async function disableGone(
  transaction: DatabaseTransaction,
  { shard, endpointId, url }: Pick<EndpointRow, 'shard' | 'endpointId' | 'url'>,
): Promise<boolean> {
  const changed = await transaction
    .update(webhookEndpoints)
    .set({ state: 'disabled', disabledBecause: 'gone' })
    .where(
      and(
        eq(webhookEndpoints.shard, shard),
        eq(webhookEndpoints.endpointId, endpointId),
        eq(webhookEndpoints.url, url),
        eq(webhookEndpoints.state, 'enabled'),
      ),
    )
    .returning({ endpointId: webhookEndpoints.endpointId });
  return changed.length > 0;
}

/** The secrets of some endpoints that still sign, the newest of each first. */
export async function loadLiveSecrets(
  reader: Reader,
  shard: Shard,
  endpointIds: readonly string[],
  now: Date,
): Promise<readonly SecretRow[]> {
  return reader
    .select()
    .from(webhookSecrets)
    .where(
      and(
        eq(webhookSecrets.shard, shard),
        isOneOf(webhookSecrets.endpointId, endpointIds),
        or(isNull(webhookSecrets.expiresAt), gt(webhookSecrets.expiresAt, now)),
      ),
    )
    .orderBy(asc(webhookSecrets.endpointId), desc(webhookSecrets.ordinal));
}

export async function insertSecret(transaction: DatabaseTransaction, row: SecretRow): Promise<void> {
  await unrepeated(() => transaction.insert(webhookSecrets).values(row));
}

/** Those that end later, or never, end then. */
export async function expireSecrets(
  transaction: DatabaseTransaction,
  { shard, endpointId }: Pick<EndpointRow, 'shard' | 'endpointId'>,
  expiresAt: Date,
): Promise<void> {
  await transaction
    .update(webhookSecrets)
    .set({ expiresAt })
    .where(
      and(
        eq(webhookSecrets.shard, shard),
        eq(webhookSecrets.endpointId, endpointId),
        or(isNull(webhookSecrets.expiresAt), gt(webhookSecrets.expiresAt, expiresAt)),
      ),
    );
}

/** Secrets that sign nothing any more are forgotten. */
export async function forgetSecrets(
  transaction: DatabaseTransaction,
  { shard, endpointId }: Pick<EndpointRow, 'shard' | 'endpointId'>,
  endedBy: Date | undefined,
): Promise<void> {
  await transaction
    .delete(webhookSecrets)
    .where(
      and(
        eq(webhookSecrets.shard, shard),
        eq(webhookSecrets.endpointId, endpointId),
        endedBy ? sql`${webhookSecrets.expiresAt} <= ${endedBy.toISOString()}::timestamptz` : undefined,
      ),
    );
}

/**
 * The mapper's errors repeat every parameter of the statement, and errors are logged: here a secret, or a URL with one
 * in it, would be among them. What the database itself said is kept, its code included.
 */
async function unrepeated(statement: () => PromiseLike<unknown>): Promise<void> {
  try {
    await statement();
  } catch (error) {
    throw new Error('the endpoint was not stored', { cause: error instanceof Error ? error.cause : undefined });
  }
}

function seen(shard: Shard, endpointId: string, { ownerId }: Visibility) {
  return and(
    eq(webhookEndpoints.shard, shard),
    eq(webhookEndpoints.endpointId, endpointId),
    ne(webhookEndpoints.state, 'deleted'),
    ownerId === undefined ? undefined : eq(webhookEndpoints.ownerId, ownerId),
  );
}
