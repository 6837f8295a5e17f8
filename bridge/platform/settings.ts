import { and, eq } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../ledger-service/platform/database.ts';
import { settings } from '../schema/platform.ts';

type Reader = Database['drizzle'] | DatabaseTransaction;

/** A small fact of the whole run, as it was written, or undefined. */
export async function readSetting(reader: Reader, name: string): Promise<unknown> {
  const rows = await reader
    .select({ value: settings.value })
    .from(settings)
    .where(and(eq(settings.shard, 0), eq(settings.name, name)));
  return rows[0]?.value;
}

export async function writeSetting(writer: Reader, name: string, value: unknown): Promise<void> {
  await writer
    .insert(settings)
    .values({ shard: 0, name, value })
    .onConflictDoUpdate({ target: [settings.shard, settings.name], set: { value } });
}
