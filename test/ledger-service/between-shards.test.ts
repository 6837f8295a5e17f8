import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clearingAccount,
  entriesBetweenShards,
  type MoveBetweenShards,
} from '../../ledger-service/journal/between-shards.ts';
import { readBalances } from '../../ledger-service/journal/operations/read-books.ts';
import { setNetDebitCap } from '../../ledger-service/journal/operations/set-net-debit-cap.ts';
import { createPostingEngine } from '../../ledger-service/journal/posting-engine.ts';
import { sealAll } from '../../ledger-service/statements/operations/seal-entries.ts';
import { verifyBooks } from '../../ledger-service/statements/operations/verify-books.ts';
import { AT } from '../support/entries.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const clock = { now: () => AT };
const ISSUER = 'issuer/alba/position';

/** Two shards, each in a database that knows nothing of the other. */
let databases: readonly [TestDatabase, TestDatabase];
beforeAll(async () => {
  databases = [await createTestDatabase(), await createTestDatabase()];
});
afterAll(async () => {
  for (const { drop } of databases) await drop();
});

const move = (name: string, minorUnits: bigint, from: 0 | 1): MoveBetweenShards => ({
  meaning: ['test', name],
  kind: 'shards.moved',
  subject: name,
  eventAt: AT,
  amount: { minorUnits, asset: 'EUR' },
  from: { shard: from, path: ISSUER },
  to: { shard: 1 - from, path: ISSUER },
});

/** What each shard says that it owes the other, together. */
async function onTheWay(): Promise<bigint> {
  let sum = 0n;
  for (const [shard, { database }] of databases.entries()) {
    for (const account of await readBalances(database, shard, clearingAccount(1 - shard))) {
      sum += account.postedCredits - account.postedDebits;
    }
  }
  return sum;
}

test('between shards: what leaves one arrives in the other, and meanwhile it is seen to be on its way', async () => {
  const engines = databases.map(({ database }) => createPostingEngine({ database, clock }));
  await setNetDebitCap(
    databases[0].database,
    { shard: 0, path: ISSUER },
    { minorUnits: 100n, asset: 'EUR' },
    { now: AT },
  );
  const { out, arrival } = entriesBetweenShards(move('one', 70n, 0));
  expect(await engines[0]!.post([out])).toMatchObject([{ outcome: 'posted' }]);
  expect(await onTheWay()).toBe(70n);
  // Whoever carries on after a fall posts both again.
  expect(await engines[0]!.post([out])).toMatchObject([{ outcome: 'replayed' }]);
  expect(await engines[1]!.post([arrival])).toMatchObject([{ outcome: 'posted' }]);
  expect(await engines[1]!.post([arrival])).toMatchObject([{ outcome: 'replayed' }]);
  expect(await onTheWay()).toBe(0n);
});

test('between shards: a refused move has left nothing in either', async () => {
  const engines = databases.map(({ database }) => createPostingEngine({ database, clock }));
  const { out } = entriesBetweenShards(move('too much', 31n, 0));
  expect(await engines[0]!.post([out])).toMatchObject([{ outcome: 'refused', code: 'INSUFFICIENT_AVAILABLE' }]);
  expect(await onTheWay()).toBe(0n);
});

test('between shards: moves both ways at once come to zero, and both chains fit', async () => {
  const engines = databases.map(({ database }) => createPostingEngine({ database, clock }));
  await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const from = (index % 2) as 0 | 1;
      const { out, arrival } = entriesBetweenShards(move(`both ways ${index}`, 1n, from));
      const [left] = await engines[from]!.post([out]);
      if (left!.outcome === 'posted') await engines[1 - from]!.post([arrival]);
    }),
  );
  expect(await onTheWay()).toBe(0n);
  for (const { database } of databases) {
    await sealAll(database, clock);
    expect(await verifyBooks(database)).toMatchObject({ misfits: [], unsealedEntries: 0 });
  }
});
