import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  GIVE_UP_AFTER_MILLISECONDS,
  judgeAttempt,
  pauseAfter,
  readRetryAfter,
} from '../../../../bridge/platform/webhooks/domain/retries.ts';

const START = new Date('2026-11-02T08:00:00Z');
const first = { attempts: 1, dueSince: START };
const answered = (status: number, retryAfter?: string) => ({ kind: 'answered' as const, status, retryAfter });

describe('retries: what becomes of an attempt', () => {
  test('every status has one fate', () => {
    for (let status = 200; status < 600; status += 1) {
      const { verdict } = judgeAttempt(answered(status), first, START, 0.5);
      const again = status >= 500 || status === 408 || status === 429;
      expect([status, verdict]).toEqual([status, status < 300 ? 'delivered' : again ? 'again' : 'givenUp']);
    }
    expect(judgeAttempt(answered(410), first, START, 0.5)).toEqual({ verdict: 'givenUp', failure: 'gone' });
    expect(judgeAttempt(answered(302), first, START, 0.5)).toEqual({ verdict: 'givenUp', failure: 'redirect' });
    for (const failure of ['timeout', 'connection', 'tls', 'unresolvable', 'addressRefused'] as const) {
      expect(judgeAttempt({ kind: 'failed', failure }, first, START, 0.5)).toMatchObject({ verdict: 'again', failure });
    }
  });

  test('pauses double from five seconds to six hours, each between four and six fifths of its step', () => {
    expect([1, 2, 3, 4].map((attempts) => pauseAfter(attempts, 0.5))).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(pauseAfter(40, 0.5)).toBe(6 * 3_600_000);
    expect([pauseAfter(1, 0), pauseAfter(1, 1)]).toEqual([4_000, 6_000]);
  });

  test('an event that is never taken is tried to the end of the third day, and not after it', () => {
    let now = START;
    let attempts = 0;
    for (;;) {
      attempts += 1;
      const verdict = judgeAttempt(answered(503), { attempts, dueSince: START }, now, 0.5);
      if (verdict.verdict === 'givenUp') break;
      if (verdict.verdict !== 'again') throw new Error('a 503 is not taken');
      expect(verdict.at > now).toBe(true);
      now = verdict.at;
    }
    expect(now.getTime() - START.getTime()).toBe(GIVE_UP_AFTER_MILLISECONDS);
    expect(attempts).toBe(25);
  });

  test('Retry-After counts when it is later than ours, and never beyond a day or the third one', () => {
    const at = (retryAfter: string, now = START) => {
      const verdict = judgeAttempt(answered(429, retryAfter), first, now, 0.5);
      return verdict.verdict === 'again' ? verdict.at.getTime() - now.getTime() : verdict.verdict;
    };
    expect(at('120')).toBe(120_000);
    expect(at('1')).toBe(5_000);
    expect(at('Mon, 02 Nov 2026 08:10:00 GMT')).toBe(600_000);
    expect(at('999999999')).toBe(24 * 3_600_000);
    const late = new Date(START.getTime() + GIVE_UP_AFTER_MILLISECONDS - 1_000);
    expect(at('3600', late)).toBe(1_000);
    for (const nonsense of ['', '-1', '1.5', 'soon', '1e9', '0x10', 'Mon, 02 Nov 2026 07:00:00 GMT', '2026-11-02']) {
      expect(readRetryAfter(nonsense, START)).toBe(0);
    }
  });

  test('property: the next attempt is after this one, never after the third day, whatever the receiver asks for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: GIVE_UP_AFTER_MILLISECONDS - 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.oneof(fc.string(), fc.nat().map(String)),
        (attempts, elapsed, chance, retryAfter) => {
          const now = new Date(START.getTime() + elapsed);
          const verdict = judgeAttempt(answered(503, retryAfter), { attempts, dueSince: START }, now, chance);
          if (verdict.verdict !== 'again') return false;
          return verdict.at > now && verdict.at.getTime() <= START.getTime() + GIVE_UP_AFTER_MILLISECONDS;
        },
      ),
    );
  });
});
