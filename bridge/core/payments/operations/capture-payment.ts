import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { Amount } from '../../../../ledger-service/vocabulary/money.ts';
import type { OnceRequest } from '../../../platform/once.ts';
import type { PaymentDependencies } from '../dependencies.ts';
import { hotPathOf } from '../hot-path.ts';
import type { PaymentView } from '../view.ts';

export type CapturePayment = Readonly<{ shard: Shard; paymentId: string; amount: Amount }>;

/**
 * Captures part or all of what is held.
 *
 * Shape:   { paymentId, amount } → the payment with its new movement
 * Units:   minor units of the payer's asset
 * Errors:  thrown, nothing changed: PAYMENT_UNKNOWN, PAYMENT_PHASE_UNSUITABLE, AMOUNT_NOT_POSITIVE, ASSET_MISMATCH,
 *          AUTHORIZATION_EXPIRED, AMOUNT_EXCEEDS_HOLD, IDEMPOTENCY_KEY_REUSED · LEDGER_UNAVAILABLE (retryable)
 * Effects: in one database transaction, shared with whoever captures at the same moment: a card's hold is posted and payment.captured written; a crypto payer's capture
 *          is asked for on chain, and posted when it is final there
 */
export async function capturePayment(
  dependencies: PaymentDependencies,
  { paymentId, amount }: CapturePayment,
  once: OnceRequest,
): Promise<Readonly<{ payment: PaymentView; replayed: boolean }>> {
  return hotPathOf(dependencies).capture({ once, paymentId, amount });
}
