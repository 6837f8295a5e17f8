import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type EventType, eventCatalogue } from '../../bridge/platform/events/catalogue.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { makeApiKey } from '../../scripts/local/seed-world.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';
import {
  messageOf,
  type Received,
  startReceiver,
  verifyWebhook,
  type WebhookReceiver,
} from '../support/webhook-receiver.ts';

let local: LocalBridge;
let receivers: WebhookReceiver[] = [];
beforeAll(async () => {
  local = await startTestBridge();
});
afterAll(async () => {
  await local?.stop();
});
afterEach(async () => {
  for (const { endpointId } of (await send('GET', '/v1/webhook-endpoints')).body.endpoints) {
    await send('DELETE', `/v1/webhook-endpoints/${endpointId}`);
  }
  for (const receiver of receivers) await receiver.close();
  receivers = [];
});

// biome-ignore lint/suspicious/noExplicitAny: answers are read as what the test expects them to be
type Body = any;
type Answer = Readonly<{ status: number; body: Body; headers: Headers }>;
let counter = 0;

async function send(method: string, path: string, body?: unknown, apiKey = local.apiKey): Promise<Answer> {
  counter += 1;
  const response = await fetch(`${local.url}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${apiKey}`,
      Accept: 'application/json',
      'Content-Type': 'application/json',
      'Idempotency-Key': `webhooks-${counter}`,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text), headers: response.headers };
}

async function receive(more: Record<string, unknown> = {}, apiKey = local.apiKey) {
  const receiver = await startReceiver();
  receivers.push(receiver);
  const created = await send('POST', '/v1/webhook-endpoints', { url: receiver.url, ...more }, apiKey);
  expect(created.status).toBe(201);
  const { endpoint, secret } = created.body as { endpoint: { endpointId: string }; secret: string };
  return { receiver, secret, endpointId: endpoint.endpointId, path: `/v1/webhook-endpoints/${endpoint.endpointId}` };
}

const euro = (minorUnits: string) => ({ minorUnits, asset: 'EUR' });
async function payByCard(minorUnits = '1000'): Promise<string> {
  const order = { merchantId: 'bakery', instrumentId: 'ana-card', amount: euro(minorUnits) };
  const created = await send('POST', '/v1/payments', order);
  expect(created.body.phase).toBe('open');
  return created.body.paymentId;
}

const bodyOf = (one: Received) => JSON.parse(one.body) as Body;
const typesOf = (received: readonly Received[], subject: string) =>
  received
    .map(bodyOf)
    .filter((event) => event.subject === subject)
    .map(({ type }) => type);
const nowSeconds = () => Math.floor(systemClock.now().getTime() / 1000);

describe('webhooks: the life of a payment', () => {
  test('a card payment arrives signed, whole and in order', async () => {
    const { receiver, secret, endpointId, path } = await receive();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const paymentId = await payByCard();
    await send('POST', `/v1/payments/${paymentId}/captures`, { amount: euro('600') });
    await send('POST', `/v1/payments/${paymentId}/captures`, { amount: euro('100') });
    await send('POST', `/v1/payments/${paymentId}/void`);
    await send('POST', `/v1/payments/${paymentId}/refunds`, { amount: euro('250') });
    const expected = [
      ...['payment.created', 'payment.authorized', 'payment.captured', 'payment.captured'],
      ...['payment.voided', 'payment.closed', 'payment.refunded'],
    ];
    await eventually(
      async () => typesOf(receiver.received, paymentId),
      (types) => types.length >= expected.length,
    );
    expect(typesOf(receiver.received, paymentId)).toEqual(expected);
    const judge = new Webhook(secret);
    for (const one of receiver.received) {
      const event = bodyOf(one);
      expect(verifyWebhook(secret, messageOf(one), nowSeconds())).toBe(true);
      expect(judge.verify(one.body, one.headers as Record<string, string>)).toEqual(event);
      expect(one.headers['webhook-id']).toBe(event.id);
      expect(one.headers['content-type']).toBe('application/json');
      eventCatalogue[event.type as EventType].data.parse(event.data);
    }
    expect(receiver.received.map((one) => bodyOf(one).sequence)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const [captured] = receiver.received.map(bodyOf).filter(({ type }) => type === 'payment.captured');
    expect(captured.data).toMatchObject({
      payment: { paymentId, merchantId: 'bakery', captured: euro('600'), phase: 'open' },
      movement: { sequence: 1, amount: euro('600'), merchantAmount: euro('600') },
    });
    const list = await send('GET', `/v1/payments/${paymentId}/events`);
    expect(list.body.events).toEqual(receiver.received.map(bodyOf));
    const { deliveries } = (await send('GET', `${path}/deliveries`)).body;
    expect(deliveries).toHaveLength(7);
    expect(deliveries.every((one: Body) => one.state === 'delivered' && one.attempts === 1)).toBe(true);
    expect(JSON.stringify(await send('GET', path))).not.toContain('whsec_');
    expect(endpointId).toMatch(/^whe_00/);
  });
});
