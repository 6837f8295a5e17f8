import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { IdentifierSource, Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { EVERYTHING, type Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import { findMerchant, unknownMerchant } from './operations.ts';
import { type Borne, bear, type Split, type Standing, splitPayout } from './standing-domain.ts';
import {
  insertReserve,
  loadDueReserves,
  loadHeldReserves,
  loadReserve,
  loadReservesById,
  loadStandingRow,
  loadStandingRows,
  lockStandingRow,
  type ReserveRow,
  saveReserve,
  saveStandingRow,
  sumReserves,
} from './standing-store.ts';

export type { ReserveRow } from './standing-store.ts';

/** A merchant in the money that it is paid in. */
export type MerchantAsset = Readonly<{ shard: Shard; merchantId: string; asset: string }>;

const DAY_MILLISECONDS = 86_400_000;
const MOST_DAYS = 730;

/**
 * A merchant's standing, locked until the caller's commit. Payments are locked before it, accounts after it, and several
 * in the order of their names.
 */
export async function lockStanding(transaction: DatabaseTransaction, named: MerchantAsset): Promise<Standing> {
  const row = await lockStandingRow(transaction, named);
  const held = await loadHeldReserves(transaction, named);
  return { ...row, reserved: held.reduce((sum, { remaining }) => sum + remaining, 0n) };
}

/**
 * Charges a merchant with what it has to bear.
 *
 * Effects: in the caller's database transaction: reserves are used, what is left is owed, or written off; posting it is
 *          the caller's
 */
export async function chargeMerchant(
  transaction: DatabaseTransaction,
  named: MerchantAsset,
  amount: bigint,
): Promise<Borne> {
  const standing = await lockStanding(transaction, named);
  const borne = bear(standing, amount);
  await useReserves(transaction, named, borne.fromReserve);
  await saveStandingRow(transaction, named, {
    owed: standing.owed + borne.carried,
    writtenOff: standing.writtenOff + borne.writtenOff,
  });
  return borne;
}

/**
 * Splits what a merchant is due into what it owed, what was written off, what is kept back and what it is paid.
 *
 * Effects: as {@link chargeMerchant}; a part that is kept back has its reserve, under `subject`
 */
export async function creditMerchant(
  { identifiers }: Readonly<{ identifiers: IdentifierSource }>,
  transaction: DatabaseTransaction,
  named: MerchantAsset,
  credit: Readonly<{ due: bigint; subject: string; now: Date }>,
): Promise<Split> {
  const standing = await lockStanding(transaction, named);
  const split = splitPayout(standing, credit.due);
  await saveStandingRow(transaction, named, {
    owed: standing.owed - split.netted,
    writtenOff: standing.writtenOff - split.writtenBack,
  });
  const releaseAt = new Date(credit.now.getTime() + standing.reserveDays * DAY_MILLISECONDS);
  const { subject, now } = credit;
  await keep({ identifiers }, transaction, named, { amount: split.withheld, cause: 'payout', subject, releaseAt, now });
  return split;
}

/** The same for what a won dispute gives back: nothing is withheld, and what is the merchant's is due to it at once. */
export async function giveBackToMerchant(
  dependencies: Readonly<{ identifiers: IdentifierSource }>,
  transaction: DatabaseTransaction,
  named: MerchantAsset,
  credit: Readonly<{ due: bigint; subject: string; now: Date }>,
): Promise<Split> {
  const standing = await lockStanding(transaction, named);
  const split = splitPayout({ ...standing, reserveBasisPoints: 10_000 }, credit.due);
  await saveStandingRow(transaction, named, {
    owed: standing.owed - split.netted,
    writtenOff: standing.writtenOff - split.writtenBack,
  });
  const { subject, now } = credit;
  const kept = { amount: split.withheld, cause: 'disputeWon', subject, releaseAt: now, now } as const;
  await keep(dependencies, transaction, named, kept);
  return split;
}

/** What is owed by a merchant who leaves: its reserve bears it, and the rest is written off. */
export async function closeStanding(
  transaction: DatabaseTransaction,
  named: MerchantAsset,
  leftAt: Date,
): Promise<Borne | undefined> {
  const standing = await lockStanding(transaction, named);
  if (standing.leftAt !== null) return undefined;
  const borne = bear({ ...standing, leftAt }, standing.owed);
  await useReserves(transaction, named, borne.fromReserve);
  await saveStandingRow(transaction, named, {
    leftAt,
    owed: 0n,
    writtenOff: standing.writtenOff + borne.writtenOff,
  });
  return borne;
}

/**
 * Says how much of a merchant's payouts is kept back, and for how long. What is kept already keeps its time.
 *
 * Errors: thrown PARTICIPANT_UNKNOWN, FIELD_INVALID
 */
export async function setReservePolicy(
  { database }: Readonly<{ database: Database }>,
  command: Readonly<{ shard: Shard; merchantId: string; basisPoints: number; days: number }>,
): Promise<StandingView> {
  const { shard, merchantId, basisPoints, days } = command;
  const { payoutAsset: asset } = await findMerchant(database, shard, merchantId);
  if (!isWithin(basisPoints, 10_000) || !isWithin(days, MOST_DAYS)) {
    throw new SettlementError('FIELD_INVALID', `at most 10000 basis points, for at most ${MOST_DAYS} days`, {
      param: isWithin(basisPoints, 10_000) ? 'days' : 'basisPoints',
    });
  }
  await inDatabaseTransaction(database, async (transaction) => {
    await lockStandingRow(transaction, { shard, merchantId, asset });
    await saveStandingRow(
      transaction,
      { shard, merchantId, asset },
      { reserveBasisPoints: basisPoints, reserveDays: days },
    );
  });
  return findStanding(database, { shard, merchantId });
}

export type StandingView = Readonly<{
  merchantId: string;
  asset: string;
  owed: string;
  reserved: string;
  writtenOff: string;
  reserveBasisPoints: number;
  reserveDays: number;
  leftAt: string | null;
}>;

/** Errors: thrown PARTICIPANT_UNKNOWN, also to a merchant that asks for another's. */
export async function findStanding(
  database: Database,
  { shard, merchantId }: Readonly<{ shard: Shard; merchantId: string }>,
  { participantId = merchantId }: Viewer = EVERYTHING,
): Promise<StandingView> {
  if (participantId !== merchantId) throw unknownMerchant(merchantId);
  const { payoutAsset: asset } = await findMerchant(database, shard, merchantId);
  const row = await loadStandingRow(database.drizzle, { shard, merchantId, asset });
  const sums = await sumReserves(database.drizzle, shard);
  const reserved = sums.find((one) => one.merchantId === merchantId && one.asset === asset)?.remaining ?? 0n;
  return {
    merchantId,
    asset,
    owed: (row?.owed ?? 0n).toString(),
    reserved: reserved.toString(),
    writtenOff: (row?.writtenOff ?? 0n).toString(),
    reserveBasisPoints: row?.reserveBasisPoints ?? 0,
    reserveDays: row?.reserveDays ?? 0,
    leftAt: row?.leftAt?.toISOString() ?? null,
  };
}

/** What every merchant owes and what is kept for it, for who compares it with the books. */
export async function listStandings(database: Database, shard: Shard) {
  return {
    owed: await loadStandingRows(database.drizzle, shard),
    reserved: await sumReserves(database.drizzle, shard),
  };
}

/** Reserves whose time has come, for who pays them. */
export async function findDueReserves(database: Database, now: Date, limit: number): Promise<readonly ReserveRow[]> {
  return loadDueReserves(database.drizzle, now, limit);
}

export async function findReserves(
  transaction: DatabaseTransaction,
  shard: Shard,
  reserveIds: readonly string[],
): Promise<readonly ReserveRow[]> {
  return loadReservesById(transaction, shard, reserveIds);
}

/**
 * Takes a reserve whose time has come: what the merchant owes is netted, the rest is its.
 *
 * Shape: → undefined when somebody else took it, or it is not yet time
 */
export async function takeReserve(
  transaction: DatabaseTransaction,
  { shard, reserveId, merchantId, asset }: ReserveRow,
  now: Date,
): Promise<Readonly<{ netted: bigint; paid: bigint }> | undefined> {
  const standing = await lockStanding(transaction, { shard, merchantId, asset });
  const reserve = await loadReserve(transaction, shard, reserveId);
  if (reserve?.state !== 'held' || now < reserve.releaseAt) return undefined;
  const netted = standing.owed < reserve.remaining ? standing.owed : reserve.remaining;
  await saveStandingRow(transaction, { shard, merchantId, asset }, { owed: standing.owed - netted });
  return { netted, paid: reserve.remaining - netted };
}

export async function markReserve(
  transaction: DatabaseTransaction,
  reserve: Pick<ReserveRow, 'shard' | 'reserveId'>,
  change: Pick<ReserveRow, 'state' | 'remaining'>,
): Promise<void> {
  await saveReserve(transaction, reserve, change);
}

async function keep(
  { identifiers }: Readonly<{ identifiers: IdentifierSource }>,
  transaction: DatabaseTransaction,
  named: MerchantAsset,
  kept: Readonly<{ amount: bigint; cause: ReserveRow['cause']; subject: string; releaseAt: Date; now: Date }>,
): Promise<void> {
  if (kept.amount === 0n) return;
  const { amount, cause, subject, releaseAt, now } = kept;
  await insertReserve(transaction, {
    shard: named.shard,
    merchantId: named.merchantId,
    asset: named.asset,
    reserveId: identifiers.next('res', named.shard),
    cause,
    subject,
    amount,
    remaining: amount,
    state: 'held',
    releaseAt,
    recordedAt: now,
  });
}

/** What is to be released first is used first. */
async function useReserves(transaction: DatabaseTransaction, named: MerchantAsset, amount: bigint): Promise<void> {
  let left = amount;
  for (const reserve of await loadHeldReserves(transaction, named)) {
    if (left === 0n) return;
    const used = reserve.remaining < left ? reserve.remaining : left;
    left -= used;
    const remaining = reserve.remaining - used;
    await saveReserve(transaction, reserve, { remaining, state: remaining === 0n ? 'released' : 'held' });
  }
}

function isWithin(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}
