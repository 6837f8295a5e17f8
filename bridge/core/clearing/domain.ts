import { uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import type {
  AccountPath,
  JournalEntryInstruction,
  TransferInstruction,
} from '../../../ledger-service/vocabulary/journal-entries.ts';
import type { Amount } from '../../../ledger-service/vocabulary/money.ts';
import type { Fees } from '../fees/domain.ts';
import { type PaymentParties, required } from '../payments/postings.ts';

/** A member of a settlement model: `issuer/alba`, `acquirer/porto`, `intermediary` or `network`. */
export type SettlementParticipant = string;

/** Who owes whom through the network, and for what. The net positions of a window are the sum of these. */
export type Obligation = Readonly<{
  from: SettlementParticipant;
  to: SettlementParticipant;
  kind: 'principal' | 'interchange' | 'schemeFee';
  amount: Amount;
}>;

/** One captured amount as it enters clearing; `amount` is fiat, the spread is only there for fiat → crypto. */
export type Presentment = Readonly<{
  parties: PaymentParties;
  sequence: number;
  amount: Amount;
  spread: Amount;
  fees: Fees;
  eventAt: Date;
}>;

/**
 * Clears one captured amount: says who owes whom, and the entry that records it.
 *
 * Shape:   presentment of a payment with a fiat side → { obligations, entry }
 * Units:   minor units of the fiat asset; every fee and the spread is a leg of its own
 * Errors:  a crypto → crypto payment never comes here: it broke an invariant
 * Source:  docs/chart-of-accounts.md
 */
export function clearPresentment(
  presentment: Presentment,
): Readonly<{ obligations: readonly Obligation[]; entry: JournalEntryInstruction }> {
  const { payer, payee } = sidesOf(presentment.parties);
  const { fees, amount } = presentment;
  const obligations: Obligation[] = [
    { from: payer, to: payee, kind: 'principal', amount },
    { from: payee, to: payer, kind: 'interchange', amount: fees.interchange },
    { from: payee, to: 'network', kind: 'schemeFee', amount: fees.schemeFee },
  ];
  return {
    obligations: obligations.filter((obligation) => obligation.amount.minorUnits > 0n),
    entry: entryOf(presentment, legsOf(presentment)),
  };
}

/**
 * Clears one refunded amount: the way back of a capture's principal. Fees stay with those who earned them.
 *
 * Shape and errors as {@link clearPresentment}; `amount` is fiat.
 */
export function clearRefund(
  refund: Pick<Presentment, 'parties' | 'sequence' | 'amount' | 'eventAt'>,
): Readonly<{ obligations: readonly Obligation[]; entry: JournalEntryInstruction }> {
  const { payer, payee } = sidesOf(refund.parties);
  const obligations: Obligation[] = [{ from: payee, to: payer, kind: 'principal', amount: refund.amount }];
  return { obligations, entry: entryOf(refund, refundLegsOf(refund)) };
}

/**
 * Clears one amount that a merchant has won again: the way back of a chargeback, which is cleared like a refund.
 *
 * Shape and errors as {@link clearRefund}
 */
export function clearRepresentment(
  won: Pick<Presentment, 'parties' | 'sequence' | 'amount' | 'eventAt'>,
): Readonly<{ obligations: readonly Obligation[]; entry: JournalEntryInstruction }> {
  const { payer, payee } = sidesOf(won.parties);
  const obligations: Obligation[] = [{ from: payer, to: payee, kind: 'principal', amount: won.amount }];
  const legs = refundLegsOf(won).map(([role, debit, credit, amount]): Leg => [role, credit, debit, amount]);
  return { obligations, entry: entryOf(won, legs.toReversed()) };
}

function refundLegsOf({ parties, amount }: Pick<Presentment, 'parties' | 'amount'>): Leg[] {
  const issuer = () => `issuer/${required(parties.issuer, 'issuer')}/position`;
  const acquirerLegs = (): Leg[] => {
    const acquirer = `acquirer/${required(parties.acquirer, 'acquirer')}/position`;
    return [
      ['merchant', `merchant/${parties.merchant}/payable`, acquirer, amount],
      ['gross', acquirer, 'network/clearing', amount],
    ];
  };
  switch (parties.quadrant) {
    case 'fiatToFiat':
      return [...acquirerLegs(), ['payer', 'network/clearing', issuer(), amount]];
    case 'cryptoToFiat':
      return [
        ...acquirerLegs(),
        ['intermediary', 'network/clearing', 'intermediary/clearing', amount],
        ['position', 'intermediary/clearing', 'intermediary/position', amount],
      ];
    case 'fiatToCrypto':
      return [
        ['position', 'intermediary/position', 'intermediary/clearing', amount],
        ['intermediary', 'intermediary/clearing', 'network/clearing', amount],
        ['payer', 'network/clearing', issuer(), amount],
      ];
    case 'cryptoToCrypto':
      throw new Error('Invariant broken: crypto → crypto settles on chain and is never cleared');
  }
}

type Leg = readonly [role: string, debit: AccountPath, credit: AccountPath, amount: Amount];

function legsOf(presentment: Presentment): Leg[] {
  const { parties, amount, fees, spread } = presentment;
  const issuer = () => `issuer/${required(parties.issuer, 'issuer')}/position`;
  const acquirer = () => `acquirer/${required(parties.acquirer, 'acquirer')}/position`;
  switch (parties.quadrant) {
    case 'fiatToFiat':
      return [['gross', 'network/clearing', acquirer(), amount], ...acquirerLegs(presentment, acquirer(), issuer())];
    case 'cryptoToFiat':
      return [
        ['intermediary', 'intermediary/clearing', 'network/clearing', amount],
        ['gross', 'network/clearing', acquirer(), amount],
        ...acquirerLegs(presentment, acquirer(), 'intermediary/fees'),
      ];
    case 'fiatToCrypto':
      return [
        ['gross', 'network/clearing', 'intermediary/clearing', amount],
        ['interchange', 'intermediary/fees', issuer(), fees.interchange],
        ['schemeFee', 'intermediary/fees', 'network/scheme-fees', fees.schemeFee],
        ['spread', 'intermediary/clearing', 'intermediary/spread', spread],
        ['position', 'intermediary/clearing', 'intermediary/position', less(amount, spread)],
      ];
    case 'cryptoToCrypto':
      throw new Error('Invariant broken: crypto → crypto settles on chain and is never cleared');
  }
}

function acquirerLegs(
  { parties, fees, amount }: Presentment,
  acquirer: AccountPath,
  interchangeTo: AccountPath,
): Leg[] {
  const payable = `merchant/${parties.merchant}/payable`;
  return [
    ['interchange', acquirer, interchangeTo, fees.interchange],
    ['schemeFee', acquirer, 'network/scheme-fees', fees.schemeFee],
    ['merchant', acquirer, payable, amount],
    ['merchantFee', payable, `acquirer/${parties.acquirer}/fees`, fees.merchantFee],
  ];
}

function sidesOf(parties: PaymentParties): Readonly<{ payer: SettlementParticipant; payee: SettlementParticipant }> {
  const issuer = () => `issuer/${required(parties.issuer, 'issuer')}`;
  const acquirer = () => `acquirer/${required(parties.acquirer, 'acquirer')}`;
  return {
    payer: parties.quadrant === 'cryptoToFiat' ? 'intermediary' : issuer(),
    payee: parties.quadrant === 'fiatToCrypto' ? 'intermediary' : acquirer(),
  };
}

function entryOf(
  { parties, sequence, eventAt }: Pick<Presentment, 'parties' | 'sequence' | 'eventAt'>,
  legs: readonly Leg[],
): JournalEntryInstruction {
  const name = (...meaning: readonly (string | number)[]) =>
    uuidFromMeaning('clearing', parties.paymentIdentifier, sequence, ...meaning);
  const transfers = legs
    .filter(([, , , amount]) => amount.minorUnits > 0n)
    .map(
      ([role, debit, credit, amount]): TransferInstruction => ({
        transferIdentifier: name(role),
        kind: 'post',
        debit,
        credit,
        amount,
      }),
    );
  return {
    shard: parties.shard,
    entryIdentifier: name(),
    kind: 'clearing.presentment',
    subject: parties.paymentIdentifier,
    eventAt,
    transfers,
  };
}

function less(amount: Amount, part: Amount): Amount {
  return { minorUnits: amount.minorUnits - part.minorUnits, asset: amount.asset };
}
