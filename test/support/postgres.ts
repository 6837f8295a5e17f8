import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../ledger-service/platform/database.ts';

export type TestDatabase = Readonly<{ url: string; database: Database; drop(): Promise<void> }>;

/** A fresh database with every migration in it, copied from the run's template; drop it when the file is done. */
export async function createTestDatabase(options: { poolSize?: number } = {}): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asAdministrator(serverUrl, `create database ${name} template ${inject('postgresTemplate')}`);
  const url = `${serverUrl}/${name}`;
  const database = openDatabase(url, { poolSize: options.poolSize ?? 8 });
  return {
    url,
    database,
    drop: async () => {
      await database.close();
      await asAdministrator(serverUrl, `drop database ${name} with (force)`);
    },
  };
}

async function asAdministrator(serverUrl: string, statement: string): Promise<void> {
  const client = postgres(`${serverUrl}/postgres`, { max: 1, onnotice: () => {} });
  try {
    await client.unsafe(statement);
  } finally {
    await client.end();
  }
}
