import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clearPresentment, clearRefund } from '../../../../bridge/core/clearing/domain.ts';
import { feesOf } from '../../../../bridge/core/fees/domain.ts';
import {
  decideCapture,
  decideRefund,
  type PaymentState,
  type Quadrant,
} from '../../../../bridge/core/payments/domain.ts';
import {
  authorizationEntry,
  captureEntry,
  payoutEntry,
  refundEntry,
  refundPayoutEntry,
} from '../../../../bridge/core/payments/postings.ts';
import { convertedBetween, givenBack } from '../../../../bridge/core/payments/shared.ts';
import type { MovementRow, PaymentRow } from '../../../../bridge/core/payments/store.ts';
import { BooksInMemory } from '../../../support/books.ts';
import { openPaymentStage, type PaymentStage } from '../../../support/payment-stage.ts';
import { partiesOf, SCHEDULE, TOKEN } from '../../../support/worked-example.ts';

const NOON = new Date('2026-11-02T12:00:00Z');
const LATER = new Date('2026-11-09T12:00:00Z');
const QUADRANTS: readonly Quadrant[] = ['fiatToFiat', 'cryptoToCrypto', 'cryptoToFiat', 'fiatToCrypto'];

type Command = Readonly<{ verb: 'capture' | 'refund'; share: bigint }>;
type Life = Readonly<{
  quadrant: Quadrant;
  requested: bigint;
  target: bigint;
  spread: bigint;
  commands: readonly Command[];
}>;

const life: fc.Arbitrary<Life> = fc
  .record({
    quadrant: fc.constantFrom(...QUADRANTS),
    requested: fc.bigInt({ min: 1n, max: 10n ** 9n }),
    rate: fc.record({
      numerator: fc.bigInt({ min: 1n, max: 10n ** 6n }),
      denominator: fc.bigInt({ min: 1n, max: 10n ** 6n }),
    }),
    spreadBasisPoints: fc.bigInt({ min: 0n, max: 900n }),
    commands: fc.array(
      fc.record({
        verb: fc.constantFrom<Command['verb']>('capture', 'capture', 'refund'),
        share: fc.bigInt({ min: 1n, max: 100n }),
      }),
      { minLength: 1, maxLength: 14 },
    ),
  })
  .map(({ quadrant, requested, rate, spreadBasisPoints, commands }) => {
    const converts = quadrant === 'cryptoToFiat' || quadrant === 'fiatToCrypto';
    // A quote that would give nothing is refused, so a target is at least one unit.
    const target = converts ? (requested * rate.numerator) / rate.denominator + 1n : requested;
    const spread = converts ? (requested * spreadBasisPoints) / 10_000n : 0n;
    return { quadrant, requested, target, spread, commands };
  });

/** One payment in books of its own, driven by the decisions and entries that the operations use. */
class Played {
  readonly books = new BooksInMemory();
  readonly parties;
  readonly movements: MovementRow[] = [];
  row: PaymentRow;

  constructor(one: Life) {
    const { quadrant, requested, target, spread } = one;
    this.parties = partiesOf(quadrant);
    const paysFiat = quadrant.startsWith('fiat');
    this.row = {
      quadrant,
      phase: 'open',
      asset: paysFiat ? 'EUR' : TOKEN,
      merchantAsset: quadrant.endsWith('Fiat') ? 'EUR' : TOKEN,
      requested,
      authorized: requested,
      captured: 0n,
      voided: 0n,
      refunded: 0n,
      chargedBack: 0n,
      quotedTarget: target,
      quotedSpread: spread,
      sequence: 0,
      authorizationExpiresAt: LATER,
      refundExpiresAt: LATER,
    } as PaymentRow;
    const whole = convertedBetween(this.row, 0n, requested);
    this.books.post(authorizationEntry(this.parties, { ...whole, eventAt: NOON, expiresAt: LATER }));
  }

  play({ verb, share }: Command): void {
    const before = this.row;
    const room = verb === 'capture' ? before.requested - before.captured : before.captured - before.refunded;
    if (room > 0n) this.move(verb, room * share >= 100n ? (room * share) / 100n : 1n);
  }

  move(verb: Command['verb'], minorUnits: bigint): void {
    const { row, movements, parties } = this;
    const amount = { minorUnits, asset: row.asset };
    const state = row as PaymentState;
    const decision = verb === 'capture' ? decideCapture(state, amount, NOON) : decideRefund(state, amount, NOON);
    if (decision.outcome === 'declined') throw new Error(decision.code);
    const { sequence } = decision.state;
    const spread =
      verb === 'capture' ? convertedBetween(row, row.captured, row.captured + minorUnits).spread : undefined;
    const { source, target } =
      verb === 'capture'
        ? convertedBetween(row, row.captured, row.captured + minorUnits)
        : givenBack(row, movements, minorUnits);
    movements.push({
      kind: verb,
      state: 'accepted',
      sequence,
      amount: source.minorUnits,
      targetAmount: target.minorUnits,
      spreadAmount: spread?.minorUnits ?? 0n,
    } as MovementRow);
    this.row = { ...row, ...decision.state } as PaymentRow;
    const fiat = row.quadrant === 'cryptoToFiat' ? target : source;
    if (spread) {
      const nothing = { minorUnits: 0n, asset: row.merchantAsset };
      this.books.post(captureEntry(parties, sequence, { source, target, spread, fee: nothing }, NOON));
      if (row.quadrant === 'fiatToCrypto' && target.minorUnits > 0n)
        this.books.post(payoutEntry(parties, sequence, target, NOON));
      if (row.quadrant === 'cryptoToCrypto') return;
      const fees = feesOf(fiat, { ...SCHEDULE, merchantFeeBasisPoints: 0n });
      const inFiat = row.quadrant === 'fiatToCrypto' ? spread : { minorUnits: 0n, asset: 'EUR' };
      this.books.post(clearPresentment({ parties, sequence, amount: fiat, spread: inFiat, fees, eventAt: NOON }).entry);
      return;
    }
    const entry = refundEntry(parties, sequence, { source, target }, NOON);
    if (entry) this.books.post(entry);
    if (row.quadrant === 'cryptoToFiat') this.books.post(refundPayoutEntry(parties, sequence, source, NOON));
    if (row.quadrant !== 'cryptoToCrypto')
      this.books.post(clearRefund({ parties, sequence, amount: fiat, eventAt: NOON }).entry);
  }

  sum(kind: MovementRow['kind'], name: 'amount' | 'targetAmount' | 'spreadAmount'): bigint {
    return this.movements.filter((one) => one.kind === kind).reduce((sum, one) => sum + one[name], 0n);
  }

  balance(account: string): bigint {
    return this.books.posted.get(account) ?? 0n;
  }
}

describe('any sequence of partial captures and refunds', () => {
  test('moves on both sides exactly what the original conversion gives, and gives all of it back', () => {
    fc.assert(
      fc.property(life, (one) => {
        const played = new Played(one);
        for (const command of one.commands) {
          played.play(command);
          const { captured, refunded } = played.row;
          expect(played.sum('capture', 'amount')).toBe(captured);
          expect(played.sum('refund', 'amount')).toBe(refunded);
          // Sums of parts are the part of the sum, whatever the order; nothing goes back that never came.
          expect(played.sum('capture', 'targetAmount')).toBe((one.target * captured) / one.requested);
          expect(played.sum('refund', 'targetAmount') <= played.sum('capture', 'targetAmount')).toBe(true);
          if (refunded === captured)
            expect(played.sum('refund', 'targetAmount')).toBe(played.sum('capture', 'targetAmount'));
        }
        const rest = played.row.captured - played.row.refunded;
        if (rest > 0n) played.move('refund', rest);
        expect(played.sum('refund', 'targetAmount')).toBe(played.sum('capture', 'targetAmount'));
        expectAllGivenBack(played);
      }),
      { numRuns: 400 },
    );
  });
});

/** Payer and merchant are as before; what remains with the intermediary stands on accounts that say what it is. */
function expectAllGivenBack(played: Played): void {
  const { quadrant } = played.row;
  const spread = played.sum('capture', 'spreadAmount');
  const target = played.sum('capture', 'targetAmount');
  switch (quadrant) {
    case 'fiatToFiat':
      expect(played.balance('merchant/bakery/payable EUR')).toBe(0n);
      break;
    case 'cryptoToCrypto':
      expect([played.balance(`payers/onchain ${TOKEN}`), played.balance(`merchant/arcade/onchain ${TOKEN}`)]).toEqual([
        0n,
        0n,
      ]);
      break;
    case 'cryptoToFiat':
      expect(played.balance('merchant/bakery/payable EUR')).toBe(0n);
      expect(played.balance('intermediary/position EUR')).toBe(0n);
      expect(played.balance(`intermediary/chain ${TOKEN}`)).toBe(0n);
      // The payer has all of its coins again: the spread that was earned is the position's loss.
      expect(played.balance(`intermediary/position ${TOKEN}`)).toBe(-spread);
      expect(played.balance(`intermediary/spread ${TOKEN}`)).toBe(spread);
      break;
    case 'fiatToCrypto':
      // The coins are gone and owed by the merchant; the position is as it was, but for the spread.
      expect(played.balance(`merchant/arcade/receivable ${TOKEN}`)).toBe(-target);
      expect(played.balance(`intermediary/chain ${TOKEN}`)).toBe(target);
      expect(played.balance(`intermediary/position ${TOKEN}`)).toBe(0n);
      expect(played.balance('intermediary/position EUR')).toBe(-spread);
      expect(played.balance('intermediary/spread EUR')).toBe(spread);
  }
  expect(played.balance('intermediary/clearing EUR')).toBe(0n);
  expect(played.balance('network/clearing EUR')).toBe(0n);
}

describe('on real books', () => {
  let stage: PaymentStage;
  beforeAll(async () => {
    stage = await openPaymentStage();
  });
  afterAll(async () => {
    await stage?.close();
  });

  test('a refund that is cleared before its capture, in the window before it, nets to the same', async () => {
    const payment = await stage.create('fiatToFiat', 1_000n);
    await stage.capture(payment, 1_000n);
    // The capture is held up on its way to clearing, and the refund overtakes it.
    const later = new Date(stage.clock.time + 3_600_000).toISOString();
    await stage.rows(
      `update bridge.outbox set not_before = '${later}' where consumer = 'clearing' and topic = 'payment.captured'`,
    );
    await stage.refund(payment, 400n);
    const [first] = await stage.settle();
    expect(first?.merchantPayouts).toMatchObject([{ refunds: '400', paid: '0', carriedOut: '400' }]);
    expect(await stage.balances('merchant/bakery')).toEqual({ 'merchant/bakery/payable EUR': -400n });
    stage.clock.advance(3_600_000);
    const [second] = await stage.settle();
    expect(second?.merchantPayouts).toMatchObject([
      { gross: '1000', fees: '10', carriedIn: '400', paid: '590', carriedOut: '0' },
    ]);
    expect(await stage.balances('merchant/')).toEqual({});
    expect(await stage.balances('issuer/')).toEqual({});
  });

  test('a refund after its capture was settled takes from the next window, and one beyond it is carried on', async () => {
    const first = await stage.create('fiatToFiat', 1_000n);
    await stage.capture(first, 1_000n);
    await stage.settle();
    await stage.refund(first, 1_000n);
    const [short] = await stage.settle();
    expect(short?.merchantPayouts).toMatchObject([{ refunds: '1000', paid: '0', carriedOut: '1000' }]);
    const second = await stage.create('fiatToFiat', 2_000n);
    await stage.capture(second, 2_000n);
    const [netted] = await stage.settle();
    expect(netted?.merchantPayouts).toMatchObject([{ carriedIn: '1000', paid: '980', carriedOut: '0' }]);
    expect(await stage.balances('merchant/')).toEqual({});
  });
});
