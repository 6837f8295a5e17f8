import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { JournalEntryInstruction } from '../../../../ledger-service/vocabulary/journal-entries.ts';
import type { Amount } from '../../../../ledger-service/vocabulary/money.ts';
import type { ChainCall } from '../../../chain/domain.ts';
import { captureCall, termsFromJson } from '../../../chain/escrow.ts';
import { enqueueChainCalls } from '../../../chain/operations/submit-calls.ts';
import { type Attempt, BatchMustSplit } from '../../../platform/micro-batch.ts';
import { claimMany, completeMany, type OnceRequest, releaseMany, viewerOf } from '../../../platform/once.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import { CHAIN_SUBMISSION, type PaymentDependencies } from '../dependencies.ts';
import { decideCapture, nextEscrowSequence } from '../domain.ts';
import { ownOrUnknown } from '../owners.ts';
import { captureEntry } from '../postings.ts';
import {
  callOfMovement,
  capturedEvent,
  closedEvents,
  convertedBetween,
  errorOfRefusal,
  merchantFeeOf,
  partiesOf,
} from '../shared.ts';
import {
  columnsOf,
  insertMovements,
  loadMovements,
  lockPayments,
  type MovementRow,
  type PaymentRow,
  savePayments,
  stateOf,
} from '../store.ts';
import { type PaymentView, viewOfPayment } from '../view.ts';

export type CaptureCommand = Readonly<{ once: OnceRequest; paymentId: string; amount: Amount }>;
export type Captured = Readonly<{ payment: PaymentView; replayed: boolean }>;

type Draft = Readonly<{
  row: PaymentRow;
  movement: MovementRow;
  call?: ChainCall;
  entry?: JournalEntryInstruction;
  events: readonly DomainEvent[];
}>;

/**
 * Captures of many payments in one database transaction: locked and loaded at once, decided one after the other,
 * written with a statement for each table.
 *
 * Shape:  commands of one shard, no key twice among them → for each the payment with its new movement, or its refusal
 * Errors: refused per command, see `capturePayment`; a capture that the books refuse undoes all, for each to be tried
 *         by itself
 */
export async function captureTogether(
  dependencies: PaymentDependencies,
  commands: readonly CaptureCommand[],
): Promise<readonly Attempt<Captured>[]> {
  const { database, clock, identifiers, outbox } = dependencies;
  const events: DomainEvent[] = [];
  const calls: ChainCall[] = [];
  const attempts = await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    calls.length = 0;
    const now = clock.now();
    const shard = commands[0]?.once.shard ?? 0;
    const claims = await claimMany<PaymentView>(
      transaction,
      commands.map(({ once }) => ({ once, resourceId: identifiers.next('cap', once.shard) })),
      clock,
    );
    const isNew = (index: number) => {
      const claim = claims[index];
      return claim !== undefined && !(claim instanceof Error) && claim.kind !== 'answered';
    };
    const paymentIds = commands.filter((_, index) => isNew(index)).map(({ paymentId }) => paymentId);
    const rows = new Map((await lockPayments(transaction, shard, { paymentIds })).map((row) => [row.paymentId, row]));
    const movements = new Map<string, MovementRow[]>();
    for (const movement of await loadMovements(transaction, shard, [...rows.keys()])) {
      movements.set(movement.paymentId, [...(movements.get(movement.paymentId) ?? []), movement]);
    }
    const drafts: Draft[] = [];
    const refused: OnceRequest[] = [];
    const answers: { once: OnceRequest; outcome: PaymentView }[] = [];
    const results = commands.map(({ once, paymentId, amount }, index): Attempt<Captured> => {
      const claim = claims[index]!;
      if (claim instanceof Error) return { ok: false, error: claim };
      if (claim.kind === 'answered') return { ok: true, result: { payment: claim.outcome, replayed: true } };
      const row = ownOrUnknown(rows.get(paymentId), paymentId, viewerOf(once), ['merchantId']);
      const ofPayment = movements.get(paymentId) ?? [];
      const draft = row instanceof SettlementError ? row : draftCapture(dependencies, row, ofPayment, amount, now);
      if (draft instanceof Error) {
        refused.push(once);
        return { ok: false, error: draft };
      }
      // The next capture of this payment in the batch stands on this one.
      rows.set(paymentId, draft.row);
      movements.set(paymentId, [...ofPayment, draft.movement]);
      drafts.push(draft);
      const payment = viewOfPayment(draft.row, [...ofPayment, draft.movement]);
      answers.push({ once, outcome: payment });
      return { ok: true, result: { payment, replayed: false } };
    });
    const entries = drafts.flatMap(({ entry }) => entry ?? []);
    for (const result of await postEntries(transaction, entries, { now })) {
      if (result.outcome !== 'refused') continue;
      if (commands.length > 1) throw new BatchMustSplit(result.code);
      throw new SettlementError(result.code, 'the books refused the capture', result.details);
    }
    events.push(...drafts.flatMap((draft) => draft.events));
    calls.push(...drafts.flatMap(({ call }) => call ?? []));
    const changed = [...new Set(drafts.map(({ row }) => row.paymentId))].map((paymentId) => rows.get(paymentId)!);
    await Promise.all([
      savePayments(transaction, changed),
      insertMovements(
        transaction,
        drafts.map(({ movement }) => movement),
      ),
      enqueueChainCalls(transaction, calls, now),
      outbox.emit(transaction, events),
      completeMany(transaction, answers),
      releaseMany(transaction, refused),
    ]);
    return results;
  });
  outbox.ringFor(events);
  if (calls.length > 0) outbox.ring(CHAIN_SUBMISSION);
  return attempts;
}

/** Pure: what a capture makes of a payment, or why it may not. */
function draftCapture(
  { deployment }: PaymentDependencies,
  row: PaymentRow,
  movements: readonly MovementRow[],
  amount: Amount,
  now: Date,
): Draft | SettlementError {
  const decision = decideCapture(stateOf(row), amount, now);
  if (decision.outcome === 'declined') return errorOfRefusal(decision);
  const changed: PaymentRow = { ...row, ...columnsOf(decision.state) };
  const { sequence } = changed;
  const converted = convertedBetween(row, row.captured, changed.captured);
  const fee = merchantFeeOf(row, converted.target);
  const movement: MovementRow = {
    shard: row.shard,
    paymentId: row.paymentId,
    sequence,
    kind: 'capture',
    state: 'accepted',
    amount: converted.source.minorUnits,
    targetAmount: converted.target.minorUnits,
    spreadAmount: converted.spread.minorUnits,
    feeAmount: fee.minorUnits,
    occurredAt: now,
    recordedAt: now,
    escrowSequence: row.terms ? nextEscrowSequence(movements) : null,
    chainFinalAt: null,
    finalAt: null,
  };
  const closed = closedEvents(row, changed);
  if (!row.terms) {
    const entry = captureEntry(partiesOf(row), sequence, { ...converted, fee }, now);
    return { row: changed, movement, entry, events: [capturedEvent(changed, sequence, converted, now), ...closed] };
  }
  const call = captureCall(deployment, termsFromJson(row.terms), {
    amount: converted.source.minorUnits,
    fee: row.quadrant === 'cryptoToCrypto' ? fee.minorUnits : 0n,
    sequence: movement.escrowSequence ?? 0,
  });
  return {
    row: changed,
    movement,
    events: closed,
    call: callOfMovement(call, row, sequence),
  };
}
