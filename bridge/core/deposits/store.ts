import { and, asc, desc, eq, gt, isNull, lte, or, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { insertRows, isOneOf } from '../../platform/rows.ts';
import { depositDebts, depositReturns, deposits, depositTransfers, suspenseItems } from '../../schema/deposits.ts';

export type DepositRow = typeof deposits.$inferSelect;
export type TransferRow = typeof depositTransfers.$inferSelect;
export type DebtRow = typeof depositDebts.$inferSelect;
export type ReturnRow = typeof depositReturns.$inferSelect;
export type SuspenseRow = typeof suspenseItems.$inferSelect;
type Reader = Database['drizzle'] | DatabaseTransaction;

export async function insertDeposits(transaction: DatabaseTransaction, rows: readonly DepositRow[]): Promise<void> {
  await insertRows(transaction, deposits, rows);
}

export async function lockDeposits(
  transaction: DatabaseTransaction,
  shard: Shard,
  paymentIds: readonly string[],
): Promise<readonly DepositRow[]> {
  if (paymentIds.length === 0) return [];
  return transaction
    .select()
    .from(deposits)
    .where(and(eq(deposits.shard, shard), isOneOf(deposits.paymentId, paymentIds)))
    .orderBy(asc(deposits.paymentId))
    .for('update');
}

export async function saveDeposit(
  transaction: DatabaseTransaction,
  row: Pick<DepositRow, 'shard' | 'paymentId'>,
  change: Partial<DepositRow>,
): Promise<void> {
  await transaction
    .update(deposits)
    .set(change)
    .where(and(eq(deposits.shard, row.shard), eq(deposits.paymentId, row.paymentId)));
}

export async function loadDeposit(reader: Reader, shard: Shard, paymentId: string): Promise<DepositRow | undefined> {
  const [row] = await reader
    .select()
    .from(deposits)
    .where(and(eq(deposits.shard, shard), eq(deposits.paymentId, paymentId)));
  return row;
}

export async function loadDeposits(reader: Reader, shard: Shard, limit: number): Promise<readonly DepositRow[]> {
  return reader
    .select()
    .from(deposits)
    .where(eq(deposits.shard, shard))
    .orderBy(desc(deposits.recordedAt), desc(deposits.paymentId))
    .limit(limit);
}

/** Whether a deposit's time is over, or something is due back: looked at each second, so with one statement. */
export async function hasDue(reader: Reader, now: Date): Promise<boolean> {
  const at = now.toISOString();
  const rows = await reader.execute<{ due: boolean }>(sql`
    select exists (select from bridge.deposits where state = 'open' and sweep_before <= ${at}::timestamptz)
      or exists (select from bridge.deposit_debts
        where owed > 0 and return_id is null and not_before <= ${at}::timestamptz) as due`);
  return [...rows][0]?.due ?? false;
}

export async function loadExpiredDeposits(reader: Reader, now: Date, limit: number): Promise<readonly DepositRow[]> {
  return reader
    .select()
    .from(deposits)
    .where(and(eq(deposits.state, 'open'), lte(deposits.sweepBefore, now)))
    .orderBy(asc(deposits.sweepBefore), asc(deposits.paymentId))
    .limit(limit);
}

/** Deposits whose balance of the chain's own coin was not looked at up to `height` yet. */
export async function loadUnseen(
  reader: Reader,
  since: Date,
  height: number,
  after: string,
  limit: number,
): Promise<readonly DepositRow[]> {
  return reader
    .select()
    .from(deposits)
    .where(
      and(
        gt(deposits.paymentId, after),
        gt(deposits.sweepBefore, since),
        or(isNull(deposits.seenHeight), sql`${deposits.seenHeight} < ${height}`),
      ),
    )
    .orderBy(asc(deposits.paymentId))
    .limit(limit);
}

/** False when it was written before. */
export async function insertTransfer(transaction: DatabaseTransaction, row: TransferRow): Promise<boolean> {
  const inserted = await insertRows(transaction, depositTransfers, [row], [depositTransfers.transferId]);
  return inserted.length > 0;
}

export async function loadTransfers(reader: Reader, shard: Shard, paymentId: string): Promise<readonly TransferRow[]> {
  return reader
    .select()
    .from(depositTransfers)
    .where(and(eq(depositTransfers.shard, shard), eq(depositTransfers.paymentId, paymentId)))
    .orderBy(asc(depositTransfers.height), asc(depositTransfers.transferId));
}

export async function lockDebt(
  transaction: DatabaseTransaction,
  shard: Shard,
  address: string,
  asset: string,
): Promise<DebtRow | undefined> {
  const [row] = await transaction.select().from(depositDebts).where(sameDebt({ shard, address, asset })).for('update');
  return row;
}

/** Adds to what is owed; it waits for the latest of the moments from which its parts can go back. */
export async function addDebt(
  transaction: DatabaseTransaction,
  debt: Omit<DebtRow, 'attempts' | 'returnId'>,
): Promise<void> {
  await transaction
    .insert(depositDebts)
    .values({ ...debt, attempts: 0, returnId: null })
    .onConflictDoUpdate({
      target: [depositDebts.shard, depositDebts.address, depositDebts.asset],
      set: {
        owed: sql`${depositDebts.owed} + excluded.owed`,
        dust: sql`${depositDebts.dust} + excluded.dust`,
        notBefore: sql`greatest(${depositDebts.notBefore}, excluded.not_before)`,
      },
    });
}

export async function saveDebt(
  transaction: DatabaseTransaction,
  row: Pick<DebtRow, 'shard' | 'address' | 'asset'>,
  change: Partial<DebtRow>,
): Promise<void> {
  await transaction.update(depositDebts).set(change).where(sameDebt(row));
}

export async function lockDueDebts(
  transaction: DatabaseTransaction,
  now: Date,
  limit: number,
): Promise<readonly DebtRow[]> {
  return transaction
    .select()
    .from(depositDebts)
    .where(and(gt(depositDebts.owed, 0n), isNull(depositDebts.returnId), lte(depositDebts.notBefore, now)))
    .orderBy(asc(depositDebts.shard), asc(depositDebts.address), asc(depositDebts.asset))
    .limit(limit)
    .for('update', { skipLocked: true });
}

export async function insertReturn(transaction: DatabaseTransaction, row: ReturnRow): Promise<void> {
  await transaction.insert(depositReturns).values(row);
}

export async function loadReturn(reader: Reader, shard: Shard, returnId: string): Promise<ReturnRow | undefined> {
  const [row] = await reader.select().from(depositReturns).where(sameReturn({ shard, returnId }));
  return row;
}

export async function loadReturns(reader: Reader, shard: Shard, paymentId: string): Promise<readonly ReturnRow[]> {
  return reader
    .select()
    .from(depositReturns)
    .where(and(eq(depositReturns.shard, shard), eq(depositReturns.paymentId, paymentId)))
    .orderBy(asc(depositReturns.recordedAt), asc(depositReturns.returnId));
}

export async function saveReturn(
  transaction: DatabaseTransaction,
  row: Pick<ReturnRow, 'shard' | 'returnId'>,
  change: Partial<ReturnRow>,
): Promise<void> {
  await transaction.update(depositReturns).set(change).where(sameReturn(row));
}

export async function insertSuspense(transaction: DatabaseTransaction, row: SuspenseRow): Promise<boolean> {
  const inserted = await insertRows(transaction, suspenseItems, [row], [suspenseItems.itemId]);
  return inserted.length > 0;
}

export async function lockSuspense(
  transaction: DatabaseTransaction,
  shard: Shard,
  named: Readonly<{ itemId: string } | { returnId: string }>,
): Promise<SuspenseRow | undefined> {
  const name = 'itemId' in named ? eq(suspenseItems.itemId, named.itemId) : eq(suspenseItems.returnId, named.returnId);
  const [row] = await transaction
    .select()
    .from(suspenseItems)
    .where(and(eq(suspenseItems.shard, shard), name))
    .for('update');
  return row;
}

/** Items at the deposit address of a payment that are being sent back, oldest first. */
export async function lockReturningAt(
  transaction: DatabaseTransaction,
  paymentId: string,
  amount: bigint,
): Promise<readonly SuspenseRow[]> {
  return transaction
    .select()
    .from(suspenseItems)
    .where(
      and(
        eq(suspenseItems.paymentId, paymentId),
        eq(suspenseItems.place, 'deposit'),
        eq(suspenseItems.state, 'returning'),
        eq(suspenseItems.amount, amount),
      ),
    )
    .orderBy(asc(suspenseItems.recordedAt), asc(suspenseItems.itemId))
    .for('update');
}

export async function saveSuspense(
  transaction: DatabaseTransaction,
  row: Pick<SuspenseRow, 'shard' | 'itemId'>,
  change: Partial<SuspenseRow>,
): Promise<void> {
  await transaction
    .update(suspenseItems)
    .set(change)
    .where(and(eq(suspenseItems.shard, row.shard), eq(suspenseItems.itemId, row.itemId)));
}

export async function loadSuspense(reader: Reader, shard: Shard, limit: number): Promise<readonly SuspenseRow[]> {
  return reader
    .select()
    .from(suspenseItems)
    .where(eq(suspenseItems.shard, shard))
    .orderBy(desc(suspenseItems.recordedAt), desc(suspenseItems.itemId))
    .limit(limit);
}

/** How many deposits, returns and items in suspense are on their way. */
export async function countOpenDeposits(reader: Reader): Promise<number> {
  const rows = await reader.execute<{ open: number }>(sql`
    select ((select count(*) from bridge.deposits where state in ('open', 'sweeping') and (held > 0 or state = 'sweeping'))
      + (select count(*) from bridge.deposit_debts where owed > 0)
      + (select count(*) from bridge.suspense_items where state = 'returning'))::int as open`);
  return [...rows][0]?.open ?? 0;
}

function sameDebt({ shard, address, asset }: Pick<DebtRow, 'shard' | 'address' | 'asset'>) {
  return and(eq(depositDebts.shard, shard), eq(depositDebts.address, address), eq(depositDebts.asset, asset));
}

function sameReturn({ shard, returnId }: Pick<ReturnRow, 'shard' | 'returnId'>) {
  return and(eq(depositReturns.shard, shard), eq(depositReturns.returnId, returnId));
}
