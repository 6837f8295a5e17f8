import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PaymentView } from '../../../../bridge/core/payments/view.ts';
import { openPaymentStage, type PaymentStage, type Side } from '../../../support/payment-stage.ts';

let stage: PaymentStage;
beforeAll(async () => {
  stage = await openPaymentStage();
});
afterAll(async () => {
  await stage?.close();
});

const UNIT = 1_000_000n;

function passTheTimeOf({ authorizationExpiresAt }: PaymentView): void {
  stage.clock.time = Date.parse(authorizationExpiresAt) + 1;
}

async function callsOf({ paymentId }: PaymentView): Promise<readonly string[]> {
  const rows = await stage.rows<{ kind: string; sequence: number; data: string }>(
    `select kind, sequence, data from bridge.chain_calls where subject = '${paymentId}' order by recorded_at, sequence`,
  );
  // The last word of a void or a capture is the escrow's number of it.
  return rows
    .filter(({ kind }) => kind !== 'authorize')
    .map(({ kind, data }) => `${kind} ${BigInt(`0x${data.slice(-64)}`)}`)
    .sort();
}

/** What is held, in the books, of everything that this file has done. */
const heldNow = async () => Object.entries(await stage.balances()).filter(([name]) => name.endsWith(' held'));

const movementsOf = ({ movements }: PaymentView) =>
  movements.map(({ kind, state, amount }) => `${kind} ${state} ${amount.minorUnits}`);

describe('a capture after the hold has ended', () => {
  test.each(['fiatToFiat', 'fiatToCrypto', 'cryptoToFiat', 'cryptoToCrypto'] as const)(
    '%s: is refused by the same code before and after anyone has let go of the hold',
    async (side: Side) => {
      const payment = await stage.create(side, side.startsWith('fiat') ? 1_000n : 10n * UNIT);
      expect(payment.phase).toBe('open');
      passTheTimeOf(payment);
      await expect(stage.capture(payment, 1n)).rejects.toMatchObject({ code: 'AUTHORIZATION_EXPIRED' });
      await stage.expire();
      await expect(stage.capture(payment, 1n)).rejects.toMatchObject({ code: 'AUTHORIZATION_EXPIRED' });
      await expect(stage.void(payment)).rejects.toMatchObject({ code: 'PAYMENT_PHASE_UNSUITABLE' });
      if (side.startsWith('crypto')) await stage.escrow(payment, 'Voided', { sequence: 1n, amount: 10n * UNIT });
      expect(await stage.find(payment.paymentId)).toMatchObject({ phase: 'closed', captured: { minorUnits: '0' } });
      expect(await heldNow()).toEqual([]);
    },
  );

  test('a void that comes before the sweeper lets go of the hold itself', async () => {
    const payment = await stage.create('fiatToCrypto', 1_000n);
    passTheTimeOf(payment);
    const voided = await stage.void(payment);
    expect(movementsOf(voided)).toEqual(['void final 1000']);
    expect(await heldNow()).toEqual([]);
  });
});

describe.each(['cryptoToFiat', 'cryptoToCrypto'] as const)('%s: a payer who reclaims in the escrow', (side) => {
  test('closes hold and payment that nobody here had let go of', async () => {
    const payment = await stage.create(side, 10n * UNIT);
    passTheTimeOf(payment);
    const after = await stage.escrow(payment, 'Reclaimed', { sequence: 1n, amount: 10n * UNIT });
    expect(after).toMatchObject({ phase: 'closed', voided: { minorUnits: '10000000' } });
    expect(movementsOf(after)).toEqual(['expiry final 10000000']);
    expect(await heldNow()).toEqual([]);
  });

  test('overtakes a capture of everything that came too late: nothing is captured, nothing stays held', async () => {
    const payment = await stage.create(side, 10n * UNIT);
    const captured = await stage.capture(payment, 10n * UNIT);
    expect(captured.phase).toBe('closed');
    await expect(stage.refund(payment, 1n)).rejects.toMatchObject({ code: 'CAPTURE_NOT_FINAL', retryable: true });
    passTheTimeOf(payment);
    const after = await stage.escrow(payment, 'Reclaimed', { sequence: 1n, amount: 10n * UNIT });
    expect(movementsOf(after)).toEqual(['capture failed 10000000', 'expiry final 10000000']);
    expect(after).toMatchObject({ captured: { minorUnits: '0' }, voided: { minorUnits: '10000000' } });
    await expect(stage.refund(payment, 1n)).rejects.toMatchObject({ code: 'AMOUNT_EXCEEDS_CAPTURED' });
    expect(await heldNow()).toEqual([]);
  });

  test('leaves alone what the chain had captured before', async () => {
    const payment = await stage.create(side, 10n * UNIT);
    await stage.capture(payment, 4n * UNIT);
    await stage.escrow(payment, 'Captured', { sequence: 1n, amount: 4n * UNIT, feeAmount: 40_000n });
    passTheTimeOf(payment);
    await stage.expire();
    const after = await stage.escrow(payment, 'Reclaimed', { sequence: 2n, amount: 6n * UNIT });
    expect(after).toMatchObject({ captured: { minorUnits: '4000000' }, voided: { minorUnits: '6000000' } });
    expect(movementsOf(after).slice(1)).toEqual(['expiry final 6000000']);
    expect(await heldNow()).toEqual([]);
  });

  test('waits for a capture that the chain made before it', async () => {
    const payment = await stage.create(side, 10n * UNIT);
    await stage.capture(payment, 4n * UNIT);
    passTheTimeOf(payment);
    const reclaim = () => stage.escrow(payment, 'Reclaimed', { sequence: 2n, amount: 6n * UNIT });
    await expect(reclaim()).rejects.toThrow('came back');
    await stage.escrow(payment, 'Captured', { sequence: 1n, amount: 4n * UNIT, feeAmount: 40_000n });
    expect(await reclaim()).toMatchObject({ captured: { minorUnits: '4000000' }, voided: { minorUnits: '6000000' } });
  });

  test('a capture that the chain refuses as late is given back by a void under the number that is free again', async () => {
    const payment = await stage.create(side, 10n * UNIT);
    await stage.capture(payment, 7n * UNIT);
    passTheTimeOf(payment);
    await stage.expire();
    expect(await callsOf(payment)).toEqual(['capture 1', 'void 2']);
    const failed = await stage.reverted(payment, 'capture', 1);
    expect(movementsOf(failed)).toEqual(['capture failed 7000000', 'expiry accepted 10000000']);
    await stage.reverted(payment, 'void', 2);
    expect(await callsOf(payment)).toEqual(['capture 1', 'void 1', 'void 2']);
    const after = await stage.escrow(payment, 'Voided', { sequence: 1n, amount: 10n * UNIT });
    expect(after).toMatchObject({ captured: { minorUnits: '0' }, voided: { minorUnits: '10000000' }, phase: 'closed' });
    expect(await heldNow()).toEqual([]);
  });

  test('a late capture of everything, refused by the chain, goes back to the payer by a void of its own', async () => {
    const payment = await stage.create(side, 10n * UNIT);
    await stage.capture(payment, 10n * UNIT);
    passTheTimeOf(payment);
    await stage.reverted(payment, 'capture', 1);
    expect(await callsOf(payment)).toEqual(['capture 1', 'void 1']);
    const after = await stage.escrow(payment, 'Voided', { sequence: 1n, amount: 10n * UNIT });
    expect(movementsOf(after)).toEqual(['capture failed 10000000', 'expiry final 10000000']);
    expect(await heldNow()).toEqual([]);
  });
});

describe('a refund on chain of a merchant whose wallet is short', () => {
  test('fails, counts for nothing, and can be asked for again under the same number', async () => {
    const payment = await stage.create('cryptoToCrypto', 10n * UNIT);
    await stage.capture(payment, 10n * UNIT);
    await stage.escrow(payment, 'Captured', { sequence: 1n, amount: 10n * UNIT, feeAmount: 100_000n });
    await stage.refund(payment, 6n * UNIT);
    const failed = await stage.reverted(payment, 'refund', 2);
    expect(failed).toMatchObject({ refunded: { minorUnits: '0' } });
    await stage.refund(payment, 10n * UNIT);
    expect(await callsOf(payment)).toEqual(['capture 1', 'refund 2', 'refund 2']);
    const after = await stage.escrow(payment, 'Refunded', { sequence: 2n, amount: 10n * UNIT });
    expect(movementsOf(after)).toEqual(['capture final 10000000', 'refund failed 6000000', 'refund final 10000000']);
  });

  test('a number that the payer’s reclaim took is not the refund’s: it is asked for again under the next one', async () => {
    const payment = await stage.create('cryptoToCrypto', 10n * UNIT);
    await stage.capture(payment, 4n * UNIT);
    await stage.escrow(payment, 'Captured', { sequence: 1n, amount: 4n * UNIT, feeAmount: 40_000n });
    passTheTimeOf(payment);
    await stage.refund(payment, 3n * UNIT);
    await stage.escrow(payment, 'Reclaimed', { sequence: 2n, amount: 6n * UNIT });
    expect(await callsOf(payment)).toEqual(['capture 1', 'refund 2', 'refund 3']);
    const after = await stage.escrow(payment, 'Refunded', { sequence: 3n, amount: 3n * UNIT });
    expect(movementsOf(after)).toEqual(['capture final 4000000', 'refund final 3000000', 'expiry final 6000000']);
  });
});
