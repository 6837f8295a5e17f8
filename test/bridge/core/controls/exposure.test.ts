import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Marks } from '../../../../bridge/core/controls/exposure/domain.ts';
import {
  type ExposureClaim,
  lowerExposure,
  openExposure,
  raiseExposure,
  setCounterpartyLimit,
  setExposureLimit,
  setKillSwitch,
} from '../../../../bridge/core/controls/exposure/operations.ts';
import { readExposures, watchExposure } from '../../../../bridge/core/controls/exposure/watch.ts';
import { listOperatorActions } from '../../../../bridge/core/controls/operator-actions.ts';
import { subscriptions } from '../../../../bridge/main/subscriptions.ts';
import { createMetrics } from '../../../../bridge/platform/metrics.ts';
import { Outbox } from '../../../../bridge/platform/outbox.ts';
import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { createLogger } from '../../../../ledger-service/platform/logging.ts';
import { createIdentifierSource, systemChance, systemClock } from '../../../../ledger-service/platform/ports.ts';
import { AssetRegistry } from '../../../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import { entryNamed } from '../../../support/entries.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres.ts';
import { TOKEN, workedExample } from '../../../support/worked-example.ts';

const OTHER = 'eip155:31337/slip44:60';
const logger = createLogger('silent');
let books: TestDatabase;
let names = 0;
let prices: Record<string, bigint>;
const marks: Marks = {
  currency: 'USD',
  // A dollar for each million units, unless the test says otherwise.
  markOf: async (asset) => ({ from: asset, to: 'USD', numerator: prices[asset] ?? 100n, denominator: 1_000_000n }),
};

beforeAll(async () => {
  books = await createTestDatabase({ poolSize: 16 });
});
beforeEach(async () => {
  prices = {};
  const tables = await books.database.drizzle.execute<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('ledger', 'bridge')",
  );
  await books.database.drizzle.execute(`truncate ${[...tables].map(({ name }) => name).join(', ')}`);
});
afterAll(async () => {
  await books?.drop();
});

const controls = () => ({
  database: books.database,
  clock: systemClock,
  identifiers: createIdentifierSource(systemClock, systemChance),
  assets: new AssetRegistry([
    { code: TOKEN, kind: 'token', symbol: 'USDL', scale: 6 },
    { code: OTHER, kind: 'coin', symbol: 'ETH', scale: 18 },
  ]),
});

const watching = () => ({
  ...controls(),
  marks,
  logger,
  metrics: createMetrics(),
  outbox: new Outbox({
    database: books.database,
    clock: systemClock,
    machineClock: systemClock,
    ring: () => {},
    logger,
    subscriptions,
  }),
});

async function claim(subject: string, minorUnits: bigint, asset = TOKEN, counterparty = 'ana'): Promise<ExposureClaim> {
  return { subject, counterparty, atRisk: { minorUnits, asset }, mark: await marks.markOf(asset) };
}

async function raise(...claims: readonly ExposureClaim[]): Promise<string> {
  return inDatabaseTransaction(books.database, (transaction) => raiseExposure(transaction, 0, claims)).then(
    () => 'taken',
    (error: unknown) => {
      if (error instanceof SettlementError) return error.code;
      throw error;
    },
  );
}

const lower = (subject: string, amount?: bigint) =>
  inDatabaseTransaction(books.database, (transaction) =>
    lowerExposure(transaction, 0, [{ subject, ...(amount === undefined ? {} : { amount }) }]),
  );

async function stock(amount: bigint, asset = TOKEN): Promise<void> {
  names += 1;
  const leg = { debit: 'intermediary/chain', credit: 'intermediary/treasury', amount, asset };
  await inDatabaseTransaction(books.database, (transaction) =>
    postEntries(transaction, [entryNamed(`stock-${names}`, [leg])], { now: systemClock.now() }),
  );
}

async function exposureOf(asset = TOKEN): Promise<string> {
  const { standings } = await readExposures(watching());
  return String(standings.find(({ row }) => row.asset === asset)?.exposure);
}

const once = (operation: string, request: unknown, idempotencyKey = operation) => ({
  shard: 0,
  callerId: 'treasurer',
  idempotencyKey,
  operation,
  request,
});

describe('the worked example of docs/exposure.md', () => {
  test('is what the books and the exposures say at every step', async () => {
    await stock(600_000_000_000n);
    await openExposure(books.database, { shard: 0, asset: TOKEN, maximum: 100_000_000n });
    expect(await exposureOf()).toBe('60000000');
    const steps: string[] = [];
    const say = async (step: string) => steps.push(`${step}: ${await exposureOf()}`);
    const post = (entries: ReturnType<typeof workedExample>) =>
      inDatabaseTransaction(books.database, (transaction) =>
        postEntries(transaction, entries, { now: systemClock.now() }),
      );
    for (const quadrant of ['fiatToFiat', 'cryptoToCrypto'] as const) await post(workedExample(quadrant));
    await say('FF and CC');
    const [held, captured] = workedExample('cryptoToFiat');
    expect(await raise(await claim('pay_cf', 100_000_000n))).toBe('taken');
    await say('CF accepted');
    await post([held!]);
    await say('CF authorized');
    await post([captured!]);
    await lower('pay_cf', 100_000_000n);
    await say('CF captured, final');
    const [hold, taken, paid] = workedExample('fiatToCrypto');
    expect(await raise(await claim('pay_fc', 108_156_500n))).toBe('taken');
    await say('FC accepted');
    await post([hold!, taken!]);
    await say('FC captured');
    await post([paid!]);
    await lower('pay_fc', 108_156_500n);
    await say('FC paid out, final');
    expect(steps).toEqual([
      'FF and CC: 60000000',
      'CF accepted: 60010000',
      'CF authorized: 60010000',
      'CF captured, final: 60010000',
      'FC accepted: 60020816',
      'FC captured: 60020816',
      'FC paid out, final: 59999185',
    ]);
  });
});

describe('limits', () => {
  test('refuse what would exceed them, with both figures, and an asset that has none', async () => {
    await openExposure(books.database, { shard: 0, asset: TOKEN, maximum: 1_000n });
    expect(await raise(await claim('pay_1', 10_000_000n))).toBe('taken');
    const refused = await inDatabaseTransaction(books.database, async (transaction) =>
      raiseExposure(transaction, 0, [await claim('pay_2', 1n)]),
    ).catch((error: SettlementError) => error);
    expect(refused).toMatchObject({
      code: 'EXPOSURE_EXCEEDED',
      details: { wouldBe: '1001', maximum: '1000', measuredIn: 'USD', asset: TOKEN },
    });
    expect(await raise(await claim('pay_3', 1n, OTHER))).toBe('EXPOSURE_EXCEEDED');
    expect(await exposureOf()).toBe('1000');
  });

  test('count inventory at its mark, and follow the mark', async () => {
    await openExposure(books.database, { shard: 0, asset: TOKEN, maximum: 1_000n });
    await stock(9_000_000n);
    expect(await raise(await claim('pay_1', 1_000_000n))).toBe('taken');
    await lower('pay_1');
    prices = { [TOKEN]: 112n };
    expect(await raise(await claim('pay_2', 1_000_000n))).toBe('EXPOSURE_EXCEEDED');
  });

  test('hold one counterparty, by the rule for all or by its own', async () => {
    const limit = { shard: 0, asset: TOKEN, maximum: 10_000n, counterpartyMaximum: 100n };
    await openExposure(books.database, limit);
    const own = { shard: 0, asset: TOKEN, counterparty: 'ben', maximum: 300n };
    await setCounterpartyLimit(controls(), own, once('setCounterpartyLimit', {}));
    expect(await raise(await claim('pay_1', 1_000_001n))).toBe('EXPOSURE_EXCEEDED');
    expect(await raise(await claim('pay_2', 1_000_000n))).toBe('taken');
    expect(await raise(await claim('pay_3', 1n))).toBe('EXPOSURE_EXCEEDED');
    expect(await raise(await claim('pay_4', 3_000_000n, TOKEN, 'ben'))).toBe('taken');
    expect(await raise(await claim('pay_5', 1n, TOKEN, 'ben'))).toBe('EXPOSURE_EXCEEDED');
  });

  test('are never passed by many who promise at the same moment', async () => {
    await openExposure(books.database, { shard: 0, asset: TOKEN, maximum: 2_000n });
    await openExposure(books.database, { shard: 0, asset: OTHER, maximum: 2_000n });
    const asked = Array.from({ length: 60 }, async (_, index) => {
      const pair = [await claim(`a_${index}`, 1_000_000n), await claim(`b_${index}`, 1_000_000n, OTHER)];
      return raise(...(index % 2 ? pair : pair.reverse()));
    });
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(20);
    expect([await exposureOf(TOKEN), await exposureOf(OTHER)]).toEqual(['2000', '2000']);
  });

  test('any interleaving of accepting, finalizing and expiring leaves the exposure that its claims add up to', async () => {
    const step = fc.record({
      what: fc.constantFrom('accept', 'finalize', 'finalize', 'expire'),
      who: fc.integer({ min: 0, max: 7 }),
      amount: fc.bigInt({ min: 1n, max: 4_000_000n }),
    });
    let run = 0;
    await openExposure(books.database, { shard: 0, asset: TOKEN, maximum: 1_000n });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        run += 1;
        await Promise.all(Array.from({ length: 8 }, (_, who) => lower(`pay_${run - 1}_${who}`)));
        const model = new Map<string, bigint>();
        // Payments go on side by side; one payment is locked by whoever acts on it.
        const lives = Map.groupBy(steps, ({ who }) => who);
        await Promise.all(
          [...lives].map(async ([who, ofPayment]) => {
            const subject = `pay_${run}_${who}`;
            for (const { what, amount } of ofPayment) {
              const left = model.get(subject);
              if (what === 'accept' && left === undefined) {
                if ((await raise(await claim(subject, amount))) === 'taken') model.set(subject, amount);
              } else if (what === 'finalize' && left) {
                const part = amount < left ? amount : left;
                await lower(subject, part);
                model.set(subject, left - part);
              } else if (what === 'expire' && left !== undefined) {
                await lower(subject);
                model.set(subject, 0n);
              }
            }
          }),
        );
        const [row] = await books.database.drizzle.execute<{ open: string; claims: string }>(`
          select e.open, (select coalesce(sum(c.open), 0) from bridge.exposure_claims c where c.asset = e.asset) as claims
          from bridge.exposures e`);
        const expected = [...model.values()].reduce((sum, one) => sum + one, 0n);
        expect(row).toEqual({ open: expected.toString(), claims: expected.toString() });
        expect(expected <= 10_000_000n).toBe(true);
      }),
      { numRuns: 40, seed: 4 },
    );
  });
});

describe('operators', () => {
  test('set a limit once per key, and it is written down who did', async () => {
    const limit = { shard: 0, asset: TOKEN, maximum: 5_000n };
    const request = once('setExposureLimit', { maximum: '5000' });
    expect(await setExposureLimit(controls(), limit, request)).toEqual({ replayed: false });
    expect(await setExposureLimit(controls(), limit, request)).toEqual({ replayed: true });
    const actions = await listOperatorActions(books.database, 0, 10);
    expect(actions).toMatchObject([
      { operator: 'treasurer', kind: 'exposureLimit', details: { asset: TOKEN, maximum: '5000' } },
    ]);
    const other = { ...request, request: { maximum: '6000' } };
    await expect(setExposureLimit(controls(), limit, other)).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    const fiat = { ...limit, asset: 'EUR' };
    await expect(setExposureLimit(controls(), fiat, once('setExposureLimit', {}, 'eur'))).rejects.toMatchObject({
      code: 'FIELD_INVALID',
    });
  });

  test('stop every promise, and what was promised before still becomes final', async () => {
    await openExposure(books.database, { shard: 0, asset: TOKEN, maximum: 1_000n });
    expect(await raise(await claim('pay_1', 1_000_000n))).toBe('taken');
    await setKillSwitch(controls(), { shard: 0, stopped: true, reason: 'drill' }, once('stop', {}));
    expect(await raise(await claim('pay_2', 1_000_000n))).toBe('PAYMENTS_STOPPED');
    expect(await raise()).toBe('PAYMENTS_STOPPED');
    await lower('pay_1');
    expect(await exposureOf()).toBe('0');
    await setKillSwitch(controls(), { shard: 0, stopped: false, reason: 'over' }, once('go', {}));
    expect(await raise(await claim('pay_2', 1_000_000n))).toBe('taken');
  });
});

describe('alerts', () => {
  test('come once per crossing, both ways, whoever looks', async () => {
    const limit = { shard: 0, asset: TOKEN, maximum: 1_000n, minimumInventory: 1_000_000n };
    await openExposure(books.database, limit);
    await stock(2_000_000n);
    const look = () => Promise.all([watchExposure(watching()), watchExposure(watching())]);
    await look();
    await raise(await claim('pay_1', 6_000_000n));
    await look();
    await look();
    await lower('pay_1', 1_000_000n);
    await look();
    prices = { [TOKEN]: 113n };
    await raise(await claim('pay_2', 1_000_000n));
    await look();
    await inDatabaseTransaction(books.database, (transaction) =>
      postEntries(
        transaction,
        [
          entryNamed('paid', [
            { debit: 'intermediary/position', credit: 'intermediary/chain', amount: 1_500_000n, asset: TOKEN },
          ]),
        ],
        { now: systemClock.now() },
      ),
    );
    await lower('pay_1');
    await look();
    await stock(5_000_000n);
    await look();
    const rows = await books.database.drizzle.execute<{ type: string; exposure: string; sequence: number }>(
      "select type, data ->> 'exposure' as exposure, sequence from bridge.events order by sequence",
    );
    expect([...rows].map(({ type, sequence }) => `${sequence} ${type}`)).toEqual([
      '1 exposure.high',
      '2 exposure.low',
      '3 exposure.high',
      '4 exposure.low',
      '5 inventory.low',
      '6 inventory.restored',
    ]);
  });
});
