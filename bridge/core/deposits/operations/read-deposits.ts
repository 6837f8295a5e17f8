import type { Database } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { WireAmount } from '../../../../ledger-service/vocabulary/money.ts';
import {
  countOpenDeposits,
  type DepositRow,
  loadDeposit,
  loadDeposits,
  loadReturns,
  loadSuspense,
  loadTransfers,
  type SuspenseRow,
} from '../store.ts';

export type DepositView = Readonly<{
  paymentId: string;
  address: string;
  amount: WireAmount;
  destination: 'wallet' | 'escrow';
  state: DepositRow['state'];
  held: WireAmount;
  returnTo: string;
  payBy: string;
  sweepBefore: string;
}>;

export type DepositLife = DepositView &
  Readonly<{
    transfers: readonly Readonly<{
      amount: WireAmount;
      outcome: string;
      held: string;
      owed: string;
      kept: string;
      sender: string | null;
      chainHash: string | null;
      height: number;
      minedAt: string;
    }>[];
    returns: readonly Readonly<{
      returnId: string;
      amount: WireAmount;
      recipient: string;
      state: 'asked' | 'final' | 'failed';
      chainHash: string | null;
    }>[];
  }>;

export type SuspenseView = Readonly<{
  itemId: string;
  place: SuspenseRow['place'];
  paymentId: string | null;
  amount: WireAmount;
  sender: string | null;
  chainHash: string | null;
  height: number;
  state: SuspenseRow['state'];
  settledTo: string | null;
  recordedAt: string;
}>;

/** Newest first. */
export async function listDeposits(database: Database, shard: Shard, limit: number): Promise<readonly DepositView[]> {
  return (await loadDeposits(database.drizzle, shard, limit)).map(viewOfDeposit);
}

/** Errors: thrown DEPOSIT_UNKNOWN, also before anything has arrived and been noted. */
export async function findDeposit(database: Database, shard: Shard, paymentId: string): Promise<DepositLife> {
  const row = await loadDeposit(database.drizzle, shard, paymentId);
  if (!row) throw new SettlementError('DEPOSIT_UNKNOWN', `no deposit of ${JSON.stringify(paymentId)}`, { paymentId });
  const [transfers, returns] = await Promise.all([
    loadTransfers(database.drizzle, shard, paymentId),
    loadReturns(database.drizzle, shard, paymentId),
  ]);
  return {
    ...viewOfDeposit(row),
    transfers: transfers.map((one) => ({
      amount: wire(one.amount, one.asset),
      outcome: one.outcome,
      held: one.held.toString(),
      owed: one.owed.toString(),
      kept: one.dust.toString(),
      sender: one.sender,
      chainHash: one.chainHash,
      height: one.height,
      minedAt: one.minedAt.toISOString(),
    })),
    returns: returns.map(({ returnId, amount, asset, recipient, state, chainHash }) => ({
      ...{ returnId, amount: wire(amount, asset), recipient, state, chainHash },
    })),
  };
}

/** Newest first. */
export async function listSuspense(database: Database, shard: Shard, limit: number): Promise<readonly SuspenseView[]> {
  return (await loadSuspense(database.drizzle, shard, limit)).map(viewOfSuspense);
}

export async function countDepositsUnderWay(database: Database): Promise<number> {
  return countOpenDeposits(database.drizzle);
}

export function viewOfSuspense(row: SuspenseRow): SuspenseView {
  const { itemId, place, paymentId, sender, chainHash, height, state, settledTo } = row;
  const amount = wire(row.amount, row.asset);
  const recordedAt = row.recordedAt.toISOString();
  return { itemId, place, paymentId, amount, sender, chainHash, height, state, settledTo, recordedAt };
}

function viewOfDeposit(row: DepositRow): DepositView {
  const { paymentId, address, destination, state, returnTo } = row;
  return {
    ...{ paymentId, address, destination, state, returnTo },
    amount: wire(row.amount, row.asset),
    held: wire(row.held, row.asset),
    payBy: row.payBy.toISOString(),
    sweepBefore: row.sweepBefore.toISOString(),
  };
}

function wire(minorUnits: bigint, asset: string): WireAmount {
  return { minorUnits: minorUnits.toString(), asset };
}
