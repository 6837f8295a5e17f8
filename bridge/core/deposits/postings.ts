import { type Shard, uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { AccountPath, JournalEntryInstruction } from '../../../ledger-service/vocabulary/journal-entries.ts';

/** Mirror of all deposit addresses together. */
const ADDRESSES = 'deposits/onchain';
const HELD = 'deposits/held';
const RETURNABLE = 'deposits/returnable';
const DUST = 'deposits/dust';
/** What lies in the wallet and is not the intermediary's: it is no inventory, and nothing is promised of it. */
const WALLET = 'suspense/wallet';
const INVENTORY = 'intermediary/chain';
const SUSPENSE = 'suspense/onchain';
const TREASURY = 'intermediary/treasury';

type Leg = Readonly<{ role: string; debit: AccountPath; credit: AccountPath; minorUnits: bigint }>;
type About = Readonly<{ shard: Shard; asset: string; eventAt: Date }>;
type Shares = Readonly<{ held: bigint; owed: bigint; dust: bigint }>;

/** The entry of a transfer that reached a deposit address, final on chain. */
export function receivedEntry(transferId: string, shares: Shares, about: About): JournalEntryInstruction {
  return entryOf('received', [transferId], transferId, about, [
    { role: 'held', debit: ADDRESSES, credit: HELD, minorUnits: shares.held },
    { role: 'owed', debit: ADDRESSES, credit: RETURNABLE, minorUnits: shares.owed },
    { role: 'dust', debit: ADDRESSES, credit: DUST, minorUnits: shares.dust },
  ]);
}

/** The entry of what waited and is not swept any more: its time is over, or the chain refused. */
export function owedBackEntry(paymentId: string, shares: Omit<Shares, 'held'>, about: About): JournalEntryInstruction {
  return entryOf('owedBack', [paymentId], paymentId, about, [
    { role: 'owed', debit: HELD, credit: RETURNABLE, minorUnits: shares.owed },
    { role: 'dust', debit: HELD, credit: DUST, minorUnits: shares.dust },
  ]);
}

/** The entry of a sweep, final on chain; what it opens is an entry of the payment. */
export function sweptEntry(paymentId: string, shares: Shares, about: About): JournalEntryInstruction {
  return entryOf('swept', [paymentId], paymentId, about, outOf(shares));
}

/** A sweep that somebody else has asked for and that opens nothing: the wallet has what is not its own. */
export function sweptToSuspenseEntry(itemId: string, amount: bigint, about: About): JournalEntryInstruction {
  return entryOf('strayed', [itemId], itemId, about, [
    { role: 'strayed', debit: WALLET, credit: SUSPENSE, minorUnits: amount },
  ]);
}

/** The entry of a return from a deposit address, final on chain. */
export function returnedEntry(
  paymentId: string,
  meaning: readonly (string | number)[],
  shares: Shares,
  about: About,
): JournalEntryInstruction {
  return entryOf('returned', meaning, paymentId, about, outOf(shares));
}

/** The entry of a token that was sent straight to the wallet. */
export function unattributedEntry(itemId: string, amount: bigint, about: About): JournalEntryInstruction {
  return entryOf('unattributed', [itemId], itemId, about, [
    { role: 'unattributed', debit: WALLET, credit: SUSPENSE, minorUnits: amount },
  ]);
}

/** An operator has said that it was the intermediary's own. */
export function attributedEntry(itemId: string, amount: bigint, about: About): JournalEntryInstruction {
  return entryOf('attributed', [itemId], itemId, about, [
    { role: 'attributed', debit: SUSPENSE, credit: TREASURY, minorUnits: amount },
    { role: 'inventory', debit: INVENTORY, credit: WALLET, minorUnits: amount },
  ]);
}

/** An operator has said to whom it goes: reserved in the wallet, until the chain shows that it went. */
export function suspenseReservedEntry(
  returnId: string,
  itemId: string,
  amount: bigint,
  about: About,
): JournalEntryInstruction {
  return suspenseEntry('reserved', 'pending', returnId, itemId, amount, about);
}

export function suspenseReturnedEntry(
  returnId: string,
  itemId: string,
  amount: bigint,
  about: About,
): JournalEntryInstruction {
  return suspenseEntry('paidBack', 'post_pending', returnId, itemId, amount, about);
}

export function suspenseReleasedEntry(
  returnId: string,
  itemId: string,
  amount: bigint,
  about: About,
): JournalEntryInstruction {
  return suspenseEntry('unreserved', 'void_pending', returnId, itemId, amount, about);
}

function suspenseEntry(
  kind: string,
  transferKind: 'pending' | 'post_pending' | 'void_pending',
  returnId: string,
  itemId: string,
  amount: bigint,
  { shard, asset, eventAt }: About,
): JournalEntryInstruction {
  const hold = uuidFromMeaning('deposit', 'reserved', returnId, 'hold');
  return {
    shard,
    entryIdentifier: uuidFromMeaning('deposit', kind, returnId),
    kind: `deposit.${kind}`,
    subject: itemId,
    eventAt,
    transfers: [
      {
        transferIdentifier: transferKind === 'pending' ? hold : uuidFromMeaning('deposit', kind, returnId, 'hold'),
        kind: transferKind,
        debit: SUSPENSE,
        credit: WALLET,
        amount: { minorUnits: amount, asset },
        ...(transferKind === 'pending' ? {} : { pendingTransferIdentifier: hold }),
      },
    ],
  };
}

function outOf({ held, owed, dust }: Shares): readonly Leg[] {
  return [
    { role: 'held', debit: HELD, credit: ADDRESSES, minorUnits: held },
    { role: 'owed', debit: RETURNABLE, credit: ADDRESSES, minorUnits: owed },
    { role: 'dust', debit: DUST, credit: ADDRESSES, minorUnits: dust },
  ];
}

function entryOf(
  kind: string,
  meaning: readonly (string | number)[],
  subject: string,
  { shard, asset, eventAt }: About,
  legs: readonly Leg[],
): JournalEntryInstruction {
  const name = (...parts: readonly (string | number)[]) => uuidFromMeaning('deposit', kind, ...meaning, ...parts);
  return {
    shard,
    entryIdentifier: name(),
    kind: `deposit.${kind}`,
    subject,
    eventAt,
    transfers: legs
      .filter(({ minorUnits }) => minorUnits > 0n)
      .map(({ role, debit, credit, minorUnits }) => ({
        transferIdentifier: name(role),
        kind: 'post',
        debit,
        credit,
        amount: { minorUnits, asset },
      })),
  };
}
