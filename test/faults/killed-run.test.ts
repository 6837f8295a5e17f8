import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgresFolderOf } from '../../scripts/local/postgres-folder.ts';
import { stopLeftovers } from '../../scripts/local/run-lock.ts';
import { endState, startRun, thirtyPayments } from '../support/local-run.ts';

/** Who is killed, and how long after the bridge is up: drawn once from a seed, so that a failure can be repeated. */
const SEED = 74;
const KILLS = 5;
const VICTIMS = ['run', 'bridge', 'chain', 'postgres'] as const;
const LATEST_MILLISECONDS = 6_000;
const SUMMARY = /^\{"quadrants".*\}$/m;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'specie-faults-'));
});
afterAll(async () => {
  for (const run of ['calm', 'killed'].map((name) => path.join(folder, name))) {
    await stopLeftovers(run);
    await rm(postgresFolderOf(run), { recursive: true, force: true });
  }
  await rm(folder, { recursive: true, force: true });
});

function drawKills(): readonly Readonly<{ victim: (typeof VICTIMS)[number]; afterMilliseconds: number }>[] {
  let state = SEED;
  const below = (limit: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  return Array.from({ length: KILLS }, () => ({
    victim: VICTIMS[below(VICTIMS.length)]!,
    afterMilliseconds: below(LATEST_MILLISECONDS),
  }));
}

function pidOf(runFolder: string, victim: (typeof VICTIMS)[number], run: number): number {
  if (victim === 'run') return run;
  if (victim === 'postgres') {
    return Number(readFileSync(path.join(postgresFolderOf(runFolder), 'postmaster.pid'), 'utf8').split('\n')[0]);
  }
  const { children } = JSON.parse(readFileSync(path.join(runFolder, 'run.json'), 'utf8')) as {
    children: Record<string, number>;
  };
  return children[victim]!;
}

test('a day that is killed five times ends as the undisturbed one', { timeout: 300_000 }, async () => {
  const file = path.join(folder, 'day.csv');
  await writeFile(file, thirtyPayments());
  const calm = path.join(folder, 'calm');
  const undisturbed = await startRun(calm, ['--once', '--json', '--file', file]).ended;
  expect(undisturbed.errors).toBe('');
  expect(undisturbed.code).toBe(0);

  const killed = path.join(folder, 'killed');
  let hit = 0;
  for (const { victim, afterMilliseconds } of drawKills()) {
    const run = startRun(killed, ['--once', '--file', file]);
    await run.line(/✔ Bridge/);
    const finished = await Promise.race([wait(afterMilliseconds, false), run.ended.then(() => true)]);
    if (finished) continue;
    process.kill(pidOf(killed, victim, run.process.pid!), 'SIGKILL');
    hit += 1;
    // Where a part was killed, the run says so and stops the others; where the run itself was, they end by themselves.
    const { code, errors } = await run.ended;
    if (victim !== 'run') {
      // Killed as it was about to end by itself, it may have ended well.
      expect([0, 1]).toContain(code);
      if (code === 1) expect(errors).not.toBe('');
    }
  }
  expect(hit).toBeGreaterThan(0);

  const resumed = await startRun(killed, ['--once', '--json', '--file', file]).ended;
  expect(resumed.errors).toBe('');
  expect(resumed.code).toBe(0);
  expect(endState(killed)).toEqual(endState(calm));
  const entries = (output: string) => JSON.parse(SUMMARY.exec(output)![0]).ledger;
  expect(entries(resumed.output)).toEqual(entries(undisturbed.output));

  const again = await startRun(killed, ['--once', '--json', '--file', file]).ended;
  expect(again.code).toBe(0);
  expect(JSON.parse(SUMMARY.exec(again.output)![0])).toEqual(JSON.parse(SUMMARY.exec(resumed.output)![0]));
  expect(existsSync(path.join(killed, 'run.json'))).toBe(false);
});
