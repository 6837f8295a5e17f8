import { type DatabaseTransaction, executeIn } from '../../platform/database.ts';
import type { JournalEntryInstruction } from '../../vocabulary/journal-entries.ts';
import { decideEntries, type PostingResult } from '../domain.ts';
import { asConflict, keysOf, loadBooks, writeDecided } from '../store.ts';

/**
 * Posts entries in the caller's database transaction; each stands or falls by itself.
 *
 * Shape:   entries → a result for each, in their order
 * Units:   minor units of each transfer's asset
 * Errors:  refused, returned per entry: see {@link decideEntries}; ENTRY_CONFLICT names the field that differs · thrown
 *          with 40001, for the whole database transaction to run again, when another posting of the same entry came first
 * Effects: entries, transfers, holds and balances, in two round trips however many entries there are. Locks are taken
 *          in the order of the accounts' numbers; callers lock their own rows first.
 */
export async function postEntries(
  transaction: DatabaseTransaction,
  entries: readonly JournalEntryInstruction[],
  context: Readonly<{ now: Date }>,
): Promise<readonly PostingResult[]> {
  const execute = executeIn(transaction);
  const results: PostingResult[] = [];
  const shards = Map.groupBy(entries.keys(), (index) => entries[index]!.shard);
  for (const [shard, places] of [...shards].sort(([one], [other]) => one - other)) {
    const group = places.map((index) => entries[index]!);
    const keys = keysOf(group);
    const books = await loadBooks(execute, shard, keys, context.now);
    const decided = decideEntries(books, group, context.now, keys.malformed);
    try {
      if (decided.entryIds.length > 0) await writeDecided(execute, shard, books, decided);
    } catch (error) {
      throw asConflict(error);
    }
    for (const [place, index] of places.entries()) results[index] = decided.results[place]!;
  }
  return results;
}
