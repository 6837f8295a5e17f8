import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  acceptDispute,
  closeMerchant,
  decideDispute,
  endOverdueDisputes,
  findDispute,
  listDisputes,
  openDispute,
  submitEvidence,
} from '../../../../bridge/core/disputes/operations.ts';
import { findStanding, setReservePolicy } from '../../../../bridge/core/participants/standings.ts';
import type { PaymentView } from '../../../../bridge/core/payments/view.ts';
import { releaseReserves } from '../../../../bridge/core/payouts/operations.ts';
import { verifyBooks } from '../../../../ledger-service/statements/operations/verify-books.ts';
import { openPaymentStage, type PaymentStage, type Side } from '../../../support/payment-stage.ts';

const SHARD = 0;
const DAY = 86_400_000;
const FILE = { name: 'receipt.pdf', sha256: 'a'.repeat(64), bytes: 1_234 };

let stage: PaymentStage;
beforeAll(async () => {
  stage = await openPaymentStage();
});
afterAll(async () => {
  expect((await verifyBooks(stage.database)).misfits).toEqual([]);
  await stage?.close();
});

const dependencies = () => ({ ...stage.payouts });
const eur = (minorUnits: bigint) => ({ minorUnits, asset: 'EUR' });
const open = ({ paymentId }: PaymentView, minorUnits: bigint, once = stage.once('openDispute')) =>
  openDispute(dependencies(), { shard: SHARD, paymentId, reasonCode: 'fraud', amount: eur(minorUnits) }, once).then(
    ({ dispute }) => dispute,
  );
const submit = (disputeId: string) =>
  submitEvidence(
    dependencies(),
    { shard: SHARD, disputeId, statement: 'It was delivered.', files: [FILE] },
    stage.once('submitEvidence'),
  ).then(({ dispute }) => dispute);
const decide = (disputeId: string, outcome: 'won' | 'lost') =>
  decideDispute(dependencies(), { shard: SHARD, disputeId, outcome }, stage.once('decideDispute')).then(
    ({ dispute }) => dispute,
  );
const accept = (disputeId: string) =>
  acceptDispute(dependencies(), { shard: SHARD, disputeId }, stage.once('acceptDispute')).then(
    ({ dispute }) => dispute,
  );

async function captured(side: Side, minorUnits: bigint): Promise<PaymentView> {
  const payment = await stage.create(side, minorUnits);
  return stage.capture(payment, minorUnits);
}

async function changeOf(work: () => Promise<unknown>): Promise<Record<string, bigint>> {
  const before = await stage.balances();
  await work();
  const after = await stage.balances();
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return Object.fromEntries(
    names.flatMap((name) => {
      const change = (after[name] ?? 0n) - (before[name] ?? 0n);
      return change === 0n ? [] : [[name, change]];
    }),
  );
}

describe('a dispute', () => {
  test('goes from its opening over evidence to a decision, each once and in this order', async () => {
    const payment = await captured('fiatToFiat', 1_000n);
    const once = stage.once('openDispute');
    const opened = await open(payment, 600n, once);
    expect(opened).toMatchObject({ state: 'opened', amount: { minorUnits: '600', asset: 'EUR' }, evidence: [] });
    expect(await open(payment, 600n, once)).toEqual(opened);
    await expect(decide(opened.disputeId, 'lost')).rejects.toMatchObject({ code: 'DISPUTE_STATE_UNSUITABLE' });
    const answered = await submit(opened.disputeId);
    expect(answered).toMatchObject({ state: 'represented', evidence: [{ number: 1, files: [FILE] }] });
    expect((await submit(opened.disputeId)).evidence).toHaveLength(2);
    const lost = await decide(opened.disputeId, 'lost');
    expect(lost).toMatchObject({ state: 'lost', cause: 'decided', dueAt: null });
    await expect(submit(opened.disputeId)).rejects.toMatchObject({ code: 'DISPUTE_STATE_UNSUITABLE' });
    await expect(accept(opened.disputeId)).rejects.toMatchObject({ code: 'DISPUTE_STATE_UNSUITABLE' });
    expect(await findDispute(stage.database, { shard: SHARD, disputeId: opened.disputeId })).toEqual(lost);
    const types = await stage.rows<{ type: string }>(
      `select type from bridge.events where subject = '${payment.paymentId}' order by sequence`,
    );
    expect(types.map(({ type }) => type).slice(-5)).toEqual([
      ...['payment.chargedBack', 'dispute.opened'],
      ...['dispute.evidenceSubmitted', 'dispute.evidenceSubmitted', 'dispute.lost'],
    ]);
  });

  test('is lost when its merchant says nothing, and won when its issuer does', async () => {
    const silent = await open(await captured('fiatToFiat', 1_000n), 1_000n);
    const answered = await open(await captured('fiatToFiat', 1_000n), 1_000n);
    stage.clock.time = Date.parse(silent.evidenceDueAt) - 1;
    await submit(answered.disputeId);
    expect(await endOverdueDisputes(dependencies())).toBe(0);
    stage.clock.advance(1);
    // The very moment is too late, whether or not the sweeper has been there.
    await expect(submit(silent.disputeId)).rejects.toMatchObject({ code: 'EVIDENCE_TOO_LATE' });
    await expect(submit(answered.disputeId)).rejects.toMatchObject({ code: 'EVIDENCE_TOO_LATE' });
    expect(await endOverdueDisputes(dependencies())).toBe(1);
    expect(await findDispute(stage.database, { shard: SHARD, disputeId: silent.disputeId })).toMatchObject({
      state: 'lost',
      cause: 'deadline',
    });
    stage.clock.advance(30 * DAY);
    expect(await endOverdueDisputes(dependencies())).toBe(1);
    expect(await endOverdueDisputes(dependencies())).toBe(0);
    expect(await findDispute(stage.database, { shard: SHARD, disputeId: answered.disputeId })).toMatchObject({
      state: 'won',
      cause: 'deadline',
    });
  });

  test('comes too late when the time for its reason is over', async () => {
    const payment = await captured('fiatToFiat', 1_000n);
    stage.clock.advance(120 * DAY);
    await expect(open(payment, 1n)).rejects.toMatchObject({ code: 'DISPUTE_TOO_LATE' });
  });

  test.each(['cryptoToFiat', 'cryptoToCrypto'] as const)('%s: there is nobody who could charge back', async (side) => {
    const payment = await captured(side, 1_000_000n);
    await expect(open(payment, 1n)).rejects.toMatchObject({ code: 'DISPUTE_UNSUITABLE' });
    await stage.escrow(payment, 'Captured', { sequence: 1n, amount: 1_000_000n, feeAmount: 0n });
  });

  test('somebody else’s is unknown: to read, to answer and to decide', async () => {
    const dispute = await open(await captured('fiatToFiat', 1_000n), 10n);
    const named = { shard: SHARD, disputeId: dispute.disputeId };
    const as = (participantId: string, operation: string) => ({ ...stage.once(operation), viewer: { participantId } });
    const unknown = { code: 'DISPUTE_UNKNOWN' };
    await expect(findDispute(stage.database, named, { participantId: 'arcade' })).rejects.toMatchObject(unknown);
    await expect(acceptDispute(dependencies(), named, as('alba', 'acceptDispute'))).rejects.toMatchObject(unknown);
    const decided = decideDispute(dependencies(), { ...named, outcome: 'won' }, as('bakery', 'decideDispute'));
    await expect(decided).rejects.toMatchObject(unknown);
    const page = { shard: SHARD, limit: 200 };
    expect((await listDisputes(stage.database, page, { participantId: 'arcade' })).disputes).toEqual([]);
    expect((await listDisputes(stage.database, page, { participantId: 'bakery' })).disputes.length).toBeGreaterThan(0);
    expect((await findDispute(stage.database, named, { participantId: 'alba' })).disputeId).toBe(dispute.disputeId);
  });

  test('never takes more than was captured, however many come at once with refunds', async () => {
    const payment = await captured('fiatToFiat', 1_000n);
    const asked = Array.from({ length: 12 }, (_, index) =>
      index % 2 === 0 ? open(payment, 150n) : stage.refund(payment, 150n),
    );
    const outcomes = await Promise.allSettled(asked);
    const done = outcomes.filter(({ status }) => status === 'fulfilled');
    expect(done).toHaveLength(6);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'AMOUNT_EXCEEDS_CAPTURED' });
    }
    const { refunded, chargedBack } = await stage.find(payment.paymentId);
    expect(BigInt(refunded.minorUnits) + BigInt(chargedBack.minorUnits)).toBe(900n);
  });

  test('ends once, when issuer, merchant and time come together', async () => {
    const dispute = await open(await captured('fiatToFiat', 1_000n), 1_000n);
    await submit(dispute.disputeId);
    const outcomes = await Promise.allSettled([
      decide(dispute.disputeId, 'won'),
      decide(dispute.disputeId, 'won'),
      accept(dispute.disputeId),
      accept(dispute.disputeId),
    ]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const movements = (await stage.find(dispute.paymentId)).movements.map(({ kind }) => kind);
    const { state } = await findDispute(stage.database, { shard: SHARD, disputeId: dispute.disputeId });
    expect(movements).toEqual(['capture', 'chargeback', ...(state === 'won' ? ['representment'] : [])]);
  });
});

describe('the money of a chargeback', () => {
  test('fiat → fiat: the issuer has it after the next window, the merchant’s next payouts are less; won, all is as before', async () => {
    await stage.settle();
    const start = await stage.balances();
    const payment = await captured('fiatToFiat', 10_000n);
    await stage.settle();
    const dispute = await open(payment, 10_000n);
    const [charged] = await stage.settle();
    expect(charged?.netPositions).toEqual([
      { participant: 'acquirer/porto', minorUnits: '-10000' },
      { participant: 'issuer/alba', minorUnits: '10000' },
    ]);
    expect(charged?.merchantPayouts).toMatchObject([{ chargebacks: '10000', paid: '0', carriedOut: '10000' }]);
    await submit(dispute.disputeId);
    await decide(dispute.disputeId, 'won');
    const [won] = await stage.settle();
    expect(won?.merchantPayouts).toMatchObject([{ representments: '10000', carriedIn: '10000', paid: '0' }]);
    const { chargedBack, movements } = await stage.find(payment.paymentId);
    expect(chargedBack.minorUnits).toBe('0');
    expect(movements.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      ...['capture final', 'chargeback final', 'representment final'],
    ]);
    const after = await stage.balances();
    const ofMembers = (balances: Readonly<Record<string, bigint>>) =>
      Object.entries(balances).filter(([name]) => /^(issuer|acquirer|merchant)\//.test(name));
    expect(ofMembers(after)).toEqual(ofMembers(start));
  });

  test('fiat → crypto: the coins are owed, and netted from later payouts, never more than the payout', async () => {
    const payment = await captured('fiatToCrypto', 10_000n);
    const [first] = await stage.pay();
    const coins = first!.amount;
    const dispute = await open(payment, 10_000n);
    expect(dispute.merchantAmount.minorUnits).toBe(coins.toString());
    expect(await findStanding(stage.database, { shard: SHARD, merchantId: 'arcade' })).toMatchObject({
      owed: coins.toString(),
    });
    // A payout of less than what is owed pays nothing; the rest is carried on to the next one.
    await captured('fiatToCrypto', 4_000n);
    expect(await stage.pay()).toEqual([]);
    const left = await findStanding(stage.database, { shard: SHARD, merchantId: 'arcade' });
    const later = await captured('fiatToCrypto', 10_000n);
    const [paid] = await stage.pay();
    expect(paid!.amount).toBe(coins - BigInt(left.owed));
    expect(await stage.balances('merchant/arcade/receivable')).toEqual({});
    await stage.settle();
    const movements = (await stage.find(later.paymentId)).movements;
    expect(movements.map(({ kind, state }) => `${kind} ${state}`)).toEqual(['capture final']);
    await accept(dispute.disputeId);
  });

  test('fiat → crypto: won after it was netted, the wallet pays it out again', async () => {
    const payment = await captured('fiatToCrypto', 10_000n);
    const [first] = await stage.pay();
    const dispute = await open(payment, 10_000n);
    await captured('fiatToCrypto', 10_000n);
    expect(await stage.pay()).toEqual([]);
    await submit(dispute.disputeId);
    const change = await changeOf(() => decide(dispute.disputeId, 'won'));
    expect(change).toEqual({
      'intermediary/position USDL': -first!.amount,
      'merchant/arcade/reserve USDL': first!.amount,
    });
    expect(await releaseReserves(stage.payouts)).toBe(1);
    expect(await stage.pay()).toEqual([{ payee: first!.payee, amount: first!.amount }]);
    expect(await stage.balances('merchant/arcade/reserve')).toEqual({});
    expect(await releaseReserves(stage.payouts)).toBe(0);
    await stage.settle();
  });
});

describe('a rolling reserve', () => {
  test('coins: keeps its share of each payout for its days, bears a chargeback first, and is paid out when its time has come', async () => {
    await setReservePolicy(stage, { shard: SHARD, merchantId: 'arcade', basisPoints: 1_000, days: 7 });
    const payment = await captured('fiatToCrypto', 10_000n);
    const [paid] = await stage.pay();
    const whole = BigInt(payment.movements[0]!.merchantAmount.minorUnits);
    const withheld = whole / 10n;
    expect(paid!.amount).toBe(whole - withheld);
    expect(await stage.balances('merchant/arcade/reserve')).toEqual({ 'merchant/arcade/reserve USDL': withheld });
    const dispute = await open(payment, 500n);
    const charged = BigInt(dispute.merchantAmount.minorUnits);
    expect(charged < withheld).toBe(true);
    expect(await stage.balances('merchant/arcade/re')).toEqual({ 'merchant/arcade/reserve USDL': withheld - charged });
    await accept(dispute.disputeId);
    expect(await releaseReserves(stage.payouts)).toBe(0);
    stage.clock.advance(7 * DAY);
    expect(await releaseReserves(stage.payouts)).toBe(1);
    expect((await stage.pay()).map(({ amount }) => amount)).toEqual([withheld - charged]);
    expect(await stage.balances('merchant/arcade/re')).toEqual({});
    await setReservePolicy(stage, { shard: SHARD, merchantId: 'arcade', basisPoints: 0, days: 0 });
    await stage.settle();
  });

  test('fiat: is kept back from a window’s payout, covers one that is short, and the acquirer pays the rest', async () => {
    await stage.settle();
    await setReservePolicy(stage, { shard: SHARD, merchantId: 'bakery', basisPoints: 2_000, days: 30 });
    const before = await stage.balances('acquirer/porto');
    const payment = await captured('fiatToFiat', 10_000n);
    const [kept] = await stage.settle();
    expect(kept?.merchantPayouts).toMatchObject([{ gross: '10000', fees: '100', withheld: '1980', paid: '7920' }]);
    await stage.refund(payment, 1_000n);
    const [covered] = await stage.settle();
    expect(covered?.merchantPayouts).toMatchObject([{ refunds: '1000', fromReserve: '1000', carriedOut: '0' }]);
    stage.clock.advance(30 * DAY);
    expect(await releaseReserves(stage.payouts)).toBe(1);
    expect(await stage.balances('merchant/bakery')).toEqual({});
    expect(await stage.balances('acquirer/porto')).toEqual(before);
    await setReservePolicy(stage, { shard: SHARD, merchantId: 'bakery', basisPoints: 0, days: 0 });
  });
});

describe('a merchant who has left', () => {
  test('coins: what it cannot bear is the intermediary’s loss, and what is won makes up for it first', async () => {
    const payment = await captured('fiatToCrypto', 10_000n);
    await stage.pay();
    const standing = await closeMerchant(stage, { shard: SHARD, merchantId: 'arcade' });
    expect(standing).toMatchObject({ owed: '0', leftAt: stage.clock.now().toISOString() });
    const dispute = await open(payment, 10_000n);
    const coins = BigInt(dispute.merchantAmount.minorUnits);
    expect(await stage.balances('intermediary/losses')).toEqual({ 'intermediary/losses USDL': -coins });
    expect(await stage.balances('merchant/arcade/re')).toEqual({});
    await submit(dispute.disputeId);
    await decide(dispute.disputeId, 'won');
    expect(await stage.balances('intermediary/losses')).toEqual({});
    expect(await releaseReserves(stage.payouts)).toBe(0);
    await stage.settle();
  });

  test('fiat: what it owed and what comes later is its acquirer’s loss', async () => {
    await stage.settle();
    const one = await captured('fiatToFiat', 1_000n);
    const other = await captured('fiatToFiat', 1_000n);
    await stage.settle();
    await open(one, 1_000n);
    await stage.settle();
    await closeMerchant(stage, { shard: SHARD, merchantId: 'bakery' });
    expect(await stage.balances('acquirer/porto/losses')).toEqual({ 'acquirer/porto/losses EUR': -1_000n });
    const dispute = await open(other, 1_000n);
    const [settled] = await stage.settle();
    expect(settled?.merchantPayouts).toMatchObject([{ chargebacks: '1000', writtenOff: '1000', carriedOut: '0' }]);
    expect(await stage.balances('merchant/bakery')).toEqual({});
    await submit(dispute.disputeId);
    await decide(dispute.disputeId, 'won');
    const [won] = await stage.settle();
    expect(won?.merchantPayouts).toMatchObject([{ representments: '1000', writtenBack: '1000', paid: '0' }]);
  });
});
