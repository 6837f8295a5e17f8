import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import type { DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { assertInvariant } from '../../../../ledger-service/vocabulary/errors.ts';
import type { JournalEntryInstruction } from '../../../../ledger-service/vocabulary/journal-entries.ts';
import { termsFromJson, voidCall } from '../../../chain/escrow.ts';
import { enqueueChainCalls } from '../../../chain/operations/submit-calls.ts';
import type { DomainEvent, DueEvent } from '../../../platform/outbox.ts';
import { CHAIN_SUBMISSION, type PaymentDependencies } from '../dependencies.ts';
import { decideApproval, movementOfEscrow } from '../domain.ts';
import { authorizationEntry, captureEntry, refundEntry, releaseEntry } from '../postings.ts';
import {
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
  lockPayment,
  lockPayments,
  type MovementRow,
  type PaymentRow,
  saveMovementState,
  savePayment,
  stateOf,
} from '../store.ts';

type EscrowPayload = Readonly<{ event: string; fields: Readonly<Record<string, string>>; minedAt: string }>;

/**
 * Takes what the escrow has said, once it is final: opens, posts and closes what was waiting for it.
 *
 * Shape:   due events `escrow.final` and `chainCall.reverted`, in the order of the chain
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
  const released: Released[] = [];
  const final = due.filter(({ topic }) => topic === 'escrow.final');
  const names = final.map(({ payload }) => (payload as EscrowPayload).fields.paymentIdentifier!);
  const reverted = due.filter(({ topic }) => topic === 'chainCall.reverted');
  // Every payment of the batch at once and before any account, so that nobody waits for us in a circle.
  const locked = await lockPayments(transaction, 0, {
    termsHashes: names,
    paymentIds: reverted.map(({ subject }) => subject),
  });
  const rows = new Map(locked.map((row) => [row.termsHash!, row]));
  const movements = await loadMovements(
    transaction,
    0,
    [...rows.values()].map(({ paymentId }) => paymentId),
  );
  for (const { payload } of final) {
    const said = payload as EscrowPayload;
    const row = rows.get(said.fields.paymentIdentifier!);
    // An escrow is open to everyone: terms that are not ours are none of our business.
    if (!row) continue;
    const applied = await applyOne({ dependencies, transaction, entries, events, released }, row, movements, said);
    rows.set(row.termsHash!, applied);
  }
  for (const event of reverted) await applyRevert({ dependencies, transaction, entries, events, released }, event);
  const results = await postEntries(transaction, entries, { now: dependencies.clock.now() });
  const refused = results.find((result) => result.outcome === 'refused');
  assertInvariant(!refused, `the books take what is final on chain, but refused ${JSON.stringify(refused)}`);
  // Exposures after accounts, as everywhere.
  await releaseRisks(transaction, released);
  await dependencies.outbox.emit(transaction, events);
  return events;
}

type Released = Parameters<typeof releaseRisks>[1][number];
type Work = Readonly<{
  dependencies: PaymentDependencies;
  transaction: DatabaseTransaction;
  entries: JournalEntryInstruction[];
  events: DomainEvent[];
  released: Released[];
}>;

async function applyOne(
  work: Work,
  row: PaymentRow,
  movements: readonly MovementRow[],
  { event, fields, minedAt }: EscrowPayload,
): Promise<PaymentRow> {
  const at = new Date(minedAt);
  if (event === 'Authorized') return applyAuthorized(work, row, BigInt(fields.amount!), at);
  const ofPayment = movements.filter((one) => one.paymentId === row.paymentId);
  const movement = movementOfEscrow(row.quadrant, ofPayment, Number(fields.sequence ?? 0));
  switch (event) {
    case 'Captured':
      return movement ? applyCaptured(work, row, movement, movements, at) : row;
    case 'Voided':
    case 'Reclaimed':
      return applyReleased(work, row, movements, event, BigInt(fields.amount!), at);
    case 'Refunded':
      return movement ? applyRefunded(work, row, movement, at) : row;
    default:
      return row;
  }
}

async function applyAuthorized(work: Work, row: PaymentRow, amount: bigint, at: Date): Promise<PaymentRow> {
  const { dependencies, transaction, entries, events, released } = work;
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
  released.push({ row, amount: riskIn(row, convertedBetween(row, amount, row.requested)) });
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

async function applyCaptured(
  { dependencies, transaction, entries, events, released }: Work,
  row: PaymentRow,
  movement: MovementRow,
  movements: readonly MovementRow[],
  at: Date,
): Promise<PaymentRow> {
  if (movement.state !== 'accepted') return row;
  const captured = movements
    .filter((one) => one.paymentId === row.paymentId && one.kind === 'capture' && one.sequence < movement.sequence)
    .reduce((sum, one) => sum + one.amount, 0n);
  const converted = convertedBetween(row, captured, captured + movement.amount);
  const fee = { minorUnits: row.quadrant === 'cryptoToCrypto' ? movement.feeAmount : 0n, asset: row.merchantAsset };
  entries.push(captureEntry(partiesOf(row), movement.sequence, { ...converted, fee }, at));
  events.push(capturedEvent(row, movement.sequence, converted, at));
  // What was promised is inventory now.
  released.push({ row, amount: riskIn(row, converted) });
  // The merchant's fiat is still on its way: the movement is final when its window settles.
  if (row.quadrant === 'cryptoToFiat') return row;
  await saveMovementState(transaction, movement, 'final', at);
  const finalAt = dependencies.machineClock.now();
  await savePayment(transaction, row, { finalAt });
  events.push(settledEvent(row, movement));
  return { ...row, finalAt };
}

async function applyReleased(
  { transaction, entries, events, released }: Work,
  row: PaymentRow,
  movements: readonly MovementRow[],
  event: 'Voided' | 'Reclaimed',
  amount: bigint,
  at: Date,
): Promise<PaymentRow> {
  if (row.phase === 'failed') return row;
  const waiting = movements.find(
    (one) =>
      one.paymentId === row.paymentId && (one.kind === 'void' || one.kind === 'expiry') && one.state === 'accepted',
  );
  // Nothing of it can come any more, captures that were on their way included.
  if (event === 'Reclaimed') released.push({ row });
  let changed = event === 'Reclaimed' ? await undoLateCaptures(transaction, row, movements, at, events) : row;
  let sequence = waiting?.sequence ?? 0;
  let cause: 'void' | 'expiry' = waiting?.kind === 'void' ? 'void' : 'expiry';
  if (waiting) await saveMovementState(transaction, waiting, 'final', at);
  else {
    // The payer took it back without being asked: the payment follows.
    if (event !== 'Reclaimed' || row.phase !== 'open') return row;
    cause = 'expiry';
    sequence = row.sequence + 1;
    changed = { ...changed, phase: 'closed', voided: changed.voided + amount, sequence };
    await savePayment(transaction, row, { phase: 'closed', voided: changed.voided, sequence });
    await insertMovement(transaction, {
      shard: row.shard,
      paymentId: row.paymentId,
      sequence,
      kind: 'expiry',
      state: 'final',
      amount,
      targetAmount: 0n,
      spreadAmount: 0n,
      feeAmount: 0n,
      occurredAt: at,
      recordedAt: at,
      finalAt: at,
    });
    events.push(...closedEvents(row, changed));
  }
  const back = {
    source: { minorUnits: amount, asset: row.asset },
    target: { minorUnits: 0n, asset: row.merchantAsset },
  };
  entries.push(releaseEntry(partiesOf(row), sequence, cause, back, at));
  const told = { movement: { sequence, amount: wire(back.source) }, cause };
  events.push(paymentEvent(changed, 'payment.voided', sequence, told, { sequence, cause }));
  return changed;
}

/** A payer who reclaimed came before captures that were still on their way: these have no effect on chain any more. */
async function undoLateCaptures(
  transaction: DatabaseTransaction,
  row: PaymentRow,
  movements: readonly MovementRow[],
  at: Date,
  events: DomainEvent[],
): Promise<PaymentRow> {
  let { captured } = row;
  for (const movement of movements) {
    if (movement.paymentId !== row.paymentId || movement.kind !== 'capture' || movement.state !== 'accepted') continue;
    if (!(await saveMovementState(transaction, movement, 'failed', at))) continue;
    captured -= movement.amount;
    events.push(movementFailedEvent({ ...row, captured }, movement));
  }
  if (captured !== row.captured) await savePayment(transaction, row, { captured });
  return { ...row, captured };
}

async function applyRefunded(
  { transaction, entries, events }: Work,
  row: PaymentRow,
  movement: MovementRow,
  at: Date,
): Promise<PaymentRow> {
  if (movement.state !== 'accepted') return row;
  await saveMovementState(transaction, movement, 'final', at);
  const amount = { minorUnits: movement.amount, asset: row.asset };
  const entry = refundEntry(partiesOf(row), movement.sequence, { source: amount, target: amount }, at);
  if (entry) entries.push(entry);
  const told = { movement: movementTold(row, movement) };
  events.push(paymentEvent(row, 'payment.refunded', movement.sequence, told), settledEvent(row, movement));
  return row;
}

/**
 * A call that the contract refused moved nothing. An authorization that was refused fails its payment; a refused
 * capture, void or refund is marked and left to people, since it contradicts what the books knew.
 */
async function applyRevert(
  { dependencies: { logger, clock }, transaction, events, released }: Work,
  { subject, payload, shard }: DueEvent,
): Promise<void> {
  const { kind, sequence } = payload as Readonly<{ kind: string; sequence: number }>;
  const row = await lockPayment(transaction, shard, subject);
  if (!row) return;
  logger.warn({ event: 'chainCall.reverted', paymentId: subject, kind, sequence });
  if (kind === 'authorize' && row.phase === 'unknown') {
    const failed: PaymentRow = { ...row, phase: 'failed', declineCode: 'CHAIN_CALL_REVERTED' };
    await savePayment(transaction, row, { phase: 'failed', declineCode: failed.declineCode });
    released.push({ row: failed });
    events.push(paymentEvent(failed, 'payment.failed', 'failed', {}));
  } else if (kind !== 'authorize') {
    const failed = await saveMovementState(transaction, { shard, paymentId: subject, sequence }, 'failed', clock.now());
    if (!failed) return;
    events.push(movementFailedEvent(row, failed));
    if (failed.kind === 'capture') released.push({ row, amount: failed.amount });
  }
}
