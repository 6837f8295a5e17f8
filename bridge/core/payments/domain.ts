import type { AssetKind } from '../../../ledger-service/vocabulary/assets.ts';
import type { Amount } from '../../../ledger-service/vocabulary/money.ts';

export type Quadrant = 'fiatToFiat' | 'cryptoToCrypto' | 'cryptoToFiat' | 'fiatToCrypto';

/**
 * Where a payment stands besides its four amounts.
 *
 * `unknown`: the issuer or the chain was asked and has not answered. `closed`: nothing is held any more; refunds may
 * still follow.
 */
export type PaymentPhase = 'created' | 'requires_action' | 'unknown' | 'open' | 'declined' | 'failed' | 'closed';

/** All amounts in minor units of the asset that was authorized. `captured + voided` never exceeds `authorized`. */
export type PaymentState = Readonly<{
  phase: PaymentPhase;
  asset: string;
  requested: bigint;
  authorized: bigint;
  captured: bigint;
  voided: bigint;
  refunded: bigint;
  /** What was charged back and not won again. */
  chargedBack: bigint;
  /** Captures, voids and refunds are numbered together; on chain a lower number is known to be done. */
  sequence: number;
  authorizationExpiresAt: Date;
  refundExpiresAt: Date;
}>;

/** Every allowed change of phase; whatever is not listed cannot happen. */
export const PHASE_TRANSITIONS: Readonly<Record<PaymentPhase, readonly PaymentPhase[]>> = {
  created: ['requires_action', 'unknown', 'open', 'declined', 'failed'],
  requires_action: ['unknown', 'open', 'failed'],
  unknown: ['open', 'declined', 'failed'],
  open: ['closed'],
  declined: [],
  failed: [],
  closed: [],
};

export type Refusal = Readonly<
  | { outcome: 'declined'; code: 'AMOUNT_NOT_POSITIVE'; requested: Amount }
  | { outcome: 'declined'; code: 'AMOUNT_EXCEEDS_HOLD'; held: Amount; requested: Amount }
  | { outcome: 'declined'; code: 'AMOUNT_EXCEEDS_REQUEST'; asked: Amount; approved: Amount }
  | { outcome: 'declined'; code: 'AMOUNT_EXCEEDS_CAPTURED'; refundable: Amount; requested: Amount }
  | { outcome: 'declined'; code: 'CAPTURE_NOT_FINAL'; refundable: Amount; requested: Amount }
  | { outcome: 'declined'; code: 'ASSET_MISMATCH'; expected: string; given: string }
  | { outcome: 'declined'; code: 'AUTHORIZATION_EXPIRED'; expiredAt: Date }
  | { outcome: 'declined'; code: 'AUTHORIZATION_NOT_EXPIRED'; expiresAt: Date }
  | { outcome: 'declined'; code: 'REFUND_EXPIRED'; expiredAt: Date }
  | { outcome: 'declined'; code: 'PAYMENT_PHASE_UNSUITABLE'; phase: PaymentPhase }
>;

/** `moved` is the amount that this command moves, in the authorized asset. */
export type Decision = Readonly<{ outcome: 'accepted'; state: PaymentState; moved: Amount }> | Refusal;

/** Which quadrant a pair of assets settles in. */
export function quadrantOf(payer: AssetKind, merchant: AssetKind): Quadrant {
  if (payer === 'fiat') return merchant === 'fiat' ? 'fiatToFiat' : 'fiatToCrypto';
  return merchant === 'fiat' ? 'cryptoToFiat' : 'cryptoToCrypto';
}

type Numbered = Readonly<{ escrowSequence: number | null; state: 'accepted' | 'final' | 'failed' }>;

/**
 * The number under which the escrow will know the next movement of a payment.
 *
 * The escrow counts what it moves itself: a refund of crypto → fiat is paid out of the wallet and has no number there; a
 * payer who reclaims uses one that nobody here had given out; and what failed has used none.
 */
export function nextEscrowSequence(movements: readonly Numbered[]): number {
  return 1 + Math.max(0, ...movements.map((one) => (one.state === 'failed' ? 0 : (one.escrowSequence ?? 0))));
}

/** The movement that the escrow knows by this number. */
export function movementOfEscrow<Movement extends Numbered>(
  movements: readonly Movement[],
  escrowSequence: number,
): Movement | undefined {
  return movements.find((one) => one.state !== 'failed' && one.escrowSequence === escrowSequence);
}

/** What can still be captured or voided. */
export function heldOf(state: PaymentState): bigint {
  return state.authorized - state.captured - state.voided;
}

export function refundableOf(state: PaymentState): bigint {
  return state.captured - state.refunded - state.chargedBack;
}

/**
 * Opens a payment with what was approved, which may be less than what was asked for.
 *
 * Errors: declined, returned: PAYMENT_PHASE_UNSUITABLE, AMOUNT_NOT_POSITIVE, AMOUNT_EXCEEDS_REQUEST.
 */
export function decideApproval(state: PaymentState, approved: Amount): Decision {
  if (!PHASE_TRANSITIONS[state.phase].includes('open')) return unsuitable(state);
  const refusal = refuseAmount(state, approved);
  if (refusal) return refusal;
  if (approved.minorUnits > state.requested) {
    return { outcome: 'declined', code: 'AMOUNT_EXCEEDS_REQUEST', asked: inAsset(state, state.requested), approved };
  }
  return { outcome: 'accepted', moved: approved, state: { ...state, phase: 'open', authorized: approved.minorUnits } };
}

/**
 * Captures part or all of what is held.
 *
 * Errors: declined, returned: PAYMENT_PHASE_UNSUITABLE, AMOUNT_NOT_POSITIVE, ASSET_MISMATCH, AUTHORIZATION_EXPIRED (at
 *         its very second and later), AMOUNT_EXCEEDS_HOLD.
 */
export function decideCapture(state: PaymentState, amount: Amount, now: Date): Decision {
  if (state.phase !== 'open' && !isOver(state, now)) return unsuitable(state);
  const refusal = refuseAmount(state, amount);
  if (refusal) return refusal;
  if (now >= state.authorizationExpiresAt) {
    return { outcome: 'declined', code: 'AUTHORIZATION_EXPIRED', expiredAt: state.authorizationExpiresAt };
  }
  if (amount.minorUnits > heldOf(state)) {
    return { outcome: 'declined', code: 'AMOUNT_EXCEEDS_HOLD', held: inAsset(state, heldOf(state)), requested: amount };
  }
  return accept(state, amount, { captured: state.captured + amount.minorUnits });
}

/** Gives back all that is still held. Errors: declined, returned: PAYMENT_PHASE_UNSUITABLE. */
export function decideVoid(state: PaymentState): Decision {
  if (state.phase !== 'open') return unsuitable(state);
  const held = inAsset(state, heldOf(state));
  return accept(state, held, { voided: state.voided + held.minorUnits });
}

/** A void that time asks for. Errors: declined, returned: PAYMENT_PHASE_UNSUITABLE, AUTHORIZATION_NOT_EXPIRED. */
export function decideExpiry(state: PaymentState, now: Date): Decision {
  if (state.phase === 'open' && now < state.authorizationExpiresAt) {
    return { outcome: 'declined', code: 'AUTHORIZATION_NOT_EXPIRED', expiresAt: state.authorizationExpiresAt };
  }
  return decideVoid(state);
}

/**
 * Gives captured money back to the payer, in part or in full.
 *
 * Units:  `there` is how much of what was captured has come for good: a capture on chain may still be overtaken by its
 *         payer, and coins that were never taken are not given back
 * Errors: declined, returned: PAYMENT_PHASE_UNSUITABLE, AMOUNT_NOT_POSITIVE, ASSET_MISMATCH, REFUND_EXPIRED,
 *         AMOUNT_EXCEEDS_CAPTURED, CAPTURE_NOT_FINAL.
 */
export function decideRefund(state: PaymentState, amount: Amount, now: Date, there = state.captured): Decision {
  if (state.phase !== 'open' && state.phase !== 'closed') return unsuitable(state);
  const refusal = refuseAmount(state, amount);
  if (refusal) return refusal;
  if (now >= state.refundExpiresAt) {
    return { outcome: 'declined', code: 'REFUND_EXPIRED', expiredAt: state.refundExpiresAt };
  }
  if (amount.minorUnits > refundableOf(state)) {
    const refundable = inAsset(state, refundableOf(state));
    return { outcome: 'declined', code: 'AMOUNT_EXCEEDS_CAPTURED', refundable, requested: amount };
  }
  const refundableNow = there - (state.captured - refundableOf(state));
  if (amount.minorUnits > refundableNow) {
    const refundable = inAsset(state, refundableNow > 0n ? refundableNow : 0n);
    return { outcome: 'declined', code: 'CAPTURE_NOT_FINAL', refundable, requested: amount };
  }
  return accept(state, amount, { refunded: state.refunded + amount.minorUnits });
}

/**
 * Charges captured money back to its merchant, because the cardholder's issuer says so.
 *
 * Errors: declined, returned: PAYMENT_PHASE_UNSUITABLE, AMOUNT_NOT_POSITIVE, ASSET_MISMATCH, AMOUNT_EXCEEDS_CAPTURED
 */
export function decideChargeback(state: PaymentState, amount: Amount): Decision {
  if (state.phase !== 'open' && state.phase !== 'closed') return unsuitable(state);
  const refusal = refuseAmount(state, amount);
  if (refusal) return refusal;
  if (amount.minorUnits > refundableOf(state)) {
    const refundable = inAsset(state, refundableOf(state));
    return { outcome: 'declined', code: 'AMOUNT_EXCEEDS_CAPTURED', refundable, requested: amount };
  }
  return accept(state, amount, { chargedBack: state.chargedBack + amount.minorUnits });
}

function accept(state: PaymentState, moved: Amount, change: Partial<PaymentState>): Decision {
  const next: PaymentState = { ...state, ...change, sequence: state.sequence + 1 };
  const phase = next.phase === 'open' && heldOf(next) === 0n ? 'closed' : next.phase;
  return { outcome: 'accepted', moved, state: { ...next, phase } };
}

function refuseAmount(state: PaymentState, amount: Amount): Refusal | undefined {
  if (amount.asset !== state.asset) {
    return { outcome: 'declined', code: 'ASSET_MISMATCH', expected: state.asset, given: amount.asset };
  }
  if (amount.minorUnits <= 0n) return { outcome: 'declined', code: 'AMOUNT_NOT_POSITIVE', requested: amount };
  return undefined;
}

/** Whether a hold that once stood is over by time alone, whoever noticed it first: its merchant or the sweeper. */
function isOver(state: PaymentState, now: Date): boolean {
  return state.phase === 'closed' && now >= state.authorizationExpiresAt;
}

function unsuitable(state: PaymentState): Refusal {
  return { outcome: 'declined', code: 'PAYMENT_PHASE_UNSUITABLE', phase: state.phase };
}

function inAsset(state: PaymentState, minorUnits: bigint): Amount {
  return { minorUnits, asset: state.asset };
}
