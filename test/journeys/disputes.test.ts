import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Scope } from '../../bridge/platform/authentication.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import type { Dispute } from '../../scripts/command/disputes.ts';
import type { Payment } from '../../scripts/day/line.ts';
import type { Reconciliation, SettlementWindow } from '../../scripts/day/run-day.ts';
import { makeApiKey } from '../../scripts/local/seed-world.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';

const SCOPES: readonly Scope[] = ['disputes:read', 'disputes:write'];
const root = path.resolve(import.meta.dirname, '../..');

let local: LocalBridge;
let folder: string;
const keys = new Map<string, string>();
beforeAll(async () => {
  local = await startTestBridge({ issuerDeadlineMilliseconds: 5_000 });
  folder = await mkdtemp(path.join(tmpdir(), 'specie-evidence-'));
  for (const name of ['alba', 'bakery']) {
    keys.set(name, await makeApiKey(local.databaseUrl, systemClock, `${name}-key`, SCOPES, name));
  }
});
afterAll(async () => {
  await local?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The `specie` command as a process, with the key of one participant. */
function specie(name: string, ...words: readonly string[]): Promise<Readonly<{ code: number | null; said: string }>> {
  const child = spawn(process.execPath, [path.join(root, 'scripts/specie.ts'), 'disputes', ...words], {
    cwd: root,
    env: { ...process.env, SPECIE_URL: local.url, SPECIE_API_KEY: keys.get(name) ?? '' },
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

async function settleWhen(presentments: number): Promise<SettlementWindow> {
  const list = () => local.client.get<{ windows: SettlementWindow[] }>('/v1/settlement-windows');
  const isOpen = (one: SettlementWindow) => one.state === 'OPEN' && one.presentments === presentments;
  const { windows } = await eventually(list, ({ windows: all }) => all.some(isOpen));
  return local.client.post<SettlementWindow>(
    `/v1/settlement-windows/${windows.find(isOpen)!.windowId}/close`,
    undefined,
  );
}

test('a dispute from its opening to its end, by the command of either side, and the books reconcile', async () => {
  const { client } = local;
  const amount = { minorUnits: '10000', asset: 'EUR' };
  const { paymentId } = await client.post<Payment>(
    '/v1/payments',
    { merchantId: 'bakery', instrumentId: 'ana-card', amount },
    'disputed',
  );
  await client.post(`/v1/payments/${paymentId}/captures`, { amount }, 'disputed-capture');
  await settleWhen(1);

  const how = ['--reason', 'notReceived', '--amount', '10000', '--asset', 'EUR', '--key', 'open', '--json'];
  const opened = await specie('alba', 'open', paymentId, ...how);
  expect(opened.code, opened.said).toBe(0);
  const { disputeId } = JSON.parse(opened.said) as Dispute;
  expect(JSON.parse((await specie('alba', 'open', paymentId, ...how)).said)).toEqual(JSON.parse(opened.said));
  const charged = await settleWhen(1);
  expect(charged.merchantPayouts).toMatchObject([{ chargebacks: '10000', paid: '0', carriedOut: '10000' }]);

  const receipt = path.join(folder, 'receipt.txt');
  await writeFile(receipt, 'signed');
  const answered = await specie('bakery', 'evidence', disputeId, '--statement', 'Delivered.', '--file', receipt);
  expect(answered.code, answered.said).toBe(0);
  expect(answered.said).toContain('receipt.txt, 6 bytes, sha256 ');
  const foreign = await specie('bakery', 'decide', disputeId, '--outcome', 'won');
  expect([foreign.code, foreign.said]).toEqual([1, expect.stringContaining('ROLE_UNSUITABLE')]);
  expect((await specie('alba', 'decide', disputeId, '--outcome', 'won')).code).toBe(0);
  const late = await specie('bakery', 'accept', disputeId);
  expect([late.code, late.said]).toEqual([1, expect.stringContaining('DISPUTE_STATE_UNSUITABLE')]);
  expect((await specie('bakery', 'list', '--state', 'won')).said).toContain(disputeId);
  expect((await specie('alba', 'show', disputeId)).said).toContain('won (decided)');

  const won = await settleWhen(1);
  expect(won.merchantPayouts).toMatchObject([{ representments: '10000', carriedIn: '10000', carriedOut: '0' }]);
  const view = await client.get<Reconciliation>('/v1/reconciliation');
  expect([view.breaks, view.ledger.balanced]).toEqual([[], true]);
  const headers = { Authorization: `Bearer ${local.apiKey}`, Accept: 'application/json' };
  const listed = await fetch(`${local.url}/v1/payments/${paymentId}/events`, { headers });
  const { events } = (await listed.json()) as { events: { type: string }[] };
  expect(events.map(({ type }) => type).filter((type) => /dispute|charged|represented/.test(type))).toEqual([
    ...['payment.chargedBack', 'dispute.opened', 'dispute.evidenceSubmitted'],
    ...['payment.represented', 'dispute.won'],
  ]);
});
