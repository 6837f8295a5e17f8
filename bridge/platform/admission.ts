import type { MiddlewareHandler } from 'hono';
import { type RoomEnvironment, sendProblem } from '../../ledger-service/platform/http/room.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Clock } from '../../ledger-service/vocabulary/time.ts';

export const REQUESTS_AT_ONCE = 512;

/** So many are let in however slow the machine is: a burst after silence says nothing about its pace. */
const ALWAYS_AT_ONCE = 128;
/** Whoever would have to wait longer than this is better told so at once. */
const LONGEST_WAIT_MILLISECONDS = 1_000;
const WINDOW_MILLISECONDS = 1_000;

/**
 * What finishes something that was promised before: a capture, a refund, a void, a payer's signature. These get the whole
 * of the room; new promises and reads leave a quarter of it free for them.
 */
const FINISHES = /^\/v1\/payments\/[^/]+\/(?:captures|refunds|void|signature)$/;
const SHARE_OF_OTHERS = 3 / 4;

/**
 * Bounds how many requests are worked on at once: to a number, and to what is answered within a second at the pace of the
 * last ones. What does not fit is refused at once, before its key is looked up and before its body is read, so that what
 * was let in is answered in time and memory stays bounded.
 *
 * Errors: answered OVERLOADED with Retry-After
 */
export function createAdmission(
  options: Readonly<{ atOnce: number; machineClock: Clock; shed(): void; underWay(count: number): void }>,
): MiddlewareHandler<RoomEnvironment> {
  const { atOnce, machineClock } = options;
  const pace = new Pace();
  let underWay = 0;
  return async (context, next) => {
    const finishes = context.req.method === 'POST' && FINISHES.test(context.req.path);
    const inTime = (pace.perSecond(machineClock.now().getTime()) * LONGEST_WAIT_MILLISECONDS) / 1_000;
    const room = Math.min(atOnce, Math.max(ALWAYS_AT_ONCE, inTime));
    if (underWay >= Math.max(1, Math.floor(finishes ? room : room * SHARE_OF_OTHERS))) {
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
      pace.count(machineClock.now().getTime());
      options.underWay(underWay);
    }
  };
}

/** How many requests end in a second, by the better of this window and the one before it. */
class Pace {
  #window = 0;
  #ended = 0;
  #before = 0;

  count(now: number): void {
    this.#turn(now);
    this.#ended += 1;
  }

  perSecond(now: number): number {
    this.#turn(now);
    return (Math.max(this.#ended, this.#before) * 1_000) / WINDOW_MILLISECONDS;
  }

  #turn(now: number): void {
    const window = Math.floor(now / WINDOW_MILLISECONDS);
    if (window === this.#window) return;
    this.#before = window === this.#window + 1 ? this.#ended : 0;
    this.#window = window;
    this.#ended = 0;
  }
}
