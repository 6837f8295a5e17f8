import { setTimeout as wait } from 'node:timers/promises';

const POLL_MILLISECONDS = 50;
const PATIENCE_MILLISECONDS = 30_000;

/** Asks until the answer is as it should be; fails with the last answer when that takes longer than half a minute, or what is said. */
export async function eventually<Answer>(
  ask: () => Promise<Answer>,
  isThere: (answer: Answer) => boolean,
  patienceMilliseconds = PATIENCE_MILLISECONDS,
): Promise<Answer> {
  const deadline = performance.now() + patienceMilliseconds;
  for (;;) {
    const answer = await ask();
    if (isThere(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`never as expected; last: ${JSON.stringify(answer)}`);
    await wait(POLL_MILLISECONDS);
  }
}
