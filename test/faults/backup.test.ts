import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createPublicClient, erc20Abi, http } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sealAll } from '../../ledger-service/statements/operations/seal-entries.ts';
import { verifyBooks } from '../../ledger-service/statements/operations/verify-books.ts';
import { type ApiClient, createApiClient } from '../../scripts/api-client.ts';
import { finishRestoration, restoreBackup, writeBackup } from '../../scripts/backup.ts';
import type { Payment } from '../../scripts/day/line.ts';
import { type BridgeProcess, startBridge } from '../../scripts/local/bridge-process.ts';
import { localAccount } from '../../scripts/local/world.ts';
import { openStage } from '../support/bridge-processes.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const AMOUNT = { minorUnits: '1000', asset: 'EUR' };
type Payouts = Readonly<{ payouts: readonly Readonly<{ paymentId: string; state: string }>[] }>;
type Reconciled = Readonly<{ breaks: readonly unknown[]; ledger: { balanced: boolean } }>;

let stage: Awaited<ReturnType<typeof openStage>>;
let elsewhere: TestDatabase;
const running: BridgeProcess[] = [];
let file: string;
beforeAll(async () => {
  stage = await openStage();
  elsewhere = await createTestDatabase({ poolSize: 4 });
  file = path.join(stage.folder, 'books.specie');
});
afterAll(async () => {
  await Promise.all(running.map((one) => one.stop()));
  await elsewhere?.drop();
  await stage?.close();
});

async function start(
  main: string,
  databaseUrl: string,
): Promise<Readonly<{ bridge: BridgeProcess; client: ApiClient }>> {
  const bridge = await startBridge(stage.folder, { ...stage.environment, DATABASE_URL: databaseUrl }, main);
  running.push(bridge);
  return { bridge, client: createApiClient({ url: bridge.url, apiKey: stage.apiKey }) };
}

async function payInCoins(client: ApiClient, token: string, name: string): Promise<string> {
  const quote = { source: AMOUNT, targetAsset: token };
  const { quoteId } = await client.post<{ quoteId: string }>('/v1/quotes', quote, `${name}-quote`);
  const order = { merchantId: 'arcade', instrumentId: 'ana-card', amount: AMOUNT, quoteId };
  const { paymentId } = await client.post<Payment>('/v1/payments', order, `${name}-payment`);
  await client.post(`/v1/payments/${paymentId}/captures`, { amount: AMOUNT }, `${name}-capture`);
  return paymentId;
}

test('a backup under load, restored elsewhere, goes on: what the chain paid meanwhile is found and not paid again', {
  timeout: 120_000,
}, async () => {
  const api = await start('bridge/main/api.ts', stage.databaseUrl);
  const { assets } = await api.client.get<{ assets: { code: string; symbol: string }[] }>('/v1/assets');
  const token = assets.find(({ symbol }) => symbol === 'USDL')!.code;
  const chain = createPublicClient({ transport: http(stage.chain.url), cacheTime: 0 });
  const address = token.split('erc20:')[1] as `0x${string}`;
  const merchant = localAccount('arcade').address;
  const balance = () => chain.readContract({ address, abi: erc20Abi, functionName: 'balanceOf', args: [merchant] });
  const before = await balance();

  // Nobody works yet, so what is captured is not paid; the backup is taken while payments come in.
  const early = await payInCoins(api.client, token, 'early');
  let isLoaded = true;
  const answered: string[] = [];
  const load = async (number: number) => {
    for (let index = 0; isLoaded; index += 1) {
      const order = { merchantId: 'bakery', instrumentId: 'emil-card', amount: { minorUnits: '10', asset: 'EUR' } };
      answered.push((await api.client.post<Payment>('/v1/payments', order, `load-${number}-${index}`)).paymentId);
    }
  };
  const loads = Array.from({ length: 6 }, (_, number) => load(number));
  await eventually(
    async () => answered.length,
    (count) => count > 20,
  );
  const atBackup = answered.length;
  const summary = await writeBackup(stage.databaseUrl, file, new Date());
  await eventually(
    async () => answered.length,
    (count) => count > atBackup + 10,
  );
  isLoaded = false;
  await Promise.all(loads);
  expect(summary.rows).toBeGreaterThan(100);

  // After the backup: the early payment is paid on chain, and so is one that the backup has never heard of.
  const all = await start('bridge/main/all.ts', stage.databaseUrl);
  const late = await payInCoins(all.client, token, 'late');
  await eventually(
    () => all.client.get<Payouts>('/v1/payouts'),
    ({ payouts }) => payouts.length === 2 && payouts.every(({ state }) => state === 'final'),
  );
  const paid = (await balance()) - before;
  for (const { process } of [api.bridge, all.bridge]) process.kill('SIGKILL');
  await Promise.all([api.bridge.ended, all.bridge.ended]);

  const restored = await restoreBackup(elsewhere.url, file);
  expect(restored).toEqual(summary);
  await sealAll(elsewhere.database, { now: () => new Date('2026-11-02T12:00:00Z') });
  expect((await verifyBooks(elsewhere.database)).misfits).toEqual([]);

  const next = await start('bridge/main/all.ts', elsewhere.url);
  // The early payout is found on chain, and final without a new one.
  await eventually(
    () => next.client.get<Payouts>('/v1/payouts'),
    ({ payouts }) => payouts.some((one) => one.paymentId === early && one.state === 'final'),
  );
  expect((await balance()) - before).toBe(paid);
  // The late payment is unknown; its merchant asks again under the same keys, and what the chain paid is taken for it.
  await expect(next.client.get(`/v1/payments/${late}`)).rejects.toThrow(/PAYMENT_UNKNOWN/);
  const again = await payInCoins(next.client, token, 'late');
  await eventually(
    () => next.client.get<Payouts>('/v1/payouts'),
    ({ payouts }) => payouts.some((one) => one.paymentId === again && one.state === 'final'),
  );
  expect((await balance()) - before).toBe(paid);
  const reconciled = await eventually(
    () => next.client.get<Reconciled>('/v1/reconciliation'),
    ({ breaks }) => breaks.length === 0,
  );
  expect(reconciled.ledger.balanced).toBe(true);

  // What comes now is paid as ever.
  const fresh = await payInCoins(next.client, token, 'fresh');
  await eventually(
    () => next.client.get<Payouts>('/v1/payouts'),
    ({ payouts }) => payouts.some((one) => one.paymentId === fresh && one.state === 'final'),
  );
  expect((await balance()) - before).toBe((paid * 3n) / 2n);
  expect(await finishRestoration(elsewhere.url)).toBe(true);
  expect(await finishRestoration(elsewhere.url)).toBe(false);
});

test('a backup that is cut or changed, of another version, or into books that are there, is refused and leaves nothing', async () => {
  const target = await createTestDatabase({ poolSize: 1 });
  const count = async () => {
    const [row] = await target.database.client.unsafe('select count(*)::int as rows from bridge.payments');
    return row!.rows as number;
  };
  try {
    const text = gunzipSync(readFileSync(file)).toString('utf8');
    const broken = path.join(stage.folder, 'broken.specie');
    const lines = text.split('\n');
    const changes: readonly string[] = [
      text.replace('"bakery"', '"bokery"'),
      lines.toSpliced(lines.length - 3, 1).join('\n'),
      lines.slice(0, -2).join('\n'),
      text.replace(/"migrations":\["[0-9a-f]{6}/, '"migrations":["000000'),
      text.replace('specie-backup-1', 'specie-backup-0'),
    ];
    for (const changed of changes) {
      writeFileSync(broken, gzipSync(changed));
      await expect(restoreBackup(target.url, broken)).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
      expect(await count()).toBe(0);
    }
    await expect(restoreBackup(elsewhere.url, file)).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  } finally {
    await target.drop();
  }
});
