import type { SimulationResult } from './simulation.ts';

const LINES = 40;

/** What someone needs to replay and to understand a seed that failed. */
export function explainFailure(result: SimulationResult): string {
  const { seed } = result;
  return `seed ${seed} failed; replay it with: npm run simulate -- --seed ${seed} --trace\n${explainViolations(result)}`;
}

/** The last steps, and what was found to be wrong after them. */
export function explainViolations({ violations, trace }: SimulationResult): string {
  return [...trace.last(LINES).map((line) => `    ${line}`), ...violations.map((violation) => `  ! ${violation}`)].join(
    '\n',
  );
}

/** Adds up what went wrong on purpose, by kind. */
export function addFaults(sums: Record<string, number>, { faults }: Pick<SimulationResult, 'faults'>): void {
  for (const [kind, times] of Object.entries(faults)) sums[kind] = (sums[kind] ?? 0) + times;
}

export function sortedByKind(sums: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(sums).sort(([left], [right]) => (left < right ? -1 : 1)));
}
