import { createPostgresBackend, Queue } from 'bullmq';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDoorbells, type Doorbells } from '../../../../bridge/platform/doorbells.ts';
import { WEBHOOKS } from '../../../../bridge/platform/outbox.ts';
import { createDeliveries, type Deliveries } from '../../../../bridge/platform/webhooks/jobs.ts';
import { createLogger } from '../../../../ledger-service/platform/logging.ts';
import { systemTimers } from '../../../../ledger-service/platform/ports.ts';
import { eventually } from '../../../support/eventually.ts';
import { startReceiver, type WebhookReceiver } from '../../../support/webhook-receiver.ts';
import { openWebhookStage, type WebhookStage } from '../../../support/webhook-stage.ts';

let stage: WebhookStage;
let receiver: WebhookReceiver;
let bells: Doorbells;
let deliveries: Deliveries;
beforeEach(async () => {
  stage = await openWebhookStage();
  receiver = await startReceiver();
  const logger = createLogger('silent');
  bells = createDoorbells({ databaseUrl: stage.url, redisUrl: process.env.REDIS_URL, timers: systemTimers, logger });
  deliveries = createDeliveries(stage.delivery);
  await bells.start({ [WEBHOOKS]: deliveries.answer });
});
afterEach(async () => {
  await bells.close();
  await deliveries.stop();
  await receiver.close();
  await stage.close();
});

const arrived = (count: number) =>
  eventually(
    async () => receiver.received.length,
    (length) => length >= count,
  );
const states = async (endpointId: string) => (await stage.deliveries(endpointId)).map(({ state }) => state);

test('a ring that is lost costs a second: the sweeper rings', async () => {
  await stage.register(receiver.url);
  // The stage's outbox only notes its rings, so every one of them is lost.
  await stage.emit('pay_lost');
  await arrived(1);
  expect(receiver.received).toHaveLength(1);
});

test('rings that are doubled a hundredfold, and jobs that somebody forged, deliver nothing twice', async () => {
  const { endpoint } = await stage.register(receiver.url);
  const forger = new Queue(
    WEBHOOKS,
    { connection: { connectionString: stage.url, schema: 'bullmq', max: 1 } as never },
    createPostgresBackend as never,
  );
  for (let number = 0; number < 20; number += 1) await stage.emit(`pay_${number % 4}`);
  for (let count = 0; count < 100; count += 1) {
    bells.ring(WEBHOOKS);
    await forger.add('deliver', { url: 'http://169.254.169.254/', endpointId: endpoint.endpointId, eventId: 'forged' });
  }
  await arrived(20);
  await eventually(
    () => states(endpoint.endpointId),
    (found) => found.length === 20 && found.every((state) => state === 'delivered'),
  );
  for (let count = 0; count < 20; count += 1) bells.ring(WEBHOOKS);
  await deliveries.answer();
  expect(receiver.received).toHaveLength(20);
  const bySubject = Map.groupBy(
    receiver.received.map(({ body }) => JSON.parse(body) as { subject: string; sequence: number }),
    ({ subject }) => subject,
  );
  for (const [, events] of bySubject) expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
  await forger.close();
});

test('an endpoint that never answers holds up no other', async () => {
  const silent = await startReceiver();
  silent.behave(() => undefined);
  await stage.register(silent.url, { merchantId: 'slow' });
  await stage.register(receiver.url, { merchantId: 'quick' });
  for (let number = 0; number < 60; number += 1) await stage.emit(`pay_slow_${number}`, 'slow');
  for (let number = 0; number < 30; number += 1) await stage.emit(`pay_quick_${number}`, 'quick');
  const started = performance.now();
  await arrived(30);
  // Sixty in turn would take three minutes of waiting.
  expect(performance.now() - started).toBeLessThan(30_000);
  await silent.close();
});

test('a stop in the midst of an attempt leaves it due, for whoever comes next', async () => {
  const { endpoint } = await stage.register(receiver.url);
  receiver.behave(() => undefined);
  await stage.emit('pay_stopped');
  await arrived(1);
  await deliveries.stop();
  expect((await stage.deliveries(endpoint.endpointId))[0]).toMatchObject({ state: 'due', attempts: 0 });
  receiver.behave(() => ({ status: 200 }));
  const next = createDeliveries(stage.delivery);
  await next.answer();
  await arrived(2);
  await eventually(
    () => states(endpoint.endpointId),
    ([state]) => state === 'delivered',
  );
  await next.stop();
});
