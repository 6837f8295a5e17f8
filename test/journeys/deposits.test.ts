import { encodeFunctionData, erc20Abi } from 'viem';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sealAll } from '../../ledger-service/statements/operations/seal-entries.ts';
import { verifyBooks } from '../../ledger-service/statements/operations/verify-books.ts';
import type { Payment } from '../../scripts/day/line.ts';
import { type Reconciliation, readDirectory } from '../../scripts/day/run-day.ts';
import { localAccount } from '../../scripts/local/world.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';

type Amount = { minorUnits: string; asset: string };
type Deposit = {
  state: string;
  held: Amount;
  address: string;
  sweepBefore: string;
  transfers: { outcome: string; held: string; owed: string; kept: string; amount: Amount }[];
  returns: { amount: Amount; recipient: string; state: string }[];
};
type Asked = { payment: Payment; address: string };
type Entry = {
  kind: string;
  transfers: { kind: string; debit: string; credit: string; amount: Amount }[];
};

let local: LocalBridge;
let token: string;
let coin: string;
const payer = localAccount('ana').address.toLowerCase();
beforeAll(async () => {
  local = await startTestBridge();
  const { assets } = await readDirectory(local.client);
  token = assets.onChainAssets().find(({ symbol }) => symbol === 'USDL')!.code;
  coin = assets.onChainAssets().find(({ symbol }) => symbol === 'ETH')!.code;
});
afterAll(async () => {
  await local?.stop();
});

let names = 0;

/** A payment of 100 dollars of the token, or so many units of the coin, to be pushed. */
async function ask(merchantId: 'arcade' | 'bakery' | 'gallery', units = 100_000_000n, asset = token): Promise<Asked> {
  names += 1;
  const amount = { minorUnits: units.toString(), asset };
  const { client } = local;
  const quoted =
    merchantId === 'bakery'
      ? await client.post<{ quoteId: string }>('/v1/quotes', { source: amount, targetAsset: 'EUR' }, `quote-${names}`)
      : undefined;
  const quote = quoted ? { quoteId: quoted.quoteId } : {};
  const body = { merchantId, instrumentId: 'ana-wallet', amount, method: 'deposit', ...quote };
  const payment = await client.post<Payment>('/v1/payments', body, `deposit-${names}`);
  const action = payment.action as unknown as { kind: string; address: string; amount: Amount; returnTo: string };
  expect(action).toMatchObject({ kind: 'deposit', amount });
  expect(action.returnTo.toLowerCase()).toBe(payer);
  return { payment, address: action.address };
}

async function push(to: string, units: bigint, asset = token): Promise<void> {
  const contract = /erc20:(0x[0-9a-f]{40})$/.exec(asset)?.[1];
  const transfer = { abi: erc20Abi, functionName: 'transfer', args: [to as `0x${string}`, units] } as const;
  const sent = contract
    ? { to: contract, data: encodeFunctionData(transfer), value: '0' }
    : { to, data: '0x', value: units.toString() };
  expect(await local.wallets.send(payer, sent)).toMatch(/^0x/);
}

const find = (paymentId: string) => local.client.get<Payment>(`/v1/payments/${paymentId}`);
const until = (paymentId: string, isThere: (payment: Payment) => boolean) => eventually(() => find(paymentId), isThere);
const depositOf = (paymentId: string) => local.client.get<Deposit>(`/v1/deposits/${paymentId}`);
const untilDeposit = (paymentId: string, isThere: (deposit: Deposit) => boolean) =>
  eventually(
    () => depositOf(paymentId).catch(() => ({ state: 'none', transfers: [], returns: [] }) as unknown as Deposit),
    isThere,
  );
const returned = ({ returns }: Deposit) => returns.length > 0 && returns.every(({ state }) => state === 'final');

async function entriesOf(subject: string): Promise<string[]> {
  const { entries } = await local.client.get<{ entries: Entry[] }>(`/v1/ledger/entries?subject=${subject}`);
  const lines = entries.flatMap(({ kind, transfers }) =>
    transfers.map(
      (one) =>
        `${kind} ${one.kind}: Dr ${one.debit} / Cr ${one.credit} ${one.amount.minorUnits} ${symbolOf(one.amount)}`,
    ),
  );
  return lines.sort();
}

function symbolOf({ asset }: Amount): string {
  return asset === token ? 'USDL' : asset === coin ? 'ETH' : asset;
}

/** The books say what chain and windows say, at the newest final block, once nothing is under way. */
async function expectReconciled(): Promise<void> {
  const view = await eventually(
    () => local.client.get<Reconciliation>('/v1/reconciliation'),
    ({ breaks }) => breaks.length === 0,
  );
  expect(view.ledger.balanced).toBe(true);
}

/** Gas that the sweep of a payment took; it is given twice as much. */
async function gasOfSweep(paymentId: string): Promise<number> {
  type Call = { kind: string; gasUsed: number | null };
  const { chainCalls } = await local.client.get<{ chainCalls: Call[] }>(`/v1/payments/${paymentId}/life`);
  return chainCalls.find(({ kind }) => kind === 'sweepDeposit')?.gasUsed ?? 0;
}

async function leapTo(moment: string, milliseconds: number): Promise<void> {
  const now = new Date(Date.parse(moment) + milliseconds).toISOString();
  await local.client.put('/v1/clock', { now });
}

async function outcomes(paymentId: string): Promise<string[]> {
  return (await depositOf(paymentId)).transfers.map(
    ({ outcome, held, owed, kept }) => `${outcome} ${held} ${owed} ${kept}`,
  );
}

describe('a deposit', () => {
  test('that is exact goes to the wallet for a fiat merchant, and is captured by that', async () => {
    const { payment, address } = await ask('bakery');
    await push(address, 100_000_000n);
    const closed = await until(payment.paymentId, ({ phase }) => phase === 'closed');
    expect(closed.captured.minorUnits).toBe('100000000');
    expect((await depositOf(payment.paymentId)).state).toBe('swept');
    expect(await gasOfSweep(payment.paymentId)).toBeGreaterThan(100_000);
    expect(await gasOfSweep(payment.paymentId)).toBeLessThan(400_000);
    const entries = await entriesOf(payment.paymentId);
    expect(entries.filter((entry) => !entry.startsWith('clearing.'))).toEqual([
      'deposit.swept post: Dr deposits/held / Cr deposits/onchain 100000000 USDL',
      'payment.depositCapture post: Dr intermediary/chain / Cr intermediary/position 100000000 USDL',
      'payment.depositCapture post: Dr intermediary/position / Cr intermediary/clearing 9150 EUR',
      'payment.depositCapture post: Dr intermediary/position / Cr intermediary/spread 500000 USDL',
    ]);
    await expectReconciled();
  });

  test('that comes in parts, with too much, goes to the escrow for a crypto merchant; the rest goes back', async () => {
    const { payment, address } = await ask('arcade');
    await push(address, 60_000_000n);
    await untilDeposit(payment.paymentId, ({ held }) => held?.minorUnits === '60000000');
    await push(address, 45_000_000n);
    const opened = await until(payment.paymentId, ({ phase }) => phase === 'open');
    expect(opened.authorized.minorUnits).toBe('100000000');
    expect(await gasOfSweep(payment.paymentId)).toBeLessThan(400_000);
    await untilDeposit(payment.paymentId, returned);
    expect(await outcomes(payment.paymentId)).toEqual(['part 60000000 0 0', 'over 40000000 5000000 0']);
    const path = `/v1/payments/${payment.paymentId}`;
    const amount = { minorUnits: '70000000', asset: token };
    await local.client.post(`${path}/captures`, { amount }, `capture-${names}`);
    await local.client.post(`${path}/void`, undefined, `void-${names}`);
    // The escrow gives back to the address that paid, and from there it goes on to the payer.
    const deposit = await untilDeposit(payment.paymentId, (one) => one.returns.length === 2 && returned(one));
    expect(deposit.returns.map(({ amount: { minorUnits }, recipient }) => [minorUnits, recipient])).toEqual([
      ['5000000', payer],
      ['30000000', payer],
    ]);
    expect((await outcomes(payment.paymentId)).at(-1)).toBe('released 0 30000000 0');
    await expectReconciled();
  });

  test('that is paid a second time, or in the wrong asset, or with dust, opens nothing and goes back, or is kept', async () => {
    const { payment, address } = await ask('arcade');
    await push(address, 100_000_000n);
    await until(payment.paymentId, ({ phase }) => phase === 'open');
    await push(address, 100_000_000n);
    await push(address, 9_999n);
    await push(address, 10n ** 16n, coin);
    const deposit = await untilDeposit(payment.paymentId, (one) => one.returns.length === 2 && returned(one));
    expect(deposit.returns.map(({ amount }) => `${amount.minorUnits} ${symbolOf(amount)}`).sort()).toEqual([
      '100000000 USDL',
      '10000000000000000 ETH',
    ]);
    await untilDeposit(payment.paymentId, ({ transfers }) => transfers.length === 4);
    expect((await outcomes(payment.paymentId)).sort()).toEqual([
      'exact 100000000 0 0',
      'second 0 0 9999',
      'second 0 100000000 0',
      'wrongToken 0 10000000000000000 0',
    ]);
    await expectReconciled();
  });

  test("of the chain's own coin is found by the balance of its address", async () => {
    const { payment, address } = await ask('bakery', 10n ** 17n, coin);
    await push(address, 10n ** 17n + 10n ** 15n, coin);
    const closed = await until(payment.paymentId, ({ phase }) => phase === 'closed');
    expect(closed.captured.minorUnits).toBe(String(10n ** 17n));
    const deposit = await untilDeposit(payment.paymentId, returned);
    expect(deposit.returns.map(({ amount }) => amount.minorUnits)).toEqual([String(10n ** 15n)]);
    await expectReconciled();
  });

  test('that nobody made an address for is kept in suspense until an operator says whose it is', async () => {
    const { client, bridge } = local;
    type Item = { itemId: string; state: string; amount: Amount; place: string };
    const items = async () => (await client.get<{ items: Item[] }>('/v1/suspense')).items;
    await push(bridge.deployment.wallet, 3_000_000n);
    await push(bridge.deployment.wallet, 4_000_000n);
    const open = await eventually(items, ({ length }) => length === 2);
    const itemOf = (units: string) => open.find(({ amount }) => amount.minorUnits === units)!.itemId;
    await expectReconciled();
    const own = `/v1/suspense/${itemOf('3000000')}`;
    await client.post(`${own}/attribute`, { reason: 'top-up' }, 'attribute');
    await expect(client.post(`${own}/return`, { recipient: payer, reason: 'no' }, 'twice')).rejects.toMatchObject({
      problem: { code: 'SUSPENSE_ITEM_SETTLED' },
    });
    const other = `/v1/suspense/${itemOf('4000000')}`;
    // The signer pays whom the treasurer has put on its list, whatever an operator says.
    const back = { recipient: localAccount('gallery').address, reason: 'sent by mistake' };
    await client.post(`${other}/return`, back, 'return');
    await client.post(`${other}/return`, back, 'return');
    await eventually(items, (all) => all.some(({ state }) => state === 'returned'));
    expect(await entriesOf(itemOf('3000000'))).toEqual([
      'deposit.attributed post: Dr intermediary/chain / Cr suspense/wallet 3000000 USDL',
      'deposit.attributed post: Dr suspense/onchain / Cr intermediary/treasury 3000000 USDL',
      'deposit.unattributed post: Dr suspense/wallet / Cr suspense/onchain 3000000 USDL',
    ]);
    expect(await entriesOf(itemOf('4000000'))).toEqual([
      'deposit.paidBack post_pending: Dr suspense/onchain / Cr suspense/wallet 4000000 USDL',
      'deposit.reserved pending: Dr suspense/onchain / Cr suspense/wallet 4000000 USDL',
      'deposit.unattributed post: Dr suspense/wallet / Cr suspense/onchain 4000000 USDL',
    ]);
    await expectReconciled();
  });

  // Last, since it moves the clock.
  test('that stays short, or comes late, goes back once its time is over, and the payment has failed', async () => {
    const short = await ask('arcade');
    const late = await ask('bakery');
    await push(short.address, 60_000_000n);
    const { sweepBefore } = await untilDeposit(short.payment.paymentId, ({ held }) => held?.minorUnits === '60000000');
    const { payBy } = await local.client.get<{ payBy: string }>(`/v1/deposits/${late.payment.paymentId}`);
    await leapTo(payBy, 1_000);
    await push(late.address, 100_000_000n);
    await untilDeposit(late.payment.paymentId, ({ transfers }) => transfers.length === 1);
    expect(await outcomes(late.payment.paymentId)).toEqual(['late 0 100000000 0']);
    await leapTo(sweepBefore, 60_000);
    for (const { payment } of [short, late]) {
      await until(payment.paymentId, ({ phase }) => phase === 'failed');
      await untilDeposit(payment.paymentId, returned);
    }
    expect(await outcomes(short.payment.paymentId)).toEqual(['part 60000000 0 0']);
    expect(await entriesOf(short.payment.paymentId)).toEqual([
      'deposit.owedBack post: Dr deposits/held / Cr deposits/returnable 60000000 USDL',
      'deposit.returned post: Dr deposits/returnable / Cr deposits/onchain 60000000 USDL',
    ]);
    await expectReconciled();
    const { exposures } = await local.client.get<{ exposures: { open: string }[] }>('/v1/exposures');
    expect(exposures.map(({ open }) => open)).toEqual(['0', '0']);
    await sealAll(local.bridge.database, local.bridge.clock);
    expect((await verifyBooks(local.bridge.database)).misfits).toEqual([]);
  });
});
