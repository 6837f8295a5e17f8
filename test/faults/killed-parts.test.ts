import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Installation, PARTS } from '../support/installation.ts';
import { endState, thirtyPayments } from '../support/local-run.ts';
import { SeededChance } from '../support/simulator/seeded-chance.ts';

/**
 * How many times something is killed or cut in the middle of a day of thirty payments. Each round is a day of its own,
 * drawn from its seed; a day that ends too early for all of its points counts with those it had.
 */
const POINTS = Number(process.env.KILL_POINTS ?? 6);
const POINTS_OF_ONE_DAY = 6;
const LONGEST_PAUSE_MILLISECONDS = 1_500;
const ATTEMPTS = 40;
const STARTS_AT = new Date('2026-11-02T05:00:00Z');
const REDIS_URL = process.env.REDIS_URL ? new URL('/9', process.env.REDIS_URL).href : undefined;
const BLOWS = [...PARTS, 'restart postgres', 'cut connections', ...(REDIS_URL ? ['flush redis'] : [])] as const;

let folder: string;
let file: string;
let calm: ReturnType<typeof endState>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'specie-parts-'));
  file = path.join(folder, 'day.csv');
  await writeFile(file, thirtyPayments());
  calm = await settle('calm', async () => 0).then(({ state }) => state);
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

type Driver = Readonly<{ process: ChildProcess; ended: Promise<Readonly<{ code: number | null; errors: string }>> }>;

function drive(installation: Installation, out: string): Driver {
  const program = path.resolve(import.meta.dirname, '../support/day-driver.ts');
  const { apiUrl, apiKey, rpcUrl } = installation;
  const child = spawn(process.execPath, [program, apiUrl, apiKey, rpcUrl, file, out], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString('utf8');
  });
  const ended = new Promise<Awaited<Driver['ended']>>((resolve) => {
    child.once('close', (code) => resolve({ code, errors }));
  });
  return { process: child, ended };
}

/** Takes the day through while `disturb` does its worst, as often as it takes; → what it came to, and the blows dealt. */
async function settle(name: string, disturb: (installation: Installation, isOver: () => boolean) => Promise<number>) {
  const runFolder = path.join(folder, name);
  const installation = await Installation.start({ folder: runFolder, startsAt: STARTS_AT, redisUrl: REDIS_URL });
  try {
    let isOver = false;
    const disturbing = disturb(installation, () => isOver);
    let last: Awaited<Driver['ended']> = { code: null, errors: '' };
    for (let attempt = 0; attempt < ATTEMPTS && last.code !== 0; attempt += 1) {
      last = await drive(installation, path.join(runFolder, 'out')).ended;
    }
    isOver = true;
    const dealt = await disturbing;
    if (last.code !== 0) expect.fail(`the day was never settled:\n${last.errors}`);
    return { state: endState(runFolder), dealt };
  } finally {
    await installation.stop();
  }
}

async function deal(installation: Installation, blow: (typeof BLOWS)[number]): Promise<void> {
  if (blow === 'restart postgres') await installation.restartPostgres();
  // Whoever is cut off while the server itself is down has nothing to cut.
  else if (blow === 'cut connections') await installation.cutConnections().catch(() => {});
  else if (blow === 'flush redis') await installation.flushRedis();
  else await installation.kill(blow as (typeof PARTS)[number]);
}

test('a day whose processes are killed at seeded points ends as the undisturbed one', {
  timeout: 60_000 + POINTS * 60_000,
}, async () => {
  const counted = new Map<string, number>();
  let points = 0;
  for (let seed = 1; points < POINTS; seed += 1) {
    const chance = new SeededChance(`killed parts ${seed}`);
    const { state, dealt } = await settle(`killed-${seed}`, async (installation, isOver) => {
      let blows = 0;
      while (blows < Math.min(POINTS_OF_ONE_DAY, POINTS - points)) {
        await wait(chance.below(LONGEST_PAUSE_MILLISECONDS));
        if (isOver()) break;
        const blow = chance.pick(BLOWS);
        await deal(installation, blow);
        counted.set(blow, (counted.get(blow) ?? 0) + 1);
        blows += 1;
      }
      return blows;
    });
    expect(state, `seed ${seed}`).toEqual(calm);
    expect(dealt, `seed ${seed} dealt nothing`).toBeGreaterThan(0);
    points += dealt;
  }
  console.log(`killed or cut: ${[...counted].map(([blow, times]) => `${blow} ${times}`).join(', ')}`);
});
