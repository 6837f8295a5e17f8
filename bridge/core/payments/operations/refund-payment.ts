import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { Amount } from '../../../../ledger-service/vocabulary/money.ts';
import { depositFromJson } from '../../../chain/deposits.ts';
import { NATIVE_TOKEN, refundCall, termsFromJson } from '../../../chain/escrow.ts';
import { enqueueChainCalls } from '../../../chain/operations/submit-calls.ts';
import { claimOnce, completeOnce, type OnceRequest, viewerOf } from '../../../platform/once.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import { chargeMerchant } from '../../participants/standings.ts';
import { CHAIN_SUBMISSION, type PaymentDependencies } from '../dependencies.ts';
import { decideRefund, nextEscrowSequence } from '../domain.ts';
import { refundEntry } from '../postings.ts';
import {
  callOfMovement,
  capturedForGood,
  errorOfRefusal,
  givenBack,
  partiesOf,
  paymentEvent,
  wire,
} from '../shared.ts';
import { columnsOf, insertMovement, loadMovements, type PaymentRow, savePayment, stateOf } from '../store.ts';
import { type PayerAction, type PaymentView, viewOfPayment } from '../view.ts';
import { requirePayment } from './locked-payment.ts';

export type RefundPayment = Readonly<{ shard: Shard; paymentId: string; amount: Amount }>;

/**
 * Gives captured money back to the payer, at the rate it was paid at.
 *
 * Shape:   { paymentId, amount } → the payment with its new movement; for the chain's own coin also the chain
 *          transaction that the merchant has to send, since nobody else can spend the merchant's coins
 * Units:   minor units of the payer's asset
 * Errors:  thrown, nothing changed: PAYMENT_UNKNOWN, PAYMENT_PHASE_UNSUITABLE, AMOUNT_NOT_POSITIVE, ASSET_MISMATCH,
 *          REFUND_EXPIRED, AMOUNT_EXCEEDS_CAPTURED, CAPTURE_NOT_FINAL (retryable), INVENTORY_INSUFFICIENT,
 *          IDEMPOTENCY_KEY_REUSED
 * Effects: in one database transaction, by quadrant: fiat payers are paid back through clearing; crypto payers from the
 *          merchant's wallet (crypto → crypto) or from the intermediary's (crypto → fiat); event payment.refunded
 */
export async function refundPayment(
  dependencies: PaymentDependencies,
  command: RefundPayment,
  once: OnceRequest,
): Promise<Readonly<{ payment: PaymentView; replayed: boolean }>> {
  const { database, clock, identifiers, outbox } = dependencies;
  const events: DomainEvent[] = [];
  const result = await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const claim = await claimOnce<PaymentView>(transaction, once, identifiers.next('ref', command.shard), clock);
    if (claim.kind === 'answered') return { payment: claim.outcome, replayed: true };
    const row = await requirePayment(transaction, command.shard, command.paymentId, viewerOf(once));
    const now = clock.now();
    const before = await loadMovements(transaction, row.shard, [row.paymentId]);
    const decision = decideRefund(stateOf(row), command.amount, now, capturedForGood(row, before));
    if (decision.outcome === 'declined') throw errorOfRefusal(decision);
    const changed: PaymentRow = { ...row, ...columnsOf(decision.state) };
    const { sequence } = changed;
    const refunded = givenBack(row, before, command.amount.minorUnits);
    const escrowSequence = row.quadrant === 'cryptoToCrypto' ? nextEscrowSequence(before) : null;
    await savePayment(transaction, row, columnsOf(decision.state));
    await insertMovement(transaction, {
      shard: row.shard,
      paymentId: row.paymentId,
      sequence,
      kind: 'refund',
      state: 'accepted',
      amount: refunded.source.minorUnits,
      targetAmount: refunded.target.minorUnits,
      spreadAmount: 0n,
      feeAmount: 0n,
      escrowSequence,
      occurredAt: now,
      recordedAt: now,
    });
    let action: PayerAction | null = null;
    if (escrowSequence !== null) {
      const terms = termsFromJson(row.terms);
      const amount = refunded.source.minorUnits;
      const call = refundCall(dependencies.deployment, terms, { amount, sequence: escrowSequence });
      if (terms.token === NATIVE_TOKEN) {
        const chainTransaction = { to: call.recipient, data: call.data, value: call.value.toString() };
        action = { kind: 'send', chainTransaction, expiresAt: row.refundExpiresAt.toISOString() };
      } else {
        await enqueueChainCalls(transaction, [callOfMovement(call, row, sequence)], now);
      }
    } else {
      const isOwed = row.quadrant === 'fiatToCrypto' && refunded.target.minorUnits > 0n;
      const named = { shard: row.shard, merchantId: row.merchantId, asset: row.merchantAsset };
      const borne = isOwed ? await chargeMerchant(transaction, named, refunded.target.minorUnits) : undefined;
      const entry = refundEntry(partiesOf(row), sequence, refunded, now, borne);
      if (entry) {
        const [posted] = await postEntries(transaction, [entry], { now });
        if (posted?.outcome === 'refused') {
          throw new SettlementError('INVENTORY_INSUFFICIENT', 'the wallet cannot cover this refund', posted.details);
        }
      }
      const movement = { sequence, amount: wire(refunded.source), merchantAmount: wire(refunded.target) };
      events.push(
        paymentEvent(
          changed,
          'payment.refunded',
          sequence,
          { movement },
          {
            sequence,
            source: movement.amount,
            target: movement.merchantAmount,
            payee: payeeOf(row),
            eventAt: now.toISOString(),
          },
        ),
      );
    }
    await outbox.emit(transaction, events);
    const movements = await loadMovements(transaction, row.shard, [row.paymentId]);
    const payment = viewOfPayment(changed, movements, action);
    await completeOnce(transaction, once, payment);
    return { payment, replayed: false };
  });
  outbox.ringFor(events);
  if (!result.replayed && events.length === 0) outbox.ring(CHAIN_SUBMISSION);
  return result;
}

/** Who paid with coins gets them back; from a deposit address they would only have to be returned once more. */
function payeeOf({ terms }: PaymentRow): string | null {
  if (!terms) return null;
  return depositFromJson(terms)?.terms.returnTo ?? termsFromJson(terms).payer;
}
