import type { Statement, StatementFilter } from './held-client.ts';
import type { SeededChance } from './seeded-chance.ts';
import type { PlantedBug } from './simulation.ts';

export type Chance = SeededChance;

/** Says that a statement was done, without asking the server. */
export const answered: readonly unknown[] = [];

/** `change` alters the statement, or answers it without asking the server. */
export function withStatement(name: string, change: (statement: Statement, chance: Chance) => unknown): PlantedBug {
  return {
    name,
    filter:
      ({ chance }): StatementFilter =>
      (statement) =>
        change(statement, chance) as readonly unknown[] | undefined,
  };
}

/** Whether a statement does this to that table, whoever wrote its text. */
export function isOn({ text }: Statement, verb: 'insert' | 'update', table: string): boolean {
  const begin = verb === 'insert' ? 'insert into' : 'update';
  return new RegExp(`^\\s*${begin} "?(bridge|ledger)"?\\."?${table}"?[\\s(]`).test(text);
}

export function dropLock(statement: Statement): void {
  statement.text = statement.text.replace(/ for update( skip locked)?$/, '');
}

/** Changes rows that travel as one JSON parameter. */
export function changeJson(
  statement: Statement,
  table: string,
  change: (row: Record<string, unknown>) => Record<string, unknown>,
): void {
  const [json] = statement.parameters;
  if (!isOn(statement, 'update', table) || typeof json !== 'string' || !json.startsWith('[')) return;
  statement.parameters[0] = JSON.stringify((JSON.parse(json) as Record<string, unknown>[]).map(change));
}
