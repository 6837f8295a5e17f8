import { inspect } from 'node:util';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadEvents } from '../../../../bridge/platform/events/event-stream.ts';
import type { DomainEvent } from '../../../../bridge/platform/outbox.ts';
import { writeSetting } from '../../../../bridge/platform/settings.ts';
import { GIVE_UP_AFTER_MILLISECONDS } from '../../../../bridge/platform/webhooks/domain/retries.ts';
import { attemptDelivery, takeDue } from '../../../../bridge/platform/webhooks/operations/deliver-due.ts';
import {
  deleteEndpoint,
  rotateSecret,
  updateEndpoint,
} from '../../../../bridge/platform/webhooks/operations/manage-endpoints.ts';
import { redeliver } from '../../../../bridge/platform/webhooks/operations/redeliver.ts';
import { insertEndpoint, insertSecret } from '../../../../bridge/platform/webhooks/store/endpoints.ts';
import { databaseErrorCode, inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import {
  messageOf,
  type Received,
  startReceiver,
  verifyWebhook,
  type WebhookReceiver,
} from '../../../support/webhook-receiver.ts';
import { OPERATOR, openWebhookStage, type WebhookStage } from '../../../support/webhook-stage.ts';

let stage: WebhookStage;
let receiver: WebhookReceiver;
let open: string[] = [];
let subjects = 0;
beforeAll(async () => {
  stage = await openWebhookStage();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver?.close();
  await stage?.close();
});
afterEach(async () => {
  for (const endpointId of open) await deleteEndpoint(stage.webhooks, OPERATOR, endpointId).catch(() => {});
  open = [];
  receiver.received.length = 0;
  receiver.behave(() => ({ status: 204 }));
  stage.names.resolver = async () => ['127.0.0.1'];
});

async function register(more: Parameters<WebhookStage['register']>[1] = {}, url = receiver.url) {
  const { endpoint, secret } = await stage.register(url, more);
  open.push(endpoint.endpointId);
  return { ...endpoint, secret };
}
const subject = () => {
  subjects += 1;
  return `pay_${subjects}`;
};
const published = (name: string, number: number): DomainEvent => ({
  shard: 0,
  topic: 'payment.settled',
  subject: name,
  meaning: ['written', number],
  payload: {},
  published: { ownerId: 'bakery', data: { number } },
});
const eventOf = ({ body }: Received) => JSON.parse(body) as { id: string; subject: string; sequence: number };
const seen = () => receiver.received.map(eventOf);

describe('deliveries: order', () => {
  test('the next event of a payment waits until the one before is taken; other payments do not', async () => {
    const { endpointId } = await register();
    const [slow, quick] = [subject(), subject()];
    receiver.behave((one) => ({ status: eventOf(one).subject === slow ? 503 : 200 }));
    for (let count = 0; count < 3; count += 1) {
      await stage.emit(slow);
      await stage.emit(quick);
    }
    await stage.deliver();
    expect(
      seen()
        .filter((one) => one.subject === quick)
        .map(({ sequence }) => sequence),
    ).toEqual([1, 2, 3]);
    expect(
      seen()
        .filter((one) => one.subject === slow)
        .map(({ sequence }) => sequence),
    ).toEqual([1]);
    receiver.behave(() => ({ status: 200 }));
    stage.clock.advance(4_999);
    expect(await stage.deliver()).toBe(0);
    stage.clock.advance(1);
    await stage.deliver();
    expect(
      seen()
        .filter((one) => one.subject === slow)
        .map(({ sequence }) => sequence),
    ).toEqual([1, 1, 2, 3]);
    const rows = (await stage.deliveries(endpointId)).filter((one) => one.subject === slow);
    expect(rows.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['delivered', 2],
      ['delivered', 1],
      ['delivered', 1],
    ]);
  });

  test('what is given up makes way for the next, and one endpoint’s trouble is no other’s', async () => {
    const refusing = await register();
    const other = await startReceiver();
    const taking = await register({}, other.url);
    const name = subject();
    receiver.behave((one) => ({ status: eventOf(one).sequence === 1 ? 400 : 200 }));
    await stage.emit(name);
    await stage.emit(name);
    await stage.deliver();
    expect((await stage.deliveries(refusing.endpointId)).map(({ state }) => state)).toEqual(['givenUp', 'delivered']);
    expect((await stage.deliveries(taking.endpointId)).map(({ state }) => state)).toEqual(['delivered', 'delivered']);
    await other.close();
  });

  test('who writes at once, each under the lock of the payment, gets numbers without gap or repetition', async () => {
    await register();
    const name = subject();
    const { database, outbox } = stage;
    await writeSetting(database.drizzle, name, 'a row to lock, as a payment has one');
    const write = (number: number) =>
      inDatabaseTransaction(database, async (transaction) => {
        await transaction.execute(sql`select from bridge.settings where shard = 0 and name = ${name} for update`);
        await outbox.emit(transaction, [published(name, number), published(name, number + 100)]);
      });
    await Promise.all(Array.from({ length: 20 }, (_, number) => write(number)));
    await stage.deliver();
    expect(seen().map(({ sequence }) => sequence)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });

  test('who writes without the lock gets no number that another has: one of two fails, and nothing is lost in silence', async () => {
    const name = subject();
    const write = (number: number) =>
      stage.database.drizzle.transaction((transaction) => stage.outbox.emit(transaction, [published(name, number)]));
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, number) => write(number)));
    const written = outcomes.filter(({ status }) => status === 'fulfilled').length;
    const rows = await loadEvents(stage.database, { shard: 0, subject: name }, 0, 100);
    expect(rows.map(({ sequence }) => sequence)).toEqual(Array.from({ length: written }, (_, index) => index + 1));
  });

  test('the same event written again is one event', async () => {
    await register();
    const event = await stage.emit(subject());
    await stage.database.drizzle.transaction((transaction) => stage.outbox.emit(transaction, [event]));
    await stage.deliver();
    expect(receiver.received).toHaveLength(1);
  });
});

describe('deliveries: what the receiver says', () => {
  const fates: readonly (readonly [status: number, state: string, failure: string | null])[] = [
    ...([200, 201, 202, 204, 299] as const).map((status) => [status, 'delivered', null] as const),
    ...([300, 301, 302, 303, 307, 308] as const).map((status) => [status, 'givenUp', 'redirect'] as const),
    ...([400, 401, 403, 404, 405, 409, 413, 422, 451] as const).map(
      (status) => [status, 'givenUp', 'statusFinal'] as const,
    ),
    ...([408, 429, 500, 501, 502, 503, 504, 599] as const).map((status) => [status, 'due', 'statusRetryable'] as const),
  ];
  test.each(fates)('%i: %s', async (status, state, failure) => {
    const { endpointId } = await register();
    const elsewhere = await startReceiver();
    receiver.behave(() => ({ status, headers: { location: elsewhere.url } }));
    await stage.emit(subject());
    await stage.deliver();
    expect((await stage.deliveries(endpointId))[0]).toMatchObject({
      state,
      attempts: 1,
      lastStatus: status,
      lastFailure: failure,
    });
    expect(elsewhere.received).toHaveLength(0);
    await elsewhere.close();
  });

  test('410 Gone disables the endpoint; what was due waits, and goes on when it is enabled', async () => {
    const { endpointId } = await register();
    receiver.behave(() => ({ status: 410 }));
    const name = subject();
    await stage.emit(name);
    await stage.emit(name);
    await stage.deliver();
    expect(await stage.endpoint(endpointId)).toMatchObject({ state: 'disabled', disabledBecause: 'gone' });
    expect((await stage.deliveries(endpointId)).map(({ state, lastFailure }) => [state, lastFailure])).toEqual([
      ['givenUp', 'gone'],
      ['due', null],
    ]);
    receiver.behave(() => ({ status: 200 }));
    await stage.emit(name);
    stage.clock.advance(10 * GIVE_UP_AFTER_MILLISECONDS);
    expect(await stage.deliver()).toBe(0);
    const range = { eventId: seen()[0]!.id };
    await expect(redeliver(stage.webhooks, OPERATOR, { endpointId, range })).rejects.toMatchObject({
      code: 'WEBHOOK_ENDPOINT_DISABLED',
    });
    await updateEndpoint(stage.webhooks, OPERATOR, { endpointId, enabled: true });
    await stage.deliver();
    // The third happened while nobody wanted it; it can be asked for.
    expect(seen().map(({ sequence }) => sequence)).toEqual([1, 2]);
    const asked = { subject: name, fromSequence: 1, toSequence: 99 };
    expect(await redeliver(stage.webhooks, OPERATOR, { endpointId, range: asked })).toEqual({ named: 3, made: 3 });
    await stage.deliver();
    expect(seen().map(({ sequence }) => sequence)).toEqual([1, 2, 1, 2, 3]);
  });

  test('a receiver that does not answer, hangs up, or is not there', async () => {
    const silent = await register();
    receiver.behave(() => undefined);
    await stage.emit(subject());
    await stage.deliver();
    expect((await stage.deliveries(silent.endpointId))[0]).toMatchObject({ state: 'due', lastFailure: 'timeout' });
    const gone = await startReceiver();
    const absent = await register({}, gone.url);
    await gone.close();
    await stage.emit(subject());
    await stage.deliver();
    expect((await stage.deliveries(absent.endpointId))[0]).toMatchObject({ state: 'due', lastFailure: 'connection' });
    expect((await stage.deliveries(absent.endpointId))[0]?.lastStatus).toBeNull();
  });

  test('an answer that is endless is cut, and none of it is kept', async () => {
    const { endpointId } = await register();
    const words = 'what the other side said ';
    receiver.behave(() => ({ status: 500, body: words.repeat(100_000) }));
    await stage.emit(subject());
    await stage.deliver();
    const [row] = await stage.deliveries(endpointId);
    expect(row).toMatchObject({ lastStatus: 500, lastFailure: 'statusRetryable' });
    expect(JSON.stringify(row)).not.toContain('other side');
  });

  test('Retry-After is kept to', async () => {
    await register();
    receiver.behave(() => ({ status: 429, headers: { 'retry-after': '100' } }));
    await stage.emit(subject());
    await stage.deliver();
    stage.clock.advance(99_999);
    expect(await stage.deliver()).toBe(0);
    stage.clock.advance(1);
    expect(await stage.deliver()).toBe(1);
  });

  test('what is never taken is tried for three days and then given up, and the next goes on', async () => {
    const { endpointId } = await register();
    receiver.behave(() => ({ status: 503 }));
    const name = subject();
    const began = stage.clock.time;
    await stage.emit(name);
    const at: number[] = [];
    for (;;) {
      await stage.deliver();
      at.push(stage.clock.time - began);
      const [row] = await stage.deliveries(endpointId);
      if (row?.state === 'givenUp') break;
      stage.clock.time = Date.parse(row!.nextAttemptAt!);
    }
    expect(at.slice(0, 6)).toEqual([0, 5_000, 15_000, 35_000, 75_000, 155_000]);
    expect(at.at(-1)).toBe(GIVE_UP_AFTER_MILLISECONDS);
    expect(receiver.received).toHaveLength(25);
    expect(new Set(seen().map(({ id }) => id)).size).toBe(1);
    receiver.behave(() => ({ status: 200 }));
    await stage.emit(name);
    await stage.deliver();
    expect(seen().at(-1)?.sequence).toBe(2);
  });
});

describe('deliveries: secrets', () => {
  const signaturesOf = (one: Received) => String(one.headers['webhook-signature']).split(' ');

  test('a rotation: both sign for as long as was asked, then the new one alone', async () => {
    const { endpointId, secret } = await register();
    const rotated = await rotateSecret(stage.webhooks, OPERATOR, { endpointId, overlapSeconds: 3_600 });
    expect(rotated.secret).not.toBe(secret);
    const verified = (one: Received, which: string) =>
      verifyWebhook(which, messageOf(one), Math.floor(stage.clock.time / 1000));
    await stage.emit(subject());
    await stage.deliver();
    expect(signaturesOf(receiver.received[0]!)).toHaveLength(2);
    expect(verified(receiver.received[0]!, secret)).toBe(true);
    expect(verified(receiver.received[0]!, rotated.secret)).toBe(true);
    stage.clock.advance(3_600_000);
    await stage.emit(subject());
    await stage.deliver();
    expect(signaturesOf(receiver.received[1]!)).toHaveLength(1);
    expect(verified(receiver.received[1]!, secret)).toBe(false);
    expect(verified(receiver.received[1]!, rotated.secret)).toBe(true);
  });

  test('a rotation whose answer was lost and is repeated leaves the receiver’s secret good', async () => {
    const { endpointId, secret } = await register();
    for (let count = 0; count < 4; count += 1) {
      await rotateSecret(stage.webhooks, OPERATOR, { endpointId, overlapSeconds: 60 });
    }
    await stage.emit(subject());
    await stage.deliver();
    expect(verifyWebhook(secret, messageOf(receiver.received[0]!), Math.floor(stage.clock.time / 1000))).toBe(true);
    await expect(rotateSecret(stage.webhooks, OPERATOR, { endpointId, overlapSeconds: 60 })).rejects.toMatchObject({
      code: 'WEBHOOK_SECRETS_EXHAUSTED',
    });
    const last = await rotateSecret(stage.webhooks, OPERATOR, { endpointId, overlapSeconds: 0 });
    await stage.emit(subject());
    await stage.deliver();
    expect(signaturesOf(receiver.received[1]!)).toHaveLength(1);
    expect(verifyWebhook(last.secret, messageOf(receiver.received[1]!), Math.floor(stage.clock.time / 1000))).toBe(
      true,
    );
  });
});

describe('secrets and faults', () => {
  test('an error of the database holds neither a secret nor a URL, and still says what it is', async () => {
    const { endpointId, secret } = await register();
    const row = await stage.endpoint(endpointId);
    const hidden = secret.slice('whsec_'.length);
    const twice = (write: (transaction: Parameters<typeof insertSecret>[0]) => Promise<void>) =>
      stage.database.drizzle.transaction(write).then(
        () => undefined,
        (error: unknown) => error,
      );
    const stored = { shard: 0, endpointId, ordinal: 1, secret: hidden, recordedAt: row.recordedAt, expiresAt: null };
    const errors = [
      await twice((transaction) => insertSecret(transaction, stored)),
      await twice((transaction) => insertEndpoint(transaction, row)),
    ];
    for (const error of errors) {
      expect(databaseErrorCode(error)).toBe('23505');
      const logged = inspect(error, { depth: 10 });
      expect(logged).not.toContain(hidden);
      expect(logged).not.toContain(receiver.url);
    }
  });
});

describe('deliveries: again', () => {
  test('one event, again and again: the same id, the same bytes, a new signature', async () => {
    const { endpointId } = await register();
    await stage.emit(subject());
    await stage.deliver();
    const [first] = receiver.received;
    const range = { eventId: eventOf(first!).id };
    stage.clock.advance(2_000);
    expect(await redeliver(stage.webhooks, OPERATOR, { endpointId, range })).toEqual({ named: 1, made: 1 });
    expect(await redeliver(stage.webhooks, OPERATOR, { endpointId, range })).toEqual({ named: 1, made: 0 });
    await stage.deliver();
    expect(receiver.received).toHaveLength(2);
    expect(receiver.received[1]!.body).toBe(first!.body);
    expect(receiver.received[1]!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(receiver.received[1]!.headers['webhook-signature']).not.toBe(first!.headers['webhook-signature']);
  });

  test('a span of time, its end not included, of the types that the endpoint wants', async () => {
    const name = subject();
    stage.clock.advance(1_000);
    const from = stage.clock.now();
    await stage.emit(name);
    await stage.emit(name, 'bakery', 'payment.closed');
    stage.clock.advance(1_000);
    const to = stage.clock.now();
    await stage.emit(name);
    const { endpointId } = await register({ eventTypes: ['payment.settled'] });
    const again = (range: Parameters<typeof redeliver>[2]['range']) =>
      redeliver(stage.webhooks, OPERATOR, { endpointId, range });
    expect(await again({ from, to })).toEqual({ named: 1, made: 1 });
    expect(await again({ subject: name, fromSequence: 1, toSequence: 3 })).toEqual({ named: 2, made: 1 });
    expect(await again({ from: to, to: from })).toEqual({ named: 0, made: 0 });
    await stage.deliver();
    expect(seen().map(({ sequence }) => sequence)).toEqual([1, 3]);
  });

  test('an event that is not there, one of somebody else, and too many', async () => {
    const { endpointId } = await register({ merchantId: 'bakery' });
    const again = (range: Parameters<typeof redeliver>[2]['range']) =>
      redeliver(stage.webhooks, OPERATOR, { endpointId, range });
    await expect(again({ eventId: 'nothing' })).rejects.toMatchObject({ code: 'EVENT_UNKNOWN' });
    const theirs = subject();
    await stage.emit(theirs, 'cinema');
    const everyones = await register();
    const [known] = await listOf(everyones.endpointId, theirs);
    await expect(again({ eventId: known! })).rejects.toMatchObject({ code: 'EVENT_UNKNOWN' });
    expect(await again({ subject: theirs, fromSequence: 1, toSequence: 9 })).toEqual({ named: 0, made: 0 });
    const many = subject();
    const events = Array.from({ length: 1_001 }, (_, number) => ({
      shard: 0,
      topic: 'payment.settled',
      subject: many,
      meaning: ['many', number],
      payload: {},
      published: { ownerId: 'bakery', data: {} },
    }));
    await updateEndpoint(stage.webhooks, OPERATOR, { endpointId, enabled: false });
    await updateEndpoint(stage.webhooks, OPERATOR, { endpointId: everyones.endpointId, enabled: false });
    await stage.database.drizzle.transaction((transaction) => stage.outbox.emit(transaction, events));
    await updateEndpoint(stage.webhooks, OPERATOR, { endpointId, enabled: true });
    await expect(again({ subject: many, fromSequence: 1, toSequence: 1_001 })).rejects.toMatchObject({
      code: 'EVENT_RANGE_TOO_LARGE',
    });
    expect(await again({ subject: many, fromSequence: 2, toSequence: 1_001 })).toEqual({ named: 1_000, made: 1_000 });
  });

  async function listOf(endpointId: string, name: string): Promise<string[]> {
    await redeliver(stage.webhooks, OPERATOR, {
      endpointId,
      range: { subject: name, fromSequence: 1, toSequence: 9 },
    });
    return (await stage.deliveries(endpointId)).map(({ eventId }) => eventId);
  }
});

describe('deliveries: who may have it', () => {
  test('a merchant’s endpoint gets its own payments’ events and no others, the intermediary’s gets all', async () => {
    const own = await register({ merchantId: 'bakery' });
    const all = await register();
    await stage.emit(subject(), 'bakery');
    await stage.emit(subject(), 'cinema');
    await stage.emit(subject(), null);
    expect(await stage.deliveries(own.endpointId)).toHaveLength(1);
    expect(await stage.deliveries(all.endpointId)).toHaveLength(3);
  });

  test('a disabled or deleted endpoint gets nothing, and nobody is rung for it', async () => {
    const { endpointId } = await register();
    await updateEndpoint(stage.webhooks, OPERATOR, { endpointId, enabled: false });
    stage.rung.length = 0;
    await stage.emit(subject());
    expect(await stage.deliveries(endpointId)).toHaveLength(0);
    expect(stage.rung).toEqual([]);
    await updateEndpoint(stage.webhooks, OPERATOR, { endpointId, enabled: true });
    stage.rung.length = 0;
    await stage.emit(subject());
    expect(stage.rung).toEqual(['webhooks']);
    await deleteEndpoint(stage.webhooks, OPERATOR, endpointId);
    expect(await stage.deliver()).toBe(0);
    expect(receiver.received).toHaveLength(0);
  });
});

describe('deliveries: two at once, and one that was killed', () => {
  test('many workers take each delivery once', async () => {
    await register();
    for (let count = 0; count < 40; count += 1) await stage.emit(subject());
    await Promise.all([stage.deliver(), stage.deliver(), stage.deliver(), stage.deliver()]);
    expect(receiver.received).toHaveLength(40);
    expect(new Set(seen().map(({ id }) => id)).size).toBe(40);
  });

  test('a worker that was killed while it sent: another takes it up after the lease, and a late word counts nothing', async () => {
    const { endpointId } = await register();
    await stage.emit(subject());
    const [lost] = await takeDue(stage.delivery, 1, []);
    expect(await stage.deliver()).toBe(0);
    stage.clock.advance(60_000);
    receiver.behave(() => ({ status: 503 }));
    expect(await stage.deliver()).toBe(1);
    receiver.behave(() => ({ status: 204 }));
    await attemptDelivery(stage.delivery, lost!, new AbortController().signal);
    expect((await stage.deliveries(endpointId))[0]).toMatchObject({ state: 'due', attempts: 2 });
    stage.clock.advance(10_000);
    await stage.deliver();
    expect((await stage.deliveries(endpointId))[0]).toMatchObject({ state: 'delivered', attempts: 3 });
  });

  test('an attempt that a stop cut short is as good as none', async () => {
    const { endpointId } = await register();
    receiver.behave(() => undefined);
    await stage.emit(subject());
    const [claimed] = await takeDue(stage.delivery, 1, []);
    const stopping = new AbortController();
    const attempt = attemptDelivery(stage.delivery, claimed!, stopping.signal);
    stopping.abort();
    await attempt;
    expect((await stage.deliveries(endpointId))[0]).toMatchObject({ state: 'due', attempts: 0, lastFailure: null });
  });
});

describe('deliveries: names are judged each time', () => {
  test('a name that turns to a private address gets no connection; the one that was judged is the one connected to', async () => {
    const { port } = new URL(receiver.url);
    const asked: string[] = [];
    stage.names.resolver = async (hostname) => {
      asked.push(hostname);
      return ['127.0.0.1'];
    };
    const { endpointId } = await register({}, `http://localhost:${port}/hook`);
    await stage.emit(subject());
    await stage.deliver();
    // Once at the creation, once for the attempt: the connection itself looks nothing up.
    expect(asked).toEqual(['localhost', 'localhost']);
    expect(receiver.received[0]?.headers.host).toBe(`localhost:${port}`);
    for (const turned of [['10.0.0.1'], ['127.0.0.1', '169.254.169.254'], ['::ffff:127.0.0.1'], ['0.0.0.0']]) {
      stage.names.resolver = async () => turned;
      await stage.emit(subject());
      await stage.deliver();
      expect((await stage.deliveries(endpointId)).at(-1)).toBeDefined();
    }
    const refused = (await stage.deliveries(endpointId)).filter(({ lastFailure }) => lastFailure === 'addressRefused');
    expect(refused).toHaveLength(4);
    expect(receiver.received).toHaveLength(1);
    stage.names.resolver = async () => [];
    await stage.emit(subject());
    await stage.deliver();
    expect((await stage.deliveries(endpointId)).some(({ lastFailure }) => lastFailure === 'unresolvable')).toBe(true);
    stage.names.resolver = async () => ['127.0.0.1'];
    stage.clock.advance(5_000);
    await stage.deliver();
    expect(receiver.received).toHaveLength(6);
  });

  test('a name whose look-up never ends is a timeout', async () => {
    const { endpointId } = await register({}, receiver.url.replace('127.0.0.1', 'localhost'));
    stage.names.resolver = () => new Promise(() => {});
    await stage.emit(subject());
    await stage.deliver();
    expect((await stage.deliveries(endpointId))[0]).toMatchObject({ state: 'due', lastFailure: 'timeout' });
  });
});
