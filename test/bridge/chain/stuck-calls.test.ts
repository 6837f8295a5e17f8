import { createWalletClient, http, parseEther, parseGwei } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { developmentAccount } from '../../../bridge/chain/keys.ts';
import { listPoorKeys } from '../../../bridge/chain/operations/send-signed.ts';
import { type ChainStage, startChainStage } from '../../support/chain-stage.ts';
import { eventually } from '../../support/eventually.ts';

const rich = developmentAccount(0);
let stage: ChainStage;

beforeAll(async () => {
  stage = await startChainStage();
});
afterAll(() => stage.stop());

/** A key that these books have not seen, with money on chain. */
async function freshKey(coins: bigint = parseEther('10')) {
  const key = privateKeyToAccount(generatePrivateKey());
  if (coins > 0n) await sendTo(key.address, coins);
  return key;
}

async function sendTo(
  to: `0x${string}`,
  value: bigint,
  from: ReturnType<typeof privateKeyToAccount> | typeof rich = rich,
) {
  const wallet = createWalletClient({ account: from, transport: http(stage.chain.url) });
  const hash = await wallet.sendTransaction({ to, value, chain: null, gas: 21_000n });
  await eventually(
    () => stage.node.receipt(hash),
    (receipt) => receipt !== undefined,
  );
  return hash;
}

describe('a call that is stuck', () => {
  test('is signed again under its nonce for more, and every form is kept', async () => {
    const operator = await freshKey();
    const callId = await stage.ask('too cheap');
    await stage.submit(operator, { maximumFeePerGas: 1n });
    const cheap = await stage.call(callId);
    expect(cheap).toMatchObject({ state: 'signed', nonce: 0 });

    expect(await stage.care(operator)).toMatchObject({ replaced: 1, atMaximum: 0, stuck: 1 });
    await stage.submit(operator);
    const settled = await stage.untilState(callId, 'final');

    const forms = await stage.forms(callId);
    expect(forms.map(({ attempt }) => attempt)).toEqual([0, 1]);
    expect(settled).toMatchObject({ nonce: 0, final_hash: forms[1]!.chain_hash, repairs: 0 });
  });

  test('never offers more than the maximum', async () => {
    const operator = await freshKey();
    const callId = await stage.ask('at the maximum');
    await stage.submit(operator, { maximumFeePerGas: 1n });
    expect(await stage.care(operator, { maximumFeePerGas: 1n })).toMatchObject({ replaced: 0, atMaximum: 1 });
    expect(await stage.forms(callId)).toHaveLength(1);
    // Whoever raises the maximum lets it go on.
    expect(await stage.care(operator)).toMatchObject({ replaced: 1 });
    await stage.submit(operator);
    await stage.untilState(callId, 'final');
  });

  test('is left alone while it is in a block that is not final', async () => {
    const operator = await freshKey();
    const callId = await stage.ask('in a block');
    await stage.submit(operator);
    const [form] = await stage.forms(callId);
    await eventually(
      () => stage.node.receipt(form!.chain_hash as `0x${string}`),
      (receipt) => receipt !== undefined,
    );
    await stage.observe();
    await stage.care(operator, { replacedAnywayAfterWaits: 0 });
    expect(await stage.forms(callId)).toHaveLength(1);
    await stage.untilState(callId, 'final');
  });

  test('is replaced by one of two workers that look at once', async () => {
    const operator = await freshKey();
    const callId = await stage.ask('two workers');
    await stage.submit(operator, { maximumFeePerGas: 1n });
    const done = await Promise.all([stage.care(operator), stage.care(operator), stage.care(operator)]);
    expect(done.reduce((sum, { replaced }) => sum + replaced, 0)).toBe(1);
    expect(await stage.forms(callId)).toHaveLength(2);
    await stage.submit(operator);
    await stage.untilState(callId, 'final');
  });
});

describe('a nonce', () => {
  test('that somebody else spent gives its call another one, once that is final', async () => {
    const operator = await freshKey();
    const first = await stage.ask('before the theft');
    await stage.submit(operator);
    await stage.untilState(first, 'final');
    await sendTo(rich.address, 1n, operator);

    const callId = await stage.ask('after the theft');
    await stage.submit(operator);
    expect(await stage.call(callId)).toMatchObject({ state: 'signed', nonce: 1 });
    await eventually(
      async () => {
        await stage.observe();
        return stage.care(operator);
      },
      ({ reopened }) => reopened === 1,
    );
    await stage.submit(operator);
    expect(await stage.untilState(callId, 'final')).toMatchObject({ nonce: 2, repairs: 1 });
  });

  test('that was handed out and has no call is filled, so that those behind it go on', async () => {
    const operator = await freshKey();
    const first = await stage.ask('before the hole');
    await stage.submit(operator);
    await stage.untilState(first, 'final');
    const signer = operator.address.toLowerCase();
    await stage.database.client`update bridge.chain_keys set next_nonce = next_nonce + 3 where address = ${signer}`;

    const callId = await stage.ask('behind the hole');
    await stage.submit(operator);
    expect(await stage.call(callId)).toMatchObject({ nonce: 4 });
    await eventually(
      async () => {
        await stage.observe();
        return stage.care(operator, { replacedAnywayAfterWaits: 1_000_000 });
      },
      ({ filled }) => filled === 3,
    );
    await stage.submit(operator);
    await stage.untilState(callId, 'final');
    const fillers = await stage.database.client`
      select nonce, state from bridge.chain_calls where kind = 'nonceFiller' and signer = ${signer} order by nonce`;
    expect(fillers.map(({ nonce, state }) => [nonce, state])).toEqual([
      [1, 'final'],
      [2, 'final'],
      [3, 'final'],
    ]);
  });

  test('of a call that no node takes is spent by a transfer of nothing before the call gets another', async () => {
    const operator = await freshKey();
    // Less than any transaction costs.
    const callId = await stage.ask('never taken', { gasLimit: 20_000 });
    const behind = await stage.ask('waits behind it');
    for (let round = 0; round < 3; round += 1) {
      await eventually(
        async () => {
          await stage.submit(operator);
          return (await stage.forms(callId)).at(-1)!;
        },
        ({ refusals }) => refusals >= 3,
      );
      expect((await stage.forms(callId)).at(-1)!.refused_with).toMatch(/gas/);
      await eventually(
        async () => {
          await stage.observe();
          return stage.care(operator, { replacedAnywayAfterWaits: 1_000_000 });
        },
        ({ givenUp }) => givenUp === 1,
      );
      expect(await stage.call(callId)).toMatchObject({ state: 'givenUp' });
      await stage.submit(operator);
      // While the transfer is not final the call is not signed again.
      expect((await stage.forms(callId)).length).toBe(round + 1);
      await eventually(
        async () => {
          await stage.observe();
          await stage.care(operator, { replacedAnywayAfterWaits: 1_000_000 });
          return stage.call(callId);
        },
        ({ state }) => state !== 'givenUp',
      );
    }
    expect(await stage.call(callId)).toMatchObject({ state: 'reverted', repairs: 3, final_hash: null });
    expect(await stage.outbox.backlog()).toEqual({ somebody: 1 });
    await stage.untilState(behind, 'final');
  });
});

describe('the signing key', () => {
  test('without gas money is told of, and goes on once it has some', async () => {
    const operator = await freshKey(0n);
    const callId = await stage.ask('no money');
    await stage.submit(operator);
    const [poor] = await listPoorKeys(stage.database, stage.node.chainId);
    expect(poor).toMatchObject({ address: operator.address.toLowerCase(), balance: 0n });

    await sendTo(operator.address, parseEther('1'));
    await stage.submit(operator);
    await stage.untilState(callId, 'final');
    expect(await listPoorKeys(stage.database, stage.node.chainId)).toEqual([]);
  });

  test('hands out every nonce once, whichever workers sign at the same time', async () => {
    const operator = await freshKey();
    const callIds = await Promise.all(Array.from({ length: 150 }, (_, index) => stage.ask(`many ${index}`)));
    await Promise.all([stage.submit(operator), stage.submit(operator), stage.submit(operator)]);
    const calls = await Promise.all(callIds.map((callId) => stage.untilState(callId, 'final')));
    const nonces = calls.map(({ nonce }) => nonce!).sort((left, right) => left - right);
    expect(nonces).toEqual(Array.from({ length: 150 }, (_, index) => index));
  });
});

test('the price of a new call is capped too', async () => {
  const operator = await freshKey();
  const callId = await stage.ask('capped');
  await stage.submit(operator, { maximumFeePerGas: parseGwei('3') });
  const [form] = await stage.database.client`select raw from bridge.chain_submissions where call_id = ${callId}`;
  expect(form!.raw).toContain('84b2d05e00');
  await stage.untilState(callId, 'final');
});
