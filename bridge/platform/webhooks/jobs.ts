import { attemptDelivery, type DeliveryDependencies, takeDue } from './operations/deliver-due.ts';
import type { Claimed } from './store/deliveries.ts';

const IN_FLIGHT = 128;
const TAKEN_AT_ONCE = 16;
/** From here on an endpoint's deliveries wait, so that a slow one does not take every place. */
const IN_FLIGHT_OF_ONE_ENDPOINT = 16;

export type Deliveries = Readonly<{
  /** Starts what is due; resolves when nothing more can be started, not when it has arrived. */
  answer(): Promise<void>;
  /** Nothing more is started; what is under way is cut short and left due. */
  stop(): Promise<void>;
}>;

/** Delivers what is due, many at once; whatever ends makes place for the next without waiting for a ring. */
export function createDeliveries(dependencies: DeliveryDependencies): Deliveries {
  const underWay = new Map<string, number>();
  const attempts = new Set<Promise<void>>();
  const stopping = new AbortController();
  let filling: Promise<void> | undefined;
  let again = false;

  const start = (claimed: Claimed) => {
    const { endpointId } = claimed;
    underWay.set(endpointId, (underWay.get(endpointId) ?? 0) + 1);
    const attempt = attemptDelivery(dependencies, claimed, stopping.signal)
      .catch((error: unknown) => {
        // Its lease ends, and it is due again.
        dependencies.logger.error({ event: 'webhook.unrecorded', endpointId, eventId: claimed.eventId, err: error });
      })
      .finally(() => {
        const left = (underWay.get(endpointId) ?? 1) - 1;
        if (left === 0) underWay.delete(endpointId);
        else underWay.set(endpointId, left);
        attempts.delete(attempt);
        fill().catch((error: unknown) => dependencies.logger.warn({ event: 'webhook.unheard', err: error }));
      });
    attempts.add(attempt);
  };

  const fillOnce = async () => {
    do {
      again = false;
      while (!stopping.signal.aborted && attempts.size < IN_FLIGHT) {
        const limit = Math.min(TAKEN_AT_ONCE, IN_FLIGHT - attempts.size);
        const busy = [...underWay].filter(([, count]) => count >= IN_FLIGHT_OF_ONE_ENDPOINT).map(([name]) => name);
        const taken = await takeDue(dependencies, limit, busy);
        for (const claimed of taken) start(claimed);
        if (taken.length < limit) break;
      }
    } while (again);
  };
  const fill = (): Promise<void> => {
    // Whoever comes while it looks has it look once more.
    again = true;
    filling ??= fillOnce().finally(() => {
      filling = undefined;
      // Whoever came after the last look and before this line.
      if (again && !stopping.signal.aborted) return fill();
    });
    return filling;
  };

  return {
    answer: fill,
    stop: async () => {
      stopping.abort();
      await filling?.catch(() => {});
      await Promise.all(attempts);
    },
  };
}
