/**
 * Runs the tests and ends with `N passed, N failed` alone on a line.
 *
 * Arguments are handed on to vitest: `npm test -- money` runs the files whose path contains «money».
 * Exit code 0 only if at least one test ran and none failed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'specie-test-'));
const report = join(folder, 'vitest.json');
const run = spawnSync(
  'vitest',
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' },
);
let passed = 0;
let failed = 1;
try {
  const summary = JSON.parse(readFileSync(report, 'utf8')) as {
    numPassedTests: number;
    numFailedTests: number;
    numFailedTestSuites: number;
  };
  passed = summary.numPassedTests;
  // A file that breaks before its first test counts as a failure too.
  failed = Math.max(summary.numFailedTests, run.status === 0 ? 0 : 1);
} catch {
  console.error('vitest wrote no report');
}
rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(run.status === 0 && failed === 0 && passed > 0 ? 0 : 1);
