import { postEntries } from '../../../ledger-service/journal/operations/post-entries.ts';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import { assertInvariant } from '../../../ledger-service/vocabulary/errors.ts';
import type { IdentifierSource, Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { JournalEntryInstruction } from '../../../ledger-service/vocabulary/journal-entries.ts';
import type { WireAmount } from '../../../ledger-service/vocabulary/money.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import { EVERYTHING, type Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import type { Address, Deployment } from '../../chain/domain.ts';
import { batchIdOf, payoutBatchCall, payoutsOf, tokenOf } from '../../chain/escrow.ts';
import { enqueueChainCalls } from '../../chain/operations/submit-calls.ts';
import { readCursor, writeCursor } from '../../platform/cursor.ts';
import type { EventData } from '../../platform/events/catalogue.ts';
import type { DomainEvent, DueEvent, Outbox } from '../../platform/outbox.ts';
import { lowerExposure } from '../controls/exposure/operations.ts';
import { findMerchant } from '../participants/operations.ts';
import { CHAIN_SUBMISSION } from '../payments/dependencies.ts';
import { finalizeMovements, findTerms, lockPaymentsOf, ownPayments } from '../payments/operations/find-payment.ts';
import { payoutEntry, refundPayoutEntry } from '../payments/postings.ts';
import {
  type ChainPayoutRow,
  countOpenPayouts,
  insertPayouts,
  loadBatchItems,
  loadPayouts,
  lockBatchItems,
  lockDuePayouts,
  reopenApart,
  reopenBatch,
  saveBatched,
  savePayout,
} from './store.ts';

export type PayoutDependencies = Readonly<{
  database: Database;
  clock: Clock;
  machineClock: Clock;
  identifiers: IdentifierSource;
  outbox: Outbox;
  deployment: Deployment;
}>;

export const PAYOUT_BATCHES = 'payout-batches';
const ITEMS_AT_ONCE = 100;

type Captured = Readonly<{
  paymentId: string;
  merchantId: string;
  sequence: number;
  source: WireAmount;
  target: WireAmount;
  payee?: string | null;
}>;

/**
 * Notes what the wallet has to pay: a crypto merchant for a capture by card, a crypto payer for a refund.
 *
 * Effects: in the caller's database transaction, one row per movement with its event payout.created, for the caller to
 *          ring for; the same event again changes nothing
 */
export async function schedulePayouts(
  dependencies: PayoutDependencies,
  transaction: DatabaseTransaction,
  due: readonly DueEvent[],
): Promise<readonly DomainEvent[]> {
  const rows: ChainPayoutRow[] = [];
  const owners = new Map<string, string>();
  const recordedAt = dependencies.clock.now();
  for (const event of due) {
    const { paymentId, merchantId, sequence, source, target, payee } = event.payload as Captured;
    const isRefund = event.topic === 'payment.refunded';
    const paid = isRefund ? source : target;
    // A capture too small to be worth one unit of the merchant's coins pays nothing.
    if (paid.minorUnits === '0') continue;
    owners.set(paymentId, merchantId);
    const address = isRefund ? payee : (await findMerchant(dependencies.database, event.shard, merchantId)).address;
    assertInvariant(typeof address === 'string', `someone is to be paid for ${paymentId}`);
    rows.push({
      shard: event.shard,
      paymentId,
      sequence,
      payoutId: dependencies.identifiers.next('pot', event.shard),
      purpose: isRefund ? 'payerRefund' : 'merchantPayout',
      state: 'due',
      asset: paid.asset,
      payee: address.toLowerCase(),
      amount: BigInt(paid.minorUnits),
      batchId: null,
      batchIndex: null,
      alone: false,
      recordedAt,
      finalAt: null,
      chainHash: null,
      blockHeight: null,
    });
  }
  await lockPaymentsOf(transaction, rows);
  const inserted = await insertPayouts(transaction, rows);
  const events = inserted.map((row) => payoutEvent(row, 'payout.created', owners.get(row.paymentId)!));
  await dependencies.outbox.emit(transaction, events);
  return events;
}

/**
 * Puts what is due into batches, one for each asset, and asks the chain to pay them.
 *
 * Shape:   `toPay` says which of them are to be paid indeed; all, unless given; → how many were due
 * Effects: batch, items and chain call in one database transaction
 */
export async function batchPayouts(
  dependencies: PayoutDependencies,
  toPay: (transaction: DatabaseTransaction, due: readonly ChainPayoutRow[]) => Promise<readonly ChainPayoutRow[]> = (
    _,
    due,
  ) => Promise.resolve(due),
): Promise<number> {
  const { database, clock, identifiers, deployment, outbox } = dependencies;
  let batched = 0;
  for (;;) {
    const found = await inDatabaseTransaction(database, async (transaction) => {
      const due = await lockDuePayouts(transaction, ITEMS_AT_ONCE);
      for (const items of byAsset(await toPay(transaction, due))) {
        const first = items[0]!;
        const batchId = identifiers.next('bat', first.shard);
        await saveBatched(transaction, items, batchId);
        const call = payoutBatchCall(
          deployment,
          batchId,
          tokenOf(first.asset),
          items.map(({ payee, amount }) => ({ payee: payee as Address, amount })),
        );
        const grounds = await groundsOf(transaction, items);
        const named = { shard: first.shard, subject: batchId, sequence: 0, grounds };
        await enqueueChainCalls(transaction, [{ ...call, ...named }], clock.now());
      }
      return due.length;
    });
    batched += found;
    if (found > 0) outbox.ring(CHAIN_SUBMISSION);
    if (found < ITEMS_AT_ONCE) return batched;
  }
}

/** For each item the terms that it gives back: what the signer looks up on chain before it pays a payer. */
async function groundsOf(
  transaction: DatabaseTransaction,
  items: readonly ChainPayoutRow[],
): Promise<readonly unknown[]> {
  const refunds = items.filter(({ purpose }) => purpose === 'payerRefund').map(({ paymentId }) => paymentId);
  const terms = await findTerms(transaction, items[0]!.shard, refunds);
  return items.map(({ paymentId, purpose }) => (purpose === 'payerRefund' ? (terms.get(paymentId) ?? null) : null));
}

type WalletPayload = Readonly<{
  event: string;
  fields: Readonly<Record<string, string>>;
  chainHash: string;
  height: number;
  minedAt: string;
}>;

/**
 * Posts payouts that are final on chain. An item that its payee would not take stays reserved, as a credit to claim.
 *
 * Effects: in the caller's database transaction: payout rows, journal entries, movements; events for the caller to ring
 *          for
 */
export async function applyWalletEvents(
  dependencies: PayoutDependencies,
  transaction: DatabaseTransaction,
  due: readonly DueEvent[],
): Promise<readonly DomainEvent[]> {
  const said = due
    .filter(({ topic, payload }) => topic === 'wallet.final' && 'batchIdentifier' in (payload as WalletPayload).fields)
    .flatMap(({ payload }) => payoutsOf(payload as WalletPayload));
  const entries: JournalEntryInstruction[] = [];
  const final: ChainPayoutRow[] = [];
  const batchIds = [...new Set(said.map(({ fields }) => batchIdOf(fields.batchIdentifier!)))];
  const events: DomainEvent[] = [];
  const found = await loadBatchItems(transaction, 0, batchIds);
  // Payments come before their payouts, as where these are scheduled.
  const payments = await lockPaymentsOf(transaction, found);
  const items = await lockBatchItems(transaction, 0, batchIds);
  for (const { event, fields, chainHash, height, minedAt } of said) {
    const item = items.find(
      ({ batchId, batchIndex }) =>
        batchId === batchIdOf(fields.batchIdentifier!) && batchIndex === Number(fields.index),
    );
    if (item?.state !== 'batched') continue;
    assertInvariant(
      item.amount === BigInt(fields.amount!) && item.payee === fields.payee!.toLowerCase(),
      `the chain paid what the books asked for: item ${item.batchIndex} of ${item.batchId}`,
    );
    const at = new Date(minedAt);
    const paid = event === 'PaidOut';
    const state = paid ? ('final' as const) : ('claimable' as const);
    const change = { state, finalAt: at, chainHash, blockHeight: height };
    await savePayout(transaction, item, change);
    const owner = payments.get(item.paymentId)?.merchantId ?? null;
    events.push(payoutEvent({ ...item, ...change }, paid ? 'payout.paid' : 'payout.claimable', owner));
    if (!paid) continue;
    entries.push(entryOf(item, at));
    final.push(item);
  }
  await dependencies.outbox.emit(transaction, events);
  events.push(...(await finalizeMovements(dependencies, transaction, final, dependencies.clock.now())));
  const results = await postEntries(transaction, entries, { now: dependencies.clock.now() });
  const refused = results.find((result) => result.outcome === 'refused');
  assertInvariant(!refused, `the books take what is final on chain, but refused ${JSON.stringify(refused)}`);
  // What merchants were promised is theirs now; a refund was never counted.
  const promised = final.filter(({ purpose }) => purpose === 'merchantPayout');
  for (const [shard, ofShard] of Map.groupBy(promised, (item) => item.shard)) {
    await lowerExposure(
      transaction,
      shard,
      ofShard.map(({ paymentId, amount }) => ({ subject: paymentId, amount })),
    );
  }
  for (const { topic, subject, shard, payload } of due) {
    if (topic === 'chainCall.reverted') await reopenBatch(transaction, shard, subject);
    if (topic === 'chainCall.withdrawn') await reopenApart(transaction, shard, subject, itemsOf(payload));
  }
  return events;
}

function payoutEvent(
  row: ChainPayoutRow,
  topic: 'payout.created' | 'payout.paid' | 'payout.claimable',
  ownerId: string | null,
): DomainEvent {
  const { payoutId, paymentId, sequence, purpose, payee, batchId, chainHash, blockHeight } = row;
  const amount = { minorUnits: row.amount.toString(), asset: row.asset };
  const payout = { payoutId, paymentId, sequence, purpose, amount, payee, batchId, chainHash, blockHeight };
  const data: EventData<typeof topic> = { payout };
  return {
    shard: row.shard,
    topic,
    subject: payoutId,
    meaning: [],
    payload: { payoutId, paymentId, sequence },
    published: { subject: paymentId, ownerId, data },
  };
}

export type PayoutView = Readonly<{
  payoutId: string;
  paymentId: string;
  sequence: number;
  purpose: ChainPayoutRow['purpose'];
  state: ChainPayoutRow['state'];
  amount: WireAmount;
  payee: string;
  batchId: string | null;
  batchIndex: number | null;
  chainHash: string | null;
  blockHeight: number | null;
  recordedAt: string;
  finalAt: string | null;
}>;

/**
 * A page of payouts, newest first.
 *
 * Errors: thrown FIELD_INVALID for a cursor that was never given out
 */
export async function listPayouts(
  database: Database,
  query: Readonly<{
    shard: Shard;
    limit: number;
    paymentId?: string | undefined;
    cursor?: string | undefined;
  }>,
  viewer: Viewer = EVERYTHING,
): Promise<Readonly<{ payouts: readonly PayoutView[]; nextCursor: string | null }>> {
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor, 'pot');
  const paymentIds = ownPayments({ database }, query.shard, viewer);
  const rows = await loadPayouts(database.drizzle, { ...query, paymentIds }, after, query.limit + 1);
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    payouts: page.map(({ shard: _, asset, amount, recordedAt, finalAt, ...row }) => ({
      ...row,
      amount: { minorUnits: amount.toString(), asset },
      recordedAt: recordedAt.toISOString(),
      finalAt: finalAt?.toISOString() ?? null,
    })),
    nextCursor: rows.length > query.limit && last ? writeCursor(last.recordedAt, last.payoutId) : null,
  };
}

/** An item of a payout batch, by its place on chain. */
export type BatchItem = Pick<ChainPayoutRow, 'paymentId' | 'sequence' | 'purpose' | 'asset' | 'batchId' | 'batchIndex'>;

export async function findBatchItems(
  database: Database,
  shard: Shard,
  batchIds: readonly string[],
): Promise<readonly BatchItem[]> {
  return loadBatchItems(database.drizzle, shard, batchIds);
}

export async function countPayoutsUnderWay(database: Database): Promise<number> {
  return countOpenPayouts(database.drizzle);
}

function entryOf(item: ChainPayoutRow, at: Date): JournalEntryInstruction {
  const amount = { minorUnits: item.amount, asset: item.asset };
  const isRefund = item.purpose === 'payerRefund';
  const parties = {
    shard: item.shard,
    paymentIdentifier: item.paymentId,
    quadrant: isRefund ? ('cryptoToFiat' as const) : ('fiatToCrypto' as const),
    merchant: '',
  };
  return isRefund
    ? refundPayoutEntry(parties, item.sequence, amount, at)
    : payoutEntry(parties, item.sequence, amount, at);
}

/** Those that stood in the way of their batch; null for all of them. */
function itemsOf(payload: unknown): readonly number[] | null {
  return (payload as Readonly<{ items: readonly number[] | null }>).items;
}

function byAsset(rows: readonly ChainPayoutRow[]): readonly (readonly ChainPayoutRow[])[] {
  // What the signer refused in company goes by itself, and holds up nobody else.
  const groupOf = ({ asset, shard, alone, payoutId }: ChainPayoutRow) => `${shard} ${asset} ${alone ? payoutId : ''}`;
  return [...Map.groupBy(rows, groupOf).values()];
}
