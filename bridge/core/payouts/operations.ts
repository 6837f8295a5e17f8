import { postEntries } from '../../../ledger-service/journal/operations/post-entries.ts';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import { inSpans, type SpanDescription } from '../../../ledger-service/platform/tracing.ts';
import { assertInvariant } from '../../../ledger-service/vocabulary/errors.ts';
import type { IdentifierSource, Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import type {
  AccountPath,
  JournalEntryInstruction,
  TransferKind,
} from '../../../ledger-service/vocabulary/journal-entries.ts';
import type { Amount, WireAmount } from '../../../ledger-service/vocabulary/money.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import { EVERYTHING, type Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import type { Address, Deployment } from '../../chain/domain.ts';
import { batchIdOf, payoutBatchCall, payoutsOf, tokenOf } from '../../chain/escrow.ts';
import { enqueueChainCalls } from '../../chain/operations/submit-calls.ts';
import { readCursor, writeCursor } from '../../platform/cursor.ts';
import type { EventData } from '../../platform/events/catalogue.ts';
import type { DomainEvent, DueEvent, Outbox } from '../../platform/outbox.ts';
import { lowerExposure } from '../controls/exposure/operations.ts';
import type { Merchant } from '../participants/domain.ts';
import { findMerchant } from '../participants/operations.ts';
import {
  creditMerchant,
  findDueReserves,
  findReserves,
  markReserve,
  type ReserveRow,
  takeReserve,
} from '../participants/standings.ts';
import { CHAIN_SUBMISSION } from '../payments/dependencies.ts';
import { finalizeMovements, findTerms, lockPaymentsOf, ownPayments } from '../payments/operations/find-payment.ts';
import { nettedPayoutEntry, type PaymentParties, payoutEntry, refundPayoutEntry } from '../payments/postings.ts';
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
export const RESERVES = 'reserves';
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
 *          ring for; of a merchant's payout what it owed is netted and its reserve kept back, by an entry of its own; the
 *          same event again changes nothing
 */
export async function schedulePayouts(
  dependencies: PayoutDependencies,
  transaction: DatabaseTransaction,
  due: readonly DueEvent[],
): Promise<readonly DomainEvent[]> {
  const rows: ChainPayoutRow[] = [];
  const recordedAt = dependencies.clock.now();
  for (const event of due) {
    const { paymentId, merchantId, sequence, source, target, payee } = event.payload as Captured;
    const isRefund = event.topic === 'payment.refunded';
    const paid = isRefund ? source : target;
    // A capture too small to be worth one unit of the merchant's coins pays nothing.
    if (paid.minorUnits === '0') continue;
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
      netted: 0n,
      withheld: 0n,
      batchId: null,
      batchIndex: null,
      alone: false,
      recordedAt,
      finalAt: null,
      chainHash: null,
      blockHeight: null,
    });
  }
  const payments = await lockPaymentsOf(transaction, rows);
  const inserted = await insertPayouts(transaction, rows);
  const merchantOf = ({ paymentId }: ChainPayoutRow) => payments.get(paymentId)?.merchantId ?? '';
  const netted = await netMerchants(dependencies, transaction, inserted, merchantOf);
  const events = netted.rows.map((row) => payoutEvent(row, 'payout.created', merchantOf(row)));
  await dependencies.outbox.emit(transaction, events);
  // What was netted as a whole never leaves the wallet: its merchant has it.
  const done = netted.rows.filter(({ state }) => state === 'final');
  events.push(...(await finalizeMovements(dependencies, transaction, done, recordedAt)));
  const results = await postEntries(transaction, netted.entries, { now: recordedAt });
  const refused = results.find((result) => result.outcome === 'refused');
  assertInvariant(!refused, `the books take what is netted, but refused ${JSON.stringify(refused)}`);
  // What stays in the wallet is at risk no longer; what leaves it is lowered when the chain has made it final.
  for (const [shard, ofShard] of Map.groupBy(netted.rows, (row) => row.shard)) {
    const kept = ofShard.map((row) => ({ subject: row.paymentId, amount: row.netted + row.withheld }));
    await lowerExposure(transaction, shard, kept);
  }
  return events;
}

/** Merchants in the order of their names, since each is locked until the commit. */
async function netMerchants(
  dependencies: PayoutDependencies,
  transaction: DatabaseTransaction,
  inserted: readonly ChainPayoutRow[],
  merchantOf: (row: ChainPayoutRow) => string,
): Promise<Readonly<{ rows: readonly ChainPayoutRow[]; entries: readonly JournalEntryInstruction[] }>> {
  const keyOf = (row: ChainPayoutRow) => `${row.shard} ${merchantOf(row)} ${row.asset} ${row.paymentId}`;
  const entries: JournalEntryInstruction[] = [];
  const rows: ChainPayoutRow[] = [];
  const now = dependencies.clock.now();
  for (const row of inserted.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1))) {
    if (row.purpose !== 'merchantPayout') {
      rows.push(row);
      continue;
    }
    const named = { shard: row.shard, merchantId: merchantOf(row), asset: row.asset };
    const credit = { due: row.amount, subject: row.paymentId, now };
    const split = await creditMerchant(dependencies, transaction, named, credit);
    const entry = nettedPayoutEntry(partiesOf(row, named.merchantId), row.sequence, row.asset, split, now);
    if (!entry) {
      rows.push(row);
      continue;
    }
    entries.push(entry);
    const change = {
      amount: split.paid,
      netted: split.netted + split.writtenBack,
      withheld: split.withheld,
      ...(split.paid === 0n ? { state: 'final' as const, finalAt: now } : {}),
    };
    await savePayout(transaction, row, change);
    rows.push({ ...row, ...change });
  }
  return { rows, entries };
}

const RESERVES_AT_ONCE = 50;

/**
 * Gives merchants what was kept back for them and is due now, less what they owe: fiat through their acquirers, coins out
 * of the wallet.
 *
 * Effects: a database transaction for each reserve; coins that the wallet does not have stay in the reserve, and are
 *          tried again; event reserve.released; → how many were released
 */
export async function releaseReserves(dependencies: PayoutDependencies): Promise<number> {
  const { database, clock, outbox } = dependencies;
  let released = 0;
  for (const reserve of await findDueReserves(database, clock.now(), RESERVES_AT_ONCE)) {
    const merchant = await findMerchant(database, reserve.shard, reserve.merchantId);
    const events: DomainEvent[] = [];
    await inDatabaseTransaction(database, async (transaction) => {
      events.length = 0;
      const now = clock.now();
      const taken = await takeReserve(transaction, reserve, now);
      if (!taken) return;
      const [posted] = await postEntries(transaction, [reserveEntry(reserve, merchant, taken, now)], { now });
      if (posted?.outcome === 'refused') throw new InventoryDry();
      const onItsWay = merchant.address !== undefined && taken.paid > 0n;
      await markReserve(transaction, reserve, {
        state: onItsWay ? 'paying' : 'released',
        remaining: onItsWay ? taken.paid : 0n,
      });
      if (onItsWay) {
        const row = reservePayout(dependencies, reserve, merchant.address!, taken.paid, now);
        await insertPayouts(transaction, [row]);
        events.push(payoutEvent(row, 'payout.created', reserve.merchantId));
      }
      events.push(reserveReleased(reserve, taken));
      await outbox.emit(transaction, events);
      released += 1;
    }).catch((error: unknown) => {
      events.length = 0;
      if (!(error instanceof InventoryDry)) throw error;
    });
    outbox.ringFor(events);
  }
  if (released > 0) outbox.ring(PAYOUT_BATCHES);
  return released;
}

/** The wallet has fewer coins than a reserve is worth; undoes what was decided of it. */
class InventoryDry extends Error {}

/** Fiat is paid by the acquirer, who has had it since its window; coins are held in the wallet until the chain is final. */
function reserveEntry(
  { shard, reserveId, merchantId, asset }: ReserveRow,
  { acquirerId }: Merchant,
  { netted, paid }: Readonly<{ netted: bigint; paid: bigint }>,
  eventAt: Date,
): JournalEntryInstruction {
  const reserve = `merchant/${merchantId}/reserve`;
  const isFiat = acquirerId !== undefined;
  const legs: readonly (readonly [role: string, kind: TransferKind, credit: AccountPath, minorUnits: bigint])[] = [
    ['netted', 'post', isFiat ? `merchant/${merchantId}/payable` : `merchant/${merchantId}/receivable`, netted],
    isFiat
      ? ['paid', 'post', `acquirer/${acquirerId}/position`, paid]
      : ['paid', 'pending', 'intermediary/chain', paid],
  ];
  return {
    shard,
    entryIdentifier: uuidFromMeaning('reserve', reserveId, 'release'),
    kind: 'reserve.released',
    subject: reserveId,
    eventAt,
    transfers: legs
      .filter(([, , , minorUnits]) => minorUnits > 0n)
      .map(([role, kind, credit, minorUnits]) => ({
        transferIdentifier: uuidFromMeaning('reserve', reserveId, 'release', role),
        kind,
        debit: reserve,
        credit,
        amount: { minorUnits, asset },
      })),
  };
}

function reservePayout(
  { identifiers }: PayoutDependencies,
  { shard, reserveId, asset }: ReserveRow,
  address: string,
  amount: bigint,
  recordedAt: Date,
): ChainPayoutRow {
  return {
    shard,
    paymentId: reserveId,
    sequence: 0,
    payoutId: identifiers.next('pot', shard),
    purpose: 'reserveRelease',
    state: 'due',
    asset,
    payee: address.toLowerCase(),
    amount,
    netted: 0n,
    withheld: 0n,
    alone: false,
    batchId: null,
    batchIndex: null,
    recordedAt,
    finalAt: null,
    chainHash: null,
    blockHeight: null,
  };
}

function reserveReleased(
  { shard, reserveId, merchantId, asset }: ReserveRow,
  { netted, paid }: Readonly<{ netted: bigint; paid: bigint }>,
): DomainEvent {
  const inAsset = (minorUnits: bigint) => ({ minorUnits: minorUnits.toString(), asset });
  const data: EventData<'reserve.released'> = {
    reserve: { reserveId, merchantId, amount: inAsset(paid), netted: inAsset(netted) },
  };
  return {
    shard,
    topic: 'reserve.released',
    subject: reserveId,
    meaning: [],
    payload: { reserveId, merchantId },
    published: { ownerId: merchantId, data },
  };
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
        const parent = await outbox.traceOf(transaction, first.shard, first.paymentId);
        const span: readonly SpanDescription[] = parent ? [{ name: 'batch payouts', parent, subject: batchId }] : [];
        await inSpans(span, () => enqueueChainCalls(transaction, [{ ...call, ...named }], clock.now()));
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
  const reserveIds = items.filter(({ purpose }) => purpose === 'reserveRelease').map(({ paymentId }) => paymentId);
  const reserves = await findReserves(transaction, 0, reserveIds);
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
    const reserve = reserves.find(({ reserveId }) => reserveId === item.paymentId);
    const owner = reserve?.merchantId ?? payments.get(item.paymentId)?.merchantId ?? null;
    events.push(payoutEvent({ ...item, ...change }, paid ? 'payout.paid' : 'payout.claimable', owner));
    if (!paid) continue;
    entries.push(entryOf(item, reserve, at));
    if (reserve) await markReserve(transaction, reserve, { state: 'released', remaining: 0n });
    else final.push(item);
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
  /** What leaves the wallet. */
  amount: WireAmount;
  /** What its merchant owed and was netted, and what is kept back; both stay in the wallet. */
  netted: WireAmount;
  withheld: WireAmount;
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
    payouts: page.map(({ shard: _, asset, amount, netted, withheld, recordedAt, finalAt, ...row }) => ({
      ...row,
      amount: { minorUnits: amount.toString(), asset },
      netted: { minorUnits: netted.toString(), asset },
      withheld: { minorUnits: withheld.toString(), asset },
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

function entryOf(item: ChainPayoutRow, reserve: ReserveRow | undefined, at: Date): JournalEntryInstruction {
  const amount = { minorUnits: item.amount, asset: item.asset };
  if (reserve) return reservePayoutEntry(reserve, amount, at);
  const parties = partiesOf(item, '');
  return item.purpose === 'payerRefund'
    ? refundPayoutEntry(parties, item.sequence, amount, at)
    : payoutEntry(parties, item.sequence, amount, at);
}

function reservePayoutEntry(
  { shard, reserveId, merchantId }: ReserveRow,
  amount: Amount,
  eventAt: Date,
): JournalEntryInstruction {
  return {
    shard,
    // Named as the payouts of payments are, since the chain tells them all in one way.
    entryIdentifier: uuidFromMeaning('payment', reserveId, 'reserve-payout', 0),
    kind: 'payment.reservePayout',
    subject: reserveId,
    eventAt,
    transfers: [
      {
        transferIdentifier: uuidFromMeaning('payment', reserveId, 'reserve-payout', 0),
        kind: 'post_pending',
        debit: `merchant/${merchantId}/reserve`,
        credit: 'intermediary/chain',
        amount,
        pendingTransferIdentifier: uuidFromMeaning('reserve', reserveId, 'release', 'paid'),
      },
    ],
  };
}

function partiesOf({ shard, paymentId, purpose }: ChainPayoutRow, merchant: string): PaymentParties {
  const quadrant = purpose === 'payerRefund' ? 'cryptoToFiat' : 'fiatToCrypto';
  return { shard, paymentIdentifier: paymentId, quadrant, merchant };
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
