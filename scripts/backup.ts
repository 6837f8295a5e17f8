/**
 * Writes and restores backups of the books: `specie backup <file>`, `specie restore <file>`.
 *
 * The embedded Postgres ships neither pg_dump nor pg_basebackup, so a backup is every row of every table of ours, read in
 * one snapshot while everything goes on, gzipped, with a digest at its end. The queue is not in it: it holds nothing.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, renameSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import postgres from 'postgres';
import { RESTORATION } from '../bridge/core/payouts/restoration.ts';
import { migrateAll } from '../bridge/main/wiring.ts';
import { SettlementError } from '../ledger-service/vocabulary/errors.ts';

const FORMAT = 'specie-backup-1';
const SCHEMAS = ['ledger', 'bridge', 'issuer_host'];

export type BackupSummary = Readonly<{ takenAt: string; tables: number; rows: number; digest: string }>;
type Header = Readonly<{ format: string; takenAt: string; migrations: readonly string[] }>;

/**
 * Writes all books to a file, as of one moment; whoever pays meanwhile is not held up.
 *
 * Effects: the file appears under its name when it is whole
 */
export async function writeBackup(databaseUrl: string, file: string, now: Date): Promise<BackupSummary> {
  const client = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    return await client.begin('isolation level repeatable read read only', async (snapshot) => {
      const digest = createHash('sha256');
      const out = new PassThrough();
      const written = pipeline(out, createGzip({ level: 6 }), createWriteStream(`${file}.part`, { mode: 0o600 }));
      const write = async (line: string) => {
        digest.update(`${line}\n`);
        if (!out.write(`${line}\n`)) await new Promise((resolve) => out.once('drain', resolve));
      };
      const takenAt = now.toISOString();
      const header: Header = { format: FORMAT, takenAt, migrations: await migrationsOf(snapshot) };
      await write(JSON.stringify(header));
      const tables = await tablesOf(snapshot);
      let rows = 0;
      for (const table of tables) {
        await write(JSON.stringify({ table }));
        const read = snapshot.unsafe(`select row_to_json(t)::text as row from ${table} t`).cursor(1_000);
        for await (const page of read) {
          for (const { row } of page) {
            // Readers of lines take these two for ends of lines; within JSON they may be written so.
            await write(String(row).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029'));
          }
          rows += page.length;
        }
      }
      const summary = { takenAt, tables: tables.length, rows, digest: digest.digest('hex') };
      out.end(`${JSON.stringify({ end: true, rows, digest: summary.digest })}\n`);
      await written;
      renameSync(`${file}.part`, file);
      return summary;
    });
  } finally {
    await client.end();
  }
}

/**
 * Brings a backup into an empty database, all of it or nothing, and marks the books as older than the chain may be: their
 * workers look the chain up before the wallet pays anything.
 *
 * Errors: thrown CONFIGURATION_INVALID for a database that is not empty, a backup of another version, or one that is cut
 *         or was changed
 */
export async function restoreBackup(databaseUrl: string, file: string): Promise<BackupSummary> {
  await requireEmpty(databaseUrl);
  await migrateAll(databaseUrl);
  const client = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    return await client.begin(async (transaction) => {
      const digest = createHash('sha256');
      let header: Header | undefined;
      let table = '';
      let tables = 0;
      let rows = 0;
      let end: Readonly<{ rows: number; digest: string }> | undefined;
      let batch: string[] = [];
      const flush = async () => {
        if (batch.length === 0) return;
        await transaction.unsafe(
          `insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1::text::jsonb)`,
          [`[${batch.join(',')}]`],
        );
        batch = [];
      };
      const known = new Set(await tablesOf(transaction));
      for await (const line of createInterface({ input: Readable.from(createReadStream(file).pipe(createGunzip())) })) {
        if (end) throw refused('the backup goes on after its end');
        if (line.startsWith('{"end":true')) {
          await flush();
          end = JSON.parse(line);
          continue;
        }
        digest.update(`${line}\n`);
        if (!header) {
          header = JSON.parse(line) as Header;
          await requireSameVersion(transaction, header);
        } else if (line.startsWith('{"table":"') && known.has((JSON.parse(line) as { table: string }).table)) {
          await flush();
          ({ table } = JSON.parse(line));
          tables += 1;
        } else {
          batch.push(line);
          rows += 1;
          if (batch.length >= 500) await flush();
        }
      }
      const found = digest.digest('hex');
      if (!header || !end || end.rows !== rows || end.digest !== found)
        throw refused('the backup is cut or was changed');
      await transaction.unsafe(
        `insert into bridge.settings (shard, name, value)
         select 0, $1, jsonb_build_object('newestEventAt', coalesce(max(recorded_at), 'epoch')) from bridge.outbox
         on conflict (shard, name) do update set value = excluded.value`,
        [RESTORATION],
      );
      return { takenAt: header.takenAt, tables, rows, digest: found };
    });
  } finally {
    await client.end();
  }
}

/** Ends a restoration: from the next start of the workers on, payouts are matched with nothing any more. */
export async function finishRestoration(databaseUrl: string): Promise<boolean> {
  const client = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const gone = await client.unsafe('delete from bridge.settings where name = $1 returning name', [RESTORATION]);
    return gone.length > 0;
  } finally {
    await client.end();
  }
}

/** Every table of ours, each after those that it refers to. */
async function tablesOf(client: postgres.Sql | postgres.TransactionSql): Promise<string[]> {
  const tables = await client.unsafe(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = any($1) order by 1`,
    [SCHEMAS],
  );
  const references = await client.unsafe(
    `select conrelid::regclass::text as child, confrelid::regclass::text as parent from pg_constraint
     where contype = 'f' and conrelid <> confrelid`,
  );
  const ordered: string[] = [];
  const place = (name: string) => {
    if (ordered.includes(name)) return;
    for (const { child, parent } of references) if (child === name) place(String(parent));
    ordered.push(name);
  };
  for (const { name } of tables) place(String(name));
  return ordered;
}

async function migrationsOf(client: postgres.Sql | postgres.TransactionSql): Promise<string[]> {
  const rows = await client.unsafe(`select hash from drizzle.ledger_migrations union all
    select hash from drizzle.bridge_migrations order by 1`);
  return rows.map(({ hash }) => String(hash));
}

async function requireEmpty(databaseUrl: string): Promise<void> {
  const client = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    for (const table of await tablesOf(client)) {
      const [row] = await client.unsafe(`select exists (select from ${table}) as filled`);
      if (row?.filled) throw refused(`${table} holds rows: a backup is restored into an empty database`);
    }
  } finally {
    await client.end();
  }
}

async function requireSameVersion(client: postgres.TransactionSql, header: Header): Promise<void> {
  if (header.format !== FORMAT) throw refused('this is no backup of Specie');
  const here = await migrationsOf(client);
  if (JSON.stringify(here) === JSON.stringify(header.migrations)) return;
  throw refused('the backup was written by another version: restore with that one, then update');
}

function refused(message: string): SettlementError {
  return new SettlementError('CONFIGURATION_INVALID', message, { param: 'backup' });
}
