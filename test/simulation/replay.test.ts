import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/simulate.ts', import.meta.url));
const run = (...words: string[]) => promisify(execFile)(process.execPath, [SCRIPT, ...words]);

test('simulate: the same seed is the same trace, in the same process and in another one', {
  timeout: 240_000,
}, async () => {
  const { stdout } = await run('--seeds', '1..3', '--twice', '--json');
  const lines = stdout.trim().split('\n');
  const seeds = lines.slice(0, -1).map((line) => JSON.parse(line) as { verdict: string; digest: string });
  expect(seeds.map(({ verdict }) => verdict)).toEqual(['holds', 'holds', 'holds']);
  expect(new Set(seeds.map(({ digest }) => digest)).size).toBe(3);
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ seeds: 3, failed: 0, differing: 0 });
});

test('simulate: refuses what is no seed, before anything is started', async () => {
  await expect(run('--seeds', '9..1')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('9..1 is no range such as 1..20'),
  });
});
