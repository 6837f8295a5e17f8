import { describe, expect, test } from 'vitest';
import { createAdmission } from '../../../bridge/platform/admission.ts';
import { createOuterApp } from '../../../ledger-service/platform/http/room.ts';
import { createLogger } from '../../../ledger-service/platform/logging.ts';
import { createIdentifierSource, systemChance } from '../../../ledger-service/platform/ports.ts';

type Waiting = (() => void)[];

/** An app whose requests end when they are let go of, on a clock that is set. */
function openApp(atOnce: number) {
  const clock = { time: 1_000_000, now: () => new Date(clock.time) };
  const waiting: Waiting = [];
  let shed = 0;
  const identifiers = createIdentifierSource(clock, systemChance);
  const room = createOuterApp({ identifiers, logger: createLogger('silent') });
  room.use(
    createAdmission({
      atOnce,
      machineClock: clock,
      shed: () => {
        shed += 1;
      },
      underWay: () => {},
    }),
  );
  room.all('*', async (context) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return context.json({ ok: true });
  });
  const ask = (path: string) => Promise.resolve(room.request(path, { method: 'POST' }));
  return { clock, waiting, ask, shed: () => shed };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('admission', () => {
  test('lets a burst in after silence, and refuses the rest with the seconds to wait', async () => {
    const { ask, waiting, shed } = openApp(512);
    const answers = Array.from({ length: 120 }, () => ask('/v1/payments'));
    await turn();
    expect(waiting).toHaveLength(96);
    expect(shed()).toBe(24);
    const refused = await answers[119]!;
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toMatchObject({ code: 'OVERLOADED', retryable: true });
    for (const end of waiting) end();
    expect((await answers[0]!).status).toBe(200);
  });

  test('keeps room for what finishes a promise', async () => {
    const { ask, waiting } = openApp(512);
    for (let index = 0; index < 100; index += 1) void ask('/v1/payments');
    for (let index = 0; index < 40; index += 1) void ask('/v1/payments/pay_1/captures');
    await turn();
    expect(waiting).toHaveLength(128);
  });

  test('lets in as many as it answers in a second, and never more than it may', async () => {
    const { ask, waiting, clock } = openApp(512);
    for (let index = 0; index < 4_000; index += 1) {
      void ask('/v1/payments');
      await Promise.resolve();
      waiting.shift()?.();
      if (index % 50 === 0) await turn();
    }
    await turn();
    for (const end of waiting.splice(0)) end();
    await turn();
    clock.time += 1_000;
    for (let index = 0; index < 1_000; index += 1) void ask('/v1/payments');
    await turn();
    expect(waiting.length).toBe(384);
  });
});
