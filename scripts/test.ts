/**
 * Runs the tests, vitest's and the contracts' own, and ends with `N passed, N failed` alone on a line.
 *
 * Arguments are handed on to vitest: `npm test -- money` runs the files whose path contains «money», in either language.
 * FUZZ_RUNS and INVARIANT_RUNS say how often each property and invariant of the contracts is tried.
 * Exit code 0 only if at least one test ran and none failed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runSolidityTests, type SoliditySummary, solidityTestFiles } from './contracts/solidity-tests.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'specie-test-'));
const report = join(folder, 'vitest.json');
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const contractFiles = solidityTestFiles(filters);
const mayBeNone = filters.length > 0 && contractFiles.length > 0 ? ['--passWithNoTests'] : [];
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
// Whoever deploys finds its contracts compiled; a test that had to wait for that would take longer than it may.
if (filters.length === 0) {
  const compiler = fileURLToPath(new URL('contracts/compile.ts', import.meta.url));
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', compiler], { cwd: root, stdio: 'inherit' });
}
const vitest = spawn('vitest', ['run', ...reporters, ...mayBeNone, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
const ended = once(vitest, 'close');
// The contracts' tests keep one core busy and wait for nothing; the others mostly wait. They compile for themselves.
process.env.SPECIE_HARDHAT_FOLDER = './.specie/hardhat-tests';
const contracts =
  contractFiles.length > 0 ? runSolidityTests(contractFiles).catch((error: unknown) => error) : undefined;
const [status] = (await ended) as [number | null];
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
  failed = Math.max(summary.numFailedTests, status === 0 ? 0 : 1);
} catch {
  console.error('vitest wrote no report');
}
rmSync(folder, { recursive: true, force: true });
const tried = await contracts;
if (isSummary(tried)) {
  passed += tried.passed;
  // Contracts that do not compile, or hold no test, are a failure too.
  failed += tried.passed + tried.failed === 0 ? 1 : tried.failed;
  const { properties, fewestRuns, invariants, fewestCalls } = tried;
  console.log(
    `Contracts: ${properties} properties, each tried at least ${fewestRuns} times; ` +
      `${invariants} invariants, each held through at least ${fewestCalls} calls`,
  );
} else if (contracts) {
  console.error(tried);
  failed += 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(status === 0 && failed === 0 && passed > 0 ? 0 : 1);

function isSummary(outcome: unknown): outcome is SoliditySummary {
  return typeof outcome === 'object' && outcome !== null && 'fewestRuns' in outcome;
}
