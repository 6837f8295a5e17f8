import { execFile } from 'node:child_process';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type EventType, eventCatalogue } from '../../bridge/platform/events/catalogue.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { type ErrorCode, errorCatalogue } from '../../ledger-service/vocabulary/errors.ts';
import { readDirectory } from '../../scripts/day/run-day.ts';
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
  local = await startTestBridge({ issuerDeadlineMilliseconds: 10_000 });
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

/** A crypto payer signs what the payment asks for. */
async function payByWallet(merchantId: string): Promise<string> {
  const { client, wallets } = local;
  const { assets, instruments } = await readDirectory(client);
  const token = assets.onChainAssets().find(({ symbol }) => symbol === 'USDL')!.code;
  const amount = { minorUnits: '100000000', asset: token };
  const created = (await send('POST', '/v1/payments', { merchantId, instrumentId: 'ana-wallet', amount })).body;
  const address = instruments.find(({ instrumentId }) => instrumentId === 'ana-wallet')!.address!;
  const signature = await wallets.sign(address, created.action.typedData);
  await send('POST', `/v1/payments/${created.paymentId}/signature`, { signature });
  await eventually(
    () => send('GET', `/v1/payments/${created.paymentId}`),
    ({ body }) => body.phase === 'open',
  );
  await send('POST', `/v1/payments/${created.paymentId}/captures`, { amount });
  return created.paymentId;
}

describe('webhooks: the other quadrants, and windows', () => {
  const wait = (receiver: WebhookReceiver, subject: string, type: string) =>
    eventually(
      async () => typesOf(receiver.received, subject),
      (types) => types.includes(type),
    );

  test('crypto → crypto: captured and settled when the chain is final, refunded when it is again', async () => {
    const { receiver } = await receive();
    const paymentId = await payByWallet('arcade');
    const types = await wait(receiver, paymentId, 'payment.settled');
    expect(types).toEqual([
      ...['payment.created', 'payment.authorized', 'payment.closed', 'payment.captured', 'payment.settled'],
    ]);
    const { asset } = (await send('GET', `/v1/payments/${paymentId}`)).body.captured;
    await send('POST', `/v1/payments/${paymentId}/refunds`, { amount: { minorUnits: '5', asset } });
    const after = await wait(receiver, paymentId, 'payment.refundSettled');
    expect(after.slice(5)).toEqual(['payment.refunded', 'payment.refundSettled']);
    for (const one of receiver.received.map(bodyOf)) eventCatalogue[one.type as EventType].data.parse(one.data);
  });

  test('fiat → crypto: the payout is told under its payment, and is settled when it is final', async () => {
    const { receiver } = await receive();
    const { assets } = await readDirectory(local.client);
    const token = assets.onChainAssets().find(({ symbol }) => symbol === 'USDL')!.code;
    const amount = euro('5000');
    const quote = (await send('POST', '/v1/quotes', { source: amount, targetAsset: token })).body;
    const order = { merchantId: 'arcade', instrumentId: 'ana-card', amount, quoteId: quote.quoteId };
    const { paymentId } = (await send('POST', '/v1/payments', order)).body;
    await send('POST', `/v1/payments/${paymentId}/captures`, { amount });
    const types = await wait(receiver, paymentId, 'payment.settled');
    expect(types).toEqual([
      ...['payment.created', 'payment.authorized', 'payment.captured', 'payment.closed'],
      ...['payout.created', 'payout.paid', 'payment.settled'],
    ]);
    const paid = receiver.received.map(bodyOf).find(({ type }) => type === 'payout.paid');
    expect(paid.data.payout).toMatchObject({ paymentId, purpose: 'merchantPayout', amount: quote.target });
    expect(paid.data.payout.chainHash).toMatch(/^0x[0-9a-f]{64}$/);
    for (const one of receiver.received.map(bodyOf)) eventCatalogue[one.type as EventType].data.parse(one.data);
  });

  test('a window that settles: the intermediary hears of all of it, each merchant of what it is paid', async () => {
    const paymentId = await payByCard();
    await send('POST', `/v1/payments/${paymentId}/captures`, { amount: euro('1000') });
    const everyones = await receive();
    const bakerys = await receive({ merchantId: 'bakery' });
    const cinemas = await receive({ merchantId: 'cinema' });
    await eventually(
      () => send('GET', '/v1/under-way'),
      ({ body }) => Object.keys(body.events).length === 0,
    );
    const { windows } = (await send('GET', '/v1/settlement-windows')).body;
    const window = windows.find((one: Body) => one.state === 'OPEN' && one.asset === 'EUR');
    await send('POST', `/v1/settlement-windows/${window.windowId}/close`);
    await wait(everyones.receiver, window.windowId, 'settlementWindow.merchantPaid');
    await wait(bakerys.receiver, window.windowId, 'settlementWindow.merchantPaid');
    await wait(bakerys.receiver, paymentId, 'payment.settled');
    expect(typesOf(bakerys.receiver.received, window.windowId)).toEqual(['settlementWindow.merchantPaid']);
    expect(typesOf(everyones.receiver.received, window.windowId)[0]).toBe('settlementWindow.settled');
    expect(cinemas.receiver.received).toEqual([]);
    for (const one of everyones.receiver.received.map(bodyOf)) {
      eventCatalogue[one.type as EventType].data.parse(one.data);
    }
    const told = async () => (await send('GET', `${everyones.path}/deliveries?limit=200`)).body.deliveries.length;
    const before = await told();
    await send('POST', `/v1/settlement-windows/${window.windowId}/close`);
    expect(await told()).toBe(before);
  });
});

describe('webhooks: owners', () => {
  test('a merchant’s key sees its own endpoints and events, and nothing of anybody else', async () => {
    const scopes = ['events:read', 'webhooks:read', 'webhooks:write'] as const;
    const bakery = await makeApiKey(local.databaseUrl, systemClock, 'bakery-key', scopes, 'bakery');
    const cinema = await makeApiKey(local.databaseUrl, systemClock, 'cinema-key', scopes, 'cinema');
    const own = await receive({}, bakery);
    const theirs = await receive({}, cinema);
    const everyones = await receive();
    const paymentId = await payByCard();
    await eventually(
      async () => own.receiver.received.length,
      (count) => count === 2,
    );
    expect((await send('GET', own.path, undefined, bakery)).body.merchantId).toBe('bakery');
    const listed = (await send('GET', '/v1/webhook-endpoints', undefined, bakery)).body.endpoints;
    expect(listed.map((one: Body) => one.endpointId)).toEqual([own.endpointId]);
    expect((await send('GET', '/v1/webhook-endpoints')).body.endpoints).toHaveLength(3);
    for (const { path } of [theirs, everyones]) {
      const { eventId } = (await send('GET', `${own.path}/deliveries`, undefined, bakery)).body.deliveries[0];
      const attempts = [
        ['GET', path],
        ['PATCH', path, { enabled: false }],
        ['DELETE', path],
        ['POST', `${path}/rotate-secret`, {}],
        ['GET', `${path}/deliveries`],
        ['POST', `${path}/redeliver`, { eventId }],
      ] as const;
      for (const [method, to, body] of attempts) {
        const answer = await send(method, to, body, bakery);
        expect([method, to, answer.status, answer.body.code]).toEqual([method, to, 404, 'WEBHOOK_ENDPOINT_UNKNOWN']);
      }
    }
    const forOthers = { url: own.receiver.url, merchantId: 'cinema' };
    expect((await send('POST', '/v1/webhook-endpoints', forOthers, bakery)).body.code).toBe('PARTICIPANT_UNKNOWN');
    expect((await send('GET', `/v1/payments/${paymentId}/events`, undefined, bakery)).status).toBe(200);
    const denied = await send('GET', `/v1/payments/${paymentId}/events`, undefined, cinema);
    expect([denied.status, denied.body.code]).toEqual([404, 'PAYMENT_UNKNOWN']);
    expect((await send('GET', `/v1/payments/${paymentId}`, undefined, bakery)).body.code).toBe('SCOPE_MISSING');
    const events = (await send('GET', `/v1/payments/${paymentId}/events`)).body.events;
    const redelivered = await send('POST', `${theirs.path}/redeliver`, { eventId: events[0].id }, cinema);
    expect([redelivered.status, redelivered.body.code]).toEqual([404, 'EVENT_UNKNOWN']);
    expect(theirs.receiver.received).toEqual([]);
    await expect(
      makeApiKey(local.databaseUrl, systemClock, 'wide', ['settlement:write'], 'bakery'),
    ).rejects.toMatchObject({ code: 'FIELD_INVALID' });
  });
});

describe('webhooks: what is refused', () => {
  const endpoint = '/v1/webhook-endpoints';
  const nobody = `${endpoint}/whe_00aaaaaaaaaaaaaaaaaaaaaaaaaa`;
  const refusals: readonly (readonly [what: string, method: string, path: string, body: unknown, code: ErrorCode])[] = [
    ['plain http to elsewhere', 'POST', endpoint, { url: 'http://shop.example/' }, 'WEBHOOK_URL_REFUSED'],
    ['a private address', 'POST', endpoint, { url: 'https://10.0.0.1/' }, 'WEBHOOK_URL_REFUSED'],
    ['metadata in hexadecimal', 'POST', endpoint, { url: 'https://0xa9fea9fe/' }, 'WEBHOOK_URL_REFUSED'],
    ['credentials', 'POST', endpoint, { url: 'https://a:b@shop.example/' }, 'WEBHOOK_URL_REFUSED'],
    ['a name with no address', 'POST', endpoint, { url: 'https://nothing.invalid/' }, 'WEBHOOK_URL_REFUSED'],
    ['what is no URL', 'POST', endpoint, { url: 'shop' }, 'WEBHOOK_URL_REFUSED'],
    ['no URL', 'POST', endpoint, {}, 'FIELD_INVALID'],
    ['a type that there is not', 'POST', endpoint, { url: 'https://a.example/', eventTypes: ['x'] }, 'FIELD_INVALID'],
    ['a field that there is not', 'POST', endpoint, { url: 'https://a.example/', secret: 'mine' }, 'FIELD_INVALID'],
    [
      'a merchant that is not there',
      'POST',
      endpoint,
      { url: 'https://1.1.1.1/', merchantId: 'no' },
      'PARTICIPANT_UNKNOWN',
    ],
    ['an endpoint that is not there', 'GET', nobody, undefined, 'WEBHOOK_ENDPOINT_UNKNOWN'],
    ['what is no identifier', 'GET', `${endpoint}/x%27`, undefined, 'IDENTIFIER_INVALID'],
    ['a change of nobody', 'PATCH', nobody, { enabled: true }, 'WEBHOOK_ENDPOINT_UNKNOWN'],
    ['deleting nobody', 'DELETE', nobody, undefined, 'WEBHOOK_ENDPOINT_UNKNOWN'],
    ['rotating nobody', 'POST', `${nobody}/rotate-secret`, {}, 'WEBHOOK_ENDPOINT_UNKNOWN'],
    ['an overlap of weeks', 'POST', `${nobody}/rotate-secret`, { overlapSeconds: 1_000_000 }, 'FIELD_INVALID'],
    ['a range of nothing', 'POST', `${nobody}/redeliver`, {}, 'FIELD_INVALID'],
    [
      'two ranges at once',
      'POST',
      `${nobody}/redeliver`,
      { eventId: 'a', from: '2026-11-02T00:00:00Z' },
      'FIELD_INVALID',
    ],
    ['a cursor of nowhere', 'GET', `${endpoint}?cursor=abc`, undefined, 'FIELD_INVALID'],
    [
      'events of no payment',
      'GET',
      '/v1/payments/pay_00aaaaaaaaaaaaaaaaaaaaaaaaaa/events',
      undefined,
      'PAYMENT_UNKNOWN',
    ],
  ];
  test.each(refusals)('%s', async (_, method, path, body, code) => {
    const answer = await send(method, path, body);
    expect([answer.status, answer.body.code]).toEqual([errorCatalogue[code].status, code]);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect((await send('GET', endpoint)).body.endpoints).toEqual([]);
  });

  test('a cursor and a number that were never given out, and a key without the scope', async () => {
    const { path } = await receive();
    expect((await send('GET', `${path}/deliveries?cursor=abc`)).body.code).toBe('FIELD_INVALID');
    const paymentId = await payByCard();
    expect((await send('GET', `/v1/payments/${paymentId}/events?after=-1`)).body.code).toBe('FIELD_INVALID');
    const reader = await makeApiKey(local.databaseUrl, systemClock, 'no-webhooks', ['payments:read']);
    for (const to of ['/v1/webhook-endpoints', '/v1/event-types', `/v1/payments/${paymentId}/events`]) {
      expect((await send('GET', to, undefined, reader)).body.code).toBe('SCOPE_MISSING');
    }
  });

  test('more endpoints than one owner may have', async () => {
    const { receiver } = await receive();
    for (let count = 1; count < 16; count += 1) await send('POST', endpoint, { url: receiver.url });
    expect((await send('POST', endpoint, { url: receiver.url })).body.code).toBe('WEBHOOK_ENDPOINTS_EXHAUSTED');
    expect((await send('POST', endpoint, { url: receiver.url, merchantId: 'cinema' })).status).toBe(201);
  });
});

describe('webhooks: over HTTP', () => {
  test('an endpoint is changed, its secret rotated, its events sent again', async () => {
    const { receiver, secret, path } = await receive({ eventTypes: ['payment.captured'] });
    const paymentId = await payByCard();
    await send('POST', `/v1/payments/${paymentId}/captures`, { amount: euro('1000') });
    const received = (count: number) =>
      eventually(
        async () => receiver.received.length,
        (length) => length >= count,
      );
    await received(1);
    expect(typesOf(receiver.received, paymentId)).toEqual(['payment.captured']);
    const rotated = (await send('POST', `${path}/rotate-secret`, { overlapSeconds: 60 })).body;
    expect(Date.parse(rotated.othersExpireAt)).toBeGreaterThan(systemClock.now().getTime());
    const { eventId } = (await send('GET', `${path}/deliveries?state=delivered`)).body.deliveries[0];
    const again = await send('POST', `${path}/redeliver`, { eventId });
    expect([again.status, again.body]).toEqual([202, { named: 1, made: 1 }]);
    await received(2);
    const [first, second] = receiver.received;
    expect(second!.body).toBe(first!.body);
    for (const which of [secret, rotated.secret]) {
      expect(verifyWebhook(which, messageOf(second!), nowSeconds())).toBe(true);
      expect(new Webhook(which).verify(second!.body, second!.headers as Record<string, string>)).toBeDefined();
    }
    const changed = await send('PATCH', path, { enabled: false, eventTypes: [] });
    expect(changed.body).toMatchObject({ enabled: false, disabledBecause: 'owner', eventTypes: [] });
    expect((await send('POST', `${path}/redeliver`, { eventId })).body.code).toBe('WEBHOOK_ENDPOINT_DISABLED');
    const moved = await send('PATCH', path, { enabled: true, url: 'http://10.0.0.1/' });
    expect(moved.body.code).toBe('WEBHOOK_URL_REFUSED');
    expect((await send('GET', path)).body.enabled).toBe(false);
    expect((await send('DELETE', path)).status).toBe(204);
    expect((await send('GET', path)).body.code).toBe('WEBHOOK_ENDPOINT_UNKNOWN');
  });

  test('pages of deliveries name each once', async () => {
    const { receiver, path } = await receive();
    for (let count = 0; count < 3; count += 1) await payByCard();
    await eventually(
      async () => receiver.received.length,
      (length) => length === 6,
    );
    const ids: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Body = (await send('GET', `${path}/deliveries?limit=4${cursor && `&cursor=${cursor}`}`)).body;
      ids.push(...page.deliveries.map((one: Body) => one.eventId));
      cursor = page.nextCursor;
    }
    expect(new Set(ids).size).toBe(6);
    expect(ids).toHaveLength(6);
  });

  test('the catalogue stands in /v1/event-types and in the API’s own description', async () => {
    const { eventTypes } = (await send('GET', '/v1/event-types')).body;
    const types = Object.keys(eventCatalogue);
    expect(eventTypes.map((one: Body) => one.type)).toEqual(types);
    for (const { schema } of eventTypes) expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
    const description = (await send('GET', '/openapi.json')).body;
    expect(Object.keys(description.webhooks)).toEqual(types);
    expect(description.webhooks['payment.captured'].post.parameters.map((one: Body) => one.name)).toEqual([
      ...['webhook-id', 'webhook-timestamp', 'webhook-signature'],
    ]);
  });
});

describe('specie webhooks', () => {
  const specie = (...words: string[]) =>
    new Promise<Readonly<{ code: number; output: string }>>((resolve) => {
      const environment = { ...process.env, SPECIE_URL: local.url, SPECIE_API_KEY: local.apiKey };
      execFile(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', 'scripts/specie.ts', 'webhooks', ...words],
        { env: environment },
        (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
      );
    });

  test('lists endpoints and deliveries, and sends events again', async () => {
    const { receiver, endpointId } = await receive();
    const paymentId = await payByCard();
    const received = (count: number) =>
      eventually(
        async () => receiver.received.length,
        (length) => length >= count,
      );
    await received(2);
    const list = await specie('list');
    expect(list.output).toMatch(new RegExp(`${endpointId} +everyone +enabled +all +http://127`));
    const deliveries = await eventually(
      () => specie('deliveries', endpointId, '--state', 'delivered', '--json'),
      ({ output }) => JSON.parse(output).deliveries.length === 2,
    );
    expect(JSON.parse(deliveries.output).deliveries[0]).toMatchObject({ subject: paymentId, state: 'delivered' });
    const again = await specie('redeliver', endpointId, '--subject', paymentId, '--sequences', '1-9', '--json');
    expect([again.code, JSON.parse(again.output)]).toEqual([0, { named: 2, made: 2 }]);
    await received(4);
    expect((await specie('redeliver', endpointId, '--event', 'nothing')).code).toBe(1);
    expect((await specie('redeliver', endpointId, '--subject', paymentId)).code).toBe(2);
    expect((await specie('redeliver', endpointId, '--event', 'a', '--from', 'b')).code).toBe(2);
  });
});

type Line = Readonly<{ id: string; event: string; data: Body }>;

/** A reader of server-sent events, written from their specification as far as this API uses it. */
async function openStream(path: string, headers: Record<string, string> = {}) {
  const stopping = new AbortController();
  const response = await fetch(`${local.url}${path}`, {
    headers: { Authorization: `Bearer ${local.apiKey}`, Accept: 'text/event-stream', ...headers },
    signal: stopping.signal,
  });
  const lines: Line[] = [];
  const ended = (async () => {
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const fields = text
          .slice(0, end)
          .split('\n')
          .map((line) => line.split(/: ?(.*)/s, 2) as [string, string]);
        text = text.slice(end + 2);
        const field = (name: string) => fields.find(([found]) => found === name)?.[1] ?? '';
        if (field('data') !== '')
          lines.push({ id: field('id'), event: field('event'), data: JSON.parse(field('data')) });
      }
    }
  })();
  ended.catch(() => {});
  return { response, lines, ended, leave: () => stopping.abort() };
}

describe('the event stream of a payment', () => {
  test('what has happened comes first, what happens follows, and who comes back misses nothing', async () => {
    const paymentId = await payByCard();
    const path = `/v1/payments/${paymentId}/events`;
    const stream = await openStream(path);
    expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const lines = (of: typeof stream, count: number) =>
      eventually(
        async () => of.lines,
        (found) => found.length >= count,
      );
    await lines(stream, 2);
    await send('POST', `/v1/payments/${paymentId}/captures`, { amount: euro('300') });
    await lines(stream, 3);
    stream.leave();
    await send('POST', `/v1/payments/${paymentId}/void`);
    const back = await openStream(path, { 'Last-Event-ID': '3' });
    await lines(back, 2);
    const all = [...stream.lines, ...back.lines];
    expect(all.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5']);
    expect(all.map(({ event }) => event)).toEqual([
      ...['payment.created', 'payment.authorized', 'payment.captured', 'payment.voided', 'payment.closed'],
    ]);
    const list = (await send('GET', `${path}?limit=4`)).body;
    expect(list.nextAfter).toBe(4);
    const rest = (await send('GET', `${path}?after=4`)).body;
    expect(rest.nextAfter).toBeNull();
    expect([...list.events, ...rest.events]).toEqual(all.map(({ data }) => data));
    back.leave();
  });

  test('many readers of many payments get each their own', async () => {
    const paymentIds = [await payByCard(), await payByCard(), await payByCard()];
    const streams = await Promise.all(
      paymentIds.flatMap((paymentId) =>
        Array.from({ length: 5 }, () => openStream(`/v1/payments/${paymentId}/events`)),
      ),
    );
    for (const paymentId of paymentIds) {
      await send('POST', `/v1/payments/${paymentId}/captures`, { amount: euro('1') });
    }
    for (const [index, stream] of streams.entries()) {
      await eventually(
        async () => stream.lines.length,
        (count) => count === 3,
      );
      expect(new Set(stream.lines.map(({ data }) => data.subject))).toEqual(
        new Set([paymentIds[Math.floor(index / 5)]]),
      );
      stream.leave();
    }
  });

  test('a stop ends streams cleanly, and opens no more', async () => {
    const paymentId = await payByCard();
    const stream = await openStream(`/v1/payments/${paymentId}/events`);
    await eventually(
      async () => stream.lines.length,
      (count) => count === 2,
    );
    await local.bridge.eventStream.close();
    // Neither cut off nor left open: the reader sees the end of the body.
    await stream.ended;
    const refused = await openStream(`/v1/payments/${paymentId}/events`);
    expect(refused.response.status).toBe(503);
    refused.leave();
  });
});
