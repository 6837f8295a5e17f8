/** The journal of a device in one SQLite file, with full sync: what is answered is on the disk. */
import { DatabaseSync } from 'node:sqlite';
import { coinFailure } from './failures.ts';
import type { ElementStore } from './store.ts';

/**
 * Effects: makes the file where there is none, and holds it for as long as it is open: a second process cannot spend
 *          the same coins
 * Errors:  thrown COIN_DEVICE_IN_USE when another process has it
 */
export function openSqliteStore(file: string): ElementStore {
  const database = new DatabaseSync(file);
  try {
    database.exec(`
      pragma locking_mode = exclusive;
      pragma journal_mode = delete;
      pragma synchronous = extra;
      pragma secure_delete = on;
      begin exclusive;
      create table if not exists journal (number integer primary key, entry text not null) strict;
      create table if not exists coins (one integer primary key check (one = 1), checkpoint text not null) strict;
      commit;
    `);
  } catch (error) {
    database.close();
    if (!/locked|busy/i.test(String(error))) throw error;
    throw coinFailure('COIN_DEVICE_IN_USE', `another process holds ${file}`);
  }
  const append = database.prepare('insert or replace into journal (number, entry) values (?, ?)');
  const save = database.prepare('insert or replace into coins (one, checkpoint) values (1, ?)');
  return {
    async load() {
      const rows = database.prepare('select number, entry from journal order by number').all() as {
        number: number;
        entry: string;
      }[];
      const gap = rows.findIndex(({ number }, index) => number !== index + 1);
      if (gap >= 0) throw coinFailure('COIN_JOURNAL_DAMAGED', `entry ${gap + 1} is missing`);
      const found = database.prepare('select checkpoint from coins').get() as { checkpoint: string } | undefined;
      return { checkpoint: found?.checkpoint, entries: rows.map(({ entry }) => entry) };
    },
    async append(number, entry) {
      append.run(number, entry);
    },
    async saveCheckpoint(checkpoint) {
      save.run(checkpoint);
    },
    async close() {
      database.close();
    },
  };
}
