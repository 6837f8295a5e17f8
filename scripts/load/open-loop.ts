/** Load that comes whether or not it is answered: payments at a fixed rate, each authorized and then captured. */
import type { CardCallers, TimedAnswer } from './card-payments.ts';
import { Latencies } from './latencies.ts';

/** What an open loop was told. `wrong` holds whatever is neither done nor properly refused. */
export type LoopResult = Readonly<{
  stateChanges: number;
  shed: number;
  unanswered: number;
  wrong: readonly string[];
  latencies: Latencies;
  /** Payments by what was acknowledged of them. */
  authorized: readonly string[];
  captured: readonly string[];
}>;

const TICK_MILLISECONDS = 5;
const WRONGS_KEPT = 20;

/**
 * Offers so many state changes a second (an authorize or a capture each count one) for so long.
 *
 * Units:   latencies from the moment at which a request was due, so that one that had to wait for its turn counts its wait
 * Errors:  none; what nobody answers is counted
 */
export async function openLoop(
  callers: CardCallers,
  options: Readonly<{ name: string; stateChangesPerSecond: number; seconds: number; onTick?: () => void }>,
): Promise<LoopResult> {
  const { name, stateChangesPerSecond, seconds } = options;
  const told = new Told();
  const pause = 2_000 / stateChangesPerSecond;
  const started = performance.now();
  const working = new Set<Promise<void>>();
  let next = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsed = performance.now() - started;
      for (; next * pause <= Math.min(elapsed, seconds * 1_000); next += 1) {
        const payment = pay(callers, told, { index: next, key: `${name}-${next}`, dueAt: started + next * pause });
        working.add(payment);
        void payment.finally(() => working.delete(payment));
      }
      options.onTick?.();
      if (elapsed < seconds * 1_000) return;
      clearInterval(timer);
      resolve();
    }, TICK_MILLISECONDS);
  });
  await Promise.all(working);
  return told;
}

async function pay(
  callers: CardCallers,
  told: Told,
  { index, key, dueAt }: Readonly<{ index: number; key: string; dueAt: number }>,
): Promise<void> {
  try {
    const lateBy = performance.now() - dueAt;
    const paid = await callers.authorize(index, key);
    if (!told.count(paid, lateBy) || paid.body.phase !== 'open') return;
    const paymentId = String(paid.body.paymentId);
    told.authorized.push(paymentId);
    if (told.count(await callers.capture(paymentId, `${key}-capture`), 0)) told.captured.push(paymentId);
  } catch {
    told.unanswered += 1;
  }
}

class Told implements LoopResult {
  stateChanges = 0;
  shed = 0;
  unanswered = 0;
  readonly wrong: string[] = [];
  readonly latencies = new Latencies();
  readonly authorized: string[] = [];
  readonly captured: string[] = [];

  /** True when it was done. */
  count({ status, headers, body, milliseconds }: TimedAnswer, lateBy: number): boolean {
    if (status === 201) {
      this.stateChanges += 1;
      this.latencies.add(milliseconds + lateBy);
      return true;
    }
    const waits = Number(headers['retry-after']);
    if (status === 503 && body.code === 'OVERLOADED' && waits >= 1) this.shed += 1;
    else if (this.wrong.length < WRONGS_KEPT) this.wrong.push(`${status} ${JSON.stringify(body).slice(0, 200)}`);
    return false;
  }
}
