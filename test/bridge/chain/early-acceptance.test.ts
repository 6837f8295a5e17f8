import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CARE_POLICY } from '../../../bridge/chain/care-policy.ts';
import { type Address, earlyDepthOf, type Hex } from '../../../bridge/chain/domain.ts';
import { tokenOf } from '../../../bridge/chain/escrow.ts';
import type { ChainNode } from '../../../bridge/chain/node.ts';
import { observeChain } from '../../../bridge/chain/operations/observe-chain.ts';
import { submitCalls } from '../../../bridge/chain/operations/submit-calls.ts';
import { signWith } from '../../../bridge/chain/signing.ts';
import { acceptedNotFinal } from '../../../bridge/core/controls/accepted-not-final.ts';
import { applyEscrowEvents } from '../../../bridge/core/payments/operations/apply-escrow-events.ts';
import type { PaymentView } from '../../../bridge/core/payments/view.ts';
import { ESCROW_EVENTS } from '../../../bridge/main/subscriptions.ts';
import { verifyBooks } from '../../../ledger-service/statements/operations/verify-books.ts';
import { openPaymentStage, type PaymentStage } from '../../support/payment-stage.ts';
import { ChainModel } from '../../support/simulator/chain-model.ts';
import { DEPLOYMENT, HOLDERS, OPERATOR, TOKEN_ASSET } from '../../support/simulator/simulated-world.ts';

const UNIT = 1_000_000n;
const TOKEN = tokenOf(TOKEN_ASSET);
const FINALITY = { depth: 3, early: [{ token: TOKEN, below: 10n * UNIT, depth: 1 }] };
const NET_OF_FIVE = 5n * UNIT - (5n * UNIT) / 100n;

let stage: PaymentStage;
let model: ChainModel;
beforeAll(async () => {
  stage = await openPaymentStage();
  model = new ChainModel(DEPLOYMENT, OPERATOR.address, stage.clock.now(), HOLDERS);
});
afterAll(async () => {
  await stage?.close();
});

const wanted = <Value>(value: Value | undefined): Value => {
  if (value === undefined) throw new Error('the chain does not have it');
  return value;
};

/** The model as a node that hides nothing. */
function nodeOfModel(): ChainNode {
  const block = async (height: number) => wanted(model.observed(height));
  return {
    chainId: DEPLOYMENT.chainId,
    head: async () => model.head.height,
    block,
    blocks: (from, to) => Promise.all(Array.from({ length: to - from + 1 }, (_, index) => block(from + index))),
    logs: async () => [],
    logsOf: async (hashes: readonly Hex[]) =>
      hashes.flatMap((hash) => model.logsAt(model.blocks.findIndex((one) => one.hash === hash))),
    receipt: async (hash) => model.receipt(hash),
    revertReason: async (hash) => model.revertReason(hash),
    send: async (raw) => model.submit(raw),
    gasPrice: async () => model.gasPrice,
    nextNonce: async (address) => model.nextNonce(address),
    spentNonces: async (address, hash) =>
      wanted(model.blocks.find((one) => one.hash === hash)).state.nonces.get(address) ?? 0,
    transfersOf: async () => [],
    coinsAt: async () => 0n,
    balance: async (token: Address, owner) => model.head.state.balanceOf(token, owner),
  };
}

/** Mines so many blocks, then looks at the chain and lets everyone act on what it said. */
async function goOn(blocks: number, most = 20): Promise<void> {
  const { database, clock, outbox, payments } = stage;
  const node = nodeOfModel();
  const common = { database, node, clock, machineClock: clock, logger: payments.logger };
  const signer = signWith(OPERATOR, DEPLOYMENT.chainId);
  await submitCalls({ ...common, signer, outbox, maximumFeePerGas: CARE_POLICY.maximumFeePerGas });
  for (let mined = 0; mined < blocks; mined += 1) {
    clock.advance(2_000);
    model.mine(clock.now(), most);
  }
  await observeChain({ ...common, deployment: DEPLOYMENT, finality: FINALITY, outbox });
  await outbox.drain(ESCROW_EVENTS, async (transaction, due) => {
    await applyEscrowEvents(payments, transaction, due);
  });
}

async function open(side: 'cryptoToCrypto' | 'cryptoToFiat', amount: bigint): Promise<PaymentView> {
  const payment = await stage.create(side, amount);
  await goOn(5);
  return payment;
}

/** What merchants were credited before it was final. */
async function unfinal(): Promise<bigint> {
  const open = await acceptedNotFinal(stage.database.drizzle, 0, [TOKEN_ASSET]);
  return open.get(TOKEN_ASSET) ?? 0n;
}

async function entriesOf({ paymentId }: PaymentView): Promise<readonly string[]> {
  const rows = await stage.rows<{ entry_kind: string }>(`
    select entry_kind from ledger.transfers where subject = '${paymentId}' and position = 0 order by entry_kind`);
  return rows.map(({ entry_kind }) => entry_kind.replace('payment.', ''));
}

async function toldOf({ paymentId }: PaymentView): Promise<readonly string[]> {
  const rows = await stage.rows<{ type: string }>(`
    select type from bridge.events where subject = '${paymentId}' order by sequence`);
  return rows.map(({ type }) => type).filter((type) => /accept|captured|settled/.test(type));
}

describe('a capture that is small enough', () => {
  test('counts before it is final, is undone with its block, done again when it is back, and settles once', async () => {
    const payment = await open('cryptoToCrypto', 5n * UNIT);
    await stage.capture(payment, 5n * UNIT);
    await goOn(1);
    expect(await unfinal()).toBe(0n);
    await goOn(1);
    expect(await unfinal()).toBe(NET_OF_FIVE);
    expect(await stage.find(payment.paymentId)).toMatchObject({ movements: [{ kind: 'capture', state: 'accepted' }] });

    for (let again = 0; again < 2; again += 1) {
      expect(model.undo(2, () => false)).toBe(2);
      // The other branch has no room for it at first.
      await goOn(3, 0);
      expect(await unfinal()).toBe(0n);
      await goOn(1);
      await goOn(1);
      expect(await unfinal()).toBe(NET_OF_FIVE);
    }
    await goOn(3);
    expect(await unfinal()).toBe(0n);
    expect(await stage.find(payment.paymentId)).toMatchObject({ movements: [{ kind: 'capture', state: 'final' }] });
    expect(await entriesOf(payment)).toEqual([
      ...['acceptance', 'acceptance', 'acceptance', 'acceptanceFinal', 'acceptanceUndone', 'acceptanceUndone'],
      ...['authorization', 'capture'],
    ]);
    const once = ['payment.accepted', 'payment.acceptanceUndone'];
    expect(await toldOf(payment)).toEqual([
      ...once,
      ...once,
      'payment.accepted',
      'payment.captured',
      'payment.settled',
    ]);
    const [credited] = await stage.rows<{ balance: string }>(`
      select (posted_credits - posted_debits)::text as balance from ledger.accounts where path = 'merchant/arcade/onchain'`);
    expect(BigInt(credited!.balance)).toBe(NET_OF_FIVE);
    expect((await verifyBooks(stage.database)).misfits).toEqual([]);
  });

  test('is posted as ever when it was never accepted before it was final', async () => {
    const payment = await open('cryptoToCrypto', 6n * UNIT);
    await stage.capture(payment, 6n * UNIT);
    await goOn(6);
    expect(await entriesOf(payment)).toEqual(['authorization', 'capture']);
  });
});

describe('a capture that waits for its full depth', () => {
  test.each([
    ['of as much as the bound', 'cryptoToCrypto', 10n * UNIT],
    ['that becomes fiat', 'cryptoToFiat', 5n * UNIT],
  ] as const)('%s is not credited before', async (_, side, amount) => {
    const payment = await open(side, amount);
    await stage.capture(payment, amount);
    await goOn(1);
    await goOn(1);
    expect(await unfinal()).toBe(0n);
    await goOn(3);
    expect((await entriesOf(payment)).filter((kind) => kind.startsWith('acceptance'))).toEqual([]);
    expect(await unfinal()).toBe(0n);
  });
});

test('of several bounds that fit, the least depth counts; another token, or none known, waits', () => {
  const early = [
    { token: TOKEN, below: 10n, depth: 1 },
    { token: TOKEN, below: 100n, depth: 2 },
  ];
  const depthOf = (token: string | undefined, amount: bigint) => earlyDepthOf({ depth: 3, early }, token, amount);
  expect([9n, 10n, 99n, 100n].map((amount) => depthOf(TOKEN, amount))).toEqual([1, 2, 2, undefined]);
  expect(depthOf('0x0', 1n)).toBeUndefined();
  expect(depthOf(undefined, 1n)).toBeUndefined();
});
