import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Payment } from '../../scripts/day/line.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';

/** How many requests are let in at once; new promises get three quarters of that. */
const AT_ONCE = 16;
const FOR_PROMISES = 12;
const MEASURED_MILLISECONDS = 1_000;
const OVERLOADED_MILLISECONDS = 3_000;
const AMOUNT = { minorUnits: '100', asset: 'EUR' };

let local: LocalBridge;
beforeAll(async () => {
  local = await startTestBridge({ apiRequestsAtOnce: AT_ONCE, issuerDeadlineMilliseconds: 1_000 });
});
afterAll(async () => {
  await local?.stop();
});

type Answer = Readonly<{
  key: string;
  status: number;
  retryAfter: string | null;
  type: string | null;
  body: Payment & { code?: string };
}>;

async function post(path: string, body: unknown, key: string): Promise<Answer> {
  const response = await fetch(`${local.url}${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${local.apiKey}`, 'Content-Type': 'application/json', 'Idempotency-Key': key },
    body: JSON.stringify(body),
  });
  return {
    key,
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    type: response.headers.get('content-type'),
    body: (await response.json()) as Answer['body'],
  };
}

const pay = (key: string) =>
  post('/v1/payments', { merchantId: 'bakery', instrumentId: 'emil-card', amount: AMOUNT }, key);

/** Payments answered in a second by as many callers as may be in at once: the capacity. */
async function measure(): Promise<number> {
  const until = performance.now() + MEASURED_MILLISECONDS;
  let answered = 0;
  const caller = async (number: number) => {
    for (let index = 0; performance.now() < until; index += 1) {
      expect((await pay(`measure-${number}-${index}`)).status).toBe(201);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: FOR_PROMISES }, (_, number) => caller(number)));
  return (answered * 1_000) / MEASURED_MILLISECONDS;
}

test('at twice the capacity what is let in is answered right, the rest gets 503 with Retry-After, and memory stays', async () => {
  const capacity = await measure();
  const promised: Promise<Answer>[] = [];
  const before = process.memoryUsage().rss;
  const began = performance.now();
  // Open loop: requests come when they are due, whatever became of those before.
  for (let sent = 0, elapsed = 0; elapsed < OVERLOADED_MILLISECONDS; elapsed = performance.now() - began) {
    for (const due = (2 * capacity * elapsed) / 1_000; sent < due; sent += 1) promised.push(pay(`overload-${sent}`));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const answers = await Promise.all(promised);
  const accepted = answers.filter(({ status }) => status === 201);
  const shed = answers.filter(({ status }) => status === 503);
  expect(accepted.length + shed.length).toBe(answers.length);
  expect(shed.length).toBeGreaterThan(0);
  expect(accepted.length).toBeGreaterThan(capacity);
  for (const { retryAfter, type, body } of shed) {
    expect([body.code, retryAfter, type]).toEqual(['OVERLOADED', '1', 'application/problem+json']);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);

  // Every promise stands exactly once, and nothing that was shed left anything.
  const [row] = await local.bridge.database.client.unsafe(
    `select count(*)::int as payments, count(distinct p.payment_id)::int as named from bridge.payments p
     join bridge.once_keys k on k.resource_id = p.payment_id where k.idempotency_key like 'overload-%'`,
  );
  expect(row).toMatchObject({ payments: accepted.length, named: accepted.length });
  expect(new Set(accepted.map(({ body }) => body.paymentId)).size).toBe(accepted.length);
  // The same request later is served.
  const again = await eventually(
    () => pay(shed[0]!.key),
    ({ status }) => status === 201,
  );
  expect(again.body.phase).toBe('open');
});

test('a capture gets in where a new promise does not, and so do health and metrics', async () => {
  const open: Payment[] = [];
  for (let index = 0; index < 4; index += 1) open.push((await pay(`open-${index}`)).body);
  // The issuer's host is slow for gus, so these hold their places.
  const slow = Array.from({ length: FOR_PROMISES }, (_, index) =>
    post('/v1/payments', { merchantId: 'bakery', instrumentId: SLOW_CARD, amount: AMOUNT }, `slow-${index}`),
  );
  await eventually(
    async () => (await fetch(`${local.url}/metrics`)).text(),
    (text) => text.includes(`http_requests_under_way ${FOR_PROMISES}`),
  );
  const refused = await pay('refused');
  expect([refused.status, refused.body.code]).toEqual([503, 'OVERLOADED']);
  const captures = await Promise.all(
    open.map(({ paymentId }, index) =>
      post(`/v1/payments/${paymentId}/captures`, { amount: AMOUNT }, `capture-${index}`),
    ),
  );
  expect(captures.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  expect((await fetch(`${local.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${local.url}/readyz`)).status).toBe(200);
  await Promise.all(slow);
  expect((await pay('refused')).status).toBe(201);
});

/** Its issuer never answers in time. */
const SLOW_CARD = 'gus-card';
