import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { Caller } from '../../../../ledger-service/platform/http/room.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { WebhookDependencies } from '../dependencies.ts';
import {
  type DeliveryCursor,
  type DeliveryRow,
  type EventRange,
  loadDeliveries,
  loadEventsFor,
  makeDue,
} from '../store/deliveries.ts';
import { type DeliveryView, viewOfDelivery } from '../view.ts';
import { findEndpoint, requireEndpoint } from './manage-endpoints.ts';

const MOST_EVENTS_AT_ONCE = 1_000;

/**
 * Sends events again: one, or a span of time or of one subject's numbers. Also sends what an endpoint never got.
 *
 * Shape:   → how many events the range names, and how many of them were not on their way already
 * Errors:  thrown, nothing changed: WEBHOOK_ENDPOINT_UNKNOWN, WEBHOOK_ENDPOINT_DISABLED, EVENT_UNKNOWN,
 *          EVENT_RANGE_TOO_LARGE
 * Effects: deliveries due, in one database transaction. The message keeps its webhook-id, so that a receiver that had it
 *          knows it
 */
export async function redeliver(
  dependencies: WebhookDependencies,
  caller: Caller,
  command: Readonly<{ endpointId: string; range: EventRange }>,
): Promise<Readonly<{ named: number; made: number }>> {
  const { database, machineClock } = dependencies;
  const result = await inDatabaseTransaction(database, async (transaction) => {
    const endpoint = await requireEndpoint(transaction, caller, command.endpointId);
    if (endpoint.state !== 'enabled') {
      throw new SettlementError('WEBHOOK_ENDPOINT_DISABLED', 'nothing is sent to a disabled endpoint', {
        endpointId: endpoint.endpointId,
      });
    }
    const found = await loadEventsFor(transaction, endpoint, command.range, MOST_EVENTS_AT_ONCE + 1);
    if ('eventId' in command.range && found.length === 0) {
      throw new SettlementError('EVENT_UNKNOWN', `no event ${JSON.stringify(command.range.eventId)}`, {
        eventId: command.range.eventId,
      });
    }
    if (found.length > MOST_EVENTS_AT_ONCE) {
      throw new SettlementError('EVENT_RANGE_TOO_LARGE', `more than ${MOST_EVENTS_AT_ONCE} events`, {
        maximum: MOST_EVENTS_AT_ONCE,
      });
    }
    const made = await makeDue(transaction, endpoint, found, machineClock.now());
    return { named: found.length, made };
  });
  if (result.made > 0) dependencies.ring();
  return result;
}

/**
 * A page of an endpoint's deliveries, newest first.
 *
 * Errors: thrown WEBHOOK_ENDPOINT_UNKNOWN; FIELD_INVALID for a cursor that was never given out
 */
export async function listDeliveries(
  dependencies: WebhookDependencies,
  caller: Caller,
  query: Readonly<{
    endpointId: string;
    state?: DeliveryRow['state'] | undefined;
    cursor?: string | undefined;
    limit: number;
  }>,
): Promise<Readonly<{ deliveries: readonly DeliveryView[]; nextCursor: string | null }>> {
  const endpoint = await findEndpoint(dependencies, caller, query.endpointId);
  const after = query.cursor === undefined ? undefined : readDeliveryCursor(query.cursor);
  const rows = await loadDeliveries(dependencies.database.drizzle, endpoint, query, after, query.limit + 1);
  const page = rows.slice(0, query.limit);
  const last = page.at(-1)?.delivery;
  return {
    deliveries: page.map(({ delivery, type }) => viewOfDelivery(delivery, type, endpoint.state === 'enabled')),
    nextCursor: rows.length > query.limit && last ? writeDeliveryCursor(last) : null,
  };
}

function writeDeliveryCursor({ recordedAt, eventId }: DeliveryCursor): string {
  return Buffer.from(`${recordedAt.toISOString()} ${eventId}`).toString('base64url');
}

function readDeliveryCursor(text: string): DeliveryCursor {
  const [time = '', eventId = ''] = Buffer.from(text, 'base64url').toString('utf8').split(' ');
  const recordedAt = new Date(time);
  if (!Number.isNaN(recordedAt.getTime()) && /^[0-9a-f-]{36}$/.test(eventId)) return { recordedAt, eventId };
  throw new SettlementError('FIELD_INVALID', 'this is no cursor of this list', { param: 'cursor' });
}
