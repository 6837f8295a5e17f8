import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'csv-parse/sync';

const root = path.resolve(import.meta.dirname, '../..');

/** Thirty lines of the day that ships with Specie, in all quadrants, with the unusual ones among them. */
export function thirtyPayments(): string {
  const [header = '', ...lines] = readFileSync(path.join(root, 'scripts/day/default-day.csv'), 'utf8')
    .trim()
    .split('\n');
  const unusual = [33, 77, 120, 311, 612];
  const usual = Array.from({ length: 25 }, (_, index) => 1 + index * 39);
  const picked = [...new Set([...unusual, ...usual])].sort((left, right) => left - right);
  return `${[header, ...picked.map((index) => lines[index])].join('\n')}\n`;
}

export type LocalRun = Readonly<{
  process: ChildProcess;
  /** Resolves with the exit code and everything that was written to standard output. */
  ended: Promise<Readonly<{ code: number | null; output: string; errors: string }>>;
  /** Resolves at the first line of standard output that matches. */
  line(pattern: RegExp): Promise<string>;
}>;

/** `npm start` as a process, with its files in `folder`. */
export function startRun(folder: string, programArguments: readonly string[]): LocalRun {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', path.join(root, 'scripts/start.ts'), ...programArguments],
    { cwd: root, env: { ...process.env, SPECIE_FOLDER: folder }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let errors = '';
  const waiting = new Map<RegExp, (line: string) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    output += `${line}\n`;
    for (const [pattern, resolve] of waiting) {
      if (pattern.test(line)) resolve(line);
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString('utf8');
  });
  const ended = new Promise<Awaited<LocalRun['ended']>>((resolve) => {
    child.once('close', (code) => resolve({ code, output, errors }));
  });
  return {
    process: child,
    ended,
    line: (pattern) =>
      Promise.race([
        new Promise<string>((resolve) => waiting.set(pattern, resolve)),
        ended.then(({ output: all, errors: why }) => {
          throw new Error(`ended before ${pattern}:\n${all}\n${why}`);
        }),
      ]),
  };
}

/** What a day has come to, without what is different every time: identifiers and times. */
export function endState(folder: string): Readonly<Record<string, readonly unknown[]>> {
  const read = (name: string, volatile: readonly string[], key: string) => {
    const rows = parse(readFileSync(path.join(folder, 'out', name), 'utf8'), { bom: true, columns: true }) as Record<
      string,
      string
    >[];
    const kept = rows.map((row) =>
      Object.fromEntries(Object.entries(row).filter(([column]) => !volatile.includes(column))),
    );
    return kept.sort((left, right) => ((left[key] ?? '') < (right[key] ?? '') ? -1 : 1));
  };
  return {
    payments: read('payments.csv', ['payment_id', 'occurred_at_utc'], 'reference'),
    accounts: withoutNetting(read('accounts.csv', [], 'path')),
    merchantPayouts: read('merchant-payouts.csv', ['window_id'], 'merchantId'),
  };
}

/**
 * How much of what a merchant owes was netted when the day ended depends on which of its payments came first. What is
 * netted moves between its debt and the wallet's mirror alone, so that these two are compared as one balance.
 */
function withoutNetting(rows: readonly Readonly<Record<string, string>>[]): readonly unknown[] {
  const isNetted = ({ path: name = '' }: Readonly<Record<string, string>>) =>
    name === 'intermediary/chain' || /^merchant\/[^/]+\/receivable$/.test(name);
  const sums = new Map<string, bigint>();
  for (const { asset = '', postedDebits = '0', postedCredits = '0' } of rows.filter(isNetted)) {
    sums.set(asset, (sums.get(asset) ?? 0n) + BigInt(postedDebits) - BigInt(postedCredits));
  }
  const together = [...sums].sort().map(([asset, balance]) => ({ path: 'wallet and debts', asset, balance }));
  return [...rows.filter((row) => !isNetted(row)), ...together];
}
