import type { events } from '../../schema/webhooks.ts';

/** The event as everyone is told of it, by webhook, list or stream: always the same, since the row never changes. */
export function viewOfEvent({ eventId, type, recordedAt, subject, sequence, data }: typeof events.$inferSelect) {
  return {
    id: eventId,
    type,
    timestamp: recordedAt.toISOString(),
    subject,
    sequence,
    data: data as Record<string, unknown>,
  };
}
