import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createPostgresBackend, Queue } from 'bullmq';
import { afterEach, describe, expect, test } from 'vitest';
import { createDoorbells, type Doorbells } from '../../../bridge/platform/doorbells.ts';
import { createLogger } from '../../../ledger-service/platform/logging.ts';
import { systemTimers } from '../../../ledger-service/platform/ports.ts';
import { eventually } from '../../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const BACKENDS = [
  { name: 'Postgres', redisUrl: undefined },
  ...(process.env.REDIS_URL ? [{ name: 'Redis', redisUrl: process.env.REDIS_URL }] : []),
];

let opened: { bells: Doorbells[]; database: TestDatabase } | undefined;
afterEach(async () => {
  for (const bells of opened?.bells ?? []) await bells.close();
  await opened?.database.drop();
  opened = undefined;
});

async function open(redisUrl: string | undefined): Promise<() => Doorbells> {
  const database = await createTestDatabase({ poolSize: 1 });
  opened = { bells: [], database };
  return () => {
    const bells = createDoorbells({
      databaseUrl: database.url,
      redisUrl,
      timers: systemTimers,
      logger: createLogger('silent'),
    });
    opened?.bells.push(bells);
    return bells;
  };
}

describe.each(BACKENDS)('doorbells on $name', ({ redisUrl }) => {
  test('a ring is answered, and many at once by one answer', async () => {
    const make = await open(redisUrl);
    let answered = 0;
    const bells = make();
    await bells.start({
      bell: async () => {
        answered += 1;
      },
    });
    await eventually(
      async () => answered,
      (count) => count > 0,
    );
    const before = answered;
    for (let ring = 0; ring < 100; ring += 1) bells.ring('bell');
    await eventually(
      async () => answered,
      (count) => count > before,
    );
    expect(answered - before).toBeLessThan(20);
  });

  test('one process rings, another answers', async () => {
    const make = await open(redisUrl);
    const ringing = make();
    const answering = make();
    let answered = 0;
    await answering.start({
      far: async () => {
        answered += 1;
      },
    });
    await ringing.start({});
    ringing.ring('far');
    await eventually(
      async () => answered,
      (count) => count > 0,
    );
  });

  test('an answer that fails does not silence the bell: the sweeper rings again', async () => {
    const make = await open(redisUrl);
    let asked = 0;
    const bells = make();
    await bells.start({
      broken: async () => {
        asked += 1;
        if (asked < 3) throw new Error('not this time');
      },
    });
    await eventually(
      async () => asked,
      (count) => count >= 3,
    );
  });

  test('a job whose worker is killed is taken up by another within ten seconds, and none is left behind', async () => {
    const make = await open(redisUrl);
    const databaseUrl = opened!.database.url;
    const program = path.resolve(import.meta.dirname, '../../support/hung-worker.ts');
    const parameters = [program, databaseUrl, 'abandoned', ...(redisUrl ? [redisUrl] : [])];
    const hung = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(hung.stdout, 'data');
    hung.kill('SIGKILL');
    await once(hung, 'exit');
    const killed = performance.now();
    let takenAfter = Number.POSITIVE_INFINITY;
    await make().start({
      abandoned: async () => {
        takenAfter = Math.min(takenAfter, performance.now() - killed);
      },
    });
    const name = new URL(databaseUrl).pathname.slice(1);
    const queue = redisUrl
      ? new Queue('abandoned', { connection: { url: redisUrl }, prefix: `{${name}-abandoned}` })
      : new Queue(
          'abandoned',
          { connection: { connectionString: databaseUrl, schema: 'bullmq' } } as never,
          createPostgresBackend as never,
        );
    try {
      // The killed worker's own job counts as active until its lock has run out.
      await eventually(
        async () => ({ left: await queue.getJobCountByTypes('active', 'wait'), takenAfter }),
        ({ left, takenAfter: taken }) => left === 0 && taken < Number.POSITIVE_INFINITY,
      );
    } finally {
      await queue.close();
    }
    expect(takenAfter).toBeLessThan(10_000);
    expect(performance.now() - killed).toBeLessThan(10_000);
  });

  test.runIf(redisUrl)('a job that somebody forged is a ring like any other: nobody reads its content', async () => {
    const make = await open(redisUrl);
    let answered = 0;
    await make().start({
      forged: async () => {
        answered += 1;
      },
    });
    const name = new URL(opened!.database.url).pathname.slice(1);
    const queue = new Queue('forged', { connection: { url: redisUrl ?? '' }, prefix: `{${name}-forged}` });
    await queue.add('pay', { payee: '0x00', amount: '1'.repeat(50), __proto__: { admin: true } });
    await eventually(
      async () => answered,
      (count) => count > 1,
    );
    await queue.close();
  });
});
