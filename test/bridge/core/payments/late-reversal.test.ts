import { afterAll, beforeAll, expect, test } from 'vitest';
import { reverseLate } from '../../../../bridge/core/payments/operations/reverse-late.ts';
import type { PaymentView } from '../../../../bridge/core/payments/view.ts';
import { verifyBooks } from '../../../../ledger-service/statements/operations/verify-books.ts';
import { openPaymentStage, type PaymentStage } from '../../../support/payment-stage.ts';

let stage: PaymentStage;
beforeAll(async () => {
  stage = await openPaymentStage();
});
afterAll(async () => {
  expect((await verifyBooks(stage.database)).misfits).toEqual([]);
  await stage?.close();
});

const reverse = ({ paymentId }: PaymentView, once = stage.once('reverseLate'), dependencies = stage.payments) =>
  reverseLate(dependencies, { shard: 0, paymentId }, once).then(({ payment }) => payment);

async function paidOut(
  minorUnits: bigint,
  captured = minorUnits,
): Promise<Readonly<{ payment: PaymentView; coins: bigint }>> {
  const payment = await stage.create('fiatToCrypto', minorUnits);
  await stage.capture(payment, captured);
  const [paid] = await stage.pay();
  return { payment, coins: paid!.amount };
}

test('the issuer owes nothing, the merchant the coins; said again under any key, nothing more', async () => {
  const { payment, coins } = await paidOut(10_000n);
  const once = stage.once('reverseLate');
  const reversed = await reverse(payment, once);
  expect(reversed).toMatchObject({ chargedBack: { minorUnits: '10000' }, phase: 'closed' });
  expect(await reverse(payment, once)).toEqual(reversed);
  const again = await Promise.all([reverse(payment), reverse(payment), reverse(payment)]);
  for (const one of again) expect(one.movements.map(({ kind }) => kind)).toEqual(['capture', 'lateReversal']);
  const [window] = await stage.settle();
  // Captured and reversed in one window: the two are netted, and what is left is interchange and the scheme's fee.
  expect(window?.netPositions).toEqual([
    { participant: 'intermediary', minorUnits: '-25' },
    { participant: 'issuer/alba', minorUnits: '20' },
    { participant: 'network', minorUnits: '5' },
  ]);
  expect(await stage.balances('merchant/')).toEqual({ 'merchant/arcade/receivable USDL': -coins });
  expect(await stage.balances('issuer/')).toEqual({});
  expect((await stage.find(payment.paymentId)).movements.every(({ state }) => state === 'final')).toBe(true);
  await expect(stage.refund(payment, 1n)).rejects.toMatchObject({ code: 'AMOUNT_EXCEEDS_CAPTURED' });
  const told = await stage.rows<{ type: string }>(
    `select type from bridge.events where subject = '${payment.paymentId}' and type = 'payment.reversedLate'`,
  );
  expect(told).toHaveLength(1);
  // The next payout makes up for it.
  const { coins: less } = await paidOut(20_000n);
  expect(less).toBe(coins);
  expect(await stage.balances('merchant/')).toEqual({});
  await stage.settle();
});

test('where the intermediary bears it, the coins are its loss', async () => {
  const { payment, coins } = await paidOut(10_000n);
  await stage.settle();
  await reverse(payment, stage.once('reverseLate'), { ...stage.payments, lateReversalsBorneBy: 'intermediary' });
  await stage.settle();
  expect(await stage.balances('intermediary/losses')).toEqual({ 'intermediary/losses USDL': -coins });
  expect(await stage.balances('merchant/')).toEqual({});
  expect(await stage.balances('issuer/')).toEqual({});
});

test('takes what was not given back before, and lets go of what is still held', async () => {
  const { payment } = await paidOut(10_000n, 6_000n);
  await stage.refund(payment, 2_000n);
  const reversed = await reverse(payment);
  expect(reversed).toMatchObject({
    phase: 'closed',
    captured: { minorUnits: '6000' },
    refunded: { minorUnits: '2000' },
    chargedBack: { minorUnits: '4000' },
    voided: { minorUnits: '4000' },
  });
  await expect(stage.capture(payment, 1n)).rejects.toMatchObject({ code: 'PAYMENT_PHASE_UNSUITABLE' });
  expect(Object.keys(await stage.balances()).filter((name) => name.endsWith(' held'))).toEqual([]);
  await stage.settle();
  expect(await stage.balances('issuer/')).toEqual({});
});

test('takes no more than there is, when refunds come at the same time', async () => {
  const { payment } = await paidOut(10_000n);
  await Promise.allSettled([
    ...Array.from({ length: 4 }, () => stage.refund(payment, 1_500n)),
    ...Array.from({ length: 3 }, () => reverse(payment)),
  ]);
  const { refunded, chargedBack } = await stage.find(payment.paymentId);
  expect(BigInt(refunded.minorUnits) + BigInt(chargedBack.minorUnits)).toBe(10_000n);
});

test('is refused where no coins have left', async () => {
  const unsuitable = { code: 'REVERSAL_UNSUITABLE' };
  const fiat = await stage.create('fiatToFiat', 1_000n);
  await stage.capture(fiat, 1_000n);
  await expect(reverse(fiat)).rejects.toMatchObject(unsuitable);
  await expect(reverse(await stage.create('fiatToCrypto', 1_000n))).rejects.toMatchObject(unsuitable);
  const payment = await stage.create('fiatToCrypto', 1_000n);
  await stage.capture(payment, 1_000n);
  const foreign = { ...stage.once('reverseLate'), viewer: { participantId: 'norte' } };
  await expect(reverse(payment, foreign)).rejects.toMatchObject({ code: 'PAYMENT_UNKNOWN' });
});
