import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import type {
  AccountPath,
  JournalEntryInstruction,
  TransferInstruction,
} from '../../../ledger-service/vocabulary/journal-entries.ts';
import type { Obligation, SettlementParticipant } from '../clearing/domain.ts';

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
 * Units: minor units of the window's asset; `net` and `fees` add up to the merchant's gross amount.
 */
export function merchantPayoutEntry(
  window: Readonly<{ shard: Shard; windowIdentifier: string; asset: string; settledAt: Date }>,
  payout: Readonly<{ merchant: string; acquirer: string; net: bigint; fees: bigint }>,
): JournalEntryInstruction {
  const position: AccountPath = `acquirer/${payout.acquirer}/position`;
  const transfer = (role: string, debit: AccountPath, minorUnits: bigint): TransferInstruction => ({
    transferIdentifier: uuidFromMeaning('merchant-payout', window.windowIdentifier, payout.merchant, role),
    kind: 'post',
    debit,
    credit: position,
    amount: { minorUnits, asset: window.asset },
  });
  return {
    shard: window.shard,
    entryIdentifier: uuidFromMeaning('merchant-payout', window.windowIdentifier, payout.merchant),
    kind: 'settlement.merchantPayout',
    subject: window.windowIdentifier,
    eventAt: window.settledAt,
    transfers: [
      transfer('net', `merchant/${payout.merchant}/payable`, payout.net),
      transfer('fees', `acquirer/${payout.acquirer}/fees`, payout.fees),
    ].filter(({ amount }) => amount.minorUnits > 0n),
  };
}

function settlementAccountOf(participant: SettlementParticipant): AccountPath {
  return participant === 'intermediary' ? 'intermediary/settlement' : `${participant}/position`;
}

/** What one merchant's captures and refunds of a window come to. Minor units. */
export type MerchantTotals = Readonly<{
  merchant: string;
  acquirer: string;
  gross: bigint;
  fees: bigint;
  refunds: bigint;
}>;

export type MerchantPayout = MerchantTotals & Readonly<{ carriedIn: bigint; paid: bigint; carriedOut: bigint }>;

/**
 * Works out what a merchant is paid for a window.
 *
 * Units: minor units; what refunds took beyond what came in is carried to the next window, never below zero, so that
 *        `gross - fees - refunds - carriedIn = paid - carriedOut`
 */
export function payMerchant(totals: MerchantTotals, carriedIn: bigint): MerchantPayout {
  const due = totals.gross - totals.fees - totals.refunds - carriedIn;
  return { ...totals, carriedIn, paid: due > 0n ? due : 0n, carriedOut: due < 0n ? -due : 0n };
}
