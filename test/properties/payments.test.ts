import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiClient, ApiProblem } from '../../scripts/api-client.ts';
import type { Payment } from '../../scripts/day/line.ts';
import { readDirectory } from '../../scripts/day/run-day.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';

let local: LocalBridge;
let token: string;
beforeAll(async () => {
  local = await startTestBridge();
  const { assets } = await readDirectory(local.client);
  token = assets.onChainAssets().find(({ symbol }) => symbol === 'USDL')!.code;
});
afterAll(async () => {
  await local?.stop();
});

type Command = Readonly<{ verb: 'capture' | 'void' | 'refund'; share: number; again: boolean }>;
const command: fc.Arbitrary<Command> = fc.record({
  verb: fc.constantFrom('capture', 'capture', 'void', 'refund'),
  share: fc.integer({ min: 1, max: 120 }),
  again: fc.boolean(),
});
type Life = Readonly<{ amount: number; merchant: string; commands: readonly Command[] }>;
const life: fc.Arbitrary<Life> = fc.record({
  amount: fc.integer({ min: 10, max: 500 }),
  merchant: fc.constantFrom('bakery', 'arcade'),
  commands: fc.array(command, { minLength: 1, maxLength: 6 }),
});

let run = 0;

/** One payment by card, and what is done with it; refusals are part of it. */
async function live(client: ApiClient, { amount, merchant, commands }: Life): Promise<Payment> {
  run += 1;
  const name = `property-${run}`;
  const source = { minorUnits: String(amount), asset: 'EUR' };
  const quoteId =
    merchant === 'arcade'
      ? (await client.post<{ quoteId: string }>('/v1/quotes', { source, targetAsset: token }, `${name}-quote`)).quoteId
      : undefined;
  const body = { merchantId: merchant, instrumentId: 'dora-card', amount: source, ...(quoteId ? { quoteId } : {}) };
  let payment = await client.post<Payment>('/v1/payments', body, name);
  for (const [index, { verb, share, again }] of commands.entries()) {
    const minorUnits = String(Math.max(1, Math.floor((amount * share) / 100)));
    const path = `/v1/payments/${payment.paymentId}/${verb === 'void' ? 'void' : `${verb}s`}`;
    const order = verb === 'void' ? undefined : { amount: { minorUnits, asset: 'EUR' } };
    const send = () => client.post<Payment>(path, order, `${name}-${index}`);
    const first = await outcomeOf(send);
    if (again) {
      expect(await outcomeOf(send)).toEqual(first);
    }
    payment = await client.get<Payment>(`/v1/payments/${payment.paymentId}`);
    expectConsistent(payment);
  }
  return payment;
}

async function outcomeOf(send: () => Promise<Payment>): Promise<unknown> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof ApiProblem) return error.problem.code;
    throw error;
  }
}

function expectConsistent({ requested, authorized, captured, voided, refunded, phase }: Payment): void {
  const amount = ({ minorUnits }: { minorUnits: string }) => BigInt(minorUnits);
  expect(amount(authorized) <= amount(requested)).toBe(true);
  expect(amount(captured) + amount(voided) <= amount(authorized)).toBe(true);
  expect(amount(refunded) <= amount(captured)).toBe(true);
  expect(phase === 'closed').toBe(amount(captured) + amount(voided) === amount(authorized));
}

describe('any sequence of commands', () => {
  test('leaves debits equal to credits in every asset, and no payment with more out than in', async () => {
    const { client } = local;
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), async (lives) => {
        await Promise.all(lives.map((one) => live(client, one)));
        const { balanced, assets } = await client.get<{
          balanced: boolean;
          assets: { postedDebits: string; postedCredits: string; pendingDebits: string; pendingCredits: string }[];
        }>('/v1/ledger/trial-balance');
        expect(balanced).toBe(true);
        for (const sums of assets) {
          expect(sums.postedDebits).toBe(sums.postedCredits);
          expect(sums.pendingDebits).toBe(sums.pendingCredits);
        }
      }),
      { numRuns: 25, seed: 20_261_102 },
    );
  });

  test('a replayed command changes nothing and gets the same answer', async () => {
    const { client } = local;
    const body = {
      merchantId: 'bakery',
      instrumentId: 'ana-card',
      amount: { minorUnits: '900', asset: 'EUR' },
    };
    const created = await client.post<Payment>('/v1/payments', body, 'replayed');
    const capture = () =>
      client.post<Payment>(
        `/v1/payments/${created.paymentId}/captures`,
        { amount: { minorUnits: '300', asset: 'EUR' } },
        'replayed-capture',
      );
    const first = await capture();
    const answers = await Promise.all(Array.from({ length: 20 }, capture));
    for (const answer of answers) expect(answer).toEqual(first);
    const after = await client.get<Payment>(`/v1/payments/${created.paymentId}`);
    expect(after.captured.minorUnits).toBe('300');
    expect(after.movements).toHaveLength(1);
    expect(await client.post<Payment>('/v1/payments', body, 'replayed')).toEqual(created);
  });

  test('concurrent captures of one authorization never exceed it', async () => {
    const { client } = local;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 2, maxLength: 12 }), async (amounts) => {
        run += 1;
        const created = await client.post<Payment>(
          '/v1/payments',
          { merchantId: 'bakery', instrumentId: 'ana-card', amount: { minorUnits: '1000', asset: 'EUR' } },
          `race-${run}`,
        );
        const outcomes = await Promise.all(
          amounts.map((minorUnits, index) =>
            outcomeOf(() =>
              client.post<Payment>(
                `/v1/payments/${created.paymentId}/captures`,
                { amount: { minorUnits: String(minorUnits), asset: 'EUR' } },
                `race-${run}-${index}`,
              ),
            ),
          ),
        );
        const payment = await client.get<Payment>(`/v1/payments/${created.paymentId}`);
        const accepted = amounts.filter((_, index) => typeof outcomes[index] !== 'string');
        expect(BigInt(payment.captured.minorUnits)).toBe(BigInt(accepted.reduce((sum, one) => sum + one, 0)));
        expect(BigInt(payment.captured.minorUnits) <= 1_000n).toBe(true);
      }),
      { numRuns: 20, seed: 7 },
    );
  });
});
