import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPayment } from '../../../../bridge/core/payments/operations/create-payment.ts';
import { createQuote } from '../../../../bridge/core/quotes/operations.ts';
import { type Bridge, openBridge } from '../../../../bridge/main/wiring.ts';
import { priceSourcesOf, quotePolicyOf } from '../../../../bridge/main/world.ts';
import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import { readAccount } from '../../../../ledger-service/journal/operations/read-books.ts';
import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import { entryNamed } from '../../../support/entries.ts';
import { type LocalBridge, startTestBridge } from '../../../support/local-bridge.ts';

const PAYMENTS = 50;
const CENTS = 200_000n;
const LEFT_IN_WALLET = 50_000_000_000n;

let local: LocalBridge;
let second: Bridge;
let token: string;
beforeAll(async () => {
  local = await startTestBridge({ issuerDeadlineMilliseconds: 5_000 });
  // All that two processes share is the database and the queue.
  second = await openBridge(local.bridge.configuration);
  token = local.bridge.assets.onChainAssets().find(({ symbol }) => symbol === 'USDL')!.code;
});
afterAll(async () => {
  await second?.close();
  await local?.stop();
});

async function pay(bridge: Bridge, index: number): Promise<string> {
  const once = (operation: string) => ({
    shard: 0,
    callerId: 'till',
    idempotencyKey: `${operation}-${index}`,
    operation,
    request: { index },
  });
  const source = { minorUnits: CENTS, asset: 'EUR' };
  const { database, clock, identifiers, world } = bridge;
  const prices = { priceSources: priceSourcesOf(world), quotePolicy: quotePolicyOf(world) };
  const asked = { shard: 0, source, to: token };
  const { outcome } = await createQuote({ database, clock, identifiers, ...prices }, asked, once('createQuote'));
  if (outcome.outcome !== 'quoted') throw new Error(outcome.code);
  const { quoteId } = outcome.quote;
  const instrumentId = ['ana-card', 'dora-card', 'emil-card'][index % 3]!;
  const command = { shard: 0, merchantId: 'arcade', instrumentId, amount: source, quoteId };
  const { payment } = await createPayment(bridge.payments, command, once('createPayment'));
  return payment.phase === 'open' ? 'open' : `${payment.phase} ${payment.declineCode}`;
}

describe('a wallet that runs dry', () => {
  test('promises no more than it holds to 50 who ask two bridges at once', async () => {
    const { database } = local.bridge;
    const [before] = await readAccount(database.drizzle, 0, 'intermediary/chain', [token]);
    const surplus = before!.postedDebits - before!.postedCredits - LEFT_IN_WALLET;
    const away = { debit: 'intermediary/treasury', credit: 'intermediary/chain', amount: surplus, asset: token };
    await inDatabaseTransaction(database, (transaction) =>
      postEntries(transaction, [entryNamed('to cold storage', [away])], { now: local.bridge.clock.now() }),
    );
    const outcomes = await Promise.all(
      Array.from({ length: PAYMENTS }, (_, index) => pay(index % 2 ? second : local.bridge, index)),
    );
    const [after] = await readAccount(database.drizzle, 0, 'intermediary/chain', [token]);
    const each = 2_163_130_000n;
    const opened = outcomes.filter((outcome) => outcome === 'open').length;
    expect(opened).toBe(Number(LEFT_IN_WALLET / each));
    expect(after!.pendingCredits).toBe(BigInt(opened) * each);
    expect(after!.pendingCredits <= after!.postedDebits - after!.postedCredits).toBe(true);
    const others = new Set(outcomes.filter((outcome) => outcome !== 'open'));
    expect([...others]).toEqual(['unknown INVENTORY_INSUFFICIENT']);
  });

  test('says at its door what is left, and takes no quote above the limit', async () => {
    const { client } = local;
    type Exposures = { exposures: { asset: string; freeInventory: string; inventory: string; isDry: boolean }[] };
    const find = async () =>
      (await client.get<Exposures>('/v1/exposures')).exposures.find((one) => one.asset === token)!;
    const left = await find();
    expect(BigInt(left.freeInventory) < 2_163_130_000n).toBe(true);
    await client.post('/v1/exposures/limits', { asset: token, maximum: '1' }, 'lowered');
    await expect(pay(second, 900)).rejects.toMatchObject({
      code: 'EXPOSURE_EXCEEDED',
      details: { maximum: '1', measuredIn: 'USD' },
    });
    await client.post('/v1/kill-switch', { stopped: true, reason: 'drill' }, 'stopped');
    await expect(pay(local.bridge, 901)).rejects.toBeInstanceOf(SettlementError);
    await client.post('/v1/kill-switch', { stopped: false, reason: 'over' }, 'again');
    const { actions } = await client.get<{ actions: { kind: string; operator: string }[] }>('/v1/operator-actions');
    expect(actions.map(({ kind }) => kind)).toEqual(['killSwitch', 'killSwitch', 'exposureLimit']);
  });
});
