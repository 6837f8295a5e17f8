import { clearPresentment } from '../../bridge/core/clearing/domain.ts';
import { type FeeSchedule, feesOf } from '../../bridge/core/fees/domain.ts';
import type { Quadrant } from '../../bridge/core/payments/domain.ts';
import {
  authorizationEntry,
  captureEntry,
  type PaymentParties,
  payoutEntry,
} from '../../bridge/core/payments/postings.ts';
import { merchantPayoutEntry, netPositions, settlementEntry } from '../../bridge/core/settlement/domain.ts';
import type { JournalEntryInstruction } from '../../ledger-service/vocabulary/journal-entries.ts';

/** The world of docs/chart-of-accounts.md: 100.00 EUR or 100.000000 of a dollar token, at the fees named there. */
export const TOKEN = 'eip155:31337/erc20:0x00000000000000000000000000000000000000aa';
export const SCHEDULE: FeeSchedule = {
  interchangeBasisPoints: 20n,
  schemeFeeBasisPoints: 5n,
  merchantFeeBasisPoints: 100n,
};
const AT = new Date('2026-11-02T10:00:00Z');
const TOMORROW = new Date('2026-11-03T10:00:00Z');
const eur = (minorUnits: bigint) => ({ minorUnits, asset: 'EUR' });
const token = (minorUnits: bigint) => ({ minorUnits, asset: TOKEN });

export function partiesOf(quadrant: Quadrant): PaymentParties {
  return {
    shard: 0,
    paymentIdentifier: `pay_example_${quadrant}`,
    quadrant,
    merchant: quadrant.endsWith('Fiat') ? 'bakery' : 'arcade',
    ...(quadrant.startsWith('fiat') ? { issuer: 'alba' } : {}),
    ...(quadrant.endsWith('Fiat') ? { acquirer: 'porto' } : {}),
  };
}

/** Every entry of one payment of 100, from its authorization to the payout of its merchant, in order. */
export function workedExample(quadrant: Quadrant): readonly JournalEntryInstruction[] {
  const parties = partiesOf(quadrant);
  const hold = { eventAt: AT, expiresAt: TOMORROW };
  const window = { shard: 0, windowIdentifier: `win_example_${quadrant}`, asset: 'EUR', settledAt: TOMORROW };
  const nothing = eur(0n);
  switch (quadrant) {
    case 'fiatToFiat': {
      const captured = { source: eur(10_000n), target: eur(10_000n), spread: nothing, fee: nothing };
      return [
        authorizationEntry(parties, { ...hold, source: captured.source, target: captured.target }),
        captureEntry(parties, 1, captured, AT),
        ...cleared(parties, eur(10_000n), nothing, window),
      ];
    }
    case 'cryptoToCrypto': {
      const captured = {
        source: token(100_000_000n),
        target: token(100_000_000n),
        spread: nothing,
        fee: token(1_000_000n),
      };
      return [
        authorizationEntry(parties, { ...hold, source: captured.source, target: captured.target }),
        captureEntry(parties, 1, captured, AT),
      ];
    }
    case 'cryptoToFiat': {
      const captured = { source: token(100_000_000n), target: eur(9_150n), spread: token(500_000n), fee: nothing };
      return [
        authorizationEntry(parties, { ...hold, source: captured.source, target: captured.target }),
        captureEntry(parties, 1, captured, AT),
        ...cleared(parties, captured.target, nothing, window),
      ];
    }
    case 'fiatToCrypto': {
      const captured = { source: eur(10_000n), target: token(108_156_500n), spread: eur(50n), fee: nothing };
      return [
        authorizationEntry(parties, { ...hold, source: captured.source, target: captured.target }),
        captureEntry(parties, 1, captured, AT),
        payoutEntry(parties, 1, captured.target, AT),
        ...cleared(parties, captured.source, captured.spread, window),
      ];
    }
  }
}

function cleared(
  parties: PaymentParties,
  amount: ReturnType<typeof eur>,
  spread: ReturnType<typeof eur>,
  window: Parameters<typeof settlementEntry>[0],
): JournalEntryInstruction[] {
  const fees = feesOf(amount, SCHEDULE);
  const { entry, obligations } = clearPresentment({ parties, sequence: 1, amount, spread, fees, eventAt: AT });
  const entries = [entry, settlementEntry(window, netPositions(obligations))];
  if (!parties.acquirer) return entries;
  const payout = {
    merchant: parties.merchant,
    acquirer: parties.acquirer,
    net: fees.merchantNet.minorUnits,
    fees: fees.merchantFee.minorUnits,
  };
  return [...entries, merchantPayoutEntry(window, payout)];
}
