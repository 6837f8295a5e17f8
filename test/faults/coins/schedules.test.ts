import { describe, expect, test } from 'vitest';
import { CUTS } from '../../support/coins/faulty-disk.ts';
import { PLANTED_COIN_BUGS } from '../../support/coins/planted-bugs.ts';
import { explainSchedule, runSchedule } from '../../support/coins/schedule.ts';

/** 200 here, 2,000 in CI; `npm run soak:coins` goes on from there. */
const SCHEDULES = Number(process.env.COIN_SCHEDULES ?? 200);
const SCHEDULES_OF_ONE_TEST = 20;
const PATIENCE_MILLISECONDS = 300_000;
/** A bug that this many schedules miss would be missed by CI too. */
const SCHEDULES_FOR_A_BUG = 400;

const groups = Array.from({ length: Math.ceil(SCHEDULES / SCHEDULES_OF_ONE_TEST) }, (_, index) => {
  const first = index * SCHEDULES_OF_ONE_TEST + 1;
  return [first, Math.min(SCHEDULES, first + SCHEDULES_OF_ONE_TEST - 1)] as const;
});
const seen: Record<string, number> = {};

describe('devices under faults', () => {
  test.for(groups)(
    'one can spend a coin, no value is lost, and all heal: seeds %i to %i',
    {
      timeout: PATIENCE_MILLISECONDS,
    },
    async ([first, last]) => {
      for (let seed = first; seed <= last; seed += 1) {
        const result = await runSchedule(seed);
        if (result.violations.length > 0) expect.fail(explainSchedule(result));
        for (const [what, times] of Object.entries(result.seen)) seen[what] = (seen[what] ?? 0) + times;
      }
    },
  );

  test.runIf(SCHEDULES >= 200)('every fault and every kind of work came up', () => {
    const faults = ['drop', 'duplicate', 'reorder', 'crash', 'restart', 'reorganisation', 'declined', 'several hops'];
    const purposes = ['takeOver', 'reclaim', 'split', 'merge', 'redeem', 'lock', 'unlock', 'claim'];
    const wanted = [...faults, ...CUTS.map((cut) => `cut ${cut}`), ...purposes.map((purpose) => `settled ${purpose}`)];
    expect(wanted.filter((what) => !seen[what])).toEqual([]);
  });

  test('the same seed is the same schedule', async () => {
    const [one, again] = [await runSchedule(7), await runSchedule(7)];
    expect(again.trace).toEqual(one.trace);
  });
});

describe('a planted bug is found', () => {
  test.for(PLANTED_COIN_BUGS)('$name', { timeout: PATIENCE_MILLISECONDS }, async (bug) => {
    for (let seed = 1; seed <= SCHEDULES_FOR_A_BUG; seed += 1) {
      if ((await runSchedule(seed, bug)).violations.length > 0) return;
    }
    expect.fail(`${SCHEDULES_FOR_A_BUG} schedules do not find: ${bug.name}`);
  });
});
