import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { claimOnce, completeOnce, type OnceRequest, viewerOf } from '../../../platform/once.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import { chargeMerchant } from '../../participants/standings.ts';
import type { PaymentDependencies } from '../dependencies.ts';
import { heldOf, refundableOf } from '../domain.ts';
import { lateReversalEntry, releaseEntry } from '../postings.ts';
import {
  closedEvents,
  convertedBetween,
  givenBack,
  movementTold,
  partiesOf,
  paymentEvent,
  releaseRisks,
  riskIn,
  wire,
} from '../shared.ts';
import { insertMovement, loadMovements, type MovementRow, type PaymentRow, savePayment, stateOf } from '../store.ts';
import { type PaymentView, viewOfPayment } from '../view.ts';
import { requirePayment, requirePosted } from './locked-payment.ts';

/**
 * Takes an issuer's word, after coins have left for its cardholder's payment, that the authorization was reversed or never
 * stood.
 *
 * Shape:   { paymentId } → the payment with its late reversal; the same word again, under whatever key, changes nothing
 * Errors:  thrown, nothing changed: PAYMENT_UNKNOWN, REVERSAL_UNSUITABLE, IDEMPOTENCY_KEY_REUSED
 * Effects: in one database transaction: nothing is held any more, and all that was captured and not given back is not
 *          owed by the issuer: it is cleared back to it in the next window. The coins are gone: the merchant owes them,
 *          or the intermediary has lost them, as the installation's policy has it; event payment.reversedLate
 */
export async function reverseLate(
  dependencies: PaymentDependencies,
  command: Readonly<{ shard: Shard; paymentId: string }>,
  once: OnceRequest,
): Promise<Readonly<{ payment: PaymentView; replayed: boolean }>> {
  const { database, clock, identifiers, outbox } = dependencies;
  const events: DomainEvent[] = [];
  const result = await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const claim = await claimOnce<PaymentView>(transaction, once, identifiers.next('rev', command.shard), clock);
    if (claim.kind === 'answered') return { payment: claim.outcome, replayed: true };
    const row = await requirePayment(transaction, command.shard, command.paymentId, viewerOf(once), ['issuerId']);
    const before = await loadMovements(transaction, row.shard, [row.paymentId]);
    const now = clock.now();
    const isNew = !before.some(({ kind }) => kind === 'lateReversal');
    if (isNew) {
      requireReversible(row);
      const amount = refundableOf(stateOf(row));
      const { target } = givenBack(row, before, amount);
      const held = heldOf(stateOf(row));
      const released = convertedBetween(row, row.authorized - held, row.authorized);
      const sequence = row.sequence + (held > 0n ? 2 : 1);
      const changed: PaymentRow = {
        ...row,
        phase: 'closed',
        voided: row.voided + held,
        chargedBack: row.chargedBack + amount,
        sequence,
      };
      const { phase, voided, chargedBack } = changed;
      await savePayment(transaction, row, { phase, voided, chargedBack, sequence });
      const movement = movementOf(row, { kind: 'lateReversal', sequence, amount, target: target.minorUnits, now });
      await insertMovement(transaction, movement);
      if (held > 0n) {
        // Its hold is gone at the issuer already: there is nobody to tell.
        const release = { kind: 'expiry', sequence: sequence - 1, amount: held, target: 0n, now } as const;
        await insertMovement(transaction, { ...movementOf(row, release), state: 'final', finalAt: now });
        await requirePosted(transaction, releaseEntry(partiesOf(row), sequence - 1, 'expiry', released, now), now);
      }
      if (target.minorUnits > 0n) {
        const named = { shard: row.shard, merchantId: row.merchantId, asset: row.merchantAsset };
        const borne =
          dependencies.lateReversalsBorneBy === 'merchant'
            ? await chargeMerchant(transaction, named, target.minorUnits)
            : 'intermediary';
        await requirePosted(transaction, lateReversalEntry(partiesOf(row), sequence, target, borne, now), now);
      }
      if (held > 0n) await releaseRisks(transaction, [{ row, amount: riskIn(row, released) }]);
      const told = { movement: movementTold(row, movement) };
      const details = {
        sequence,
        source: wire({ minorUnits: amount, asset: row.asset }),
        target: wire(target),
        eventAt: now.toISOString(),
      };
      events.push(
        paymentEvent(changed, 'payment.reversedLate', sequence, told, details),
        ...closedEvents(row, changed),
      );
      await outbox.emit(transaction, events);
    }
    const after = isNew ? await requirePayment(transaction, row.shard, row.paymentId) : row;
    const movements = await loadMovements(transaction, row.shard, [row.paymentId]);
    const payment = viewOfPayment(after, movements);
    await completeOnce(transaction, once, payment);
    return { payment, replayed: false };
  });
  outbox.ringFor(events);
  return result;
}

/** Where no coins have left there is nothing late: a hold is reversed while it is asked for, a capture is disputed. */
function requireReversible(row: PaymentRow): void {
  const { quadrant, phase, captured } = row;
  if (quadrant === 'fiatToCrypto' && refundableOf(stateOf(row)) > 0n) return;
  throw new SettlementError('REVERSAL_UNSUITABLE', 'no coins have left for a capture of this payment', {
    quadrant,
    phase,
    captured: captured.toString(),
  });
}

function movementOf(
  { shard, paymentId }: PaymentRow,
  {
    kind,
    sequence,
    amount,
    target,
    now,
  }: Readonly<{ kind: 'lateReversal' | 'expiry'; sequence: number; amount: bigint; target: bigint; now: Date }>,
): MovementRow {
  return {
    shard,
    paymentId,
    sequence,
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
}
