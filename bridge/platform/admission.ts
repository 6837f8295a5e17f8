import type { MiddlewareHandler } from 'hono';
import { type RoomEnvironment, sendProblem } from '../../ledger-service/platform/http/room.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';

export const REQUESTS_AT_ONCE = 512;

/**
 * What finishes something that was promised before: a capture, a refund, a void, a payer's signature. These get the whole
 * of the room; new promises and reads leave a quarter of it free for them.
 */
const FINISHES = /^\/v1\/payments\/[^/]+\/(?:captures|refunds|void|signature)$/;
const SHARE_OF_OTHERS = 3 / 4;

/**
 * Bounds how many requests are worked on at once. What does not fit is refused at once, before its key is looked up and
 * before its body is read, so that what was let in is answered in time and memory stays bounded.
 *
 * Errors: answered OVERLOADED with Retry-After
 */
export function createAdmission(
  options: Readonly<{ atOnce: number; shed(): void; underWay(count: number): void }>,
): MiddlewareHandler<RoomEnvironment> {
  const forOthers = Math.max(1, Math.floor(options.atOnce * SHARE_OF_OTHERS));
  let underWay = 0;
  return async (context, next) => {
    const room = context.req.method === 'POST' && FINISHES.test(context.req.path) ? options.atOnce : forOthers;
    if (underWay >= room) {
      options.shed();
      // Not thrown: what is thrown with such a status is logged, and an overload must not become one of the log.
      return sendProblem(context, new SettlementError('OVERLOADED', `${underWay} requests are under way`));
    }
    underWay += 1;
    options.underWay(underWay);
    try {
      await next();
    } finally {
      underWay -= 1;
      options.underWay(underWay);
    }
  };
}
