/** How long an event is worth trying: three days, as card networks and banks hold over a long weekend. */
export const GIVE_UP_AFTER_MILLISECONDS = 3 * 24 * 3_600_000;
const FIRST_PAUSE_MILLISECONDS = 5_000;
const LONGEST_PAUSE_MILLISECONDS = 6 * 3_600_000;
/** A receiver may ask for a later attempt than ours, within reason. */
const LONGEST_ASKED_PAUSE_MILLISECONDS = 24 * 3_600_000;
/** Each pause is between four and six fifths of its step, so that receivers that failed together do not meet again. */
const JITTER = { least: 0.8, span: 0.4 };

/** Why an attempt did not deliver, in words of ours. */
export type Failure =
  | 'statusRetryable'
  | 'statusFinal'
  | 'redirect'
  | 'gone'
  | 'timeout'
  | 'connection'
  | 'tls'
  | 'unresolvable'
  | 'addressRefused';

export type Answer = Readonly<
  | { kind: 'answered'; status: number; retryAfter?: string | undefined }
  | { kind: 'failed'; failure: Exclude<Failure, 'statusRetryable' | 'statusFinal' | 'redirect' | 'gone'> }
>;

export type Verdict = Readonly<
  | { verdict: 'delivered' }
  | { verdict: 'again'; failure: Failure; at: Date }
  /** `gone`: the receiver wants nothing more, so the endpoint is disabled too. */
  | { verdict: 'givenUp'; failure: Failure }
>;

/**
 * What becomes of a delivery after an attempt.
 *
 * Shape: `attempts` counts this one; `chance` is from 0 to 1 → delivered, again at a time, or given up
 * Units: three days count from `dueSince`; the last attempt is made exactly then
 */
export function judgeAttempt(
  answer: Answer,
  delivery: Readonly<{ attempts: number; dueSince: Date }>,
  now: Date,
  chance: number,
): Verdict {
  if (answer.kind === 'answered' && answer.status >= 200 && answer.status < 300) return { verdict: 'delivered' };
  const failure = answer.kind === 'answered' ? failureOf(answer.status) : answer.failure;
  if (failure === 'statusFinal' || failure === 'redirect' || failure === 'gone') return { verdict: 'givenUp', failure };
  const end = delivery.dueSince.getTime() + GIVE_UP_AFTER_MILLISECONDS;
  if (now.getTime() >= end) return { verdict: 'givenUp', failure };
  const asked = answer.kind === 'answered' ? readRetryAfter(answer.retryAfter, now) : 0;
  const pause = Math.max(pauseAfter(delivery.attempts, chance), Math.min(asked, LONGEST_ASKED_PAUSE_MILLISECONDS));
  return { verdict: 'again', failure, at: new Date(Math.min(now.getTime() + pause, end)) };
}

function failureOf(status: number): Failure {
  if (status === 410) return 'gone';
  if (status >= 500 || status === 408 || status === 429) return 'statusRetryable';
  return status >= 300 && status < 400 ? 'redirect' : 'statusFinal';
}

/** Doubles from five seconds to six hours. */
export function pauseAfter(attempts: number, chance: number): number {
  const step = Math.min(FIRST_PAUSE_MILLISECONDS * 2 ** Math.min(attempts - 1, 30), LONGEST_PAUSE_MILLISECONDS);
  return Math.round(step * (JITTER.least + JITTER.span * chance));
}

/** Seconds, or a date of HTTP (RFC 9110 section 10.2.3); what is neither asks for nothing. */
export function readRetryAfter(header: string | undefined, now: Date): number {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return 0;
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now.getTime());
}
