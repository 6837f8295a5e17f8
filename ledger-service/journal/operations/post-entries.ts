import { sql } from 'drizzle-orm';
import type { DatabaseTransaction } from '../../platform/database.ts';
import type { JournalEntryInstruction } from '../../vocabulary/journal-entries.ts';
import { ruleOf } from '../chart.ts';
import { decideEntries, type PostingResult } from '../domain.ts';
import { type AccountName, loadEntryHashes, loadHolds, lockAccounts, writeDecided } from '../store.ts';

/**
 * Posts entries in the caller's database transaction; each stands or falls by itself.
 *
 * Shape:   entries → a result for each, in their order
 * Units:   minor units of each transfer's asset
 * Errors:  refused, returned per entry: see {@link decideEntries}; ENTRY_CONFLICT names the field that differs
 * Effects: entries, transfers, holds and balances, in a fixed number of statements however many entries there are.
 *          Locks are taken in the order of the accounts' keys; callers lock their own rows first.
 */
export async function postEntries(
  transaction: DatabaseTransaction,
  entries: readonly JournalEntryInstruction[],
  context: Readonly<{ now: Date }>,
): Promise<readonly PostingResult[]> {
  if (entries.length === 0) return [];
  const accounts = await lockAccounts(transaction, accountsOf(entries));
  const [entryHashes, holds] = await Promise.all([
    loadEntryHashes(transaction, entries),
    loadHolds(transaction, holdsOf(entries)),
  ]);
  const decided = decideEntries({ accounts, holds, entryHashes }, entries);
  await writeDecided(transaction, decided, context.now);
  const conflicts = decided.results.some((result) => result.outcome === 'refused' && result.code === 'ENTRY_CONFLICT');
  if (!conflicts) return decided.results;
  return Promise.all(
    decided.results.map((result, index) =>
      result.outcome === 'refused' && result.code === 'ENTRY_CONFLICT'
        ? nameConflict(transaction, entries[index]!, result)
        : result,
    ),
  );
}

function accountsOf(entries: readonly JournalEntryInstruction[]): readonly AccountName[] {
  return entries.flatMap(({ shard, transfers }) =>
    transfers.flatMap(({ debit, credit, amount }) =>
      [debit, credit].filter((path) => ruleOf(path)).map((path) => ({ shard, path, asset: amount.asset })),
    ),
  );
}

function holdsOf(entries: readonly JournalEntryInstruction[]) {
  return entries.flatMap(({ shard, transfers }) =>
    transfers.flatMap(({ pendingTransferIdentifier }) =>
      pendingTransferIdentifier ? [{ shard, transferId: pendingTransferIdentifier }] : [],
    ),
  );
}

async function nameConflict(
  transaction: DatabaseTransaction,
  entry: JournalEntryInstruction,
  result: PostingResult & { outcome: 'refused' },
): Promise<PostingResult> {
  const rows = await transaction.execute<{
    entry_kind: string;
    subject: string;
    event_at: string;
    kind: string;
    debit: string;
    credit: string;
    amount: string;
    asset: string;
  }>(sql`
    select e.kind as entry_kind, e.subject, e.event_at, t.kind, d.path as debit, c.path as credit, t.amount, d.asset
    from ledger.journal_entries e
    join ledger.transfers t on t.shard = e.shard and t.entry_id = e.entry_id
    join ledger.accounts d on d.shard = t.shard and d.account_id = t.debit_account_id
    join ledger.accounts c on c.shard = t.shard and c.account_id = t.credit_account_id
    where e.shard = ${entry.shard} and e.entry_id = ${entry.entryIdentifier}::uuid
    order by t.position`);
  const stored = [...rows];
  const first = stored[0];
  const pairs: [field: string, first: string, now: string][] = [
    ['kind', first?.entry_kind ?? '', entry.kind],
    ['subject', first?.subject ?? '', entry.subject],
    ['eventAt', first ? new Date(first.event_at).toISOString() : '', entry.eventAt.toISOString()],
    ['transfers', String(stored.length), String(entry.transfers.length)],
    ...entry.transfers.flatMap((transfer, index): [string, string, string][] => {
      const before = stored[index];
      return [
        [`transfers.${index}.kind`, before?.kind ?? '', transfer.kind],
        [`transfers.${index}.debit`, before?.debit ?? '', transfer.debit],
        [`transfers.${index}.credit`, before?.credit ?? '', transfer.credit],
        [`transfers.${index}.amount.asset`, before?.asset ?? '', transfer.amount.asset],
        [`transfers.${index}.amount.minorUnits`, before?.amount ?? '', transfer.amount.minorUnits.toString()],
      ];
    }),
  ];
  const [field = 'transfers', was = '', now = ''] = pairs.find(([, before, after]) => before !== after) ?? [];
  return { ...result, details: { ...result.details, field, first: was, now } };
}
