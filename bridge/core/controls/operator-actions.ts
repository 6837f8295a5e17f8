import { desc, eq } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { operatorActions } from '../../schema/exposure.ts';

export type OperatorAction = Readonly<{
  shard: Shard;
  actionId: string;
  /** The key that asked for it. */
  operator: string;
  kind: string;
  details: Readonly<Record<string, unknown>>;
  recordedAt: Date;
}>;

/** Notes who did what, in the database transaction that does it: nothing is done by hand that cannot be looked up. */
export async function recordOperatorAction(transaction: DatabaseTransaction, action: OperatorAction): Promise<void> {
  await transaction.insert(operatorActions).values(action);
}

/** Newest first. */
export async function listOperatorActions(
  database: Database,
  shard: Shard,
  limit: number,
): Promise<readonly OperatorAction[]> {
  const rows = await database.drizzle
    .select()
    .from(operatorActions)
    .where(eq(operatorActions.shard, shard))
    .orderBy(desc(operatorActions.recordedAt), desc(operatorActions.actionId))
    .limit(limit);
  return rows as OperatorAction[];
}
