import type { Shard } from '../vocabulary/identifiers.ts';
import { uuidFromMeaning } from '../vocabulary/identifiers.ts';
import type { AccountPath, JournalEntryInstruction } from '../vocabulary/journal-entries.ts';
import type { Amount } from '../vocabulary/money.ts';

/** An amount that leaves an account of one shard for an account of another. */
export type MoveBetweenShards = Readonly<{
  /** What makes it this move and no other. */
  meaning: readonly (string | number)[];
  kind: string;
  subject: string;
  eventAt: Date;
  amount: Amount;
  from: Readonly<{ shard: Shard; path: AccountPath }>;
  to: Readonly<{ shard: Shard; path: AccountPath }>;
}>;

/** What a shard owes another, or is owed by it; with its mirror in the other shard it adds up to zero. */
export function clearingAccount(other: Shard): AccountPath {
  return `shard/${other}/clearing`;
}

/**
 * The two entries of a move between shards, each posted in its own.
 *
 * Shape: the first may be refused, and then nothing has happened; once it is posted, the second is posted until it is
 *        there, which nothing can refuse: a shard's clearing account has no limit, and what arrives only adds
 * Once:  both identifiers come from the move's meaning, so that whoever carries on after a fall posts the same two
 */
export function entriesBetweenShards(
  move: MoveBetweenShards,
): Readonly<{ out: JournalEntryInstruction; arrival: JournalEntryInstruction }> {
  const entry = (side: 'out' | 'arrival', shard: Shard, debit: AccountPath, credit: AccountPath) => ({
    shard,
    entryIdentifier: uuidFromMeaning('between shards', ...move.meaning, side),
    kind: move.kind,
    subject: move.subject,
    eventAt: move.eventAt,
    transfers: [
      {
        transferIdentifier: uuidFromMeaning('between shards', ...move.meaning, side, 'transfer'),
        kind: 'post' as const,
        debit,
        credit,
        amount: move.amount,
      },
    ],
  });
  return {
    out: entry('out', move.from.shard, move.from.path, clearingAccount(move.to.shard)),
    arrival: entry('arrival', move.to.shard, clearingAccount(move.from.shard), move.to.path),
  };
}
