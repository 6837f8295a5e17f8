/** Runs the contracts' own tests, those written in Solidity. */
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type SoliditySummary = Readonly<{
  passed: number;
  failed: number;
  properties: number;
  /** Runs of the property that had the fewest. */
  fewestRuns: number;
  invariants: number;
  /** Calls of handlers, in all and of the invariant that had the fewest. */
  calls: number;
  fewestCalls: number;
}>;

type TestKind = Readonly<{ runs?: bigint; calls?: bigint }>;
type TestResult = Readonly<{ name: string; status: 'Success' | 'Failure' | 'Skipped'; kind: TestKind }>;
type SuiteResults = readonly Readonly<{ testResults: readonly TestResult[] }>[];

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Test files whose path contains one of the filters; all of them without a filter. */
export function solidityTestFiles(filters: readonly string[]): readonly string[] {
  const files = globSync('test/contracts/**/*.t.sol', { cwd: root }).sort();
  return filters.length === 0 ? files : files.filter((file) => filters.some((filter) => file.includes(filter)));
}

/**
 * Shape:   test files → what passed and failed, and how often each property and invariant was tried
 * Effects: compiles into Hardhat's folder; prints every test
 */
export async function runSolidityTests(files: readonly string[]): Promise<SoliditySummary> {
  const { default: hardhat } = await import('hardhat');
  type Outcome = Readonly<{ value?: { suiteResults: SuiteResults }; error?: { suiteResults: SuiteResults } }>;
  const result = (await hardhat.tasks.getTask(['test', 'solidity']).run({ testFiles: [...files] })) as Outcome;
  const { suiteResults } = (result.value ?? result.error)!;
  const results = suiteResults.flatMap(({ testResults }) => testResults);
  const kinds = results.map(({ kind }) => kind);
  const calls = kinds.filter((kind) => kind.calls !== undefined).map((kind) => Number(kind.calls));
  const runs = kinds
    .filter((kind) => kind.calls === undefined && kind.runs !== undefined)
    .map(({ runs }) => Number(runs));
  return {
    passed: results.filter(({ status }) => status === 'Success').length,
    failed: results.filter(({ status }) => status === 'Failure').length,
    properties: runs.length,
    fewestRuns: runs.length === 0 ? 0 : Math.min(...runs),
    invariants: calls.length,
    calls: calls.reduce((sum, one) => sum + one, 0),
    fewestCalls: calls.length === 0 ? 0 : Math.min(...calls),
  };
}
