import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import { EVERYTHING, type Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import type { PaymentRow } from './store.ts';

/** Who takes part in a payment, by the column that names it. */
export type Party = 'merchantId' | 'payerId' | 'issuerId' | 'acquirerId';

/** Everyone who takes part sees a payment; who of them may move it is said by each verb. */
export const PARTIES: readonly Party[] = ['merchantId', 'payerId', 'issuerId', 'acquirerId'];

/** True where the payment is the viewer's by one of these columns, or the viewer reaches everything. */
export function isOf(row: Pick<PaymentRow, Party>, { participantId }: Viewer, parties = PARTIES): boolean {
  return participantId === undefined || parties.some((party) => row[party] === participantId);
}

/** The payment, if there is one and it is the viewer's; somebody else's is answered like one that was never there. */
export function ownOrUnknown(
  row: PaymentRow | undefined,
  paymentId: string,
  viewer: Viewer = EVERYTHING,
  parties = PARTIES,
): PaymentRow | SettlementError {
  return row && isOf(row, viewer, parties) ? row : unknownPayment(paymentId);
}

export function unknownPayment(paymentId: string): SettlementError {
  return new SettlementError('PAYMENT_UNKNOWN', `no payment ${JSON.stringify(paymentId)}`, { paymentId });
}
