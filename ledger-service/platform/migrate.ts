import { fileURLToPath } from 'node:url';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import { type Database, openDatabase } from './database.ts';

const LEDGER_MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

/**
 * Brings a database to the newest schema.
 *
 * Effects: runs every migration in `folder` that has not run, all in one database transaction; `table` remembers them,
 *          so each floor of the house keeps its own list.
 */
export async function migrateDatabase(
  database: Database,
  migrations: Readonly<{ folder: string; table: string }> = { folder: LEDGER_MIGRATIONS, table: 'ledger_migrations' },
): Promise<void> {
  await migrate(database.drizzle, { migrationsFolder: migrations.folder, migrationsTable: migrations.table });
}

/** Opens the database at `url`, brings the books to the newest schema, and closes it. */
export async function migrateLedger(url: string): Promise<void> {
  const database = openDatabase(url, { poolSize: 1 });
  try {
    await migrateDatabase(database);
  } finally {
    await database.close();
  }
}
