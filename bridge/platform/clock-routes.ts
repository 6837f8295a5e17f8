import { createRoute, z } from '@hono/zod-openapi';
import { createRoom, type Room, requireScope } from '../../ledger-service/platform/http/room.ts';
import { momentSchema, problemAnswers } from '../../ledger-service/platform/http/wire.ts';
import type { BookClock } from './book-clock.ts';

const clockSchema = z
  .object({ now: z.string(), settable: z.boolean().openapi({ description: 'only in a local run on a past day' }) })
  .openapi('Clock');
const clockAnswer = { description: 'the clock', content: { 'application/json': { schema: clockSchema } } };

const showRoute = createRoute({
  method: 'get',
  path: '/v1/clock',
  tags: ['clock'],
  summary: 'What time it is in the books',
  responses: { 200: clockAnswer, ...problemAnswers(401, 403) },
});

const setRoute = createRoute({
  method: 'put',
  path: '/v1/clock',
  tags: ['clock'],
  summary: "Move the books' clock forward, at most to the wall clock",
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: z.strictObject({ now: momentSchema }).openapi('SetClock') } },
    },
  },
  responses: { 200: clockAnswer, ...problemAnswers(400, 401, 403, 409, 422) },
});

/** `moved` is told of every change, so that a local chain's clock goes along. */
export function clockRoutes(dependencies: Readonly<{ clock: BookClock; moved(time: Date): Promise<void> }>): Room {
  const { clock } = dependencies;
  const room = createRoom();
  room.openapi(showRoute, (context) => {
    requireScope(context, 'payments:read');
    return context.json({ now: clock.now().toISOString(), settable: clock.isSettable }, 200);
  });
  room.openapi(setRoute, async (context) => {
    requireScope(context, 'clock:write');
    const now = await clock.set(new Date(context.req.valid('json').now));
    await dependencies.moved(now);
    return context.json({ now: now.toISOString(), settable: clock.isSettable }, 200);
  });
  return room;
}
