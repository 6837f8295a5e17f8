import type { Database, DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { EVERYTHING, type Viewer } from '../../../../ledger-service/vocabulary/viewers.ts';
import type { Deployment } from '../../../chain/domain.ts';
import { readCursor, writeCursor } from '../../../platform/cursor.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import type { PaymentDependencies } from '../dependencies.ts';
import { ownOrUnknown } from '../owners.ts';
import { actionOf, settledEvent } from '../shared.ts';
import {
  countByPhase,
  countWaiting,
  loadMovements,
  loadPage,
  loadPayment,
  loadPayments,
  loadPaymentsByTerms,
  lockPayments,
  type MovementRow,
  type PaymentCount,
  type PaymentRow,
  paymentsOfViewer,
  saveMovementState,
  savePayment,
} from '../store.ts';
import { type PaymentView, viewOfPayment } from '../view.ts';

type Reading = Readonly<{ database: Database; deployment: Deployment }>;

const LARGEST_PAGE = 200;

/** Errors: thrown PAYMENT_UNKNOWN, also for a payment in which the viewer takes no part. */
export async function findPayment(
  { database, deployment }: Reading,
  shard: Shard,
  paymentId: string,
  viewer: Viewer = EVERYTHING,
): Promise<PaymentView> {
  const row = ownOrUnknown(await loadPayment(database.drizzle, shard, paymentId), paymentId, viewer);
  if (row instanceof SettlementError) throw row;
  const movements = await loadMovements(database.drizzle, shard, [paymentId]);
  return viewOfPayment(row, movements, actionOf(deployment, row));
}

/**
 * A page of the viewer's payments, newest first.
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
  viewer: Viewer = EVERYTHING,
): Promise<Readonly<{ payments: readonly PaymentView[]; nextCursor: string | null }>> {
  const limit = Math.min(query.limit, LARGEST_PAGE);
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor, 'pay');
  const rows = await loadPage(database.drizzle, query.shard, { ...query, viewer }, after, limit + 1);
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
    nextCursor: rows.length > limit && last ? writeCursor(last.recordedAt, last.paymentId) : null,
  };
}

/** A subquery of the viewer's payments, for rooms that list what belongs to them; undefined where it sees everything. */
export function ownPayments({ database }: Pick<Reading, 'database'>, shard: Shard, viewer: Viewer) {
  return paymentsOfViewer(database.drizzle, shard, viewer);
}

/** A crypto payer's payment, as far as the chain's logs need to know. */
export type PaymentOnChain = Readonly<{
  paymentId: string;
  phase: PaymentRow['phase'];
  quadrant: PaymentRow['quadrant'];
  asset: string;
  movements: readonly Readonly<Pick<MovementRow, 'sequence' | 'kind' | 'state' | 'escrowSequence'>>[];
}>;

/** The payments that some escrow terms name, by the hash of the terms. */
export async function findPaymentsOnChain(
  database: Database,
  shard: Shard,
  termsHashes: readonly string[],
): Promise<ReadonlyMap<string, PaymentOnChain>> {
  const rows = await loadPaymentsByTerms(database.drizzle, shard, termsHashes);
  const movements = await loadMovements(
    database.drizzle,
    shard,
    rows.map(({ paymentId }) => paymentId),
  );
  const ofPayment = Map.groupBy(movements, ({ paymentId }) => paymentId);
  return new Map(
    rows.map(({ paymentId, phase, quadrant, asset, termsHash }) => [
      termsHash!,
      { paymentId, phase, quadrant, asset, movements: ofPayment.get(paymentId) ?? [] },
    ]),
  );
}

/** The escrow terms of some payments, as they are stored; payments of cards have none. */
export async function findTerms(
  transaction: DatabaseTransaction,
  shard: Shard,
  paymentIds: readonly string[],
): Promise<ReadonlyMap<string, unknown>> {
  const rows = await loadPayments(transaction, shard, paymentIds);
  return new Map(rows.map(({ paymentId, terms }) => [paymentId, terms]));
}

/** What waits for an issuer, the chain or a window. */
export async function countWaitingPayments({ database }: Pick<Reading, 'database'>, now: Date) {
  return countWaiting(database.drizzle, now);
}

/** How many payments there are of each kind, and since when. */
export async function countPayments({ database }: Pick<Reading, 'database'>): Promise<readonly PaymentCount[]> {
  return countByPhase(database.drizzle);
}

/**
 * Marks movements whose money has reached its merchant or payer, in the caller's database transaction, which has locked
 * no account yet: payments come before accounts, and among themselves in the order of their identifiers.
 *
 * Effects: events payment.settled and payment.refundSettled, for the caller to ring for
 */
export async function finalizeMovements(
  { machineClock, outbox }: Pick<PaymentDependencies, 'machineClock' | 'outbox'>,
  transaction: DatabaseTransaction,
  movements: readonly Readonly<{ shard: Shard; paymentId: string; sequence: number }>[],
  at: Date,
): Promise<readonly DomainEvent[]> {
  const rows = await lockPaymentsOf(transaction, movements);
  const events: DomainEvent[] = [];
  for (const movement of movements) {
    const changed = await saveMovementState(transaction, movement, 'final', at);
    if (!changed) continue;
    await savePayment(transaction, movement, { finalAt: machineClock.now() });
    const row = rows.get(movement.paymentId);
    if (row && isPlain(changed)) events.push(settledEvent(row, changed));
  }
  await outbox.emit(transaction, events);
  return events;
}

function isPlain({ kind }: MovementRow): boolean {
  return kind === 'capture' || kind === 'refund';
}

/** Locks the payments of some movements, as whoever publishes an event of theirs must. */
export async function lockPaymentsOf(
  transaction: DatabaseTransaction,
  movements: readonly Readonly<{ shard: Shard; paymentId: string }>[],
): Promise<ReadonlyMap<string, PaymentRow>> {
  const rows = new Map<string, PaymentRow>();
  const byShard = [...Map.groupBy(movements, (movement) => movement.shard)].sort(([left], [right]) => left - right);
  for (const [shard, ofShard] of byShard) {
    const paymentIds = ofShard.map(({ paymentId }) => paymentId);
    for (const row of await lockPayments(transaction, shard, { paymentIds })) rows.set(row.paymentId, row);
  }
  return rows;
}
