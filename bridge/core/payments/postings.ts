import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import type {
  AccountPath,
  JournalEntryInstruction,
  TransferInstruction,
  TransferKind,
} from '../../../ledger-service/vocabulary/journal-entries.ts';
import type { Amount } from '../../../ledger-service/vocabulary/money.ts';
import { UNFINAL_ACCOUNT } from '../controls/accepted-not-final.ts';
import type { Quadrant } from './domain.ts';

/** Who takes part in a payment, as far as the books need to know. */
export type PaymentParties = Readonly<{
  shard: Shard;
  paymentIdentifier: string;
  quadrant: Quadrant;
  merchant: string;
  /** The payer's card issuer; only where the payer pays fiat. */
  issuer?: string;
  /** The merchant's acquirer; only where the merchant is paid fiat. */
  acquirer?: string;
}>;

/** What one capture moves. `source` is the payer's money, `target` the merchant's, where the kinds differ. */
export type CapturedAmounts = Readonly<{ source: Amount; target: Amount; spread: Amount; fee: Amount }>;

type Leg = Readonly<{ role: string; kind: TransferKind; debit: AccountPath; credit: AccountPath; amount: Amount }>;

/**
 * The entry that holds a payment's money when it is authorized.
 *
 * Shape:   one pending transfer for the payer's money; fiat → crypto also holds the coins that will be paid out, so
 *          that a dry wallet promises nothing
 * Source:  docs/chart-of-accounts.md
 */
export function authorizationEntry(
  parties: PaymentParties,
  hold: Readonly<{ source: Amount; target: Amount; eventAt: Date; expiresAt: Date }>,
): JournalEntryInstruction {
  const legs: Leg[] = [{ role: 'source', kind: 'pending', ...holdAccounts(parties), amount: hold.source }];
  if (parties.quadrant === 'fiatToCrypto') {
    legs.push({ role: 'inventory', kind: 'pending', ...INVENTORY, amount: hold.target });
  }
  return entryOf(parties, 'authorization', 0, hold.eventAt, legs, hold.expiresAt);
}

/**
 * The entry of one capture. For a crypto payer it is posted when the capture is final on chain, for a card at once.
 *
 * Shape:   the captured part of the hold, then a leg for every fee and spread, each by itself
 * Units:   `source` in the payer's asset, `target` in the merchant's
 */
export function captureEntry(
  parties: PaymentParties,
  sequence: number,
  captured: CapturedAmounts,
  eventAt: Date,
): JournalEntryInstruction {
  const legs: Leg[] = [{ role: 'source', kind: 'post_pending', ...holdAccounts(parties), amount: captured.source }];
  const post = (role: string, debit: AccountPath, credit: AccountPath, amount: Amount) => {
    if (amount.minorUnits > 0n) legs.push({ role, kind: 'post', debit, credit, amount });
  };
  if (parties.quadrant === 'cryptoToCrypto') {
    post('fee', merchantOnChain(parties), 'intermediary/fees', captured.fee);
  }
  if (parties.quadrant === 'cryptoToFiat') {
    post('spread', 'intermediary/position', 'intermediary/spread', captured.spread);
    post('target', 'intermediary/position', 'intermediary/clearing', captured.target);
  }
  return entryOf(parties, 'capture', sequence, eventAt, legs);
}

/**
 * The entry of a payment that was swept from its deposit address to the wallet: what else comes in two steps, a hold and
 * its capture, is one here.
 */
export function depositCaptureEntry(
  parties: PaymentParties,
  sequence: number,
  captured: Pick<CapturedAmounts, 'source' | 'target' | 'spread'>,
  eventAt: Date,
): JournalEntryInstruction {
  const legs: Leg[] = [
    {
      role: 'source',
      kind: 'post',
      debit: 'intermediary/chain',
      credit: 'intermediary/position',
      amount: captured.source,
    },
    {
      role: 'spread',
      kind: 'post',
      debit: 'intermediary/position',
      credit: 'intermediary/spread',
      amount: captured.spread,
    },
    {
      role: 'target',
      kind: 'post',
      debit: 'intermediary/position',
      credit: 'intermediary/clearing',
      amount: captured.target,
    },
  ];
  return entryOf(
    parties,
    'depositCapture',
    sequence,
    eventAt,
    legs.filter(({ amount }) => amount.minorUnits > 0n),
  );
}

/** One time that a capture counted before it was final; `end` is how that ended. */
export type Acceptance = Readonly<{ chainHash: string; ordinal: number; generation: number; amount: Amount }>;

/**
 * The entry that credits a crypto merchant before its coins are final, at the intermediary's risk, and the one that takes
 * it back: because the capture itself is posted, or because the chain lost it.
 *
 * Shape: both have the same names for the same generation, and an acceptance ends once; so undoing and doing again can
 *        go on for as long as the chain does
 */
export function acceptanceEntry(
  parties: PaymentParties,
  { chainHash, ordinal, generation, amount }: Acceptance,
  step: 'accepted' | 'undone' | 'final',
  eventAt: Date,
): JournalEntryInstruction {
  const given = { debit: UNFINAL_ACCOUNT, credit: merchantOnChain(parties) };
  const taken = { debit: given.credit, credit: given.debit };
  const meaning = step === 'accepted' ? 'acceptance' : 'acceptance-ended';
  const name = (...more: readonly string[]) =>
    uuidFromMeaning('payment', parties.paymentIdentifier, meaning, chainHash, ordinal, generation, ...more);
  const kinds = { accepted: 'acceptance', undone: 'acceptanceUndone', final: 'acceptanceFinal' } as const;
  return {
    shard: parties.shard,
    entryIdentifier: name(),
    kind: `payment.${kinds[step]}`,
    subject: parties.paymentIdentifier,
    eventAt,
    transfers: [
      { transferIdentifier: name('principal'), kind: 'post', ...(step === 'accepted' ? given : taken), amount },
    ],
  };
}

/** The entry that mirrors a payout to a crypto merchant, once the chain shows it at the agreed depth. */
export function payoutEntry(
  parties: PaymentParties,
  sequence: number,
  paid: Amount,
  eventAt: Date,
): JournalEntryInstruction {
  return entryOf(parties, 'payout', sequence, eventAt, [
    { role: 'inventory', kind: 'post_pending', ...INVENTORY, amount: paid },
  ]);
}

/** The entry that lets go of what is still held, because it was voided or its time is over. */
export function releaseEntry(
  parties: PaymentParties,
  sequence: number,
  cause: 'void' | 'expiry',
  released: Readonly<{ source: Amount; target: Amount }>,
  eventAt: Date,
): JournalEntryInstruction {
  const kind: TransferKind = cause === 'void' ? 'void_pending' : 'expire_pending';
  const legs: Leg[] = [{ role: 'source', kind, ...holdAccounts(parties), amount: released.source }];
  if (parties.quadrant === 'fiatToCrypto' && released.target.minorUnits > 0n) {
    legs.push({ role: 'inventory', kind, ...INVENTORY, amount: released.target });
  }
  return entryOf(parties, cause, sequence, eventAt, legs);
}

/**
 * The entry of a refund as far as it does not go through clearing.
 *
 * Shape:   crypto → crypto: the merchant's coins are back with the payer, final on chain · crypto → fiat: the coins are
 *          reserved in the wallet, see {@link refundPayoutEntry} · fiat → crypto: the merchant owes its coins, since
 *          they cannot be pulled back · fiat → fiat: nothing, clearing says it all
 * Units:   `source` in the payer's asset, `target` in the merchant's
 */
export function refundEntry(
  parties: PaymentParties,
  sequence: number,
  refunded: Readonly<{ source: Amount; target: Amount }>,
  eventAt: Date,
  borne: Borne = ALL_CARRIED,
): JournalEntryInstruction | undefined {
  switch (parties.quadrant) {
    case 'fiatToFiat':
      return undefined;
    case 'cryptoToCrypto': {
      const back = { debit: merchantOnChain(parties), credit: 'payers/onchain' };
      return entryOf(parties, 'refund', sequence, eventAt, [
        { role: 'source', kind: 'post', ...back, amount: refunded.source },
      ]);
    }
    case 'cryptoToFiat':
      return entryOf(parties, 'refund', sequence, eventAt, [
        { role: `refund-${sequence}`, kind: 'pending', ...INVENTORY, amount: refunded.source },
      ]);
    case 'fiatToCrypto': {
      return owedEntry(parties, 'refund', sequence, refunded.target, borne, eventAt);
    }
  }
}

/** How an amount that a merchant owes is borne; see participants. */
type Borne = Readonly<{ fromReserve: bigint; writtenOff: bigint }>;
const ALL_CARRIED: Borne = { fromReserve: 0n, writtenOff: 0n };

/**
 * The entry of a chargeback as far as it does not go through clearing: a crypto merchant's coins cannot be pulled back,
 * so that it owes them; its reserve bears that first, and the intermediary's losses where the merchant has left.
 */
export function chargebackEntry(
  parties: PaymentParties,
  sequence: number,
  target: Amount,
  borne: Borne,
  eventAt: Date,
): JournalEntryInstruction | undefined {
  if (parties.quadrant !== 'fiatToCrypto') return undefined;
  return owedEntry(parties, 'chargeback', sequence, target, borne, eventAt);
}

/**
 * The entry of coins that left for a card payment which, as its issuer says too late, never stood: its merchant owes them
 * like those of a chargeback, or they are the intermediary's loss.
 */
export function lateReversalEntry(
  parties: PaymentParties,
  sequence: number,
  target: Amount,
  borne: Borne | 'intermediary',
  eventAt: Date,
): JournalEntryInstruction {
  const entry =
    borne === 'intermediary'
      ? entryOf(parties, 'lateReversal', sequence, eventAt, [
          {
            role: 'target',
            kind: 'post',
            debit: 'intermediary/losses',
            credit: 'intermediary/position',
            amount: target,
          },
        ])
      : owedEntry(parties, 'lateReversal', sequence, target, borne, eventAt);
  if (!entry) throw new Error('Invariant broken: coins have left');
  return entry;
}

/**
 * The entry of a won dispute, the other way: what the merchant still owed is forgiven, what was written off is made up
 * for, and what it had paid in the meantime is its again, kept in its reserve until the wallet has paid it.
 */
export function representmentEntry(
  parties: PaymentParties,
  sequence: number,
  target: Amount,
  given: Readonly<{ writtenBack: bigint; kept: bigint }>,
  eventAt: Date,
): JournalEntryInstruction | undefined {
  if (parties.quadrant !== 'fiatToCrypto' || target.minorUnits === 0n) return undefined;
  const owed = receivableOf(parties);
  const legs: Leg[] = [
    { role: 'target', kind: 'post', debit: 'intermediary/position', credit: owed, amount: target },
    ...some('writtenBack', owed, 'intermediary/losses', given.writtenBack, target.asset),
    ...some('kept', owed, reserveOf(parties), given.kept, target.asset),
  ];
  return entryOf(parties, 'representment', sequence, eventAt, legs);
}

/**
 * The entry of the part of a payout that does not leave the wallet: what its merchant owed, what had been written off
 * for it, and what is kept back. The coins that were reserved for it are the wallet's own again.
 */
export function nettedPayoutEntry(
  parties: PaymentParties,
  sequence: number,
  asset: string,
  split: Readonly<{ netted: bigint; writtenBack: bigint; withheld: bigint }>,
  eventAt: Date,
): JournalEntryInstruction | undefined {
  const minorUnits = split.netted + split.writtenBack + split.withheld;
  if (minorUnits === 0n) return undefined;
  const stays = INVENTORY.credit;
  const legs: Leg[] = [
    { role: 'inventory', kind: 'post_pending', ...INVENTORY, amount: { minorUnits, asset } },
    ...some('netted', stays, receivableOf(parties), split.netted, asset),
    ...some('writtenBack', stays, 'intermediary/losses', split.writtenBack, asset),
    ...some('withheld', stays, reserveOf(parties), split.withheld, asset),
  ];
  return entryOf(parties, 'payoutNetted', sequence, eventAt, legs);
}

function owedEntry(
  parties: PaymentParties,
  kind: 'refund' | 'chargeback' | 'lateReversal',
  sequence: number,
  target: Amount,
  borne: Borne,
  eventAt: Date,
): JournalEntryInstruction | undefined {
  if (target.minorUnits === 0n) return undefined;
  const owed = receivableOf(parties);
  const legs: Leg[] = [
    { role: 'target', kind: 'post', debit: owed, credit: 'intermediary/position', amount: target },
    ...some('fromReserve', reserveOf(parties), owed, borne.fromReserve, target.asset),
    ...some('writtenOff', 'intermediary/losses', owed, borne.writtenOff, target.asset),
  ];
  return entryOf(parties, kind, sequence, eventAt, legs);
}

function some(role: string, debit: AccountPath, credit: AccountPath, minorUnits: bigint, asset: string): Leg[] {
  return minorUnits > 0n ? [{ role, kind: 'post', debit, credit, amount: { minorUnits, asset } }] : [];
}

function receivableOf({ merchant }: PaymentParties): AccountPath {
  return `merchant/${merchant}/receivable`;
}

function reserveOf({ merchant }: PaymentParties): AccountPath {
  return `merchant/${merchant}/reserve`;
}

/** The entry of a refund to a crypto payer out of the wallet, once the chain shows it at the agreed depth. */
export function refundPayoutEntry(
  parties: PaymentParties,
  sequence: number,
  paid: Amount,
  eventAt: Date,
): JournalEntryInstruction {
  const transfer: TransferInstruction = {
    transferIdentifier: uuidFromMeaning('payment', parties.paymentIdentifier, 'refund-payout', sequence),
    kind: 'post_pending',
    ...INVENTORY,
    amount: paid,
    pendingTransferIdentifier: uuidFromMeaning(
      'payment',
      parties.paymentIdentifier,
      'refund',
      sequence,
      `refund-${sequence}`,
    ),
  };
  return {
    shard: parties.shard,
    entryIdentifier: uuidFromMeaning('payment', parties.paymentIdentifier, 'refund-payout', sequence),
    kind: 'payment.refundPayout',
    subject: parties.paymentIdentifier,
    eventAt,
    transfers: [transfer],
  };
}

const INVENTORY = { debit: 'intermediary/position', credit: 'intermediary/chain' } as const;

function holdAccounts(parties: PaymentParties): Readonly<{ debit: AccountPath; credit: AccountPath }> {
  switch (parties.quadrant) {
    case 'fiatToFiat':
    case 'fiatToCrypto':
      return { debit: `issuer/${required(parties.issuer, 'issuer')}/position`, credit: 'network/clearing' };
    case 'cryptoToCrypto':
      return { debit: 'payers/onchain', credit: merchantOnChain(parties) };
    case 'cryptoToFiat':
      return { debit: 'intermediary/chain', credit: 'intermediary/position' };
  }
}

function merchantOnChain(parties: PaymentParties): AccountPath {
  return `merchant/${parties.merchant}/onchain`;
}

function entryOf(
  parties: PaymentParties,
  kind: string,
  sequence: number,
  eventAt: Date,
  legs: readonly Leg[],
  expiresAt?: Date,
): JournalEntryInstruction {
  const name = (...meaning: readonly (string | number)[]) =>
    uuidFromMeaning('payment', parties.paymentIdentifier, ...meaning);
  const transfers = legs.map(
    ({ role, kind: transferKind, debit, credit, amount }): TransferInstruction => ({
      transferIdentifier: name(kind, sequence, role),
      kind: transferKind,
      debit,
      credit,
      amount,
      ...(transferKind === 'pending' || transferKind === 'post'
        ? {}
        : { pendingTransferIdentifier: name('authorization', 0, role) }),
      ...(transferKind === 'pending' && expiresAt ? { expiresAt } : {}),
    }),
  );
  return {
    shard: parties.shard,
    entryIdentifier: name(kind, sequence),
    kind: `payment.${kind}`,
    subject: parties.paymentIdentifier,
    eventAt,
    transfers,
  };
}

export function required(party: string | undefined, role: string): string {
  if (party === undefined) throw new Error(`Invariant broken: this quadrant has an ${role}`);
  return party;
}
