/**
 * Runs one benchmark: `npm run bench -- ledger`. Names are the files of scripts/bench/.
 *
 * Shape: with `--json` the last line is {"cases":[{name, peer, peerValue, ours, ratio, unit}…]}; without it, a table
 */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printCases, type RunBenchmark } from './bench/report.ts';

const HELPERS = new Set(['report.ts', 'plain-ledger.ts']);
const folder = new URL('./bench/', import.meta.url);
const [name] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const names = readdirSync(fileURLToPath(folder))
  .filter((file) => file.endsWith('.ts') && !HELPERS.has(file))
  .map((file) => file.replace(/\.ts$/, ''));

if (name === undefined || !names.includes(name) || !existsSync(new URL(`${name}.ts`, folder))) {
  console.error(`Which benchmark? npm run bench -- <name> [--json], where <name> is one of: ${names.join(', ')}`);
  process.exit(2);
}
const { runBenchmark } = (await import(new URL(`${name}.ts`, folder).href)) as { runBenchmark: RunBenchmark };
printCases(await runBenchmark((line) => console.error(line)), process.argv.includes('--json'));
