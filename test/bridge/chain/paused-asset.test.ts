import { encodeFunctionData } from 'viem';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { paymentEscrowAbi } from '../../../bridge/chain/bindings/payment-escrow.ts';
import { developmentAccount } from '../../../bridge/chain/keys.ts';
import type { PaymentLife } from '../../../bridge/core/payments/operations/read-life.ts';
import type { Payment } from '../../../scripts/day/line.ts';
import { type Reconciliation, readDirectory } from '../../../scripts/day/run-day.ts';
import { LOCAL_ACCOUNTS } from '../../../scripts/local/world.ts';
import { eventually } from '../../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../../support/local-bridge.ts';

let local: LocalBridge;
let token: string;
beforeAll(async () => {
  local = await startTestBridge();
  const { assets } = await readDirectory(local.client);
  token = assets.onChainAssets().find(({ symbol }) => symbol === 'USDL')!.code;
});
afterAll(async () => {
  await local?.stop();
});

async function setEscrowPaused(paused: boolean): Promise<void> {
  const data = encodeFunctionData({ abi: paymentEscrowAbi, functionName: 'setPaused', args: [paused] });
  const { address } = developmentAccount(LOCAL_ACCOUNTS.pauser);
  const hash = await local.wallets.send(address, { to: local.bridge.deployment.escrow, data, value: '0' });
  await eventually(
    () => local.bridge.node.receipt(hash!),
    (receipt) => receipt?.succeeded === true,
  );
}

async function createSigned(key: string): Promise<string> {
  const { client, wallets } = local;
  const amount = { minorUnits: '5000000', asset: token };
  const order = { merchantId: 'arcade', instrumentId: 'ana-wallet', amount };
  const created = await client.post<Payment>('/v1/payments', order, key);
  const { instruments } = await readDirectory(client);
  const address = instruments.find(({ instrumentId }) => instrumentId === 'ana-wallet')!.address!;
  if (created.action?.kind !== 'sign') throw new Error('nothing to sign');
  const signature = await wallets.sign(address, created.action.typedData);
  await client.post(`/v1/payments/${created.paymentId}/signature`, { signature });
  return created.paymentId;
}

describe('while the escrow stands still', () => {
  test('a payment waits, says why, and goes on when it moves again; others go on meanwhile', async () => {
    const { client } = local;
    await setEscrowPaused(true);
    const paymentId = await createSigned('waits');
    const life = await eventually(
      () => client.get<PaymentLife>(`/v1/payments/${paymentId}/life`),
      ({ chainCalls }) => chainCalls.some(({ notBefore }) => notBefore !== null),
    );
    expect(life.chainCalls).toMatchObject([{ kind: 'authorize', state: 'due', revertReason: 'Paused()' }]);
    expect(await client.get<Payment>(`/v1/payments/${paymentId}`)).toMatchObject({ phase: 'unknown' });
    const card = await client.post<Payment>(
      '/v1/payments',
      { merchantId: 'bakery', instrumentId: 'ana-card', amount: { minorUnits: '100', asset: 'EUR' } },
      'card-meanwhile',
    );
    expect(card.phase).toBe('open');

    await setEscrowPaused(false);
    await eventually(
      () => client.get<Payment>(`/v1/payments/${paymentId}`),
      ({ phase }) => phase === 'open',
    );
    await client.post(
      `/v1/payments/${paymentId}/captures`,
      { amount: { minorUnits: '5000000', asset: token } },
      'capture',
    );
    await eventually(
      () => client.get<Reconciliation>('/v1/reconciliation'),
      ({ breaks, ledger }) => breaks.length === 0 && ledger.balanced,
    );
  });
});

describe('an asset that an operator has paused', () => {
  test('is not promised in any quadrant, while what was promised goes on', async () => {
    const { client } = local;
    const before = await createSigned('before-the-pause');
    const pause = (paused: boolean, key: string) =>
      client.post('/v1/asset-switches', { asset: token, paused, reason: 'its issuer is in trouble' }, key);
    await pause(true, 'pause');
    const refusal = { problem: { code: 'ASSET_PAUSED' } };
    const coins = { minorUnits: '5000000', asset: token };
    const euros = { minorUnits: '10000', asset: 'EUR' };
    await expect(
      client.post('/v1/payments', { merchantId: 'arcade', instrumentId: 'ana-wallet', amount: coins }, 'paused'),
    ).rejects.toMatchObject(refusal);
    await expect(client.post('/v1/quotes', { source: coins, targetAsset: 'EUR' }, 'paused-1')).rejects.toMatchObject(
      refusal,
    );
    await expect(client.post('/v1/quotes', { source: euros, targetAsset: token }, 'paused-2')).rejects.toMatchObject(
      refusal,
    );
    const card = await client.post<Payment>(
      '/v1/payments',
      { merchantId: 'bakery', instrumentId: 'ana-card', amount: euros },
      'not-paused',
    );
    expect(card.phase).toBe('open');
    await eventually(
      () => client.get<Payment>(`/v1/payments/${before}`),
      ({ phase }) => phase === 'open',
    );
    const { switches } = await client.get<{ switches: { asset: string; paused: boolean }[] }>('/v1/asset-switches');
    expect(switches).toMatchObject([{ asset: token, paused: true }]);
    const { actions } = await client.get<{ actions: { kind: string; operator: string }[] }>('/v1/operator-actions');
    expect(actions[0]).toMatchObject({ kind: 'assetSwitch', operator: 'test' });

    await pause(false, 'go-on');
    await client.post('/v1/payments', { merchantId: 'arcade', instrumentId: 'ana-wallet', amount: coins }, 'paused');
  });

  test('that was quoted before is refused when the quote is taken', async () => {
    const { client } = local;
    const euros = { minorUnits: '10000', asset: 'EUR' };
    const quote = await client.post<{ quoteId: string }>('/v1/quotes', { source: euros, targetAsset: token }, 'early');
    await client.post('/v1/asset-switches', { asset: token, paused: true, reason: 'again' }, 'pause-again');
    const order = { merchantId: 'arcade', instrumentId: 'ana-card', amount: euros, quoteId: quote.quoteId };
    await expect(client.post('/v1/payments', order, 'quoted')).rejects.toMatchObject({
      problem: { code: 'ASSET_PAUSED' },
    });
    await client.post('/v1/asset-switches', { asset: token, paused: false, reason: 'over' }, 'go-on-again');
    expect(await client.post<Payment>('/v1/payments', order, 'quoted')).toMatchObject({ phase: 'open' });
  });
});
