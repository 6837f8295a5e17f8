import { expect, test } from 'vitest';
import { createGatherer } from '../../../ledger-service/platform/gatherer.ts';

/** Batches as they were begun; each ends when the test says so. */
function gatherInHand(options: { largestBatch?: number; isOneCommandsFault?: boolean } = {}) {
  const batches: number[][] = [];
  const ends: (() => void)[] = [];
  const gatherer = createGatherer<number, string>({
    largestBatch: options.largestBatch ?? 100,
    concurrentBatches: 1,
    isOneCommandsFault: () => options.isOneCommandsFault ?? false,
    work: async (commands) => {
      batches.push([...commands]);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (commands.includes(13)) throw new Error('thirteen');
      return commands.map((command) => `done ${command}`);
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const endNext = async () => {
    while (ends.length === 0) await turn();
    ends.shift()!();
    await turn();
    await turn();
  };
  return { gatherer, batches, endNext, turn };
}

test('gatherer: what comes when nothing is under way goes off at once, what comes meanwhile goes together', async () => {
  const { gatherer, batches, endNext, turn } = gatherInHand();
  const first = gatherer.add(1);
  await turn();
  expect(batches).toEqual([[1]]);
  const others = [gatherer.add(2), gatherer.add(3)];
  await turn();
  expect(batches).toEqual([[1]]);
  await endNext();
  expect(await first).toBe('done 1');
  expect(batches).toEqual([[1], [2, 3]]);
  await endNext();
  expect(await Promise.all(others)).toEqual(['done 2', 'done 3']);
  await gatherer.idle();
});

test('gatherer: callers that are answered together and ask again go together', async () => {
  const { gatherer, batches, endNext } = gatherInHand();
  const askTwice = async (caller: number) => {
    await gatherer.add(caller);
    await gatherer.add(caller + 20);
  };
  const callers = Promise.all([1, 2, 3].map(askTwice));
  await endNext();
  await endNext();
  await callers;
  expect(batches).toEqual([
    [1, 2, 3],
    [21, 22, 23],
  ]);
});

test('gatherer: a batch is no larger than it may be', async () => {
  const { gatherer, batches, endNext } = gatherInHand({ largestBatch: 2 });
  const all = Promise.all([1, 2, 3, 4, 5].map((command) => gatherer.add(command)));
  for (let batch = 0; batch < 3; batch += 1) await endNext();
  expect(await all).toHaveLength(5);
  expect(batches).toEqual([[1, 2], [3, 4], [5]]);
});

test('gatherer: a fault of one command is told to its caller alone', async () => {
  const { gatherer, endNext } = gatherInHand({ isOneCommandsFault: true });
  const all = Promise.allSettled([12, 13, 14].map((command) => gatherer.add(command)));
  for (let batch = 0; batch < 4; batch += 1) await endNext();
  expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('gatherer: a fault of the whole is told to all', async () => {
  const { gatherer, endNext } = gatherInHand();
  const all = Promise.allSettled([12, 13, 14].map((command) => gatherer.add(command)));
  await endNext();
  expect((await all).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});
