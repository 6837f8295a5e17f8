import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Quadrant } from '../../bridge/core/payments/domain.ts';
import { sealAll } from '../../ledger-service/statements/operations/seal-entries.ts';
import { verifyBooks } from '../../ledger-service/statements/operations/verify-books.ts';
import { everyPage } from '../../scripts/api-client.ts';
import type { Payment } from '../../scripts/day/line.ts';
import { type Reconciliation, readDirectory, type SettlementWindow } from '../../scripts/day/run-day.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';
import { TOKEN as EXAMPLE_TOKEN, workedExample } from '../support/worked-example.ts';

type Entry = {
  kind: string;
  transfers: { kind: string; debit: string; credit: string; amount: { minorUnits: string; asset: string } }[];
};

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

/** What each worked example of docs/chart-of-accounts.md asks for. */
const ORDERS: Record<Quadrant, { merchantId: string; instrumentId: string; source: 'EUR' | 'token' }> = {
  fiatToFiat: { merchantId: 'bakery', instrumentId: 'ana-card', source: 'EUR' },
  cryptoToCrypto: { merchantId: 'arcade', instrumentId: 'ana-wallet', source: 'token' },
  cryptoToFiat: { merchantId: 'bakery', instrumentId: 'ana-wallet', source: 'token' },
  fiatToCrypto: { merchantId: 'arcade', instrumentId: 'ana-card', source: 'EUR' },
};

describe('a payment of 100 over HTTP, on real Postgres, BullMQ and chain', () => {
  test.each(Object.keys(ORDERS) as Quadrant[])(
    '%s posts exactly the entries of the worked example and reconciles',
    async (quadrant) => {
      const { client, wallets } = local;
      const order = ORDERS[quadrant];
      const amount =
        order.source === 'EUR' ? { minorUnits: '10000', asset: 'EUR' } : { minorUnits: '100000000', asset: token };
      const mixed = quadrant === 'cryptoToFiat' || quadrant === 'fiatToCrypto';
      const quote = mixed
        ? await client.post<{ quoteId: string }>(
            '/v1/quotes',
            { source: amount, targetAsset: quadrant === 'cryptoToFiat' ? 'EUR' : token },
            `${quadrant}-quote`,
          )
        : undefined;
      const { merchantId, instrumentId } = order;
      const created = await client.post<Payment>(
        '/v1/payments',
        { merchantId, instrumentId, amount, ...(quote ? { quoteId: quote.quoteId } : {}) },
        `${quadrant}-payment`,
      );
      expect(created.quadrant).toBe(quadrant);
      const path = `/v1/payments/${created.paymentId}`;
      if (created.action?.kind === 'sign') {
        const { instruments } = await readDirectory(client);
        const address = instruments.find((one) => one.instrumentId === instrumentId)!.address!;
        const signature = await wallets.sign(address, created.action.typedData);
        await client.post(`${path}/signature`, { signature });
      }
      await eventually(
        () => client.get<Payment>(path),
        ({ phase }) => phase === 'open',
      );
      await client.post(`${path}/captures`, { amount }, `${quadrant}-capture`);
      const settled = await settle(created.paymentId, quadrant);
      expect(settled.captured).toEqual(amount);
      expect(settled.phase).toBe('closed');

      expect(await entriesOf(settled)).toEqual(expectedEntries(quadrant));
      await eventually(
        () => client.get<Reconciliation>('/v1/reconciliation'),
        ({ breaks, ledger }) => breaks.length === 0 && ledger.balanced,
      );
    },
  );
});

test('afterwards the books recompute: every balance, line, hold and seal fits', async () => {
  await sealAll(local.bridge.database, local.bridge.clock);
  const { misfits, entries, seals, unsealedEntries } = await verifyBooks(local.bridge.database);
  expect(misfits).toEqual([]);
  expect(unsealedEntries).toBe(0);
  expect(Number(entries)).toBeGreaterThan(10);
  expect(Number(seals)).toBeGreaterThan(0);
});

async function settle(paymentId: string, quadrant: Quadrant): Promise<Payment> {
  const { client } = local;
  if (quadrant !== 'cryptoToCrypto') {
    const { windows } = await eventually(
      () => client.get<{ windows: SettlementWindow[] }>('/v1/settlement-windows'),
      ({ windows: all }) => all.some(({ state, presentments }) => state === 'OPEN' && presentments === 1),
    );
    const open = windows.find(({ state }) => state === 'OPEN')!;
    await client.post(`/v1/settlement-windows/${open.windowId}/close`, undefined);
  }
  return eventually(
    () => client.get<Payment>(`/v1/payments/${paymentId}`),
    ({ movements }) => movements.every(({ state }) => state === 'final'),
  );
}

async function entriesOf(payment: Payment): Promise<Entry[]> {
  const { client } = local;
  const own = await everyPage<Entry>(client, '/v1/ledger/entries', 'entries', { subject: payment.paymentId });
  const { windows } = await client.get<{ windows: SettlementWindow[] }>('/v1/settlement-windows');
  const window = windows.find(({ state }) => state === 'SETTLED');
  const settlement =
    payment.quadrant === 'cryptoToCrypto' || !window
      ? []
      : await everyPage<Entry>(client, '/v1/ledger/entries', 'entries', { subject: window.windowId });
  return [...own, ...settlement].map(simplified).sort(byText);
}

function expectedEntries(quadrant: Quadrant): Entry[] {
  return workedExample(quadrant)
    .map(({ kind, transfers }) => ({
      kind,
      transfers: transfers.map((transfer) => ({
        kind: transfer.kind,
        debit: transfer.debit,
        credit: transfer.credit,
        amount: {
          minorUnits: transfer.amount.minorUnits.toString(),
          asset: transfer.amount.asset === EXAMPLE_TOKEN ? token : transfer.amount.asset,
        },
      })),
    }))
    .sort(byText);
}

function simplified({ kind, transfers }: Entry): Entry {
  return {
    kind,
    transfers: transfers.map((transfer) => ({
      kind: transfer.kind,
      debit: transfer.debit,
      credit: transfer.credit,
      amount: transfer.amount,
    })),
  };
}

function byText(left: Entry, right: Entry): number {
  const [one, other] = [JSON.stringify(left), JSON.stringify(right)];
  return one < other ? -1 : one > other ? 1 : 0;
}
