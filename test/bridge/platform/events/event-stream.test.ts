import { afterAll, beforeAll, expect, test } from 'vitest';
import { EventStream, type Item } from '../../../../bridge/platform/events/event-stream.ts';
import type { DomainEvent } from '../../../../bridge/platform/outbox.ts';
import { systemTimers } from '../../../../ledger-service/platform/ports.ts';
import { eventually } from '../../../support/eventually.ts';
import { openWebhookStage, type WebhookStage } from '../../../support/webhook-stage.ts';

let stage: WebhookStage;
beforeAll(async () => {
  stage = await openWebhookStage();
});
afterAll(() => stage?.close());

const SPAN = { heartbeatMilliseconds: 60_000, forMilliseconds: 60_000 };
const open = () => new EventStream({ database: stage.database, timers: systemTimers, logger: stage.webhooks.logger });

function read(items: AsyncIterable<Item>): Readonly<{ seen: string[]; ended: Promise<void> }> {
  const seen: string[] = [];
  const ended = (async () => {
    for await (const item of items) seen.push(item.kind === 'event' ? String(item.event.sequence) : item.kind);
  })();
  return { seen, ended };
}

test('a reader that has nothing to read gets a sign of life, and the stream ends when its time is over', async () => {
  const stream = open();
  const of = { shard: 0, subject: 'pay_quiet', after: 0 };
  const { seen, ended } = read(
    stream.follow(of, new AbortController().signal, { heartbeatMilliseconds: 40, forMilliseconds: 300 }),
  );
  await ended;
  expect(seen.length).toBeGreaterThan(2);
  expect(new Set(seen)).toEqual(new Set(['heartbeat']));
  await stream.close();
});

test('one statement serves every reader, and none is sent when nobody reads', async () => {
  let statements = 0;
  const drizzle = new Proxy(stage.database.drizzle, {
    get(target, name, receiver) {
      if (name === 'execute') statements += 1;
      return Reflect.get(target, name, receiver);
    },
  });
  const stream = new EventStream({
    database: { ...stage.database, drizzle },
    timers: systemTimers,
    logger: stage.webhooks.logger,
  });
  const leaving = new AbortController();
  const readers = Array.from({ length: 200 }, (_, number) =>
    read(stream.follow({ shard: 0, subject: `pay_of_${number % 10}`, after: 0 }, leaving.signal, SPAN)),
  );
  for (let number = 0; number < 10; number += 1) await stage.emit(`pay_of_${number}`);
  await eventually(
    async () => readers.every(({ seen }) => seen.join() === '1'),
    (all) => all,
  );
  expect(statements).toBeLessThan(40);
  leaving.abort();
  await Promise.all(readers.map(({ ended }) => ended));
  await systemTimers.wait(400);
  const after = statements;
  await systemTimers.wait(600);
  expect(statements).toBe(after);
  await stream.close();
});

test('a reader that does not take what it has is not given more, and gets all of it in order when it does', async () => {
  const stream = open();
  const subject = 'pay_slow';
  const events = Array.from(
    { length: 1_200 },
    (_, number): DomainEvent => ({
      shard: 0,
      topic: 'payment.settled',
      subject,
      meaning: ['slow', number],
      payload: {},
      published: { ownerId: 'bakery', data: {} },
    }),
  );
  await stage.database.drizzle.transaction((transaction) => stage.outbox.emit(transaction, events));
  const leaving = new AbortController();
  const items = stream.follow({ shard: 0, subject, after: 0 }, leaving.signal, SPAN);
  await systemTimers.wait(800);
  const numbers: number[] = [];
  for await (const item of items) {
    if (item.kind === 'event') numbers.push(item.event.sequence);
    if (numbers.length === 1_200) break;
  }
  expect(numbers).toEqual(Array.from({ length: 1_200 }, (_, index) => index + 1));
  await stream.close();
});

test('there is an end to how many may read, and who leaves makes place', async () => {
  const stream = open();
  const leaving = new AbortController();
  const follow = (signal: AbortSignal) => stream.follow({ shard: 0, subject: 'pay_full', after: 0 }, signal, SPAN);
  for (let count = 0; count < 999; count += 1) follow(new AbortController().signal);
  follow(leaving.signal);
  expect(() => follow(leaving.signal)).toThrow(expect.objectContaining({ code: 'EVENT_STREAMS_EXHAUSTED' }));
  leaving.abort();
  follow(new AbortController().signal);
  await stream.close();
});
