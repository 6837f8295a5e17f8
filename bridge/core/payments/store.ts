import { and, asc, desc, eq, gt, inArray, lt, lte, or, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import { insertRows, isOneOf } from '../../platform/rows.ts';
import { paymentMovements, payments } from '../../schema/payments.ts';
import type { PaymentState } from './domain.ts';
import { PARTIES } from './owners.ts';

export type PaymentRow = typeof payments.$inferSelect;
export type MovementRow = typeof paymentMovements.$inferSelect;
type Reader = Database['drizzle'] | DatabaseTransaction;

export async function loadPayment(reader: Reader, shard: Shard, paymentId: string): Promise<PaymentRow | undefined> {
  const [row] = await reader.select().from(payments).where(samePayment(shard, paymentId));
  return row;
}

export async function lockPayment(
  transaction: DatabaseTransaction,
  shard: Shard,
  paymentId: string,
): Promise<PaymentRow | undefined> {
  const [row] = await transaction.select().from(payments).where(samePayment(shard, paymentId)).for('update');
  return row;
}

/** Locks payments, by their own name or by that of their escrow terms, in the order of their identifiers. */
export async function lockPayments(
  transaction: DatabaseTransaction,
  shard: Shard,
  named: Readonly<{ paymentIds?: readonly string[]; termsHashes?: readonly string[] }>,
): Promise<readonly PaymentRow[]> {
  const { paymentIds = [], termsHashes = [] } = named;
  if (paymentIds.length + termsHashes.length === 0) return [];
  return transaction
    .select()
    .from(payments)
    .where(
      and(
        eq(payments.shard, shard),
        or(isOneOf(payments.paymentId, paymentIds), isOneOf(payments.termsHash, termsHashes)),
      ),
    )
    .orderBy(asc(payments.paymentId))
    .for('update');
}

export async function loadPaymentsByTerms(
  reader: Reader,
  shard: Shard,
  termsHashes: readonly string[],
): Promise<readonly PaymentRow[]> {
  if (termsHashes.length === 0) return [];
  return reader
    .select()
    .from(payments)
    .where(and(eq(payments.shard, shard), isOneOf(payments.termsHash, termsHashes)));
}

export async function savePayment(
  transaction: DatabaseTransaction,
  row: Pick<PaymentRow, 'shard' | 'paymentId'>,
  change: Partial<typeof payments.$inferInsert>,
): Promise<void> {
  await transaction.update(payments).set(change).where(samePayment(row.shard, row.paymentId));
}

/** Writes what decisions have changed of many payments, with one statement. */
export async function savePayments(transaction: DatabaseTransaction, rows: readonly PaymentRow[]): Promise<void> {
  if (rows.length === 0) return;
  const changes = rows.map((row) => ({
    shard: row.shard,
    payment_id: row.paymentId,
    phase: row.phase,
    authorized: row.authorized.toString(),
    captured: row.captured.toString(),
    voided: row.voided.toString(),
    refunded: row.refunded.toString(),
    charged_back: row.chargedBack.toString(),
    sequence: row.sequence,
    decline_code: row.declineCode,
    reversal_due_at: row.reversalDueAt?.toISOString() ?? null,
  }));
  await transaction.execute(sql`
    update bridge.payments p set phase = x.phase, authorized = x.authorized, captured = x.captured, voided = x.voided,
      refunded = x.refunded, charged_back = x.charged_back, sequence = x.sequence, decline_code = x.decline_code, reversal_due_at = x.reversal_due_at
    from json_to_recordset(${JSON.stringify(changes)}::json) as x(shard smallint, payment_id text, phase text,
      authorized numeric, captured numeric, voided numeric, refunded numeric, charged_back numeric, sequence integer, decline_code text,
      reversal_due_at timestamptz)
    where p.shard = x.shard and p.payment_id = x.payment_id`);
}

/** Which of these are there now: a row is not written when its merchant has a live payment with the same reference. */
export async function insertPayments(
  transaction: DatabaseTransaction,
  rows: readonly PaymentRow[],
): Promise<ReadonlySet<string>> {
  const inserted = await insertRows(transaction, payments, rows, [payments.paymentId]);
  return new Set(inserted.map((row) => String(row.payment_id)));
}

export async function loadPayments(
  reader: Reader,
  shard: Shard,
  paymentIds: readonly string[],
): Promise<readonly PaymentRow[]> {
  if (paymentIds.length === 0) return [];
  return reader
    .select()
    .from(payments)
    .where(and(eq(payments.shard, shard), isOneOf(payments.paymentId, paymentIds)));
}

export async function insertMovements(transaction: DatabaseTransaction, rows: readonly MovementRow[]): Promise<void> {
  await insertRows(transaction, paymentMovements, rows);
}

export async function insertMovement(
  transaction: DatabaseTransaction,
  row: typeof paymentMovements.$inferInsert,
): Promise<void> {
  await transaction.insert(paymentMovements).values(row);
}

export async function loadMovements(
  reader: Reader,
  shard: Shard,
  paymentIds: readonly string[],
): Promise<readonly MovementRow[]> {
  if (paymentIds.length === 0) return [];
  return reader
    .select()
    .from(paymentMovements)
    .where(and(eq(paymentMovements.shard, shard), isOneOf(paymentMovements.paymentId, paymentIds)))
    .orderBy(asc(paymentMovements.paymentId), asc(paymentMovements.sequence));
}

/** The movement when this call made it so, undefined when it was so before. */
export async function saveMovementState(
  transaction: DatabaseTransaction,
  row: Readonly<{ shard: Shard; paymentId: string; sequence: number }>,
  state: 'final' | 'failed',
  finalAt: Date,
): Promise<MovementRow | undefined> {
  const [changed] = await transaction
    .update(paymentMovements)
    .set({ state, finalAt })
    .where(
      and(
        eq(paymentMovements.shard, row.shard),
        eq(paymentMovements.paymentId, row.paymentId),
        eq(paymentMovements.sequence, row.sequence),
        eq(paymentMovements.state, 'accepted'),
      ),
    )
    .returning();
  return changed;
}

export async function saveMovement(
  transaction: DatabaseTransaction,
  row: Readonly<{ shard: Shard; paymentId: string; sequence: number }>,
  change: Partial<MovementRow>,
): Promise<void> {
  await transaction
    .update(paymentMovements)
    .set(change)
    .where(
      and(
        eq(paymentMovements.shard, row.shard),
        eq(paymentMovements.paymentId, row.paymentId),
        eq(paymentMovements.sequence, row.sequence),
      ),
    );
}

export async function loadExpired(reader: Reader, now: Date, limit: number): Promise<readonly PaymentRow[]> {
  return reader
    .select()
    .from(payments)
    .where(and(inArray(payments.phase, ['open', 'requires_action']), lte(payments.authorizationExpiresAt, now)))
    .orderBy(asc(payments.authorizationExpiresAt), asc(payments.paymentId))
    .limit(limit);
}

export async function loadUnanswered(reader: Reader, machineNow: Date, limit: number): Promise<readonly PaymentRow[]> {
  return reader
    .select()
    .from(payments)
    .where(and(sql`${payments.reversalDueAt} is not null`, lte(payments.reversalDueAt, machineNow)))
    .orderBy(asc(payments.reversalDueAt), asc(payments.paymentId))
    .limit(limit);
}

export type ListCursor = Readonly<{ recordedAt: Date; identifier: string }>;

/** Newest first; the cursor names the last row of the page before, so that rows added meanwhile shift nothing. */
export async function loadPage(
  reader: Reader,
  shard: Shard,
  filter: Readonly<{ merchantId?: string | undefined; merchantReference?: string | undefined; viewer: Viewer }>,
  after: ListCursor | undefined,
  limit: number,
): Promise<readonly PaymentRow[]> {
  return reader
    .select()
    .from(payments)
    .where(
      and(
        eq(payments.shard, shard),
        isOfViewer(filter.viewer),
        filter.merchantId ? eq(payments.merchantId, filter.merchantId) : undefined,
        filter.merchantReference ? eq(payments.merchantReference, filter.merchantReference) : undefined,
        after
          ? or(
              lt(payments.recordedAt, after.recordedAt),
              and(eq(payments.recordedAt, after.recordedAt), gt(payments.paymentId, after.identifier)),
            )
          : undefined,
      ),
    )
    .orderBy(desc(payments.recordedAt), asc(payments.paymentId))
    .limit(limit);
}

/** The identifiers of the viewer's payments, for who lists what belongs to them; undefined where it sees everything. */
export function paymentsOfViewer(reader: Reader, shard: Shard, viewer: Viewer) {
  const own = isOfViewer(viewer);
  if (!own) return undefined;
  return reader
    .select({ paymentId: payments.paymentId })
    .from(payments)
    .where(and(eq(payments.shard, shard), own));
}

function isOfViewer({ participantId }: Viewer) {
  if (participantId === undefined) return undefined;
  return or(...PARTIES.map((party) => eq(payments[party], participantId)));
}

export type PaymentCount = Readonly<{ quadrant: string; phase: string; payments: number; oldest: Date }>;

/** How many payments are in each quadrant and phase, and when the oldest of them came in by the machine's clock. */
export async function countByPhase(reader: Reader): Promise<readonly PaymentCount[]> {
  const rows = await reader
    .select({
      quadrant: payments.quadrant,
      phase: payments.phase,
      payments: sql<number>`count(*)::int`,
      oldest: sql<string>`min(${payments.receivedAt})`,
    })
    .from(payments)
    .groupBy(payments.quadrant, payments.phase);
  return rows.map((row) => ({ ...row, oldest: new Date(row.oldest) }));
}

/** How many payments wait for an answer, how many movements for their end, how many holds to be let go. */
export async function countWaiting(
  reader: Reader,
  now: Date,
): Promise<Readonly<{ unknown: number; movements: number; expired: number }>> {
  const [phases] = await reader
    .select({ unknown: sql<number>`count(*)::int` })
    .from(payments)
    .where(eq(payments.phase, 'unknown'));
  const [movements] = await reader
    .select({ accepted: sql<number>`count(*)::int` })
    .from(paymentMovements)
    .where(eq(paymentMovements.state, 'accepted'));
  const [holds] = await reader
    .select({ expired: sql<number>`count(*)::int` })
    .from(payments)
    .where(and(inArray(payments.phase, ['open', 'requires_action']), lte(payments.authorizationExpiresAt, now)));
  return {
    unknown: phases?.unknown ?? 0,
    movements: movements?.accepted ?? 0,
    expired: holds?.expired ?? 0,
  };
}

export function stateOf(row: PaymentRow): PaymentState {
  return {
    phase: row.phase,
    asset: row.asset,
    requested: row.requested,
    authorized: row.authorized,
    captured: row.captured,
    voided: row.voided,
    refunded: row.refunded,
    chargedBack: row.chargedBack,
    sequence: row.sequence,
    authorizationExpiresAt: row.authorizationExpiresAt,
    refundExpiresAt: row.refundExpiresAt,
  };
}

/** The columns that a decision may change. */
export function columnsOf(state: PaymentState) {
  const { phase, authorized, captured, voided, refunded, chargedBack, sequence } = state;
  return { phase, authorized, captured, voided, refunded, chargedBack, sequence };
}

function samePayment(shard: Shard, paymentId: string) {
  return and(eq(payments.shard, shard), eq(payments.paymentId, paymentId));
}
