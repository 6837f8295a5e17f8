import type { DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { IdentifierSource, Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { JournalEntryInstruction } from '../../../../ledger-service/vocabulary/journal-entries.ts';
import type { Amount } from '../../../../ledger-service/vocabulary/money.ts';
import type { Viewer } from '../../../../ledger-service/vocabulary/viewers.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import { chargeMerchant, giveBackToMerchant } from '../../participants/standings.ts';
import { decideChargeback } from '../domain.ts';
import { chargebackEntry, representmentEntry } from '../postings.ts';
import { errorOfRefusal, givenBack, movementTold, partiesOf, paymentEvent, wire } from '../shared.ts';
import {
  columnsOf,
  insertMovement,
  loadMovements,
  type MovementRow,
  type PaymentRow,
  savePayment,
  stateOf,
} from '../store.ts';
import { requirePayment, requirePosted } from './locked-payment.ts';

/** A payment as far as its dispute needs to know it. */
export type DisputedPayment = Readonly<
  Pick<PaymentRow, 'shard' | 'paymentId' | 'merchantId' | 'acquirerId' | 'asset' | 'merchantAsset' | 'occurredAt'> & {
    issuerId: string;
  }
>;

export type ChargedBack = Readonly<{
  payment: DisputedPayment;
  sequence: number;
  target: Amount;
  events: readonly DomainEvent[];
}>;

type Moved = Readonly<{ now: Date; amount: bigint; target: bigint; kind: 'chargeback' | 'representment' }>;

/**
 * Locks a payment whose dispute is to change, for its issuer or its merchant.
 *
 * Errors: thrown PAYMENT_UNKNOWN, DISPUTE_UNSUITABLE: a crypto payer has no issuer, and asks its merchant for a refund
 */
export async function lockDisputedPayment(
  transaction: DatabaseTransaction,
  { shard, paymentId, viewer }: Readonly<{ shard: Shard; paymentId: string; viewer: Viewer }>,
): Promise<DisputedPayment> {
  return disputed(await requirePayment(transaction, shard, paymentId, viewer, ['merchantId', 'issuerId']));
}

/**
 * Charges captured money back: the issuer gets it in the next window, from the acquirer or the intermediary; a crypto
 * merchant owes the coins that it was paid.
 *
 * Shape:   an amount of the payer's asset → the movement's number and what it is worth to the merchant, at the payment's
 *          own rate
 * Errors:  thrown PAYMENT_UNKNOWN, DISPUTE_UNSUITABLE, PAYMENT_PHASE_UNSUITABLE, AMOUNT_NOT_POSITIVE, ASSET_MISMATCH,
 *          AMOUNT_EXCEEDS_CAPTURED: refunds and chargebacks together are never more than what was captured
 * Effects: in the caller's database transaction, under the payment's lock: movement, entry, and the event
 *          payment.chargedBack for the caller to emit
 */
export async function chargeBackPayment(
  transaction: DatabaseTransaction,
  command: Readonly<{ shard: Shard; paymentId: string; amount: Amount; viewer: Viewer; now: Date }>,
): Promise<ChargedBack> {
  const { shard, paymentId, amount, viewer, now } = command;
  const row = await requirePayment(transaction, shard, paymentId, viewer, ['issuerId']);
  const payment = disputed(row);
  const decision = decideChargeback(stateOf(row), amount);
  if (decision.outcome === 'declined') throw errorOfRefusal(decision);
  const changed: PaymentRow = { ...row, ...columnsOf(decision.state) };
  const before = await loadMovements(transaction, shard, [paymentId]);
  const { target } = givenBack(row, before, amount.minorUnits);
  const moved = { now, amount: amount.minorUnits, target: target.minorUnits, kind: 'chargeback' } as const;
  const movement = await write(transaction, row, changed, moved);
  if (row.quadrant === 'fiatToCrypto' && target.minorUnits > 0n) {
    const borne = await chargeMerchant(transaction, merchantOf(row), target.minorUnits);
    await post(transaction, chargebackEntry(partiesOf(row), changed.sequence, target, borne, now), now);
  }
  const events = [clearedEvent(changed, 'payment.chargedBack', movement, now)];
  return { payment, sequence: changed.sequence, target, events };
}

/**
 * Gives back by new entries what a chargeback took: the dispute was won.
 *
 * Shape:   the chargeback's number → the movement that undoes it
 * Effects: as {@link chargeBackPayment}, the other way, with the event payment.represented
 */
export async function representPayment(
  { identifiers }: Readonly<{ identifiers: IdentifierSource }>,
  transaction: DatabaseTransaction,
  command: Readonly<{ shard: Shard; paymentId: string; chargebackSequence: number; now: Date }>,
): Promise<readonly DomainEvent[]> {
  const { shard, paymentId, chargebackSequence, now } = command;
  const row = await requirePayment(transaction, shard, paymentId);
  const movements = await loadMovements(transaction, shard, [paymentId]);
  const chargeback = movements.find(({ sequence, kind }) => sequence === chargebackSequence && kind === 'chargeback');
  if (!chargeback) throw new Error(`Invariant broken: ${paymentId} was charged back by ${chargebackSequence}`);
  const { amount, targetAmount } = chargeback;
  const changed: PaymentRow = { ...row, chargedBack: row.chargedBack - amount, sequence: row.sequence + 1 };
  const movement = await write(transaction, row, changed, { now, amount, target: targetAmount, kind: 'representment' });
  if (row.quadrant === 'fiatToCrypto' && targetAmount > 0n) {
    const credit = { due: targetAmount, subject: paymentId, now };
    const split = await giveBackToMerchant({ identifiers }, transaction, merchantOf(row), credit);
    const target = { minorUnits: targetAmount, asset: row.merchantAsset };
    const given = { writtenBack: split.writtenBack, kept: split.withheld };
    await post(transaction, representmentEntry(partiesOf(row), changed.sequence, target, given, now), now);
  }
  return [clearedEvent(changed, 'payment.represented', movement, now)];
}

function disputed(row: PaymentRow): DisputedPayment {
  const { issuerId } = row;
  if (issuerId !== null) return { ...row, issuerId };
  throw new SettlementError('DISPUTE_UNSUITABLE', 'only what a card paid can be charged back', {
    paymentId: row.paymentId,
    quadrant: row.quadrant,
  });
}

function merchantOf({ shard, merchantId, merchantAsset: asset }: PaymentRow) {
  return { shard, merchantId, asset };
}

async function post(
  transaction: DatabaseTransaction,
  entry: JournalEntryInstruction | undefined,
  now: Date,
): Promise<void> {
  if (entry) await requirePosted(transaction, entry, now);
}

async function write(
  transaction: DatabaseTransaction,
  row: PaymentRow,
  changed: PaymentRow,
  { now, amount, target, kind }: Moved,
): Promise<MovementRow> {
  const movement: MovementRow = {
    shard: row.shard,
    paymentId: row.paymentId,
    sequence: changed.sequence,
    kind,
    state: 'accepted',
    amount,
    targetAmount: target,
    spreadAmount: 0n,
    feeAmount: 0n,
    occurredAt: now,
    recordedAt: now,
    escrowSequence: null,
    chainFinalAt: null,
    finalAt: null,
  };
  await savePayment(transaction, row, { chargedBack: changed.chargedBack, sequence: changed.sequence });
  await insertMovement(transaction, movement);
  return movement;
}

/** What clearing needs to know, and what the world is told. */
function clearedEvent(
  row: PaymentRow,
  topic: 'payment.chargedBack' | 'payment.represented',
  movement: MovementRow,
  now: Date,
): DomainEvent {
  const { sequence } = movement;
  const details = {
    sequence,
    source: wire({ minorUnits: movement.amount, asset: row.asset }),
    target: wire({ minorUnits: movement.targetAmount, asset: row.merchantAsset }),
    eventAt: now.toISOString(),
  };
  return paymentEvent(row, topic, sequence, { movement: movementTold(row, movement) }, details);
}
