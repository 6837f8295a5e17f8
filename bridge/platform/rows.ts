import { getTableColumns, type InferInsertModel, inArray, type SQL, sql } from 'drizzle-orm';
import { getTableConfig, type PgColumn, type PgTable } from 'drizzle-orm/pg-core';
import type { DatabaseTransaction } from '../../ledger-service/platform/database.ts';

/**
 * Inserts many rows by a statement whose text is the same however many they are, so that the server plans it once for
 * each connection; a row that is there already is left as it is.
 *
 * Shape: every column is written as given, none by its default → the columns in `returning` of the rows that are new
 */
export async function insertRows<Table extends PgTable>(
  transaction: DatabaseTransaction,
  table: Table,
  rows: readonly InferInsertModel<Table>[],
  returning: readonly PgColumn[] = [],
): Promise<readonly Record<string, string | number>[]> {
  if (rows.length === 0) return [];
  const { name, schema } = getTableConfig(table);
  const columns = Object.entries(getTableColumns(table));
  const named = sql`${sql.identifier(schema ?? 'public')}.${sql.identifier(name)}`;
  const list = sql.join(
    columns.map(([, column]) => sql.identifier(column.name)),
    sql`, `,
  );
  const json = JSON.stringify(
    rows.map((row) =>
      Object.fromEntries(columns.map(([key, column]) => [column.name, plain((row as Record<string, unknown>)[key])])),
    ),
  );
  const back =
    returning.length === 0
      ? sql``
      : sql` returning ${sql.join(
          returning.map((column) => sql.identifier(column.name)),
          sql`, `,
        )}`;
  const inserted = await transaction.execute<Record<string, string | number>>(sql`
    insert into ${named} (${list})
    select ${list} from jsonb_populate_recordset(null::${named}, ${json}::jsonb)
    on conflict do nothing${back}`);
  return [...inserted];
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Date ? value.toISOString() : (value ?? null);
}

/** `column = any(…)` with the list as one parameter: the same text for any number of values. */
export function isOneOf(column: PgColumn, values: readonly string[]): SQL {
  // An empty list is nothing; the mapper's own form of that is plain `false`.
  if (values.length === 0) return inArray(column, []);
  return sql`${column} = any(${sqlArray(values)})`;
}

/** A list as one parameter. */
export function sqlArray(values: readonly string[]): SQL {
  return sql`${`{${values.map((value) => `"${value.replace(/(["\\])/g, '\\$1')}"`).join(',')}}`}::text[]`;
}
