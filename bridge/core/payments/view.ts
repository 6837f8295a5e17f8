import type { WireAmount } from '../../../ledger-service/vocabulary/money.ts';
import type { MovementRow, PaymentRow } from './store.ts';

export type MovementView = Readonly<{
  sequence: number;
  kind: MovementRow['kind'];
  state: MovementRow['state'];
  amount: WireAmount;
  /** What it is in the merchant's asset, before the fee. */
  merchantAmount: WireAmount;
  fee: WireAmount;
  spread: WireAmount;
  occurredAt: string;
  /** When the chain had moved it for good; null where it moves off chain, or has not yet. */
  chainFinalAt: string | null;
  finalAt: string | null;
}>;

/** What a crypto payer has to do: sign these typed data, send this chain transaction, or pay to this address. */
export type PayerAction = Readonly<
  | { kind: 'sign'; typedData: Readonly<Record<string, unknown>>; expiresAt: string }
  /** To be paid before `expiresAt` of the chain; what is more, less, late or another asset goes back. */
  | { kind: 'deposit'; address: string; amount: WireAmount; returnTo: string; expiresAt: string }
  | { kind: 'send'; chainTransaction: Readonly<{ to: string; data: string; value: string }>; expiresAt: string }
>;

export type PaymentView = Readonly<{
  paymentId: string;
  quadrant: PaymentRow['quadrant'];
  phase: PaymentRow['phase'];
  merchantId: string;
  payerId: string;
  instrumentId: string;
  merchantReference: string | null;
  quoteId: string | null;
  merchantAsset: string;
  requested: WireAmount;
  authorized: WireAmount;
  captured: WireAmount;
  voided: WireAmount;
  refunded: WireAmount;
  chargedBack: WireAmount;
  declineCode: string | null;
  termsHash: string | null;
  occurredAt: string;
  recordedAt: string;
  authorizationExpiresAt: string;
  refundExpiresAt: string;
  /** Real time, not the books': when the request came in, and when the merchant's money was final. */
  receivedAt: string;
  finalAt: string | null;
  movements: readonly MovementView[];
  action: PayerAction | null;
}>;

/** What anyone is shown of a payment. */
export function viewOfPayment(
  row: PaymentRow,
  movements: readonly MovementRow[],
  action: PayerAction | null = null,
): PaymentView {
  const inSource = (minorUnits: bigint): WireAmount => ({ minorUnits: minorUnits.toString(), asset: row.asset });
  const inTarget = (minorUnits: bigint): WireAmount => ({
    minorUnits: minorUnits.toString(),
    asset: row.merchantAsset,
  });
  return {
    paymentId: row.paymentId,
    quadrant: row.quadrant,
    phase: row.phase,
    merchantId: row.merchantId,
    payerId: row.payerId,
    instrumentId: row.instrumentId,
    merchantReference: row.merchantReference,
    quoteId: row.quoteId,
    merchantAsset: row.merchantAsset,
    requested: inSource(row.requested),
    authorized: inSource(row.authorized),
    captured: inSource(row.captured),
    voided: inSource(row.voided),
    refunded: inSource(row.refunded),
    chargedBack: inSource(row.chargedBack),
    declineCode: row.declineCode,
    termsHash: row.termsHash,
    occurredAt: row.occurredAt.toISOString(),
    recordedAt: row.recordedAt.toISOString(),
    authorizationExpiresAt: row.authorizationExpiresAt.toISOString(),
    refundExpiresAt: row.refundExpiresAt.toISOString(),
    receivedAt: row.receivedAt.toISOString(),
    finalAt: row.finalAt?.toISOString() ?? null,
    movements: movements.map((movement) => ({
      sequence: movement.sequence,
      kind: movement.kind,
      state: movement.state,
      amount: inSource(movement.amount),
      merchantAmount: inTarget(movement.targetAmount),
      fee: inTarget(movement.feeAmount),
      spread: inSource(movement.spreadAmount),
      occurredAt: movement.occurredAt.toISOString(),
      chainFinalAt: movement.chainFinalAt?.toISOString() ?? null,
      finalAt: movement.finalAt?.toISOString() ?? null,
    })),
    action,
  };
}
