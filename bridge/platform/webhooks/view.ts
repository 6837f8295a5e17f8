import type { DeliveryRow } from './store/deliveries.ts';
import type { EndpointRow } from './store/endpoints.ts';

export type EndpointView = Readonly<{
  endpointId: string;
  /** The merchant whose events it gets; null: everyone's. */
  merchantId: string | null;
  url: string;
  eventTypes: readonly string[];
  enabled: boolean;
  disabledBecause: EndpointRow['disabledBecause'];
  recordedAt: string;
}>;

/** What its owner is shown of an endpoint: never a secret. */
export function viewOfEndpoint(row: EndpointRow): EndpointView {
  return {
    endpointId: row.endpointId,
    merchantId: row.ownerId,
    url: row.url,
    eventTypes: row.eventTypes,
    enabled: row.state === 'enabled',
    disabledBecause: row.disabledBecause,
    recordedAt: row.recordedAt.toISOString(),
  };
}

export type DeliveryView = Readonly<{
  eventId: string;
  type: string;
  subject: string;
  sequence: number;
  state: DeliveryRow['state'];
  attempts: number;
  recordedAt: string;
  lastAttemptAt: string | null;
  lastStatus: number | null;
  lastFailure: string | null;
  nextAttemptAt: string | null;
  endedAt: string | null;
}>;

/** `enabled` says whether its endpoint is: a delivery of another has no next attempt. */
export function viewOfDelivery(row: DeliveryRow, type: string, enabled: boolean): DeliveryView {
  return {
    eventId: row.eventId,
    type,
    subject: row.subject,
    sequence: row.sequence,
    state: row.state,
    attempts: row.attempts,
    recordedAt: row.recordedAt.toISOString(),
    lastAttemptAt: row.lastAttemptAt?.toISOString() ?? null,
    lastStatus: row.lastStatus,
    lastFailure: row.lastFailure,
    nextAttemptAt: row.state === 'due' && enabled ? row.notBefore.toISOString() : null,
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}
