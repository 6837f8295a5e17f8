import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { errorCatalogue } from '../../ledger-service/vocabulary/errors.ts';
import { makeApiKey } from '../../scripts/local/seed-world.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';

let local: LocalBridge;
let readOnlyKey: string;
beforeAll(async () => {
  local = await startTestBridge();
  readOnlyKey = await makeApiKey(local.databaseUrl, systemClock, 'reader', ['payments:read']);
});
afterAll(async () => {
  await local?.stop();
});

type Sent = Readonly<{
  method?: string;
  path: string;
  body?: unknown;
  text?: string;
  key?: string;
  apiKey?: string;
  headers?: Record<string, string>;
}>;
type Answer = Readonly<{ status: number; body: Record<string, unknown>; headers: Headers }>;

let counter = 0;
async function send({ method = 'POST', path, body, text, key, apiKey, headers }: Sent): Promise<Answer> {
  counter += 1;
  const response = await fetch(`${local.url}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${apiKey ?? local.apiKey}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': key ?? `bad-${counter}`,
      ...headers,
    },
    ...(method === 'GET' ? {} : { body: text ?? JSON.stringify(body) }),
  });
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  };
}

/** Everything that could have changed, once nothing is under way any more, as one text. */
async function snapshot(): Promise<string> {
  const get = async (path: string) => (await send({ method: 'GET', path })).body;
  await eventually(
    () => get('/v1/under-way'),
    ({ events }) => Object.keys(events as object).length === 0,
  );
  const [payments, accounts, entries] = await Promise.all([
    get('/v1/payments?limit=200'),
    get('/v1/ledger/accounts'),
    get('/v1/ledger/trial-balance'),
  ]);
  return JSON.stringify({ payments, accounts, entries });
}

const euro = (minorUnits: string) => ({ minorUnits, asset: 'EUR' });
const order = (amount: unknown, more: Record<string, unknown> = {}) => ({
  merchantId: 'bakery',
  instrumentId: 'ana-card',
  amount,
  ...more,
});

async function openPayment(minorUnits = '1000'): Promise<string> {
  const created = await send({ path: '/v1/payments', body: order(euro(minorUnits)) });
  expect(created.status).toBe(201);
  expect(created.body.phase).toBe('open');
  return String(created.body.paymentId);
}

async function expectRefusal(sent: Sent, code: keyof typeof errorCatalogue): Promise<Answer> {
  const before = await snapshot();
  const answer = await send(sent);
  expect(answer.body.code).toBe(code);
  expect(answer.status).toBe(errorCatalogue[code].status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.headers.get('request-id')).toBe(answer.body.requestId);
  expect(answer.body.type).toBe(`/docs/errors#${code}`);
  expect(await snapshot()).toBe(before);
  return answer;
}

describe('bad input is refused with its code, and nothing has changed', () => {
  const bodies: readonly [string, unknown, keyof typeof errorCatalogue][] = [
    ['an unknown currency', order({ minorUnits: '100', asset: 'XQQ' }), 'ASSET_UNKNOWN'],
    ['a currency in lower case', order({ minorUnits: '100', asset: 'eur' }), 'ASSET_UNKNOWN'],
    ['an amount finer than the currency', order(euro('100.5')), 'AMOUNT_TOO_PRECISE'],
    ['zero', order(euro('0')), 'AMOUNT_NOT_POSITIVE'],
    ['a negative amount', order(euro('-100')), 'AMOUNT_NOT_POSITIVE'],
    ['an amount with an exponent', order(euro('1e3')), 'AMOUNT_INVALID'],
    ['an amount in hexadecimal', order(euro('0x10')), 'AMOUNT_INVALID'],
    ['an amount with spaces', order(euro(' 12 ')), 'AMOUNT_INVALID'],
    ['an empty amount', order(euro('')), 'AMOUNT_INVALID'],
    ['a number where text belongs', order({ minorUnits: 100, asset: 'EUR' }), 'FIELD_INVALID'],
    ['an amount of 39 digits', order(euro('1'.repeat(39))), 'AMOUNT_TOO_LARGE'],
    ['an amount above the limit of one payment', order(euro('2500001')), 'AMOUNT_TOO_LARGE'],
    ['a merchant that is not there', order(euro('100'), { merchantId: 'nobody' }), 'PARTICIPANT_UNKNOWN'],
    ['an instrument that is not there', order(euro('100'), { instrumentId: 'nothing' }), 'INSTRUMENT_UNKNOWN'],
    ['a currency that the card does not pay in', order({ minorUnits: '1', asset: 'USD' }), 'ASSET_MISMATCH'],
    ['a merchant that is paid in another currency', order(euro('100'), { merchantId: 'cinema' }), 'CURRENCIES_DIFFER'],
    ['a missing quote', order(euro('100'), { merchantId: 'arcade' }), 'QUOTE_REQUIRED'],
    ['a field that is not known', order(euro('100'), { colour: 'red' }), 'FIELD_INVALID'],
    ['a field named __proto__', JSON.parse('{"__proto__":{"a":1},"merchantId":"bakery"}'), 'FIELD_INVALID'],
    ['a list instead of an object', [], 'FIELD_INVALID'],
  ];
  test.each(bodies)('%s', async (_, body, code) => {
    await expectRefusal({ path: '/v1/payments', body }, code);
  });

  const texts: readonly [string, string, keyof typeof errorCatalogue][] = [
    ['malformed JSON', '{"merchantId": "bakery",', 'BODY_MALFORMED'],
    ['a key named twice', '{"merchantId":"bakery","merchantId":"cinema"}', 'BODY_MALFORMED'],
    ['a NUL in a text', '{"merchantId":"bak\\u0000ery"}', 'BODY_MALFORMED'],
    ['half a surrogate pair', '{"merchantId":"\\ud800"}', 'BODY_MALFORMED'],
    ['deep nesting', `${'['.repeat(40)}${']'.repeat(40)}`, 'BODY_MALFORMED'],
    ['a body of 5 MB', JSON.stringify(order(euro('100'), { pad: 'x'.repeat(5_000_000) })), 'BODY_TOO_LARGE'],
  ];
  test.each(texts)('%s', async (_, text, code) => {
    await expectRefusal({ path: '/v1/payments', text }, code);
  });

  test('a body that is not declared as JSON', async () => {
    const sent = { path: '/v1/payments', body: order(euro('1')), headers: { 'Content-Type': 'text/plain' } };
    await expectRefusal(sent, 'CONTENT_TYPE_UNSUPPORTED');
  });

  test('a body in chunks that is larger than it may be', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { authorization: `Bearer ${local.apiKey}`, 'content-type': 'application/json' };
      const outgoing = request(`${local.url}/v1/payments`, { method: 'POST', agent: false, headers });
      outgoing.on('response', (response) => resolve(response.statusCode)).on('error', reject);
      for (let index = 0; index < 20; index += 1) outgoing.write(Buffer.alloc(100_000, 0x20));
      outgoing.end();
    });
    expect(status).toBe(413);
  });

  test('a wrong API key, none at all, and one of another kind', async () => {
    for (const apiKey of ['nonsense', 'test.wrong-secret', 'nobody.secret', '']) {
      await expectRefusal({ path: '/v1/payments', body: order(euro('100')), apiKey }, 'UNAUTHENTICATED');
    }
  });

  test('a key without the scope', async () => {
    const sent = { path: '/v1/payments', body: order(euro('100')), apiKey: readOnlyKey };
    const { body } = await expectRefusal(sent, 'SCOPE_MISSING');
    expect(body.scope).toBe('payments:write');
    const windows = await send({ method: 'GET', path: '/v1/settlement-windows', apiKey: readOnlyKey });
    expect(windows.body.code).toBe('SCOPE_MISSING');
  });

  test('paths that go round a prefix reach nothing without a key', async () => {
    for (const path of ['//v1/payments', '/v1//payments', '/v1/payments/', '/V1/payments', '/v1/%2e%2e/v1/payments']) {
      const response = await fetch(`${local.url}${path}`);
      expect([401, 403, 404]).toContain(response.status);
    }
  });

  test('a key of no length, and one with control characters', async () => {
    await expectRefusal({ path: '/v1/payments', body: order(euro('100')), key: '' }, 'IDEMPOTENCY_KEY_INVALID');
    const long = 'k'.repeat(256);
    await expectRefusal({ path: '/v1/payments', body: order(euro('100')), key: long }, 'IDEMPOTENCY_KEY_INVALID');
  });

  test('a key that was used with another body, naming the field that differs', async () => {
    const first = await send({ path: '/v1/payments', body: order(euro('1234')), key: 'reused' });
    expect(first.status).toBe(201);
    const sent = { path: '/v1/payments', body: order(euro('1243')), key: 'reused' };
    const { body } = await expectRefusal(sent, 'IDEMPOTENCY_KEY_REUSED');
    expect(body).toMatchObject({ param: 'amount.minorUnits', first: '"1234"', now: '"1243"' });
    const again = await send({ path: '/v1/payments', body: order(euro('1234')), key: 'reused' });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
  });

  test('a capture above the hold', async () => {
    const paymentId = await openPayment('1000');
    const sent = { path: `/v1/payments/${paymentId}/captures`, body: { amount: euro('1001') } };
    const { body } = await expectRefusal(sent, 'AMOUNT_EXCEEDS_HOLD');
    expect(body).toMatchObject({ held: '1000', requested: '1001' });
  });

  test('a capture after a void, and a second void', async () => {
    const paymentId = await openPayment();
    expect((await send({ path: `/v1/payments/${paymentId}/void`, text: '' })).status).toBe(201);
    const capture = { path: `/v1/payments/${paymentId}/captures`, body: { amount: euro('1') } };
    await expectRefusal(capture, 'PAYMENT_PHASE_UNSUITABLE');
    await expectRefusal({ path: `/v1/payments/${paymentId}/void`, text: '' }, 'PAYMENT_PHASE_UNSUITABLE');
  });

  test('a refund above what was captured', async () => {
    const paymentId = await openPayment();
    await send({ path: `/v1/payments/${paymentId}/captures`, body: { amount: euro('400') } });
    const sent = { path: `/v1/payments/${paymentId}/refunds`, body: { amount: euro('401') } };
    const { body } = await expectRefusal(sent, 'AMOUNT_EXCEEDS_CAPTURED');
    expect(body).toMatchObject({ refundable: '400', requested: '401' });
  });

  test('an expired quote, one for another amount, one used twice, and one that is not there', async () => {
    const { assets } = (await send({ method: 'GET', path: '/v1/assets' })).body as { assets: { code: string }[] };
    const token = assets[0]!.code;
    const quoted = async () =>
      String((await send({ path: '/v1/quotes', body: { source: euro('5000'), targetAsset: token } })).body.quoteId);
    const buy = (quoteId: string, minorUnits = '5000') => ({
      path: '/v1/payments',
      body: order(euro(minorUnits), { merchantId: 'arcade', quoteId }),
    });
    await expectRefusal(buy(await quoted(), '4999'), 'QUOTE_MISMATCH');
    await expectRefusal(buy('quo_00aaaaaaaaaaaaaaaaaaaaaaaaaa'), 'QUOTE_UNKNOWN');
    const used = await quoted();
    expect((await send(buy(used))).status).toBe(201);
    await expectRefusal(buy(used), 'QUOTE_ALREADY_USED');
    const old = await quoted();
    const { now } = (await send({ method: 'GET', path: '/v1/clock' })).body as { now: string };
    const later = new Date(Date.parse(now) + 301_000).toISOString();
    expect((await send({ method: 'PUT', path: '/v1/clock', body: { now: later } })).status).toBe(200);
    await expectRefusal(buy(old), 'QUOTE_EXPIRED');
  });

  test('a merchant reference that is taken', async () => {
    const body = order(euro('100'), { merchantReference: 'order-1' });
    expect((await send({ path: '/v1/payments', body })).status).toBe(201);
    await expectRefusal({ path: '/v1/payments', body }, 'REFERENCE_DUPLICATE');
  });

  test('identifiers that name nothing, or are none', async () => {
    const nothing = 'pay_00aaaaaaaaaaaaaaaaaaaaaaaaaa';
    await expectRefusal({ method: 'GET', path: `/v1/payments/${nothing}` }, 'PAYMENT_UNKNOWN');
    await expectRefusal({ method: 'GET', path: '/v1/payments/pay_%27%3Bdrop' }, 'IDENTIFIER_INVALID');
    await expectRefusal({ method: 'GET', path: '/v1/payments?cursor=abc' }, 'FIELD_INVALID');
    await expectRefusal({ method: 'GET', path: '/v1/payments?limit=0' }, 'FIELD_INVALID');
    await expectRefusal({ method: 'GET', path: '/v1/nothing' }, 'ROUTE_UNKNOWN');
    const window = 'win_00aaaaaaaaaaaaaaaaaaaaaaaaaa';
    await expectRefusal({ path: `/v1/settlement-windows/${window}/close`, text: '' }, 'WINDOW_UNKNOWN');
  });

  test('a signature that is not the payer’s', async () => {
    const { assets } = (await send({ method: 'GET', path: '/v1/assets' })).body as { assets: { code: string }[] };
    const amount = { minorUnits: '1000000', asset: assets[0]!.code };
    const body = { merchantId: 'arcade', instrumentId: 'ana-wallet', amount };
    const created = await send({ path: '/v1/payments', body });
    const path = `/v1/payments/${created.body.paymentId}/signature`;
    await expectRefusal({ path, body: { signature: `0x${'11'.repeat(65)}` } }, 'SIGNATURE_INVALID');
    await expectRefusal({ path, body: { signature: '0x12' } }, 'FIELD_INVALID');
  });

  test('a clock that would go back, or pass the wall clock', async () => {
    const before = { method: 'PUT', path: '/v1/clock', body: { now: '2026-11-01T00:00:00Z' } };
    expect((await send(before)).body.code).toBe('CLOCK_TIME_UNSUITABLE');
    const after = { method: 'PUT', path: '/v1/clock', body: { now: '2999-01-01T00:00:00Z' } };
    expect((await send(after)).body.code).toBe('CLOCK_TIME_UNSUITABLE');
  });

  test('a denied payer is declined, and nothing is held', async () => {
    const { denyParties } = await import('../../bridge/core/authorization/denied-parties.ts');
    await denyParties(local.bridge.database, ['dora']);
    const body = { merchantId: 'bakery', instrumentId: 'dora-card', amount: euro('100') };
    const answer = await send({ path: '/v1/payments', body });
    expect(answer.body).toMatchObject({
      phase: 'declined',
      declineCode: 'PARTY_DENIED',
      authorized: { minorUnits: '0' },
    });
    await denyParties(local.bridge.database, []);
  });
});
