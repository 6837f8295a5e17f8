import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import type {
  AccountPath,
  JournalEntryInstruction,
  TransferInstruction,
} from '../../../ledger-service/vocabulary/journal-entries.ts';
import type { Obligation, SettlementParticipant } from '../clearing/domain.ts';
import type { Borne, Split } from '../participants/standing-domain.ts';

/** The life of a settlement window; the words are those of Mojaloop's central settlement. */
export type WindowState = 'OPEN' | 'PROCESSING' | 'CLOSED' | 'PENDING_SETTLEMENT' | 'SETTLED' | 'ABORTED' | 'FAILED';

/** Every allowed change; an aborted window may be taken into a later settlement. */
export const WINDOW_TRANSITIONS: Readonly<Record<WindowState, readonly WindowState[]>> = {
  OPEN: ['PROCESSING'],
  PROCESSING: ['CLOSED', 'FAILED'],
  CLOSED: ['PENDING_SETTLEMENT'],
  PENDING_SETTLEMENT: ['SETTLED', 'ABORTED'],
  ABORTED: ['PENDING_SETTLEMENT'],
  FAILED: ['PROCESSING'],
  SETTLED: [],
};

/** Minor units; positive: the participant receives, negative: it pays. */
export type NetPosition = Readonly<{ participant: SettlementParticipant; minorUnits: bigint }>;

/**
 * Nets all obligations of one window against each other.
 *
 * Shape:   obligations of one asset → a net position per participant, sorted by name; they always add up to zero
 * Errors:  obligations of two assets in one window broke an invariant
 */
export function netPositions(obligations: readonly Obligation[]): readonly NetPosition[] {
  const assets = new Set(obligations.map((obligation) => obligation.amount.asset));
  if (assets.size > 1) throw new Error(`Invariant broken: one window has one asset, not ${[...assets].join(', ')}`);
  const positions = new Map<SettlementParticipant, bigint>();
  const add = (participant: SettlementParticipant, minorUnits: bigint) =>
    positions.set(participant, (positions.get(participant) ?? 0n) + minorUnits);
  for (const { from, to, amount } of obligations) {
    add(from, -amount.minorUnits);
    add(to, amount.minorUnits);
  }
  return [...positions]
    .map(([participant, minorUnits]) => ({ participant, minorUnits }))
    .sort((left, right) => (left.participant < right.participant ? -1 : 1));
}

/**
 * The entry that moves the net positions of a closed window through the network's settlement account.
 *
 * What the network keeps is the scheme fees: it has no transfer of its own.
 */
export function settlementEntry(
  window: Readonly<{ shard: Shard; windowIdentifier: string; asset: string; settledAt: Date }>,
  positions: readonly NetPosition[],
): JournalEntryInstruction {
  const transfers = positions
    .filter(({ participant, minorUnits }) => minorUnits !== 0n && participant !== 'network')
    .map(({ participant, minorUnits }): TransferInstruction => {
      const account = settlementAccountOf(participant);
      const pays = minorUnits < 0n;
      return {
        transferIdentifier: uuidFromMeaning('settlement', window.windowIdentifier, participant),
        kind: 'post',
        debit: pays ? 'network/settlement' : account,
        credit: pays ? account : 'network/settlement',
        amount: { minorUnits: pays ? -minorUnits : minorUnits, asset: window.asset },
      };
    });
  return {
    shard: window.shard,
    entryIdentifier: uuidFromMeaning('settlement', window.windowIdentifier),
    kind: 'settlement.net',
    subject: window.windowIdentifier,
    eventAt: window.settledAt,
    transfers,
  };
}

/**
 * The entry with which an acquirer pays a merchant what a settled window owes it, and keeps its own fees.
 *
 * Shape: what is kept back goes to the merchant's reserve, what was short comes out of it; what a merchant who has left
 *        cannot bear is its acquirer's loss, which later credits make up for first. A leg of nothing is left out
 * Units: minor units of the window's asset
 */
export function merchantPayoutEntry(
  window: Readonly<{ shard: Shard; windowIdentifier: string; asset: string; settledAt: Date }>,
  payout: Readonly<{ merchant: string; acquirer: string; net: bigint; fees: bigint }> & Partial<Kept>,
): JournalEntryInstruction {
  const position: AccountPath = `acquirer/${payout.acquirer}/position`;
  const losses: AccountPath = `acquirer/${payout.acquirer}/losses`;
  const payable: AccountPath = `merchant/${payout.merchant}/payable`;
  const reserve: AccountPath = `merchant/${payout.merchant}/reserve`;
  const legs: readonly (readonly [role: string, debit: AccountPath, credit: AccountPath, amount: bigint])[] = [
    ['net', payable, position, payout.net],
    ['fees', `acquirer/${payout.acquirer}/fees`, position, payout.fees],
    ['withheld', payable, reserve, payout.withheld ?? 0n],
    ['fromReserve', reserve, payable, payout.fromReserve ?? 0n],
    ['writtenOff', losses, payable, payout.writtenOff ?? 0n],
    ['writtenBack', payable, losses, payout.writtenBack ?? 0n],
  ];
  return {
    shard: window.shard,
    entryIdentifier: uuidFromMeaning('merchant-payout', window.windowIdentifier, payout.merchant),
    kind: 'settlement.merchantPayout',
    subject: window.windowIdentifier,
    eventAt: window.settledAt,
    transfers: legs
      .filter(([, , , minorUnits]) => minorUnits > 0n)
      .map(
        ([role, debit, credit, minorUnits]): TransferInstruction => ({
          transferIdentifier: uuidFromMeaning('merchant-payout', window.windowIdentifier, payout.merchant, role),
          kind: 'post',
          debit,
          credit,
          amount: { minorUnits, asset: window.asset },
        }),
      ),
  };
}

function settlementAccountOf(participant: SettlementParticipant): AccountPath {
  return participant === 'intermediary' ? 'intermediary/settlement' : `${participant}/position`;
}

/** What one merchant's movements of a window come to. Minor units. */
export type MerchantTotals = Readonly<{
  merchant: string;
  acquirer: string;
  gross: bigint;
  fees: bigint;
  refunds: bigint;
  chargebacks: bigint;
  representments: bigint;
}>;

/** What does not go to the merchant now, or did not come from this window. */
type Kept = Readonly<{ withheld: bigint; fromReserve: bigint; writtenOff: bigint; writtenBack: bigint }>;

/**
 * What a merchant is paid for a window, in minor units: all that came and went adds up to what it was paid, what is kept
 * for it, and what it owes less what it owed.
 */
export type MerchantPayout = MerchantTotals & Kept & Readonly<{ carriedIn: bigint; paid: bigint; carriedOut: bigint }>;

/** What a window's movements give a merchant, or below zero what they take from it. */
export function dueOf({ gross, fees, refunds, chargebacks, representments }: MerchantTotals): bigint {
  return gross + representments - fees - refunds - chargebacks;
}

/**
 * Works out what a merchant is paid for a window.
 *
 * Shape: what it owed before, and how what it is due was split, or what it is short of was borne
 */
export function payMerchant(
  totals: MerchantTotals,
  carriedIn: bigint,
  done: Readonly<{ split: Split } | { borne: Borne }>,
): MerchantPayout {
  const nothing = { withheld: 0n, fromReserve: 0n, writtenOff: 0n, writtenBack: 0n };
  if ('borne' in done) {
    const { fromReserve, writtenOff, carried } = done.borne;
    return { ...totals, ...nothing, carriedIn, paid: 0n, fromReserve, writtenOff, carriedOut: carriedIn + carried };
  }
  const { netted, withheld, writtenBack, paid } = done.split;
  return { ...totals, ...nothing, carriedIn, paid, withheld, writtenBack, carriedOut: carriedIn - netted };
}
