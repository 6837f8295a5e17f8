import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import type { DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { assertInvariant } from '../../../../ledger-service/vocabulary/errors.ts';
import type { JournalEntryInstruction } from '../../../../ledger-service/vocabulary/journal-entries.ts';
import { NATIVE_TOKEN, refundCall, termsFromJson, voidCall } from '../../../chain/escrow.ts';
import { enqueueChainCalls } from '../../../chain/operations/submit-calls.ts';
import type { DomainEvent, DueEvent } from '../../../platform/outbox.ts';
import { CHAIN_SUBMISSION, type PaymentDependencies } from '../dependencies.ts';
import { decideApproval, heldOf, movementOfEscrow, nextEscrowSequence } from '../domain.ts';
import { acceptanceEntry, authorizationEntry, captureEntry, refundEntry, releaseEntry } from '../postings.ts';
import {
  callOfMovement,
  capturedEvent,
  closedEvents,
  convertedBetween,
  movementFailedEvent,
  movementTold,
  partiesOf,
  paymentEvent,
  releaseRisks,
  riskIn,
  settledEvent,
  wire,
} from '../shared.ts';
import {
  columnsOf,
  insertMovement,
  loadMovements,
  lockPayments,
  type MovementRow,
  type PaymentRow,
  saveMovement,
  savePayment,
  stateOf,
} from '../store.ts';

type EscrowPayload = Readonly<{
  event: string;
  fields: Readonly<Record<string, string>>;
  minedAt: string;
  chainHash: string;
  /** Of a log that counted before it was final. */
  ordinal?: number;
  generation?: number;
}>;

/**
 * Takes what the escrow has said, once it is final: opens, posts and closes what was waiting for it.
 *
 * Shape:   due events `escrow.final`, `escrow.accepted`, `escrow.undone` and `chainCall.reverted`, in the order of the chain
 * Effects: in the caller's database transaction: payment rows, journal entries and further events. An event that was
 *          applied before changes nothing, since its movement is no longer `accepted`
 */
export async function applyEscrowEvents(
  dependencies: PaymentDependencies,
  transaction: DatabaseTransaction,
  due: readonly DueEvent[],
): Promise<readonly DomainEvent[]> {
  const events: DomainEvent[] = [];
  const entries: JournalEntryInstruction[] = [];
  const risks: Risk[] = [];
  const final = due.filter(({ topic }) => topic === 'escrow.final');
  const early = due.filter(({ topic }) => topic === 'escrow.accepted' || topic === 'escrow.undone');
  const names = [...final, ...early].map(({ payload }) => (payload as EscrowPayload).fields.paymentIdentifier!);
  const reverted = due.filter(({ topic }) => topic === 'chainCall.reverted');
  // Every payment of the batch at once and before any account, so that nobody waits for us in a circle.
  const locked = await lockPayments(transaction, 0, {
    termsHashes: names,
    paymentIds: reverted.map(({ subject }) => subject),
  });
  const rows = new Map(locked.map((row) => [row.paymentId, row]));
  const named = new Map(locked.flatMap(({ termsHash, paymentId }) => (termsHash ? [[termsHash, paymentId]] : [])));
  const loaded = await loadMovements(transaction, 0, [...rows.keys()]);
  const movements = new Map(
    [...Map.groupBy(loaded, ({ paymentId }) => paymentId)].map(([paymentId, list]) => [paymentId, [...list]]),
  );
  const work = { dependencies, transaction, entries, events, risks, movements };
  for (const { topic, payload } of early) {
    const said = payload as EscrowPayload;
    const row = rows.get(named.get(said.fields.paymentIdentifier!) ?? '');
    if (row) applyEarly(work, row, said, topic === 'escrow.accepted' ? 'accepted' : 'undone');
  }
  for (const { payload } of final) {
    const said = payload as EscrowPayload;
    const row = rows.get(named.get(said.fields.paymentIdentifier!) ?? '');
    // An escrow is open to everyone: terms that are not ours are none of our business.
    if (row) {
      rows.set(row.paymentId, await applyOne(work, row, said));
      applyEarly(work, row, said, 'final');
    }
  }
  for (const event of reverted) {
    const row = rows.get(event.subject);
    if (row) rows.set(row.paymentId, await applyRevert(work, row, event));
  }
  const results = await postEntries(transaction, entries, { now: dependencies.clock.now() });
  const refused = results.find((result) => result.outcome === 'refused');
  assertInvariant(!refused, `the books take what is final on chain, but refused ${JSON.stringify(refused)}`);
  // Exposures after accounts, as everywhere.
  await releaseRisks(transaction, risks);
  await dependencies.outbox.emit(transaction, events);
  return events;
}

type Risk = Parameters<typeof releaseRisks>[1][number];
type Work = Readonly<{
  dependencies: PaymentDependencies;
  transaction: DatabaseTransaction;
  entries: JournalEntryInstruction[];
  events: DomainEvent[];
  /** What nobody has at risk any more. */
  risks: Risk[];
  /** Of every payment of the batch, as the events before this one have left them. */
  movements: Map<string, MovementRow[]>;
}>;

async function applyOne(work: Work, row: PaymentRow, { event, fields, minedAt }: EscrowPayload): Promise<PaymentRow> {
  const at = new Date(minedAt);
  if (event === 'Authorized') return applyAuthorized(work, row, BigInt(fields.amount!), at);
  const number = Number(fields.sequence ?? 0);
  const movement = movementOfEscrow(movementsOf(work, row), number);
  switch (event) {
    case 'Captured':
      return movement ? applyCaptured(work, row, movement, at) : row;
    case 'Voided':
    case 'Reclaimed':
      return applyReleased(work, row, { event, number, amount: BigInt(fields.amount!) }, at);
    case 'Refunded':
      return movement ? applyRefunded(work, row, movement, at) : row;
    default:
      return row;
  }
}

/**
 * A capture between wallets that counts before it is final, or does so no longer.
 *
 * The steps of one generation may come in any order, since they only add up: what was given is taken back once.
 */
function applyEarly(
  { entries, events }: Work,
  row: PaymentRow,
  { event, fields, minedAt, chainHash, ordinal, generation }: EscrowPayload,
  step: 'accepted' | 'undone' | 'final',
): void {
  if (event !== 'Captured' || generation === undefined || ordinal === undefined) return;
  // What becomes fiat is promised at full depth only.
  if (row.quadrant !== 'cryptoToCrypto') return;
  const amount = { minorUnits: BigInt(fields.amount!) - BigInt(fields.feeAmount!), asset: row.asset };
  if (amount.minorUnits === 0n) return;
  entries.push(acceptanceEntry(partiesOf(row), { chainHash, ordinal, generation, amount }, step, new Date(minedAt)));
  if (step === 'final') return;
  const told = { accepted: { chainHash, generation, merchantAmount: wire(amount) } };
  const topic = step === 'accepted' ? 'payment.accepted' : 'payment.acceptanceUndone';
  events.push(paymentEvent(row, topic, `${chainHash} ${ordinal} ${generation}`, told));
}

function movementsOf({ movements }: Work, { paymentId }: PaymentRow): readonly MovementRow[] {
  return movements.get(paymentId) ?? [];
}

async function applyAuthorized(work: Work, row: PaymentRow, amount: bigint, at: Date): Promise<PaymentRow> {
  const { dependencies, transaction, entries, events } = work;
  if (row.phase === 'failed') return giveBackLate(work, row);
  if (row.phase !== 'unknown' && row.phase !== 'requires_action') return row;
  const decision = decideApproval(stateOf(row), { minorUnits: amount, asset: row.asset });
  assertInvariant(decision.outcome === 'accepted', `the escrow holds no more than its terms allow: ${row.paymentId}`);
  const changed: PaymentRow = { ...row, ...columnsOf(decision.state) };
  await savePayment(transaction, row, columnsOf(decision.state));
  const { source, target } = convertedBetween(row, 0n, amount);
  entries.push(
    authorizationEntry(partiesOf(row), { source, target, eventAt: at, expiresAt: row.authorizationExpiresAt }),
  );
  events.push(paymentEvent(changed, 'payment.authorized', 'authorized', {}));
  dependencies.logger.debug({ event: 'payment.authorized', paymentId: row.paymentId });
  return changed;
}

/** The payer's coins came after the payment had failed: they go straight back, and the books never held them. */
async function giveBackLate({ dependencies, transaction }: Work, row: PaymentRow): Promise<PaymentRow> {
  const call = voidCall(dependencies.deployment, termsFromJson(row.terms), 1);
  const now = dependencies.clock.now();
  await enqueueChainCalls(transaction, [{ ...call, shard: row.shard, subject: row.paymentId, sequence: 1 }], now);
  dependencies.outbox.ring(CHAIN_SUBMISSION);
  return row;
}

async function applyCaptured(work: Work, row: PaymentRow, movement: MovementRow, at: Date): Promise<PaymentRow> {
  const { dependencies, transaction, entries, events } = work;
  if (movement.state !== 'accepted' || movement.chainFinalAt !== null) return row;
  const inTarget = (minorUnits: bigint) => ({ minorUnits, asset: row.merchantAsset });
  const converted = {
    source: { minorUnits: movement.amount, asset: row.asset },
    target: inTarget(movement.targetAmount),
    spread: { minorUnits: movement.spreadAmount, asset: row.asset },
  };
  const fee = inTarget(row.quadrant === 'cryptoToCrypto' ? movement.feeAmount : 0n);
  entries.push(captureEntry(partiesOf(row), movement.sequence, { ...converted, fee }, at));
  events.push(capturedEvent(row, movement.sequence, converted, at));
  // What was promised is inventory now.
  work.risks.push({ row, amount: riskIn(row, converted) });
  // The merchant's fiat is still on its way: the movement is final when its window settles.
  if (row.quadrant === 'cryptoToFiat') {
    await changeMovement(work, movement, { chainFinalAt: at });
    return row;
  }
  await changeMovement(work, movement, { state: 'final', chainFinalAt: at, finalAt: at });
  const finalAt = dependencies.machineClock.now();
  await savePayment(transaction, row, { finalAt });
  events.push(settledEvent(row, movement));
  return { ...row, finalAt };
}

/**
 * The escrow holds nothing any more, because we asked for it or because the payer took it back after its time.
 *
 * Effects: captures that came too late are undone; whatever the escrow gave back is let go of in the books, and the
 *          payment's own figures say the same
 */
async function applyReleased(
  work: Work,
  row: PaymentRow,
  { event, number, amount }: Released,
  at: Date,
): Promise<PaymentRow> {
  const { transaction, entries, events } = work;
  if (row.phase === 'failed') return row;
  const waiting = movementsOf(work, row).find(isWaitingRelease);
  if (amount === 0n || (event === 'Voided' && !waiting)) {
    await useUp(work, row, number);
    return row;
  }
  // Nothing of it can come any more, captures that were on their way included.
  if (event === 'Reclaimed') work.risks.push({ row });
  let changed = event === 'Reclaimed' ? await undoLateCaptures(work, row, amount, at) : row;
  const cause = waiting?.kind === 'void' ? 'void' : 'expiry';
  if (waiting) {
    changed = { ...changed, voided: changed.voided + amount - waiting.amount };
    const change = { amount, state: 'final', escrowSequence: number, chainFinalAt: at, finalAt: at } as const;
    await changeMovement(work, waiting, change);
  } else {
    // The payer took it back without being asked: the payment follows.
    const sequence = row.sequence + 1;
    changed = { ...changed, phase: 'closed', voided: changed.voided + amount, sequence };
    await addMovement(work, releaseMovement(row, { sequence, number, kind: 'expiry', amount, at, isFinal: true }));
    events.push(...closedEvents(row, changed));
  }
  const { captured, voided, phase } = changed;
  const sequence = waiting?.sequence ?? changed.sequence;
  await savePayment(transaction, row, { captured, voided, phase, sequence: changed.sequence });
  const released = {
    source: { minorUnits: amount, asset: row.asset },
    target: { minorUnits: 0n, asset: row.merchantAsset },
  };
  entries.push(releaseEntry(partiesOf(row), sequence, cause, released, at));
  const told = { movement: { sequence, amount: wire(released.source) }, cause } as const;
  events.push(paymentEvent(changed, 'payment.voided', sequence, told, { sequence, cause }));
  await useUp(work, changed, number);
  return changed;
}

type Released = Readonly<{ event: 'Voided' | 'Reclaimed'; number: number; amount: bigint }>;

/**
 * A number that a payer's reclaim took, or a void that found nothing, is nobody else's any more: a refund that was asked
 * for under it had no effect and is asked for again under the next one.
 */
async function useUp(work: Work, row: PaymentRow, number: number): Promise<void> {
  const { dependencies, transaction } = work;
  const movements = movementsOf(work, row);
  const release = movements.findLast(({ kind, state }) => (kind === 'void' || kind === 'expiry') && state === 'final');
  if (release && (release.escrowSequence ?? 0) < number) {
    await changeMovement(work, release, { escrowSequence: number });
  }
  const overtaken = movements.find(
    ({ kind, state, escrowSequence }) => kind === 'refund' && state === 'accepted' && escrowSequence === number,
  );
  const terms = termsFromJson(row.terms);
  // The chain's own coin is sent by the merchant, who sees that it had no effect.
  if (!overtaken || terms.token === NATIVE_TOKEN) return;
  const escrowSequence = nextEscrowSequence(movementsOf(work, row));
  await changeMovement(work, overtaken, { escrowSequence });
  const call = refundCall(dependencies.deployment, terms, { amount: overtaken.amount, sequence: escrowSequence });
  await enqueueChainCalls(transaction, [callOfMovement(call, row, overtaken.sequence)], dependencies.clock.now());
  dependencies.outbox.ring(CHAIN_SUBMISSION);
}

function isWaitingRelease({ kind, state }: MovementRow): boolean {
  return (kind === 'void' || kind === 'expiry') && state === 'accepted';
}

/** A payer who reclaimed came before captures that were still on their way: these have no effect on chain any more. */
async function undoLateCaptures(work: Work, row: PaymentRow, reclaimed: bigint, at: Date): Promise<PaymentRow> {
  const late = movementsOf(work, row).filter(
    ({ kind, state, chainFinalAt }) => kind === 'capture' && state === 'accepted' && chainFinalAt === null,
  );
  const lost = late.reduce((sum, { amount }) => sum + amount, 0n);
  const waiting = movementsOf(work, row).find(isWaitingRelease)?.amount ?? 0n;
  // A capture that the chain did make must be applied before what the payer took of the rest.
  assertInvariant(
    heldOf(stateOf(row)) + waiting + lost === reclaimed,
    `${reclaimed} came back of ${row.paymentId}, which is what was held: ${heldOf(stateOf(row)) + waiting} and ${lost}`,
  );
  let changed = row;
  for (const movement of late) {
    changed = { ...changed, captured: changed.captured - movement.amount };
    await changeMovement(work, movement, { state: 'failed', finalAt: at });
    work.events.push(movementFailedEvent(changed, movement));
  }
  return changed;
}

async function applyRefunded(work: Work, row: PaymentRow, movement: MovementRow, at: Date): Promise<PaymentRow> {
  const { entries, events } = work;
  if (movement.state !== 'accepted') return row;
  await changeMovement(work, movement, { state: 'final', chainFinalAt: at, finalAt: at });
  const amount = { minorUnits: movement.amount, asset: row.asset };
  const entry = refundEntry(partiesOf(row), movement.sequence, { source: amount, target: amount }, at);
  if (entry) entries.push(entry);
  const told = { movement: movementTold(row, movement) };
  events.push(paymentEvent(row, 'payment.refunded', movement.sequence, told), settledEvent(row, movement));
  return row;
}

/**
 * A call that the contract refused moved nothing. An authorization that was refused fails its payment. A capture or a
 * refund gives back what it had counted: one came after the hold's time, the other to a merchant whose wallet is empty.
 * A void is asked for again, since whoever waits for the money is not the one who was late.
 */
async function applyRevert(work: Work, row: PaymentRow, { payload }: DueEvent): Promise<PaymentRow> {
  const { dependencies, transaction, events } = work;
  const { kind, sequence } = payload as Readonly<{ kind: string; sequence: number }>;
  dependencies.logger.warn({ event: 'chainCall.reverted', paymentId: row.paymentId, kind, sequence });
  if (kind === 'authorize') {
    if (row.phase !== 'unknown') return row;
    const failed: PaymentRow = { ...row, phase: 'failed', declineCode: 'CHAIN_CALL_REVERTED' };
    await savePayment(transaction, row, { phase: 'failed', declineCode: failed.declineCode });
    work.risks.push({ row: failed });
    events.push(paymentEvent(failed, 'payment.failed', 'failed', {}));
    return failed;
  }
  let changed = row;
  const movement = movementsOf(work, row).find((one) => one.sequence === sequence);
  if (movement?.state === 'accepted' && (movement.kind === 'capture' || movement.kind === 'refund')) {
    await changeMovement(work, movement, { state: 'failed', finalAt: dependencies.clock.now() });
    changed =
      movement.kind === 'capture'
        ? await takeBackCapture(work, row, movement)
        : { ...row, refunded: row.refunded - movement.amount };
    await savePayment(transaction, row, columnsOf(stateOf(changed)));
    events.push(movementFailedEvent(changed, movement));
  }
  await askForRelease(work, changed);
  return changed;
}

/** What a late capture had taken is held again; a payment that is closed keeps nothing, so it goes back to the payer. */
async function takeBackCapture(work: Work, row: PaymentRow, { amount }: MovementRow): Promise<PaymentRow> {
  const changed = { ...row, captured: row.captured - amount };
  if (row.phase !== 'closed') return changed;
  work.risks.push({ row, amount });
  const waiting = movementsOf(work, row).find(isWaitingRelease);
  if (waiting) {
    await changeMovement(work, waiting, { amount: waiting.amount + amount });
    return { ...changed, voided: changed.voided + amount };
  }
  const now = work.dependencies.clock.now();
  const sequence = row.sequence + 1;
  const kind = now >= row.authorizationExpiresAt ? 'expiry' : 'void';
  await addMovement(work, releaseMovement(row, { sequence, number: null, kind, amount, at: now, isFinal: false }));
  return { ...changed, voided: changed.voided + amount, sequence };
}

/** Asks for the void that waits, under the number that it has now that movements before it have failed. */
async function askForRelease(work: Work, row: PaymentRow): Promise<void> {
  const { dependencies, transaction } = work;
  const movements = movementsOf(work, row);
  const waiting = movements.find(isWaitingRelease);
  if (!waiting) return;
  const escrowSequence = nextEscrowSequence(movements.filter((one) => one !== waiting));
  await changeMovement(work, waiting, { escrowSequence });
  const call = voidCall(dependencies.deployment, termsFromJson(row.terms), escrowSequence);
  await enqueueChainCalls(transaction, [callOfMovement(call, row, waiting.sequence)], dependencies.clock.now());
  dependencies.outbox.ring(CHAIN_SUBMISSION);
}

function releaseMovement(
  { shard, paymentId }: PaymentRow,
  {
    sequence,
    number,
    kind,
    amount,
    at,
    isFinal,
  }: Readonly<{
    sequence: number;
    number: number | null;
    kind: 'void' | 'expiry';
    amount: bigint;
    at: Date;
    isFinal: boolean;
  }>,
): MovementRow {
  return {
    shard,
    paymentId,
    sequence,
    kind,
    state: isFinal ? 'final' : 'accepted',
    amount,
    targetAmount: 0n,
    spreadAmount: 0n,
    feeAmount: 0n,
    occurredAt: at,
    recordedAt: at,
    escrowSequence: number,
    chainFinalAt: isFinal ? at : null,
    finalAt: isFinal ? at : null,
  };
}

async function addMovement({ transaction, movements }: Work, movement: MovementRow): Promise<void> {
  await insertMovement(transaction, movement);
  movements.set(movement.paymentId, [...(movements.get(movement.paymentId) ?? []), movement]);
}

async function changeMovement(
  { transaction, movements }: Work,
  movement: MovementRow,
  change: Partial<MovementRow>,
): Promise<void> {
  await saveMovement(transaction, movement, change);
  const ofPayment = movements.get(movement.paymentId) ?? [];
  const changed = ofPayment.map((one) => (one.sequence === movement.sequence ? { ...one, ...change } : one));
  movements.set(movement.paymentId, changed);
}
