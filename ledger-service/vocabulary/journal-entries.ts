import type { Shard } from './identifiers.ts';
import type { Amount } from './money.ts';

/** A place in the chart of accounts, such as `issuer/alba/position`; with an asset it names one account. */
export type AccountPath = string;

/**
 * What a transfer does: `post` moves at once; `pending` holds; the other three end a hold, in full or, for
 * `post_pending`, in part and as often as something is still held.
 */
export type TransferKind = 'post' | 'pending' | 'post_pending' | 'void_pending' | 'expire_pending';

/** One amount of one asset from one account to another; an entry made of these cannot be unbalanced. */
export type TransferInstruction = Readonly<{
  transferIdentifier: string;
  kind: TransferKind;
  debit: AccountPath;
  credit: AccountPath;
  amount: Amount;
  /** The hold that the three closing kinds act upon. */
  pendingTransferIdentifier?: string;
  expiresAt?: Date;
}>;

/** A group of transfers that stands or falls together; its identifier comes from its meaning (a UUID). */
export type JournalEntryInstruction = Readonly<{
  shard: Shard;
  entryIdentifier: string;
  kind: string;
  subject: string;
  eventAt: Date;
  transfers: readonly TransferInstruction[];
}>;
