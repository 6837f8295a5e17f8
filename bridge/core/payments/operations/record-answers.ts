import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { JournalEntryInstruction } from '../../../../ledger-service/vocabulary/journal-entries.ts';
import type { Attempt } from '../../../platform/micro-batch.ts';
import { completeMany, type OnceRequest } from '../../../platform/once.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import type { IssuerAnswer } from '../../authorization/issuer-port.ts';
import { type PaymentDependencies, REVERSALS } from '../dependencies.ts';
import { decideApproval } from '../domain.ts';
import { authorizationEntry } from '../postings.ts';
import { convertedBetween, partiesOf, paymentEvent, releaseRisks, riskIn } from '../shared.ts';
import { columnsOf, lockPayments, type PaymentRow, savePayments, stateOf } from '../store.ts';
import { type PaymentView, viewOfPayment } from '../view.ts';

export type RecordAnswer = Readonly<{ once: OnceRequest; asked: PaymentRow; answer: IssuerAnswer }>;

/** What an answer makes of a payment before the books have had their say. */
type Draft = Readonly<{ row: PaymentRow; entry?: JournalEntryInstruction }>;

/**
 * Takes the answers of issuers, with the holds they promise, in one database transaction.
 *
 * Shape:   answers of one shard → for each the payment as it stands
 * Effects: an approval that the books refuse (the issuer's cap, a dry wallet) opens nothing and is marked to be taken
 *          back; an answer to a payment that is being taken back already counts for nothing
 */
export async function recordAnswers(
  dependencies: PaymentDependencies,
  commands: readonly RecordAnswer[],
): Promise<readonly Attempt<PaymentView>[]> {
  const { database, outbox, clock } = dependencies;
  const events: DomainEvent[] = [];
  const views = await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const shard = commands[0]?.once.shard ?? 0;
    const locked = await lockPayments(transaction, shard, {
      paymentIds: commands.map(({ asked }) => asked.paymentId),
    });
    const rows = new Map(locked.map((row) => [row.paymentId, row]));
    const drafts = commands.map(({ asked, answer }): Draft | undefined => {
      const row = rows.get(asked.paymentId);
      return row?.phase === 'unknown' && row.declineCode === null ? draft(dependencies, row, answer) : undefined;
    });
    const entries = drafts.flatMap((one) => one?.entry ?? []);
    const posted = await postEntries(transaction, entries, { now: clock.now() });
    const refusals = new Map(
      posted.flatMap((result) =>
        result.outcome === 'refused' ? [[result.entryIdentifier, result.code] as const] : [],
      ),
    );
    const changed = drafts.map((one, index) => {
      const code = one?.entry && refusals.get(one.entry.entryIdentifier);
      if (!one || code === undefined) return one?.row;
      const before = rows.get(commands[index]!.asked.paymentId)!;
      const isInventory = code === 'INSUFFICIENT_AVAILABLE' && before.quadrant === 'fiatToCrypto';
      return takenBack(dependencies, before, isInventory ? 'INVENTORY_INSUFFICIENT' : code);
    });
    const saved = changed.filter((row) => row !== undefined);
    for (const row of saved) {
      if (row.phase === 'declined') events.push(paymentEvent(row, 'payment.declined', 'declined', {}));
      if (row.phase === 'open') events.push(paymentEvent(row, 'payment.authorized', 'authorized', {}));
    }
    const answered = commands.map(({ once, asked }, index) => {
      const view = viewOfPayment(changed[index] ?? rows.get(asked.paymentId) ?? asked, []);
      const isFinal = changed[index] !== undefined && view.phase !== 'unknown';
      return { once, outcome: view, isFinal };
    });
    await Promise.all([
      savePayments(transaction, saved),
      outbox.emit(transaction, events),
      completeMany(
        transaction,
        answered.filter(({ isFinal }) => isFinal),
      ),
      releaseRisks(transaction, saved.flatMap(notPromised)),
    ]);
    return answered.map(({ outcome }) => outcome);
  });
  outbox.ringFor(events);
  if (views.some(({ phase }) => phase === 'unknown')) outbox.ring(REVERSALS);
  return views.map((result) => ({ ok: true, result }));
}

/** What an answer leaves nobody to promise: all of a declined payment, the rest of one that was approved in part. */
function notPromised(row: PaymentRow): Parameters<typeof releaseRisks>[1] {
  if (row.phase === 'declined') return [{ row }];
  if (row.phase !== 'open' || row.authorized === row.requested) return [];
  return [{ row, amount: riskIn(row, convertedBetween(row, row.authorized, row.requested)) }];
}

function draft(dependencies: PaymentDependencies, row: PaymentRow, answer: IssuerAnswer): Draft {
  if (answer.kind === 'silent') return { row: takenBack(dependencies, row, 'ISSUER_UNANSWERED') };
  if (answer.kind === 'declined') {
    return { row: { ...row, phase: 'declined', declineCode: 'ISSUER_DECLINED', reversalDueAt: null } };
  }
  const decision = decideApproval(stateOf(row), answer.amount);
  if (decision.outcome === 'declined') return { row: takenBack(dependencies, row, decision.code) };
  const { source, target } = convertedBetween(row, 0n, answer.amount.minorUnits);
  const entry = authorizationEntry(partiesOf(row), {
    source,
    target,
    eventAt: dependencies.clock.now(),
    expiresAt: row.authorizationExpiresAt,
  });
  return { row: { ...row, ...columnsOf(decision.state), reversalDueAt: null }, entry };
}

/** Nothing is promised, and what the issuer may hold is reversed. */
function takenBack({ machineClock }: PaymentDependencies, row: PaymentRow, code: string): PaymentRow {
  return { ...row, declineCode: code, reversalDueAt: machineClock.now() };
}
