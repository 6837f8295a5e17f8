import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { selfSignedCertificate } from '../../../support/certificate.ts';
import { startReceiver, type WebhookReceiver } from '../../../support/webhook-receiver.ts';
import { openWebhookStage, type WebhookStage } from '../../../support/webhook-stage.ts';

const shop = selfSignedCertificate('shop.test');
const usual = getCACertificates('default');
let stage: WebhookStage;
let receiver: WebhookReceiver;
beforeEach(async () => {
  stage = await openWebhookStage();
  receiver = await startReceiver('127.0.0.1', shop);
});
afterEach(async () => {
  setDefaultCACertificates(usual);
  await receiver.close();
  await stage.close();
});

async function attempt(host: string) {
  const { port } = new URL(receiver.url);
  const { endpoint } = await stage.register(`https://${host}:${port}/hook`);
  await stage.emit('pay_tls');
  await stage.deliver();
  return (await stage.deliveries(endpoint.endpointId))[0];
}

test('over TLS the name is proven, while the connection goes to the address that was judged', async () => {
  setDefaultCACertificates([...usual, shop.cert]);
  expect(await attempt('shop.test')).toMatchObject({ state: 'delivered', lastStatus: 204 });
  expect(receiver.received[0]?.headers.host).toMatch(/^shop\.test:/);
});

test('a certificate that nobody vouches for, or of another name, gets nothing', async () => {
  expect(await attempt('shop.test')).toMatchObject({ state: 'due', lastStatus: null, lastFailure: 'tls' });
  setDefaultCACertificates([...usual, shop.cert]);
  expect(await attempt('bank.test')).toMatchObject({ state: 'due', lastStatus: null, lastFailure: 'tls' });
  expect(receiver.received).toEqual([]);
});

test('a receiver that speaks no TLS gets nothing that can be read', async () => {
  const plain = await startReceiver();
  const { endpoint } = await stage.register(plain.url.replace('http:', 'https:'));
  await stage.emit('pay_plain');
  await stage.deliver();
  const [row] = await stage.deliveries(endpoint.endpointId);
  expect(row).toMatchObject({ state: 'due', lastStatus: null });
  expect(plain.received).toEqual([]);
  await plain.close();
});
