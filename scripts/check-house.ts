/**
 * The rules of the house as a program: who may import whom, and which words stand only in platform folders.
 *
 * Effects: prints every breach with its file and line; exit code 1 when there is one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Breach = Readonly<{ file: string; line: number; rule: string; text: string }>;

const root = fileURLToPath(new URL('..', import.meta.url));

/** The rooms of bridge/core, in the order in which they may see each other: a room sees only those before it. */
const CORE_ROOMS = [
  'participants',
  'instruments',
  'controls',
  'messages',
  'quotes',
  'fees',
  'authorization',
  'payments',
  'clearing',
  'settlement',
  'payouts',
  'deposits',
  'disputes',
  'reconciliation',
];
/** The storeys of the bridge, lowest first. */
const BRIDGE_STOREYS = ['schema', 'platform', 'chain', 'core', 'coins', 'tabs', 'systems', 'web', 'main'];
const LEDGER_STOREYS = [
  'vocabulary',
  'schema',
  'platform',
  'journal',
  'statements',
  'reconciliation',
  'http',
  'main.ts',
];
const TOP_LEVEL = new Set([
  '.ci',
  '.gitignore',
  '.npmrc',
  '.prettierrc.json',
  'LICENSE',
  'README.md',
  'biome.json',
  'bridge',
  'contracts',
  'docs',
  'hardhat.config.ts',
  'ledger-service',
  'package-lock.json',
  'package.json',
  'scripts',
  'snapshots',
  'test',
  'tsconfig.json',
  'vitest.config.ts',
]);

/** Time, identifiers and chance are ports; a simulation must be able to hold them all. */
const PORT_WORDS: readonly [RegExp, string][] = [
  [/\bDate\.now\b|\bnew Date\(\)/, 'the clock is a port: take it from dependencies'],
  [/\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/, 'chance is a port: take it from dependencies'],
  [/\bsetTimeout\b|\bsetInterval\b/, 'waiting is a port: take timers from dependencies'],
  [/(?<![.\w])fetch\(/, 'the network is a port: only platform folders fetch'],
  [/\bprocess\.env\b/, 'only platform/configuration reads the environment'],
];
const SQL_WORDS = /(?<![.\w])now\(\)(?!:)|\b(?:clock_timestamp\(\)|gen_random_uuid|nextval\(|sql\.raw\()/;
const COERCED_MONEY = /z\.coerce\.(?:bigint|number)/;

function storey(path: string, storeys: readonly string[]): number {
  return storeys.indexOf(path.split('/')[1] ?? '');
}

/** Which rule an import from `importer` to `imported` breaks, if any. Both are paths below the root. */
export function brokenImportRule(importer: string, imported: string): string | undefined {
  const [from] = importer.split('/');
  const [to] = imported.split('/');
  if (from === 'scripts' || from === 'test') return undefined;
  if (to === 'scripts' || to === 'test') return `nothing below imports ${to}/`;
  if (from === 'ledger-service' && to === 'bridge') return 'ledger-service never imports bridge';
  if (imported.startsWith('bridge/main/') && !importer.startsWith('bridge/main/'))
    return 'only scripts and test import main/';
  if (imported === 'ledger-service/main.ts') return 'only scripts and test import main';
  if (from === 'ledger-service' && to === 'ledger-service') {
    if (storey(imported, LEDGER_STOREYS) > storey(importer, LEDGER_STOREYS)) return 'imports look down only';
  }
  if (from === 'bridge' && to === 'bridge') return brokenBridgeRule(importer, imported);
  return undefined;
}

function brokenBridgeRule(importer: string, imported: string): string | undefined {
  if (storey(imported, BRIDGE_STOREYS) > storey(importer, BRIDGE_STOREYS)) return 'imports look down only';
  const [, fromStorey, fromRoom] = importer.split('/');
  const [, toStorey, toRoom, ...shelf] = imported.split('/');
  if (fromStorey !== 'core' || toStorey !== 'core' || fromRoom === toRoom) return undefined;
  if (CORE_ROOMS.indexOf(toRoom ?? '') > CORE_ROOMS.indexOf(fromRoom ?? ''))
    return `${fromRoom} does not see ${toRoom}`;
  if (/^store\b/.test(shelf.join('/'))) return `the store of ${toRoom} is private to it`;
  return undefined;
}

/** Which words of one line may not stand in this file. */
export function forbiddenWord(file: string, line: string): string | undefined {
  if (!/^(ledger-service|bridge)\//.test(file)) return undefined;
  if (SQL_WORDS.test(line)) return 'time, identifiers and SQL text are parameters, never made in SQL';
  if (COERCED_MONEY.test(line)) return 'numbers are read by pattern, never coerced';
  if (/\/platform\/|^bridge\/web\//.test(file)) return undefined;
  return PORT_WORDS.find(([pattern]) => pattern.test(line))?.[1];
}

function withoutComments(line: string): string {
  return line.replace(/^\s*(?:\*|\/\*|\/\/).*$/, '').replace(/\s\/\/\s.*$/, '');
}

function inspect(file: string): Breach[] {
  const breaches: Breach[] = [];
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  for (const [index, original] of lines.entries()) {
    const line = withoutComments(original);
    const report = (rule: string) => breaches.push({ file, line: index + 1, rule, text: original.trim() });
    const specifier = /(?:from|import\()\s*'(\.[^']+)'/.exec(line)?.[1];
    if (specifier) {
      const rule = brokenImportRule(file, relative(root, resolve(root, dirname(file), specifier)));
      if (rule) report(rule);
    }
    const word = forbiddenWord(file, line);
    if (word) report(word);
  }
  return breaches;
}

/** Every breach in the files git knows of, new ones included. */
export function inspectHouse(): Breach[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  const files = listed.split('\n').filter((file) => file !== '' && existsSync(join(root, file)));
  const strangers = [...new Set(files.map((file) => file.split('/')[0]!))].filter((name) => !TOP_LEVEL.has(name));
  return [
    ...strangers.map((name) => ({ file: name, line: 1, rule: 'the top level has its fixed rooms', text: name })),
    ...files.filter((file) => file.endsWith('.ts') || file.endsWith('.tsx')).flatMap(inspect),
  ];
}

if (import.meta.main) {
  const breaches = inspectHouse();
  for (const breach of breaches) console.error(`${breach.file}:${breach.line}  ${breach.rule}\n    ${breach.text}`);
  console.log(breaches.length === 0 ? 'check-house: every rule holds' : `check-house: ${breaches.length} broken rules`);
  process.exit(breaches.length === 0 ? 0 : 1);
}
