import { postEntries } from '../../../ledger-service/journal/operations/post-entries.ts';
import {
  type Database,
  type DatabaseTransaction,
  inDatabaseTransaction,
} from '../../../ledger-service/platform/database.ts';
import { assertInvariant, SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { IdentifierSource, Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import { EVERYTHING, partyOf, type Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import type { EventData } from '../../platform/events/catalogue.ts';
import type { DomainEvent, Outbox } from '../../platform/outbox.ts';
import type { Obligation } from '../clearing/domain.ts';
import { loadWindowContents, type ObligationRow, type PresentmentRow } from '../clearing/operations.ts';
import { chargeMerchant, creditMerchant, lockStanding } from '../participants/standings.ts';
import { finalizeMovements } from '../payments/operations/find-payment.ts';
import {
  dueOf,
  type MerchantPayout,
  type MerchantTotals,
  merchantPayoutEntry,
  type NetPosition,
  netPositions,
  payMerchant,
  settlementEntry,
  WINDOW_TRANSITIONS,
  type WindowState,
} from './domain.ts';
import {
  insertMerchantPayouts,
  loadAllWindows,
  loadMerchantPayouts,
  loadWindow,
  loadWindows,
  lockWindow,
  type MerchantPayoutRow,
  saveWindow,
  type WindowRow,
} from './store.ts';

export type SettlementDependencies = Readonly<{
  database: Database;
  clock: Clock;
  machineClock: Clock;
  outbox: Outbox;
  identifiers: IdentifierSource;
}>;

export type WindowView = Readonly<{
  windowId: string;
  asset: string;
  calendar: string;
  state: WindowState;
  openedAt: string;
  closedAt: string | null;
  settledAt: string | null;
  presentments: number;
  netPositions: readonly Readonly<{ participant: string; minorUnits: string }>[];
  merchantPayouts: readonly Readonly<{
    merchantId: string;
    acquirerId: string;
    gross: string;
    fees: string;
    refunds: string;
    carriedIn: string;
    paid: string;
    carriedOut: string;
    chargebacks: string;
    representments: string;
    withheld: string;
    fromReserve: string;
    writtenOff: string;
    writtenBack: string;
  }>[];
}>;

/**
 * Closes a window and settles it: what was cleared is netted, moved between the participants, and paid to merchants.
 *
 * Shape:   { shard, windowId } → the settled window with its net positions and payouts
 * Errors:  thrown, nothing changed: WINDOW_UNKNOWN; WINDOW_STATE_UNSUITABLE for a window that was settled before is
 *          not thrown, it is shown as it is
 * Effects: first the window takes no more (a database transaction that waits for clearing under way), then one more
 *          moves the money: net positions, merchants' payouts, movements final; events settlementWindow.settled,
 *          settlementWindow.merchantPaid, payment.settled, payment.refundSettled
 */
export async function closeWindow(
  dependencies: SettlementDependencies,
  command: Readonly<{ shard: Shard; windowId: string }>,
): Promise<WindowView> {
  const { database, clock } = dependencies;
  await inDatabaseTransaction(database, async (transaction) => {
    const window = await requireWindow(transaction, command);
    if (window.state !== 'OPEN') return;
    // The lock was only given once nobody was clearing into it any more, so processing is over when it begins.
    await advance(transaction, window, ['PROCESSING', 'CLOSED'], { closedAt: clock.now() });
  });
  const events: DomainEvent[] = [];
  await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const window = await requireWindow(transaction, command);
    if (window.state === 'SETTLED') return;
    events.push(...(await settle(dependencies, transaction, window)));
  });
  dependencies.outbox.ringFor(events);
  return findWindow(database, command);
}

/**
 * A window with its contents; a participant sees its own lines of it.
 *
 * Errors: thrown WINDOW_UNKNOWN
 */
export async function findWindow(
  database: Database,
  { shard, windowId }: Readonly<{ shard: Shard; windowId: string }>,
  viewer: Viewer = EVERYTHING,
): Promise<WindowView> {
  return inDatabaseTransaction(database, async (transaction) => {
    const window = await loadWindow(transaction, shard, windowId);
    if (!window) throw unknownWindow(windowId);
    const contents = await loadWindowContents(transaction, shard, windowId);
    const payouts = await loadMerchantPayouts(transaction, shard, windowId);
    const own = ownLines({ ...contents, positions: netOf(window, contents.obligations), payouts }, viewer);
    return viewOf(window, own.presentments, own.positions, own.payouts);
  });
}

/** Newest first. */
export async function listWindows(
  database: Database,
  shard: Shard,
  limit: number,
  viewer: Viewer = EVERYTHING,
): Promise<readonly WindowView[]> {
  const windows = await loadWindows(database.drizzle, shard, limit);
  return Promise.all(windows.map((window) => findWindow(database, { shard, windowId: window.windowId }, viewer)));
}

type Lines = Readonly<{
  presentments: readonly Readonly<{
    paymentId: string;
    sequence: number;
    merchantId: string;
    acquirerId: string | null;
  }>[];
  obligations: readonly Readonly<{ paymentId: string; sequence: number; debtor: string; creditor: string }>[];
  positions: readonly NetPosition[];
  payouts: readonly MerchantPayoutRow[];
}>;

function ownLines(lines: Lines, viewer: Viewer) {
  const { participantId } = viewer;
  if (participantId === undefined) return { ...lines, presentments: lines.presentments.length };
  const party = partyOf(viewer);
  const named = ({ paymentId, sequence }: Readonly<{ paymentId: string; sequence: number }>) =>
    `${paymentId} ${sequence}`;
  const isOwn = (one: Readonly<{ merchantId: string; acquirerId: string | null }>) =>
    one.merchantId === participantId || one.acquirerId === participantId;
  const concerned = new Set([
    ...lines.presentments.filter(isOwn).map(named),
    ...lines.obligations.filter(({ debtor, creditor }) => debtor === party || creditor === party).map(named),
  ]);
  return {
    presentments: concerned.size,
    positions: lines.positions.filter(({ participant }) => participant === party),
    payouts: lines.payouts.filter(isOwn),
  };
}

export type SettledWindow = Readonly<{
  windowId: string;
  asset: string;
  isSettled: boolean;
  netPositions: readonly NetPosition[];
  merchantPayouts: readonly MerchantPayoutRow[];
}>;

/** Every window with what it netted and paid, for who compares it with the books. */
export async function listSettledWindows(database: Database, shard: Shard): Promise<readonly SettledWindow[]> {
  return inDatabaseTransaction(database, async (transaction) => {
    const found: SettledWindow[] = [];
    for (const window of await loadAllWindows(transaction, shard)) {
      const { obligations } = await loadWindowContents(transaction, shard, window.windowId);
      found.push({
        windowId: window.windowId,
        asset: window.asset,
        isSettled: window.state === 'SETTLED',
        netPositions: netOf(window, obligations),
        merchantPayouts: await loadMerchantPayouts(transaction, shard, window.windowId),
      });
    }
    return found;
  });
}

async function settle(
  dependencies: SettlementDependencies,
  transaction: DatabaseTransaction,
  window: WindowRow,
): Promise<readonly DomainEvent[]> {
  const settledAt = dependencies.clock.now();
  const { presentments, obligations } = await loadWindowContents(transaction, window.shard, window.windowId);
  const named = { shard: window.shard, windowIdentifier: window.windowId, asset: window.asset, settledAt };
  const payouts: MerchantPayoutRow[] = [];
  // A crypto merchant's movement is final by its payout on chain, not by the window; what goes to a card is by this one.
  const final = presentments.filter(({ quadrant, kind }) =>
    quadrant === 'fiatToCrypto' ? kind !== 'capture' : quadrant === 'fiatToFiat' || kind === 'capture',
  );
  // Payments are locked first, then the merchants in the order of their names, then accounts.
  const settled = await finalizeMovements(dependencies, transaction, final, settledAt);
  for (const totals of totalsOf(presentments)) {
    const { merchant, acquirer, ...figures } = await payTogether(dependencies, transaction, window, totals, settledAt);
    payouts.push({
      shard: window.shard,
      windowId: window.windowId,
      merchantId: merchant,
      acquirerId: acquirer,
      asset: window.asset,
      ...figures,
      paidAt: settledAt,
    });
  }
  const entries = [
    settlementEntry(named, netOf(window, obligations)),
    ...payouts.map((row) =>
      merchantPayoutEntry(named, { ...row, merchant: row.merchantId, acquirer: row.acquirerId, net: row.paid }),
    ),
  ].filter(({ transfers }) => transfers.length > 0);
  await insertMerchantPayouts(transaction, payouts);
  const results = await postEntries(transaction, entries, { now: settledAt });
  const refused = results.find((result) => result.outcome === 'refused');
  assertInvariant(!refused, `the books take a settled window, but refused ${JSON.stringify(refused)}`);
  await advance(transaction, window, ['PENDING_SETTLEMENT', 'SETTLED'], { settledAt });
  const events = [
    windowEvent(window, settledAt, presentments.length, netOf(window, obligations)),
    ...payouts.map(merchantPaidEvent),
  ];
  await dependencies.outbox.emit(transaction, events);
  return [...settled, ...events];
}

/** What a merchant owed is netted, what it is short of is taken from what is kept for it, under the lock of both. */
async function payTogether(
  { identifiers }: SettlementDependencies,
  transaction: DatabaseTransaction,
  { shard, windowId, asset }: WindowRow,
  totals: MerchantTotals,
  now: Date,
): Promise<MerchantPayout> {
  const named = { shard, merchantId: totals.merchant, asset };
  const { owed } = await lockStanding(transaction, named);
  const due = dueOf(totals);
  if (due < 0n) return payMerchant(totals, owed, { borne: await chargeMerchant(transaction, named, -due) });
  const split = await creditMerchant({ identifiers }, transaction, named, { due, subject: windowId, now });
  return payMerchant(totals, owed, { split });
}

function windowEvent(
  { shard, windowId, asset }: WindowRow,
  settledAt: Date,
  presentments: number,
  positions: readonly NetPosition[],
): DomainEvent {
  const data: EventData<'settlementWindow.settled'> = {
    windowId,
    asset,
    settledAt: settledAt.toISOString(),
    presentments,
    netPositions: positions.map(inDigits),
  };
  return {
    shard,
    topic: 'settlementWindow.settled',
    subject: windowId,
    meaning: [],
    payload: { windowId },
    published: { ownerId: null, data },
  };
}

function merchantPaidEvent(row: MerchantPayoutRow): DomainEvent {
  const { shard, windowId, merchantId, acquirerId, asset } = row;
  const data: EventData<'settlementWindow.merchantPaid'> = { windowId, acquirerId, asset, ...figuresOf(row) };
  return {
    shard,
    topic: 'settlementWindow.merchantPaid',
    subject: windowId,
    meaning: [merchantId],
    payload: { windowId, merchantId },
    published: { ownerId: merchantId, data },
  };
}

async function requireWindow(
  transaction: DatabaseTransaction,
  { shard, windowId }: Readonly<{ shard: Shard; windowId: string }>,
): Promise<WindowRow> {
  const window = await lockWindow(transaction, shard, windowId);
  if (!window) throw unknownWindow(windowId);
  return window;
}

/** Takes a window through its states, each by an allowed change. */
async function advance(
  transaction: DatabaseTransaction,
  window: WindowRow,
  states: readonly WindowState[],
  change: Partial<WindowRow>,
): Promise<void> {
  let state: WindowState = window.state;
  for (const next of states) {
    if (!WINDOW_TRANSITIONS[state].includes(next)) {
      throw new SettlementError(
        'WINDOW_STATE_UNSUITABLE',
        `a window goes from ${state} to ${WINDOW_TRANSITIONS[state].join(' or ')}`,
        {
          state,
          windowId: window.windowId,
        },
      );
    }
    state = next;
  }
  await saveWindow(transaction, window, { ...change, state });
}

function totalsOf(presentments: readonly PresentmentRow[]): readonly MerchantTotals[] {
  const totals = new Map<string, MerchantTotals>();
  for (const { merchantId, acquirerId, kind, amount, merchantFee } of presentments) {
    if (!acquirerId) continue;
    const before = totals.get(merchantId) ?? {
      merchant: merchantId,
      acquirer: acquirerId,
      gross: 0n,
      fees: 0n,
      refunds: 0n,
      chargebacks: 0n,
      representments: 0n,
    };
    const of = (wanted: PresentmentRow['kind']) => (kind === wanted ? amount : 0n);
    totals.set(merchantId, {
      ...before,
      gross: before.gross + of('capture'),
      fees: before.fees + merchantFee,
      refunds: before.refunds + of('refund'),
      chargebacks: before.chargebacks + of('chargeback'),
      representments: before.representments + of('representment'),
    });
  }
  return [...totals.values()].sort((left, right) => (left.merchant < right.merchant ? -1 : 1));
}

function netOf(window: WindowRow, rows: readonly ObligationRow[]): readonly NetPosition[] {
  return netPositions(
    rows.map(
      ({ debtor, creditor, kind, amount }): Obligation => ({
        from: debtor,
        to: creditor,
        kind,
        amount: { minorUnits: amount, asset: window.asset },
      }),
    ),
  );
}

function viewOf(
  window: WindowRow,
  presentments: number,
  positions: readonly NetPosition[],
  payouts: readonly MerchantPayoutRow[],
): WindowView {
  return {
    windowId: window.windowId,
    asset: window.asset,
    calendar: window.calendar,
    state: window.state,
    openedAt: window.openedAt.toISOString(),
    closedAt: window.closedAt?.toISOString() ?? null,
    settledAt: window.settledAt?.toISOString() ?? null,
    presentments,
    netPositions: positions.map(inDigits),
    merchantPayouts: payouts.map((row) => ({ acquirerId: row.acquirerId, ...figuresOf(row) })),
  };
}

function inDigits({ participant, minorUnits }: NetPosition) {
  return { participant, minorUnits: minorUnits.toString() };
}

function figuresOf(row: MerchantPayoutRow) {
  return {
    merchantId: row.merchantId,
    gross: row.gross.toString(),
    fees: row.fees.toString(),
    refunds: row.refunds.toString(),
    chargebacks: row.chargebacks.toString(),
    representments: row.representments.toString(),
    carriedIn: row.carriedIn.toString(),
    paid: row.paid.toString(),
    carriedOut: row.carriedOut.toString(),
    withheld: row.withheld.toString(),
    fromReserve: row.fromReserve.toString(),
    writtenOff: row.writtenOff.toString(),
    writtenBack: row.writtenBack.toString(),
  };
}

function unknownWindow(windowId: string): SettlementError {
  return new SettlementError('WINDOW_UNKNOWN', `no settlement window ${JSON.stringify(windowId)}`, { windowId });
}
