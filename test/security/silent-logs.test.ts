import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiClient, createApiClient } from '../../scripts/api-client.ts';
import type { Payment } from '../../scripts/day/line.ts';
import { localWallets } from '../../scripts/day/wallets.ts';
import { type BridgeProcess, startBridge } from '../../scripts/local/bridge-process.ts';
import { privateKeyOf } from '../../scripts/local/seed-world.ts';
import { LOCAL_ACCOUNTS, type LocalAccountName } from '../../scripts/local/world.ts';
import { openStage } from '../support/bridge-processes.ts';
import { eventually } from '../support/eventually.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

/** A node that takes no transactions as long as it is told so: every failure repeats, in the driver's words, what was sent. */
let refusals = 0;
let isRefusing = true;
let stage: Awaited<ReturnType<typeof openStage>>;
let proxy: Server;
let bridge: BridgeProcess;
let receiver: WebhookReceiver;
let client: ApiClient;
let token: string;
beforeAll(async () => {
  stage = await openStage();
  proxy = createServer(async (incoming, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    if (isRefusing && body.includes('eth_sendRawTransaction')) {
      refusals += 1;
      answer.writeHead(500).end('{"message":"not now"}');
      return;
    }
    const forwarded = await fetch(stage.chain.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
    answer.writeHead(forwarded.status, { 'Content-Type': 'application/json' }).end(await forwarded.text());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  bridge = await startBridge(stage.folder, {
    ...stage.environment,
    RPC_URL: `http://127.0.0.1:${port}`,
    LOG_LEVEL: 'trace',
  });
  client = createApiClient({ url: bridge.url, apiKey: stage.apiKey });
  receiver = await startReceiver();
  const { assets } = await client.get<{ assets: { code: string; symbol: string }[] }>('/v1/assets');
  token = assets.find(({ symbol }) => symbol === 'USDL')!.code;
});
afterAll(async () => {
  await bridge?.stop();
  proxy?.close();
  await receiver?.close();
  await stage?.close();
});

const read = () => readFileSync(path.join(stage.folder, 'bridge.log'), 'utf8');

test('a day at trace level, with faults of every driver, tells no key, secret, signature or signed bytes', async () => {
  const secrets = new Map<string, string>();
  const hook = await client.post<{ secret: string }>('/v1/webhook-endpoints', { url: receiver.url });
  receiver.behave(() => ({ status: 500, body: 'no' }));
  secrets.set('webhook secret', hook.secret.replace('whsec_', ''));
  secrets.set('API secret', stage.apiKey.split('.')[1]!);
  secrets.set('database password', new URL(stage.databaseUrl).password);
  for (const name of Object.keys(LOCAL_ACCOUNTS) as LocalAccountName[]) {
    secrets.set(`private key of ${name}`, privateKeyOf(name).slice(2));
  }

  const card = { minorUnits: '2500', asset: 'EUR' };
  const paid = await client.post<Payment>(
    '/v1/payments',
    { merchantId: 'bakery', instrumentId: 'ana-card', amount: card },
    'card',
  );
  await client.post(`/v1/payments/${paid.paymentId}/captures`, { amount: card }, 'card-capture');
  const coins = { minorUnits: '5000000', asset: token };
  const crypto = await client.post<Payment>(
    '/v1/payments',
    { merchantId: 'arcade', instrumentId: 'ana-wallet', amount: coins },
    'coins',
  );
  const { instruments } = await client.get<{ instruments: { instrumentId: string; address: `0x${string}` }[] }>(
    '/v1/instruments',
  );
  const { typedData } = crypto.action as { typedData: Parameters<ReturnType<typeof localWallets>['sign']>[1] };
  const wallet = instruments.find(({ instrumentId }) => instrumentId === 'ana-wallet')!.address;
  const signature = await localWallets(stage.chain.url).sign(wallet, typedData);
  secrets.set("the payer's signature", signature.slice(2));
  const broken = `${signature.slice(0, -4)}001b`;
  await client.post(`/v1/payments/${crypto.paymentId}/signature`, { signature: broken }).catch(() => {});
  await client.post(`/v1/payments/${crypto.paymentId}/signature`, { signature });
  await eventually(
    async () => refusals,
    (count) => count > 0,
  );
  isRefusing = false;
  await eventually(
    () => client.get<Payment>(`/v1/payments/${crypto.paymentId}`),
    ({ phase }) => phase === 'open',
  );

  // What the books were writing when they failed: the values of the statement are a secret themselves.
  const rename = (from: string, to: string) =>
    stage.database.client.unsafe(`alter table bridge.${from} rename to ${to}`);
  await rename('webhook_secrets', 'webhook_secrets_away');
  const failed = await fetch(`${bridge.url}/v1/webhook-endpoints`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${stage.apiKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ url: receiver.url }),
  });
  await rename('webhook_secrets_away', 'webhook_secrets');
  expect(failed.status).toBe(500);
  await fetch(`${bridge.url}/v1/payments`, { headers: { Authorization: `Bearer ${stage.apiKey}x` } });
  await eventually(
    async () => receiver.received.length,
    (count) => count > 0,
  );
  for (const { raw } of await stage.database.client.unsafe('select raw from bridge.chain_submissions')) {
    secrets.set(`signed bytes ${secrets.size}`, String(raw).slice(2));
    secrets.set(`their signature ${secrets.size}`, String(raw).slice(-64));
  }
  await bridge.stop();

  const log = read();
  expect(log).toContain('chain.sendFailed');
  expect(log).toContain('request.failed');
  expect(log.length).toBeGreaterThan(2_000);
  const told = [...secrets].filter(([, secret]) => log.includes(secret)).map(([name]) => name);
  expect(told).toEqual([]);
  expect(secrets.size).toBeGreaterThan(12);
  expect(log).not.toMatch(/params:|Request body|eth_sendRawTransaction"/);
  // No secret of 32 bytes in base64, whoever's it is.
  expect(log.replaceAll(/"stack":"[^"]*"/g, '')).not.toMatch(/[A-Za-z0-9+/]{43}=/);
});

test('each line is JSON with an event and what it is about', () => {
  const lines = read()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const line of lines) expect(line).toMatchObject({ event: expect.any(String), time: expect.any(String) });
  const of = (event: string) => lines.filter((line) => line.event === event);
  expect(of('request.answered').length).toBeGreaterThan(5);
  for (const line of of('request.answered')) expect(line.requestIdentifier).toMatch(/^req_/);
  expect(of('request.answered').some(({ paymentId }) => String(paymentId).startsWith('pay_'))).toBe(true);
  expect(of('request.failed')[0]).toMatchObject({ requestIdentifier: expect.stringMatching(/^req_/) });
  expect(of('chain.sendFailed')[0]).toMatchObject({ chainHash: expect.stringMatching(/^0x[0-9a-f]{64}$/) });
  expect(of('job.done')[0]).toMatchObject({ consumer: expect.any(String) });
});
