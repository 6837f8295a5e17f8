import { clearPresentment, clearRefund, clearRepresentment } from '../../bridge/core/clearing/domain.ts';
import { type FeeSchedule, feesOf } from '../../bridge/core/fees/domain.ts';
import type { Quadrant } from '../../bridge/core/payments/domain.ts';
import {
  authorizationEntry,
  captureEntry,
  chargebackEntry,
  lateReversalEntry,
  nettedPayoutEntry,
  type PaymentParties,
  payoutEntry,
  refundEntry,
  refundPayoutEntry,
  representmentEntry,
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

/** What comes back of the examples, by name, each on top of the example of its quadrant. */
export const MONEY_BACK = {
  'refund, fiat → fiat': () => {
    const parties = partiesOf('fiatToFiat');
    const { entry, obligations } = clearRefund({ parties, sequence: 2, amount: eur(10_000n), eventAt: AT });
    return [entry, ...window('fiatToFiat', obligations, { net: 0n, fees: 0n })];
  },
  'refund, crypto → crypto': () => {
    const whole = token(100_000_000n);
    return [refundEntry(partiesOf('cryptoToCrypto'), 2, { source: whole, target: whole }, AT)!];
  },
  'refund, crypto → fiat': () => {
    const parties = partiesOf('cryptoToFiat');
    const refunded = { source: token(100_000_000n), target: eur(9_150n) };
    const { entry, obligations } = clearRefund({ parties, sequence: 2, amount: refunded.target, eventAt: AT });
    return [
      refundEntry(parties, 2, refunded, AT)!,
      refundPayoutEntry(parties, 2, refunded.source, AT),
      entry,
      ...window('cryptoToFiat', obligations, { net: 0n, fees: 0n }),
    ];
  },
  'refund, fiat → crypto': () => {
    const parties = partiesOf('fiatToCrypto');
    const refunded = { source: eur(10_000n), target: token(108_156_500n) };
    const { entry, obligations } = clearRefund({ parties, sequence: 2, amount: refunded.source, eventAt: AT });
    return [refundEntry(parties, 2, refunded, AT)!, entry, ...window('fiatToCrypto', obligations)];
  },
  'chargeback, fiat → fiat': () => {
    const parties = partiesOf('fiatToFiat');
    const { entry, obligations } = clearRefund({ parties, sequence: 2, amount: eur(10_000n), eventAt: AT });
    return [entry, ...window('fiatToFiat', obligations, { net: 0n, fees: 0n })];
  },
  'won, fiat → fiat': () => {
    const parties = partiesOf('fiatToFiat');
    const { entry, obligations } = clearRepresentment({ parties, sequence: 3, amount: eur(10_000n), eventAt: AT });
    return [entry, ...window('fiatToFiat-won', obligations, { net: 0n, fees: 0n })];
  },
  'chargeback, fiat → crypto, 20.000000 in the reserve': () => {
    const parties = partiesOf('fiatToCrypto');
    const borne = { fromReserve: 20_000_000n, writtenOff: 0n };
    const { entry, obligations } = clearRefund({ parties, sequence: 2, amount: eur(10_000n), eventAt: AT });
    return [
      chargebackEntry(parties, 2, token(108_156_500n), borne, AT)!,
      entry,
      ...window('fiatToCrypto-charged', obligations),
    ];
  },
  'chargeback, fiat → crypto, of a merchant who has left': () => {
    const borne = { fromReserve: 0n, writtenOff: 108_156_500n };
    return [chargebackEntry(partiesOf('fiatToCrypto'), 2, token(108_156_500n), borne, AT)!];
  },
  'reversed late, fiat → crypto, borne by the merchant': () => {
    const parties = partiesOf('fiatToCrypto');
    const borne = { fromReserve: 0n, writtenOff: 0n };
    const { entry, obligations } = clearRefund({ parties, sequence: 2, amount: eur(10_000n), eventAt: AT });
    const reversal = lateReversalEntry(parties, 2, token(108_156_500n), borne, AT);
    return [reversal, entry, ...window('fiatToCrypto-reversed', obligations)];
  },
  'reversed late, fiat → crypto, borne by the intermediary': () => [
    lateReversalEntry(partiesOf('fiatToCrypto'), 2, token(108_156_500n), 'intermediary', AT),
  ],
  'a payout of 50.000000 to a merchant who owes 30.000000 and has a reserve of 10 %': () => {
    const parties = { ...partiesOf('fiatToCrypto'), paymentIdentifier: 'pay_example_netted' };
    const hold = { source: eur(4_600n), target: token(50_000_000n), eventAt: AT, expiresAt: TOMORROW };
    const split = { netted: 30_000_000n, writtenBack: 0n, withheld: 2_000_000n };
    return [
      authorizationEntry(parties, hold),
      nettedPayoutEntry(parties, 1, TOKEN, split, AT)!,
      payoutEntry(parties, 1, token(18_000_000n), AT),
    ];
  },
  'won, fiat → crypto, 30.000000 still owed': () => {
    const given = { writtenBack: 0n, kept: 78_156_500n };
    return [representmentEntry(partiesOf('fiatToCrypto'), 3, token(108_156_500n), given, AT)!];
  },
  'a window of 100.00 EUR with a reserve of 10 %': () => {
    const named = { shard: 0, windowIdentifier: 'win_example_kept', asset: 'EUR', settledAt: TOMORROW };
    const payout = { merchant: 'bakery', acquirer: 'porto', net: 8_910n, fees: 100n, withheld: 990n };
    return [merchantPayoutEntry(named, payout)];
  },
  'a window that is 15.00 EUR short, of a merchant who has left with 9.90 in its reserve': () => {
    const named = { shard: 0, windowIdentifier: 'win_example_short', asset: 'EUR', settledAt: TOMORROW };
    const short = { fromReserve: 990n, writtenOff: 510n };
    return [merchantPayoutEntry(named, { merchant: 'bakery', acquirer: 'porto', net: 0n, fees: 0n, ...short })];
  },
} satisfies Readonly<Record<string, () => readonly JournalEntryInstruction[]>>;

function window(
  name: string,
  obligations: Parameters<typeof netPositions>[0],
  payout?: Readonly<{ net: bigint; fees: bigint }>,
): readonly JournalEntryInstruction[] {
  const named = { shard: 0, windowIdentifier: `win_example_back_${name}`, asset: 'EUR', settledAt: TOMORROW };
  const paid = payout ? [merchantPayoutEntry(named, { merchant: 'bakery', acquirer: 'porto', ...payout })] : [];
  return [settlementEntry(named, netPositions(obligations)), ...paid].filter(({ transfers }) => transfers.length > 0);
}

const PHASES: Readonly<Record<string, string>> = {
  pending: 'pending: ',
  post: '',
  post_pending: 'the hold is posted: ',
};

/** The examples as docs/chart-of-accounts.md shows them. */
export function renderMoneyBack(): string {
  const rows = Object.entries(MONEY_BACK).flatMap(([name, entries]) =>
    entries().flatMap(({ kind, transfers }, place) =>
      transfers.map(({ kind: phase, debit, credit, amount }, leg) => {
        const cells = [
          place === 0 && leg === 0 ? name : '',
          leg === 0 ? `\`${kind}\`` : '',
          `${PHASES[phase]}Dr ${debit} / Cr ${credit}`,
          amount.asset === 'EUR' ? `${decimal(amount.minorUnits, 2)} EUR` : decimal(amount.minorUnits, 6),
        ];
        return `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');
      }),
    ),
  );
  return ['| what comes back | entry | transfer | amount |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function decimal(minorUnits: bigint, scale: number): string {
  const digits = minorUnits.toString().padStart(scale + 1, '0');
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
