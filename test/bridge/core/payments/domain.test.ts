import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideApproval,
  decideCapture,
  decideExpiry,
  decideRefund,
  decideVoid,
  heldOf,
  type PaymentState,
  PHASE_TRANSITIONS,
  quadrantOf,
  refundableOf,
} from '../../../../bridge/core/payments/domain.ts';

const NOON = new Date('2026-11-02T12:00:00Z');
const LATER = new Date('2026-11-03T12:00:00Z');
const created: PaymentState = {
  phase: 'created',
  asset: 'EUR',
  requested: 10_000n,
  authorized: 0n,
  captured: 0n,
  voided: 0n,
  refunded: 0n,
  chargedBack: 0n,
  sequence: 0,
  authorizationExpiresAt: LATER,
  refundExpiresAt: new Date('2026-12-02T12:00:00Z'),
};
const open: PaymentState = { ...created, phase: 'open', authorized: 10_000n };
const eur = (minorUnits: bigint) => ({ minorUnits, asset: 'EUR' });

describe('approval', () => {
  test('approves in part', () => {
    expect(decideApproval(created, eur(4_000n))).toMatchObject({
      outcome: 'accepted',
      state: { phase: 'open', authorized: 4_000n },
    });
  });

  test('declines more than was asked for, and a second answer', () => {
    expect(decideApproval(created, eur(10_001n))).toMatchObject({ code: 'AMOUNT_EXCEEDS_REQUEST' });
    expect(decideApproval(open, eur(1n))).toMatchObject({ code: 'PAYMENT_PHASE_UNSUITABLE', phase: 'open' });
  });
});

describe('capture', () => {
  test('takes part, then the rest, and closes', () => {
    const first = decideCapture(open, eur(4_000n), NOON);
    if (first.outcome !== 'accepted') throw new Error(first.code);
    expect([first.state.phase, heldOf(first.state), first.state.sequence]).toEqual(['open', 6_000n, 1]);
    expect(decideCapture(first.state, eur(6_000n), NOON)).toMatchObject({
      state: { phase: 'closed', captured: 10_000n },
    });
  });

  test('declines an amount above the hold, with both numbers', () => {
    expect(decideCapture(open, eur(10_001n), NOON)).toEqual({
      outcome: 'declined',
      code: 'AMOUNT_EXCEEDS_HOLD',
      held: eur(10_000n),
      requested: eur(10_001n),
    });
  });

  test('declines at the very instant of expiry, accepts the millisecond before', () => {
    expect(decideCapture(open, eur(1n), LATER)).toMatchObject({ code: 'AUTHORIZATION_EXPIRED' });
    expect(decideCapture(open, eur(1n), new Date(LATER.getTime() - 1)).outcome).toBe('accepted');
  });

  test.each([0n, -1n])('declines %s', (minorUnits) => {
    expect(decideCapture(open, eur(minorUnits), NOON)).toMatchObject({ code: 'AMOUNT_NOT_POSITIVE' });
  });

  test('declines another asset', () => {
    expect(decideCapture(open, { minorUnits: 1n, asset: 'USD' }, NOON)).toMatchObject({ code: 'ASSET_MISMATCH' });
  });

  test('declines after a void', () => {
    const voided = decideVoid(open);
    if (voided.outcome !== 'accepted') throw new Error(voided.code);
    expect(decideCapture(voided.state, eur(1n), NOON)).toMatchObject({
      code: 'PAYMENT_PHASE_UNSUITABLE',
      phase: 'closed',
    });
  });
});

describe('expiry', () => {
  test('waits for its time, then lets go of what is held', () => {
    expect(decideExpiry(open, NOON)).toMatchObject({ code: 'AUTHORIZATION_NOT_EXPIRED' });
    expect(decideExpiry(open, LATER)).toMatchObject({
      outcome: 'accepted',
      state: { phase: 'closed', voided: 10_000n },
    });
  });
});

describe('refund', () => {
  test('declines more than was captured and not yet given back', () => {
    const captured = { ...open, phase: 'closed' as const, captured: 10_000n, refunded: 9_000n };
    expect(decideRefund(captured, eur(1_001n), NOON)).toMatchObject({
      code: 'AMOUNT_EXCEEDS_CAPTURED',
      refundable: eur(1_000n),
    });
    expect(decideRefund(captured, eur(1_000n), NOON)).toMatchObject({ state: { refunded: 10_000n, phase: 'closed' } });
    expect(decideRefund(captured, eur(1n), captured.refundExpiresAt)).toMatchObject({ code: 'REFUND_EXPIRED' });
  });
});

test('no sequence of commands takes more than was authorized or gives back more than was captured', () => {
  const command = fc.record({
    verb: fc.constantFrom('capture', 'void', 'refund', 'expire', 'approve'),
    minorUnits: fc.bigInt({ min: -5n, max: 12_000n }),
    at: fc.constantFrom(NOON, LATER),
  });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
      let state = created;
      for (const { verb, minorUnits, at } of commands) {
        const amount = eur(minorUnits);
        const decision = {
          approve: () => decideApproval(state, amount),
          capture: () => decideCapture(state, amount, at),
          void: () => decideVoid(state),
          refund: () => decideRefund(state, amount, at),
          expire: () => decideExpiry(state, at),
        }[verb as 'approve']();
        if (decision.outcome !== 'accepted') continue;
        if (decision.state.phase !== state.phase)
          expect(PHASE_TRANSITIONS[state.phase]).toContain(decision.state.phase);
        state = decision.state;
        expect(state.authorized <= state.requested).toBe(true);
        expect(heldOf(state) >= 0n && refundableOf(state) >= 0n).toBe(true);
        expect(state.phase === 'closed').toBe(heldOf(state) === 0n);
      }
    }),
    { numRuns: 500 },
  );
});

test('the kinds of money name the quadrant', () => {
  expect(quadrantOf('fiat', 'fiat')).toBe('fiatToFiat');
  expect(quadrantOf('fiat', 'coin')).toBe('fiatToCrypto');
  expect(quadrantOf('token', 'fiat')).toBe('cryptoToFiat');
  expect(quadrantOf('token', 'coin')).toBe('cryptoToCrypto');
});
