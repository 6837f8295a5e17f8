/** Runs every check in turn and says how long each took; exit code 1 when one fails. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

type Check = Readonly<{ name: string; command: readonly string[]; needs?: string }>;

const checks: readonly Check[] = [
  { name: 'types', command: ['tsc', '--noEmit', '-p', '.'] },
  { name: 'biome', command: ['biome', 'ci', '.'] },
  {
    name: 'Solidity formatting',
    command: ['prettier', '--check', '{contracts,test/contracts}/**/*.sol'],
    needs: 'contracts',
  },
  { name: 'house', command: ['node', 'scripts/check-house.ts'] },
  { name: 'error page', command: ['node', 'scripts/write-error-page.ts', '--check'] },
  { name: 'bindings', command: ['node', 'scripts/bindings.ts', '--check'], needs: 'scripts/bindings.ts' },
  { name: 'gas snapshots', command: ['node', 'scripts/gas.ts', '--check'], needs: 'scripts/gas.ts' },
];

let failed = 0;
for (const { name, command, needs } of checks) {
  if (needs && !existsSync(join(root, needs))) continue;
  const started = performance.now();
  const [program, ...programArguments] = command;
  const run = spawnSync(program!, programArguments, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const passed = run.status === 0;
  console.log(`${passed ? '✔' : '✖'} ${name.padEnd(22)} ${seconds.padStart(6)} s`);
  if (!passed) {
    failed += 1;
    console.log(`${run.stdout ?? ''}${run.stderr ?? ''}${run.error?.message ?? ''}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
