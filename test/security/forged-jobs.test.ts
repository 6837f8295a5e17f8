import { createPostgresBackend, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Payment } from '../../scripts/day/line.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';
import { stateOf } from '../support/state.ts';

/** On Postgres, or on Redis where REDIS_URL says so: `.ci/run` does both. */
const { REDIS_URL: redisUrl } = process.env;
const CONSUMERS = [
  ...['chain-submission', 'reversals', 'expiries', 'escrow-events', 'wallet-events', 'clearing'],
  ...['payouts', 'payout-batches', 'webhooks', 'issuer-advice'],
];
/** 10,000 in CI; each costs the worker a look at what is due. */
const JOBS = Number(process.env.FORGED_JOBS ?? 2_500);
const PATIENCE_MILLISECONDS = 150_000;
const AMOUNT = { minorUnits: '100', asset: 'EUR' };

let local: LocalBridge;
let token: string;
beforeAll(async () => {
  local = await startTestBridge({ issuerDeadlineMilliseconds: 5_000 });
  const { assets } = await local.client.get<{ assets: { code: string; symbol: string }[] }>('/v1/assets');
  token = assets.find(({ symbol }) => symbol === 'USDL')!.code;
});
afterAll(async () => {
  await local?.stop();
});

const prefixOf = (consumer: string) => `{${new URL(local.databaseUrl).pathname.slice(1)}-${consumer}}`;

function openQueue(consumer: string): Queue {
  if (redisUrl) {
    return new Queue(consumer, {
      connection: { url: redisUrl, maxRetriesPerRequest: null },
      prefix: prefixOf(consumer),
    });
  }
  const connection = { connectionString: local.databaseUrl, schema: 'bullmq', migrate: true, max: 2 };
  return new Queue(consumer, { connection }, createPostgresBackend) as unknown as Queue;
}

let made = 0;
async function pay(merchantId: string, extra: object = {}): Promise<string> {
  made += 1;
  const order = { merchantId, instrumentId: 'ana-card', amount: AMOUNT, ...extra };
  return (await local.client.post<Payment>('/v1/payments', order, `order-${made}`)).paymentId;
}

const capture = (paymentId: string) =>
  local.client.post(`/v1/payments/${paymentId}/captures`, { amount: AMOUNT }, `${paymentId}-capture`);

async function payInCoins(): Promise<string> {
  const asked = { source: AMOUNT, targetAsset: token };
  const { quoteId } = await local.client.post<{ quoteId: string }>('/v1/quotes', asked, `quote-${made}`);
  const paymentId = await pay('arcade', { quoteId });
  await capture(paymentId);
  return paymentId;
}

async function quiet(): Promise<void> {
  await eventually(
    () => local.client.get<Record<string, number | object>>('/v1/under-way'),
    ({ events, chainCalls, payouts }) =>
      Object.keys(events as object).length === 0 && chainCalls === 0 && payouts === 0,
  );
}

/** What an attacker may write into a queue: commands, other people's identifiers, nonsense, size. */
function forgedData(index: number, paymentId: string): unknown {
  const kinds: readonly unknown[] = [
    {},
    { paymentId, amount: '999999999', asset: token, verb: 'capture' },
    { consumer: 'payouts', payee: '0x000000000000000000000000000000000000dEaD', amount: '1000000' },
    { topic: 'payment.captured', subject: paymentId, payload: { source: AMOUNT, target: AMOUNT, sequence: 99 } },
    null,
    ['a', ['b', ['c']]],
    'x'.repeat(2_000),
    { __proto__: { isAdmin: true }, constructor: { prototype: {} } },
    -1,
    `'; drop table bridge.payments; --`,
  ];
  return kinds[index % kinds.length];
}

test('forged, garbled and repeated jobs change nothing', { timeout: 2 * PATIENCE_MILLISECONDS }, async () => {
  const paymentId = await pay('bakery');
  await capture(await pay('bakery'));
  await payInCoins();
  await quiet();
  const before = await stateOf(local.bridge.database);

  const queues = CONSUMERS.map(openQueue);
  for (let from = 0; from < JOBS; from += 250) {
    const queue = queues[(from / 250) % queues.length]!;
    await queue.addBulk(
      Array.from({ length: 250 }, (_, index) => ({
        name: ['ring', 'capturePayment', 'payout', '__proto__'][index % 4]!,
        data: forgedData(index, paymentId),
        opts: {
          removeOnComplete: true,
          removeOnFail: true,
          ...(index % 7 === 0 ? { jobId: `repeated-${index % 50}` } : {}),
          ...(index % 11 === 0 ? { delay: 50 } : {}),
          ...(index % 13 === 0 ? { priority: 1 } : {}),
          ...(index % 17 === 0 ? { attempts: 3 } : {}),
        },
      })),
    );
  }
  if (!redisUrl) {
    // The storage itself: names and contents of jobs that wait are overwritten.
    await local.bridge.database.client.unsafe(
      `update bullmq.job set name = 'garbled-' || ctid::text, data = '{"garbled": [1, {"a": "\\u0001"}]}' where ctid::text like '%1)'`,
    );
  }
  await eventually(
    async () => {
      const counts = await Promise.all(queues.map((queue) => queue.getJobCounts('waiting', 'active', 'prioritized')));
      return counts.reduce((sum, found) => sum + Object.values(found).reduce((left, right) => left + right, 0), 0);
    },
    (waiting) => waiting <= CONSUMERS.length,
    PATIENCE_MILLISECONDS,
  );
  await quiet();
  expect(await stateOf(local.bridge.database)).toEqual(before);
  await Promise.all(queues.map((queue) => queue.close()));
  // The queue still rings.
  const after = await payInCoins();
  await eventually(
    () => local.client.get<{ payouts: { paymentId: string; state: string }[] }>('/v1/payouts'),
    ({ payouts }) => payouts.some((one) => one.paymentId === after && one.state === 'final'),
  );
});

test('the queue’s storage emptied again and again in the middle of work: the sweeper finishes it', {
  timeout: 60_000,
}, async () => {
  let emptied = 0;
  const redis = redisUrl ? new Redis(redisUrl) : undefined;
  const empty = async () => {
    if (redis) for (const key of await redis.keys(`{${prefixOf('').slice(1, -1)}*`)) await redis.del(key);
    else await local.bridge.database.client.unsafe('truncate bullmq.job cascade');
    emptied += 1;
  };
  const coins: string[] = [];
  for (let index = 0; index < 8; index += 1) {
    const paymentId = await pay('bakery');
    await Promise.all([capture(paymentId), empty()]);
    await empty();
    const [paid] = await Promise.all([payInCoins(), empty()]);
    coins.push(paid);
    await empty();
  }
  redis?.disconnect();
  expect(emptied).toBeGreaterThan(10);
  await quiet();
  const { payouts } = await local.client.get<{ payouts: { paymentId: string; state: string }[] }>('/v1/payouts');
  for (const paymentId of coins) {
    expect(payouts.filter((one) => one.paymentId === paymentId).map(({ state }) => state)).toEqual(['final']);
  }
  const reconciled = await local.client.get<{ breaks: unknown[]; ledger: { balanced: boolean } }>('/v1/reconciliation');
  expect([reconciled.breaks, reconciled.ledger.balanced]).toEqual([[], true]);
});
