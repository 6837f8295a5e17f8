import { secp256k1 } from '@noble/curves/secp256k1';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Payment } from '../../scripts/day/line.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

let local: LocalBridge;
let receiver: WebhookReceiver;
let token: string;
beforeAll(async () => {
  local = await startTestBridge();
  receiver = await startReceiver();
  const { assets } = await local.client.get<{ assets: { code: string; symbol: string }[] }>('/v1/assets');
  token = assets.find(({ symbol }) => symbol === 'USDL')!.code;
});
afterAll(async () => {
  await receiver?.close();
  await local?.stop();
});

const EUROS = { minorUnits: '100', asset: 'EUR' };

async function send(
  method: string,
  path: string,
  options: { body?: unknown; apiKey?: string; headers?: Record<string, string> } = {},
) {
  const response = await fetch(`${local.url}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${options.apiKey ?? local.apiKey}`,
      Accept: 'application/json',
      'Content-Type': 'application/json',
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  return {
    status: response.status,
    ...((await response.json()) as { code?: string; phase?: string; nextCursor?: string }),
  };
}

/** Every text that differs from this one in a single character, by each of these changes of its code. */
function* flipped(text: string, changes: readonly number[]): Generator<string> {
  for (let place = 0; place < text.length; place += 1) {
    for (const change of changes) {
      const character = String.fromCharCode(text.charCodeAt(place) ^ change);
      yield text.slice(0, place) + character + text.slice(place + 1);
    }
  }
}

describe("a payer's signature over the escrow's terms", () => {
  test('each of its bytes changed, cut, lengthened or written otherwise is refused, and moves nothing', {
    timeout: 60_000,
  }, async () => {
    const amount = { minorUnits: '1000000', asset: token };
    const created = await local.client.post<Payment>(
      '/v1/payments',
      { merchantId: 'arcade', instrumentId: 'ana-wallet', amount },
      'signed',
    );
    const { instruments } = await local.client.get<{ instruments: { instrumentId: string; address: `0x${string}` }[] }>(
      '/v1/instruments',
    );
    const { typedData } = created.action as { typedData: Parameters<typeof local.wallets.sign>[1] };
    const wallet = instruments.find(({ instrumentId }) => instrumentId === 'ana-wallet')!.address;
    const good = Buffer.from((await local.wallets.sign(wallet, typedData)).slice(2), 'hex');
    expect(good).toHaveLength(65);

    const bad: Buffer[] = [];
    for (let place = 0; place < good.length; place += 1) {
      for (const change of [0x01, 0x80, 0xff]) {
        const changed = Buffer.from(good);
        changed[place]! ^= change;
        bad.push(changed);
      }
    }
    const [v] = good.subarray(64) as unknown as [number];
    const otherS = secp256k1.CURVE.n - BigInt(`0x${good.subarray(32, 64).toString('hex')}`);
    const mirrored = Buffer.concat([
      good.subarray(0, 32),
      Buffer.from(otherS.toString(16).padStart(64, '0'), 'hex'),
      Buffer.from([v === 27 ? 28 : 27]),
    ]);
    const parity = Buffer.concat([good.subarray(0, 64), Buffer.from([v - 27])]);
    const padded = Buffer.concat([good.subarray(0, 64), Buffer.from([0, v])]);
    bad.push(good.subarray(0, 64), Buffer.concat([good, Buffer.from([0])]), padded, parity, mirrored, Buffer.alloc(65));

    const path = `/v1/payments/${created.paymentId}`;
    const before = await local.client.get(path);
    const wrong: string[] = [];
    for (const signature of bad) {
      const answer = await send('POST', `${path}/signature`, { body: { signature: `0x${signature.toString('hex')}` } });
      if (answer.code !== 'SIGNATURE_INVALID' && answer.code !== 'FIELD_INVALID') {
        wrong.push(`${signature.toString('hex')}: ${answer.status} ${answer.code ?? answer.phase}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(await local.client.get(path)).toEqual(before);
    const taken = await send('POST', `${path}/signature`, { body: { signature: `0x${good.toString('hex')}` } });
    expect(taken.status).toBe(200);
    await eventually(
      () => local.client.get<Payment>(path),
      ({ phase }) => phase === 'open',
    );
  });
});

describe('an API token', () => {
  test('each of its characters changed, one cut off or one added is nobody’s', async () => {
    for (const apiKey of [
      ...flipped(local.apiKey, [0x01, 0x20]),
      local.apiKey.slice(0, -1),
      `${local.apiKey}A`,
      `${local.apiKey}.x`,
      local.apiKey.replace('.', '..'),
    ]) {
      // What cannot stand in a header does not leave the caller.
      if (!/^[\x21-\x7e]+$/.test(apiKey)) continue;
      const { status, code } = await send('GET', '/v1/clock', { apiKey });
      expect([apiKey, status, code]).toEqual([apiKey, 401, 'UNAUTHENTICATED']);
    }
    for (const scheme of ['bearer', 'Basic', 'Bearer Bearer', '']) {
      const headers = { Authorization: `${scheme} ${local.apiKey}`.trim() };
      expect((await send('GET', '/v1/clock', { headers })).code).toBe('UNAUTHENTICATED');
    }
    expect((await send('GET', '/v1/clock')).status).toBe(200);
  });
});

describe('a webhook', () => {
  test('each byte of its signature, identifier, time and body counts', async () => {
    const made = await local.client.post<{ secret: string }>('/v1/webhook-endpoints', {
      url: receiver.url,
      eventTypes: ['payment.created'],
    });
    await local.client.post('/v1/payments', { merchantId: 'bakery', instrumentId: 'ana-card', amount: EUROS }, 'told');
    await eventually(
      async () => receiver.received.length,
      (count) => count === 1,
    );
    const { body, headers } = receiver.received[0]!;
    const webhook = new Webhook(made.secret);
    const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;
    const signed = Object.fromEntries(names.map((name) => [name, String(headers[name])])) as Record<string, string>;
    webhook.verify(body, signed);
    for (const name of names) {
      for (const changed of flipped(signed[name]!, [0x01, 0x02])) {
        // A second space or version tells of no signature at all, which is refused as well.
        expect(() => webhook.verify(body, { ...signed, [name]: changed }), `${name} ${changed}`).toThrow();
      }
    }
    for (const changed of flipped(body, [0x01])) expect(() => webhook.verify(changed, signed)).toThrow();
    for (const changed of flipped(made.secret.slice('whsec_'.length, -2), [0x01])) {
      if (!/^[A-Za-z0-9+/]+$/.test(changed)) continue;
      expect(() => new Webhook(`whsec_${changed}${made.secret.slice(-2)}`).verify(body, signed)).toThrow();
    }
  });
});

describe('a cursor', () => {
  test('each of its characters changed is no cursor of the list, wherever cursors are given out', async () => {
    for (let index = 0; index < 3; index += 1) {
      const order = { merchantId: 'bakery', instrumentId: 'ana-card', amount: EUROS };
      await local.client.post('/v1/payments', order, `listed-${index}`);
      await local.client.post('/v1/webhook-endpoints', { url: receiver.url, eventTypes: ['payout.paid'] });
    }
    for (const list of ['/v1/payments', '/v1/ledger/entries', '/v1/webhook-endpoints']) {
      const { nextCursor } = await send('GET', `${list}?limit=1`);
      expect(nextCursor).toBeTypeOf('string');
      for (const changed of [...flipped(nextCursor!, [0x01, 0x04, 0x20]), nextCursor!.slice(0, -1), `${nextCursor}A`]) {
        const { status, code } = await send('GET', `${list}?limit=1&cursor=${encodeURIComponent(changed)}`);
        expect([list, changed, status, code]).toEqual([list, changed, 400, 'FIELD_INVALID']);
      }
      expect((await send('GET', `${list}?limit=1&cursor=${nextCursor}`)).status).toBe(200);
    }
  });

  test('of a stream it is a number and nothing else', async () => {
    const { payments } = await local.client.get<{ payments: Payment[] }>('/v1/payments?limit=1');
    const path = `/v1/payments/${payments[0]!.paymentId}/events`;
    for (const changed of ['-1', '1.0', '0x1', '1e3', ' ', '１', '9999999999', 'abc', '1;drop']) {
      const encoded = encodeURIComponent(changed);
      expect([changed, (await send('GET', `${path}?after=${encoded}`)).code]).toEqual([changed, 'FIELD_INVALID']);
    }
    for (const changed of ['-1', '1.0', 'abc', '9999999999']) {
      const headers = { 'Last-Event-ID': changed };
      expect([changed, (await send('GET', path, { headers })).code]).toEqual([changed, 'FIELD_INVALID']);
    }
  });
});
