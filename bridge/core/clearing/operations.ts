import { postEntries } from '../../../ledger-service/journal/operations/post-entries.ts';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import { assertInvariant } from '../../../ledger-service/vocabulary/errors.ts';
import type { IdentifierSource, Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { JournalEntryInstruction } from '../../../ledger-service/vocabulary/journal-entries.ts';
import { fromWire, type WireAmount } from '../../../ledger-service/vocabulary/money.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import type { DueEvent } from '../../platform/outbox.ts';
import { type Fees, feesOf } from '../fees/domain.ts';
import type { Quadrant } from '../payments/domain.ts';
import type { PaymentParties } from '../payments/postings.ts';
import { clearPresentment, clearRefund, clearRepresentment } from './domain.ts';
import {
  insertObligations,
  insertPresentments,
  loadObligations,
  loadWindowObligations,
  loadWindowPresentments,
  nameOf,
  type ObligationRow,
  type PresentmentRow,
  shareOpenWindow,
} from './store.ts';

export type { ObligationRow, PresentmentRow } from './store.ts';

export type ClearingDependencies = Readonly<{ clock: Clock; identifiers: IdentifierSource; calendar: string }>;

type Cleared = Readonly<{
  paymentId: string;
  quadrant: Quadrant;
  merchantId: string;
  issuerId: string | null;
  acquirerId: string | null;
  sequence: number;
  source: WireAmount;
  target: WireAmount;
  spread?: WireAmount;
  fees?: Readonly<Record<'interchangeBasisPoints' | 'schemeFeeBasisPoints' | 'merchantFeeBasisPoints', number>>;
  eventAt: string;
}>;

/**
 * Clears captured, refunded and disputed amounts into the open window of their currency: who owes whom, and the entry
 * of it.
 *
 * Shape:   due events payment.captured, refunded, chargedBack and represented of payments with a fiat side
 * Effects: in the caller's database transaction: presentment, obligations and journal entry; an event that was cleared
 *          before changes nothing
 */
export async function clearPayments(
  dependencies: ClearingDependencies,
  transaction: DatabaseTransaction,
  due: readonly DueEvent[],
): Promise<void> {
  const entries: JournalEntryInstruction[] = [];
  const owed: ObligationRow[] = [];
  const cleared: ReturnType<typeof clear>[] = [];
  const windows = new Map<string, string>();
  const now = dependencies.clock.now();
  // Windows are shared in the order of their currencies, so that two batches cannot wait for each other.
  const sorted = due.toSorted((left, right) =>
    fiatOf(left) < fiatOf(right) ? -1 : fiatOf(left) > fiatOf(right) ? 1 : 0,
  );
  for (const event of sorted) {
    const asset = fiatOf(event);
    let windowId = windows.get(asset);
    if (!windowId) {
      windowId = await shareOpenWindow(
        transaction,
        { shard: event.shard, asset, calendar: dependencies.calendar },
        { windowId: dependencies.identifiers.next('win', event.shard), openedAt: now },
      );
      windows.set(asset, windowId);
    }
    cleared.push(clear(event, windowId, now));
  }
  const inserted = await insertPresentments(
    transaction,
    cleared.map(({ presentment }) => presentment),
  );
  for (const { presentment, obligations, entry } of cleared) {
    // What was cleared before changes nothing.
    if (!inserted.has(nameOf(presentment))) continue;
    owed.push(...obligations);
    // An amount too small to be worth one unit on the other side owes nothing to anyone.
    if (entry.transfers.length > 0) entries.push(entry);
  }
  await insertObligations(transaction, owed);
  const results = await postEntries(transaction, entries, { now });
  const refused = results.find((result) => result.outcome === 'refused');
  assertInvariant(!refused, `the books take what was cleared, but refused ${JSON.stringify(refused)}`);
}

/** Everything that was cleared into a window, for who settles it. */
export async function loadWindowContents(transaction: DatabaseTransaction, shard: Shard, windowId: string) {
  const [presentments, obligations] = [
    await loadWindowPresentments(transaction, shard, windowId),
    await loadWindowObligations(transaction, shard, windowId),
  ];
  return { presentments, obligations };
}

/** Everything that is owed, in whichever window, for who compares it with the books. */
export async function loadAllObligations(database: Database, shard: Shard): Promise<readonly ObligationRow[]> {
  return loadObligations(database.drizzle, shard);
}

function fiatOf({ payload }: DueEvent): string {
  const { quadrant, source, target } = payload as Cleared;
  return quadrant === 'cryptoToFiat' ? target.asset : source.asset;
}

function clear(event: DueEvent, windowId: string, clearedAt: Date) {
  const cleared = event.payload as Cleared;
  const parties = partiesOf(event.shard, cleared);
  const amount = fromWire(cleared.quadrant === 'cryptoToFiat' ? cleared.target : cleared.source);
  const nothing = { minorUnits: 0n, asset: amount.asset };
  const { sequence } = cleared;
  const eventAt = new Date(cleared.eventAt);
  const kind = KINDS[event.topic];
  assertInvariant(kind !== undefined, `${event.topic} is cleared`);
  const fees: Fees =
    kind === 'capture'
      ? feesOf(amount, scheduleOf(cleared))
      : { interchange: nothing, schemeFee: nothing, merchantFee: nothing, merchantNet: amount };
  const spread = cleared.quadrant === 'fiatToCrypto' && cleared.spread ? fromWire(cleared.spread) : nothing;
  const plain = { parties, sequence, amount, eventAt };
  const outcome =
    kind === 'capture'
      ? clearPresentment({ ...plain, spread, fees })
      : kind === 'representment'
        ? clearRepresentment(plain)
        : clearRefund(plain);
  const named = { shard: event.shard, paymentId: cleared.paymentId, sequence };
  const presentment: PresentmentRow = {
    ...named,
    windowId,
    kind,
    quadrant: cleared.quadrant as PresentmentRow['quadrant'],
    merchantId: cleared.merchantId,
    acquirerId: cleared.acquirerId,
    amount: amount.minorUnits,
    interchange: fees.interchange.minorUnits,
    schemeFee: fees.schemeFee.minorUnits,
    merchantFee: cleared.acquirerId ? fees.merchantFee.minorUnits : 0n,
    clearedAt,
  };
  const obligations = outcome.obligations.map(
    ({ from, to, kind, amount: owed }): ObligationRow => ({
      ...named,
      kind,
      windowId,
      debtor: from,
      creditor: to,
      amount: owed.minorUnits,
    }),
  );
  return { presentment, obligations, entry: outcome.entry };
}

/** What each event is in clearing. */
const KINDS: Readonly<Record<string, PresentmentRow['kind']>> = {
  'payment.captured': 'capture',
  'payment.refunded': 'refund',
  'payment.chargedBack': 'chargeback',
  'payment.represented': 'representment',
  'payment.reversedLate': 'lateReversal',
};

function scheduleOf({ fees }: Cleared) {
  assertInvariant(fees !== undefined, 'a capture says which fees apply to it');
  return {
    interchangeBasisPoints: BigInt(fees.interchangeBasisPoints),
    schemeFeeBasisPoints: BigInt(fees.schemeFeeBasisPoints),
    merchantFeeBasisPoints: BigInt(fees.merchantFeeBasisPoints),
  };
}

function partiesOf(shard: Shard, cleared: Cleared): PaymentParties {
  return {
    shard,
    paymentIdentifier: cleared.paymentId,
    quadrant: cleared.quadrant,
    merchant: cleared.merchantId,
    ...(cleared.issuerId ? { issuer: cleared.issuerId } : {}),
    ...(cleared.acquirerId ? { acquirer: cleared.acquirerId } : {}),
  };
}
