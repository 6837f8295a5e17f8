import { asUnavailability, type Database, executeIn, inDatabaseTransaction } from '../../platform/database.ts';
import type { Logger } from '../../platform/logging.ts';
import type { Clock, Timers } from '../../vocabulary/time.ts';
import { FIRST_LINK, sealHash } from '../domain.ts';
import { rowsOf } from '../store.ts';

/** A seal closes when it lists so many entries; fewer are sealed when the next round comes. */
const ENTRIES_IN_A_SEAL = 1_000;
const SEAL_EVERY_MILLISECONDS = 5_000;

const TAKE = `
  with counted as (
    select unsealed_id, sum(cardinality(entry_ids) + 1) over (order by unsealed_id) as entries,
      row_number() over (order by unsealed_id) as place
    from (select * from ledger.unsealed where shard = $1::smallint order by unsealed_id limit ${ENTRIES_IN_A_SEAL}) as u)
  delete from ledger.unsealed u using counted c
  where u.shard = $1::smallint and u.unsealed_id = c.unsealed_id
    and (c.place = 1 or c.entries <= ${2 * ENTRIES_IN_A_SEAL})
  returning u.entry_ids, u.terms`;

const LAST = `
  select seal_number, hash from ledger.seals where shard = $1::smallint order by seal_number desc limit 1`;

const INSERT = `
  insert into ledger.seals (shard, seal_number, sealed_at, hash, entry_ids, terms)
  values ($1::smallint, $2::bigint, $3::timestamptz, decode($4, 'hex'), $5::uuid[], $6::integer[])
  returning sealed_at`;

/**
 * Seals what waits in one shard, as far as one seal takes it.
 *
 * Shape:   → how many entries and terms it listed; 0 when nothing waited
 * Effects: one seal, in one database transaction; whoever posts meanwhile waits for nothing
 */
export async function sealOnce(database: Database, shard: number, now: Date): Promise<number> {
  return inDatabaseTransaction(database, async (transaction) => {
    const execute = executeIn(transaction);
    const [taken, [last], [moment]] = await Promise.all([
      execute(TAKE, [shard]),
      execute(LAST, [shard]),
      // As the column will give it back.
      execute('select $1::timestamptz', [now.toISOString()]),
    ]);
    if (taken.length === 0) return 0;
    const list = {
      entryIds: taken.flatMap(([entryIds]) => entryIds as string[]),
      terms: taken.flatMap(([, terms]) => terms as number[]),
    };
    const [rows] = await rowsOf(execute, shard, [list]);
    const sealNumber = last ? BigInt(last[0] as string) + 1n : 1n;
    const hash = sealHash(last ? (last[1] as Buffer) : FIRST_LINK, {
      shard,
      sealNumber,
      sealedAt: moment![0] as string,
      ...rows!,
    });
    await execute(INSERT, [
      shard,
      sealNumber.toString(),
      now.toISOString(),
      hash.toString('hex'),
      `{${list.entryIds.join(',')}}`,
      `{${list.terms.join(',')}}`,
    ]);
    return list.entryIds.length + list.terms.length / 2;
  });
}

/** Seals everything that waits, in every shard. Shape: → how many entries and terms were sealed. */
export async function sealAll(database: Database, clock: Clock): Promise<number> {
  let sealed = 0;
  const shards = await database.client.unsafe('select shard from ledger.shards order by shard').values();
  for (const [shard] of shards) {
    for (;;) {
      const listed = await sealOnce(database, shard as number, clock.now());
      if (listed === 0) break;
      sealed += listed;
    }
  }
  return sealed;
}

/**
 * Seals every five seconds until it is told to stop.
 *
 * Effects: one sealer at a time per shard makes headway; of two, one's number is taken and it goes on in its next round
 */
export async function keepSealing(
  dependencies: Readonly<{ database: Database; clock: Clock; timers: Timers; logger: Logger }>,
  signal: AbortSignal,
): Promise<void> {
  const { database, clock, timers, logger } = dependencies;
  while (!signal.aborted) {
    try {
      await sealAll(database, clock);
    } catch (error) {
      logger.warn({ event: 'sealing.failed', err: asUnavailability(error) });
    }
    await timers.wait(SEAL_EVERY_MILLISECONDS, signal).catch(() => {});
  }
}
