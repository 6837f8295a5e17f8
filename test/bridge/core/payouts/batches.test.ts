import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bridge, openBridge } from '../../../../bridge/main/wiring.ts';
import { startWorker } from '../../../../bridge/main/worker.ts';
import type { Payment } from '../../../../scripts/day/line.ts';
import { type Reconciliation, readDirectory } from '../../../../scripts/day/run-day.ts';
import { eventually } from '../../../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../../../support/local-bridge.ts';

const PAYMENTS = 60;

let local: LocalBridge;
let second: Bridge;
let secondWorker: Awaited<ReturnType<typeof startWorker>>;
let token: string;
beforeAll(async () => {
  local = await startTestBridge({ issuerDeadlineMilliseconds: 5_000 });
  // A second process of workers with the same key: all they share is the database and the queue.
  second = await openBridge(local.bridge.configuration);
  secondWorker = await startWorker(second);
  const { assets } = await readDirectory(local.client);
  token = assets.onChainAssets().find(({ symbol }) => symbol === 'USDL')!.code;
});
afterAll(async () => {
  await secondWorker?.stop();
  await second?.close();
  await local?.stop();
});

async function payAndCapture(index: number): Promise<void> {
  const { client } = local;
  const source = { minorUnits: '1000', asset: 'EUR' };
  const quote = await client.post<{ quoteId: string }>('/v1/quotes', { source, targetAsset: token }, `quote-${index}`);
  const order = { merchantId: 'arcade', instrumentId: 'ana-card', amount: source, quoteId: quote.quoteId };
  const { paymentId, phase } = await client.post<Payment>('/v1/payments', order, `payment-${index}`);
  expect(phase).toBe('open');
  await client.post(`/v1/payments/${paymentId}/captures`, { amount: source }, `capture-${index}`);
}

describe('payouts under load', () => {
  test('go out many in one chain transaction, under nonces that two workers hand out once each', async () => {
    await Promise.all(Array.from({ length: PAYMENTS }, (_, index) => payAndCapture(index)));
    const { client: sql } = local.bridge.database;
    await eventually(
      () => sql`select count(*)::int as final from bridge.chain_payouts where state = 'final'`,
      ([row]) => row!.final === PAYMENTS,
    );
    const calls = await sql`
      select c.nonce, count(p.payout_id)::int as items from bridge.chain_calls c
      join bridge.chain_payouts p on p.batch_id = c.subject
      where c.kind = 'payoutBatch' and c.state = 'final' group by c.call_id, c.nonce order by c.nonce`;
    expect(calls.reduce((sum, { items }) => sum + items, 0)).toBe(PAYMENTS);
    // One by one they would be sixty.
    expect(calls.length).toBeLessThanOrEqual(PAYMENTS / 4);
    const nonces = await sql`select nonce from bridge.chain_calls where nonce is not null order by nonce`;
    expect(nonces.map(({ nonce }) => nonce)).toEqual(nonces.map((_, index) => nonces[0]!.nonce + index));
    await eventually(
      () => local.client.get<Reconciliation>('/v1/reconciliation'),
      ({ breaks, ledger }) => breaks.length === 0 && ledger.balanced,
    );
  });
});
