import { subscriptions } from '../../bridge/main/subscriptions.ts';
import { type DomainEvent, Outbox } from '../../bridge/platform/outbox.ts';
import type { WebhookDependencies } from '../../bridge/platform/webhooks/dependencies.ts';
import {
  attemptDelivery,
  type DeliveryDependencies,
  takeDue,
} from '../../bridge/platform/webhooks/operations/deliver-due.ts';
import { createEndpoint, findEndpoint } from '../../bridge/platform/webhooks/operations/manage-endpoints.ts';
import { listDeliveries } from '../../bridge/platform/webhooks/operations/redeliver.ts';
import type { Resolver } from '../../bridge/platform/webhooks/resolve.ts';
import { createSender } from '../../bridge/platform/webhooks/sender.ts';
import { inDatabaseTransaction } from '../../ledger-service/platform/database.ts';
import type { Caller } from '../../ledger-service/platform/http/room.ts';
import { createLogger } from '../../ledger-service/platform/logging.ts';
import { createIdentifierSource, systemChance, systemTimers } from '../../ledger-service/platform/ports.ts';
import { createTestDatabase } from './postgres.ts';

export const OPERATOR: Caller = { callerId: 'operator', scopes: [] };
export const DEADLINE_MILLISECONDS = 3_000;

/** Webhooks on a real database, with a clock that the test moves and nobody else. */
export async function openWebhookStage() {
  const { database, url, drop } = await createTestDatabase({ poolSize: 8 });
  const clock = {
    time: new Date('2026-11-02T08:00:00Z').getTime(),
    now: () => new Date(clock.time),
    advance: (milliseconds: number) => {
      clock.time += milliseconds;
    },
  };
  const rung: string[] = [];
  const names = { resolver: (async () => ['127.0.0.1']) as Resolver };
  const logger = createLogger('silent');
  const outbox = new Outbox({
    database,
    clock,
    machineClock: clock,
    ring: (consumer) => rung.push(consumer),
    logger,
    subscriptions,
  });
  const reach = { loopback: true };
  const resolver: Resolver = (hostname) => names.resolver(hostname);
  const webhooks: WebhookDependencies = {
    database,
    clock,
    machineClock: clock,
    timers: systemTimers,
    identifiers: createIdentifierSource(clock, systemChance),
    // Secrets are random; the jitter of a pause lies in the middle of its span.
    chance: { bytes: (length) => (length === 4 ? Uint8Array.of(0x80, 0, 0, 0) : systemChance.bytes(length)) },
    reach,
    resolver,
    requireMerchant: async () => {},
    ring: () => rung.push('webhooks'),
    logger,
  };
  const send = createSender({ reach, resolver, timers: systemTimers, deadlineMilliseconds: DEADLINE_MILLISECONDS });
  const delivery: DeliveryDependencies = { ...webhooks, send };
  const never = new AbortController().signal;
  let emitted = 0;

  return {
    database,
    url,
    clock,
    names,
    rung,
    outbox,
    webhooks,
    delivery,
    /** An event of a subject, as an operation would write it. */
    async emit(subject: string, ownerId: string | null = 'bakery', topic = 'payment.settled'): Promise<DomainEvent> {
      emitted += 1;
      const event: DomainEvent = {
        shard: 0,
        topic,
        subject,
        meaning: [emitted],
        payload: {},
        published: { ownerId, data: { number: emitted } },
      };
      await inDatabaseTransaction(database, (transaction) => outbox.emit(transaction, [event]));
      outbox.ringFor([event]);
      return event;
    },
    register: (to: string, more: Partial<Parameters<typeof createEndpoint>[2]> = {}, caller = OPERATOR) =>
      createEndpoint(webhooks, caller, { shard: 0, url: to, eventTypes: [], ...more }),
    /** Makes every attempt that is due, until none is. */
    async deliver(): Promise<number> {
      let attempts = 0;
      for (;;) {
        const claimed = await takeDue(delivery, 16, []);
        if (claimed.length === 0) return attempts;
        attempts += claimed.length;
        await Promise.all(claimed.map((one) => attemptDelivery(delivery, one, never)));
      }
    },
    /** Oldest first. */
    deliveries: async (endpointId: string) =>
      [...(await listDeliveries(webhooks, OPERATOR, { endpointId, limit: 200 })).deliveries].sort(
        (left, right) => left.sequence - right.sequence,
      ),
    endpoint: (endpointId: string) => findEndpoint(webhooks, OPERATOR, endpointId),
    close: drop,
  };
}

export type WebhookStage = Awaited<ReturnType<typeof openWebhookStage>>;
