import type { Database, DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { Deployment } from '../../../chain/domain.ts';
import type { PaymentDependencies } from '../dependencies.ts';
import { actionOf } from '../shared.ts';
import { countWaiting, loadMovements, loadPage, loadPayment, saveMovementState, savePayment } from '../store.ts';
import { type PaymentView, viewOfPayment } from '../view.ts';

type Reading = Readonly<{ database: Database; deployment: Deployment }>;

const LARGEST_PAGE = 200;

/** Errors: thrown PAYMENT_UNKNOWN. */
export async function findPayment(
  { database, deployment }: Reading,
  shard: Shard,
  paymentId: string,
): Promise<PaymentView> {
  const row = await loadPayment(database.drizzle, shard, paymentId);
  if (!row) throw new SettlementError('PAYMENT_UNKNOWN', `no payment ${JSON.stringify(paymentId)}`, { paymentId });
  const movements = await loadMovements(database.drizzle, shard, [paymentId]);
  return viewOfPayment(row, movements, actionOf(deployment, row));
}

/**
 * A page of payments, newest first.
 *
 * Shape:  { merchantId?, merchantReference?, cursor?, limit } → the page and the cursor of the next one
 * Errors: thrown FIELD_INVALID for a cursor that was never given out
 */
export async function listPayments(
  { database, deployment }: Reading,
  query: Readonly<{
    shard: Shard;
    merchantId?: string | undefined;
    merchantReference?: string | undefined;
    cursor?: string | undefined;
    limit: number;
  }>,
): Promise<Readonly<{ payments: readonly PaymentView[]; nextCursor: string | null }>> {
  const limit = Math.min(query.limit, LARGEST_PAGE);
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor);
  const rows = await loadPage(database.drizzle, query.shard, query, after, limit + 1);
  const page = rows.slice(0, limit);
  const movements = await loadMovements(
    database.drizzle,
    query.shard,
    page.map(({ paymentId }) => paymentId),
  );
  const last = page.at(-1);
  return {
    payments: page.map((row) =>
      viewOfPayment(
        row,
        movements.filter(({ paymentId }) => paymentId === row.paymentId),
        actionOf(deployment, row),
      ),
    ),
    nextCursor:
      rows.length > limit && last
        ? Buffer.from(`${last.recordedAt.toISOString()} ${last.paymentId}`).toString('base64url')
        : null,
  };
}

/** What waits for an issuer, the chain or a window. */
export async function countWaitingPayments({ database }: Reading) {
  return countWaiting(database.drizzle);
}

/** Marks movements whose money has reached its merchant or payer, in the caller's database transaction. */
export async function finalizeMovements(
  { machineClock }: Pick<PaymentDependencies, 'machineClock'>,
  transaction: DatabaseTransaction,
  movements: readonly Readonly<{ shard: Shard; paymentId: string; sequence: number }>[],
  at: Date,
): Promise<void> {
  for (const movement of movements) {
    const changed = await saveMovementState(transaction, movement, 'final', at);
    if (changed) await savePayment(transaction, movement, { finalAt: machineClock.now() });
  }
}

function readCursor(text: string) {
  const [time = '', paymentId = ''] = Buffer.from(text, 'base64url').toString('utf8').split(' ');
  const recordedAt = new Date(time);
  if (Number.isNaN(recordedAt.getTime()) || paymentId === '') {
    throw new SettlementError('FIELD_INVALID', 'this is no cursor of this list', { param: 'cursor' });
  }
  return { recordedAt, paymentId };
}
