import { createRoute, z } from '@hono/zod-openapi';
import { streamSSE } from 'hono/streaming';
import { createRoom, type Room, requireScope } from '../../../ledger-service/platform/http/room.ts';
import { pageLimitSchema, problemAnswers } from '../../../ledger-service/platform/http/wire.ts';
import { shardOf } from '../../../ledger-service/vocabulary/identifiers.ts';
import { eventSchema } from '../../platform/events/catalogue.ts';
import { type EventStream, loadEvents } from '../../platform/events/event-stream.ts';
import { viewOfEvent } from '../../platform/events/view.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { findPayment } from './operations/find-payment.ts';

/** Shorter than what proxies on the way hold a silent connection open for. */
const HEARTBEAT_MILLISECONDS = 15_000;
/** A reader comes back with Last-Event-ID, and its key is looked at again. */
const STREAM_MILLISECONDS = 600_000;
const RECONNECT_MILLISECONDS = 1_000;

const sequenceSchema = z.string().regex(/^\d{1,9}$/, 'the number of an event');

const eventsRoute = createRoute({
  method: 'get',
  path: '/v1/payments/{paymentId}/events',
  tags: ['payments'],
  summary: 'What happened to a payment, and what happens to it from now on',
  description:
    'A stream (text/event-stream) whose ids are the numbers of the events: a reader that comes back with Last-Event-ID misses nothing. With `Accept: application/json` a list of what has happened so far.',
  request: {
    params: z.object({ paymentId: z.string().max(64).openapi({ example: 'pay_00…' }) }),
    query: z.object({ after: sequenceSchema.optional(), limit: pageLimitSchema }),
    headers: z.object({ 'last-event-id': sequenceSchema.optional() }),
  },
  responses: {
    200: {
      description: 'the stream, or the list; `nextAfter` is null where nothing more has happened',
      content: {
        'text/event-stream': { schema: z.string() },
        'application/json': {
          schema: z.object({ events: z.array(eventSchema), nextAfter: z.number().int().nullable() }),
        },
      },
    },
    ...problemAnswers(400, 401, 403, 404, 503),
  },
});

export function paymentEventRoutes(
  dependencies: Pick<PaymentDependencies, 'database' | 'deployment' | 'logger'> &
    Readonly<{ eventStream: EventStream }>,
): Room {
  const { database, eventStream, logger } = dependencies;
  const room = createRoom();
  room.openapi(eventsRoute, async (context) => {
    const caller = requireScope(context, 'events:read');
    const { paymentId } = context.req.valid('param');
    const { after = '0', limit } = context.req.valid('query');
    const from = Number(context.req.valid('header')['last-event-id'] ?? after);
    const shard = shardOf(paymentId);
    await findPayment(dependencies, shard, paymentId, caller);
    if (wantsList(context.req.header('accept'))) {
      const rows = await loadEvents(database, { shard, subject: paymentId }, from, Number(limit) + 1);
      const page = rows.slice(0, Number(limit));
      const nextAfter = rows.length > page.length ? (page.at(-1)?.sequence ?? null) : null;
      return context.json({ events: page.map(viewOfEvent), nextAfter }, 200);
    }
    const gone = new AbortController();
    const items = eventStream.follow({ shard, subject: paymentId, after: from }, gone.signal, {
      heartbeatMilliseconds: HEARTBEAT_MILLISECONDS,
      forMilliseconds: STREAM_MILLISECONDS,
    });
    context.header('X-Accel-Buffering', 'no');
    const response = streamSSE(
      context,
      async (stream) => {
        stream.onAbort(() => gone.abort());
        // The first bytes say at once that somebody listens.
        await stream.write(`retry: ${RECONNECT_MILLISECONDS}\n\n`);
        for await (const item of items) {
          if (item.kind === 'heartbeat') await stream.write(': still here\n\n');
          else {
            const { sequence, type } = item.event;
            await stream.writeSSE({ id: String(sequence), event: type, data: JSON.stringify(viewOfEvent(item.event)) });
          }
        }
      },
      async (error) => {
        gone.abort();
        logger.warn({ event: 'eventStream.broken', paymentId, err: error });
      },
    );
    return response as never;
  });
  return room;
}

/** A list for whoever asks for JSON and not for a stream. */
function wantsList(accept: string | undefined): boolean {
  const types = (accept ?? '').toLowerCase();
  return types.includes('application/json') && !types.includes('text/event-stream');
}
