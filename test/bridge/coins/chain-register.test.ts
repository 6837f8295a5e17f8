import { createWalletClient, custom, numberToHex } from 'viem';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { coinRegisterAbi } from '../../../bridge/chain/bindings/coin-register.ts';
import { localDollarAbi } from '../../../bridge/chain/bindings/local-dollar.ts';
import type { Address } from '../../../bridge/chain/domain.ts';
import { type Coin, headWord, type Register } from '../../../bridge/coins/register/domain.ts';
import { signOperation } from '../../../bridge/coins/register/signing.ts';
import { planCalls } from '../../../bridge/coins/register-client/batches.ts';
import { ChainRegister } from '../../../bridge/coins/register-client/chain-register.ts';
import type { DeviceOperation, SignedRequest } from '../../../bridge/coins/security-element/domain.ts';
import { SecurityElement } from '../../../bridge/coins/security-element/element.ts';
import { type KeyRing, seedKeys } from '../../../bridge/coins/security-element/keys.ts';
import { MemoryStore } from '../../../bridge/coins/security-element/store.ts';
import { Terminal } from '../../../bridge/coins/terminal/terminal.ts';
import { COIN_LIMITS, coinKey, openRegister } from '../../../scripts/contracts/coin-scene.ts';
import { openScene, type Scene } from '../../../scripts/contracts/scene.ts';
import { seedOf } from '../../support/coins/table.ts';
import { SeededChance } from '../../support/simulator/seeded-chance.ts';

const DEPTH = 2;
let scene: Scene;
let address: Address;
let register: Register;
let nextCoin = 0n;

beforeAll(async () => {
  scene = await openScene();
}, 600_000);
afterAll(() => scene.close());
beforeEach(async () => {
  address = await openRegister(scene);
  register = { chainId: scene.chainId, address };
});

function clientOf(): ChainRegister {
  const sender = createWalletClient({
    account: scene.actors.stranger,
    chain: scene.client.chain!,
    transport: custom(scene.provider),
  });
  const chance = new SeededChance(address);
  return new ChainRegister({ client: scene.client, sender, address, depth: DEPTH, firstHeight: 0, chance }, register);
}

/** A device with a client of its own; what it says to others is handed over by the test. */
async function deviceOf(name: string, keys: KeyRing = seedKeys(seedOf(name)), client = clientOf()) {
  const element = await SecurityElement.open({ store: new MemoryStore(), keys, register });
  const transport = { send: async () => undefined };
  return new Terminal({ element, register: client, transport, clock: { seconds: () => 1_793_620_800 } });
}

async function mine(blocks = DEPTH): Promise<void> {
  await scene.provider.request({ method: 'hardhat_mine', params: [numberToHex(blocks)] });
}

async function settle(...terminals: readonly Terminal[]): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    for (const terminal of terminals) await terminal.work();
    await mine();
  }
}

async function issue(terminal: Terminal, amount: bigint): Promise<string> {
  nextCoin += 1n;
  const head = headWord({ coin: nextCoin, sequence: 0, owner: await terminal.element.makeKey() });
  await scene.send('operator', address, { abi: coinRegisterAbi, functionName: 'issueTo', args: [head, amount] });
  await mine();
  await terminal.work();
  return `${nextCoin}/1/0`;
}

async function wordOf(coin: bigint): Promise<Coin> {
  return clientOf().word(coin);
}

function alive(terminal: Terminal): readonly (readonly [string, bigint])[] {
  return terminal.element.spendable(1_793_620_800).map(({ id, base }) => [id, base.amount] as const);
}

async function pass(payer: Terminal, payee: Terminal, holdingId: string): Promise<void> {
  const { amount } = payer.element.state.holdings.get(holdingId)!.base;
  const { bytes } = await payer.pay(await payee.offer(amount), holdingId);
  const handled = await payee.handle(bytes);
  if (handled.kind !== 'received') throw new Error(handled.kind);
  await payer.handle(handled.answer);
}

describe('devices on the contract itself', () => {
  it('issue, pass, register, split, gather, merge and redeem a coin', async () => {
    const [anna, bela] = [await deviceOf('anna'), await deviceOf('bela')];
    const coin = await issue(anna, 100n);
    await pass(anna, bela, coin);
    await settle(bela);
    const [[registered]] = alive(bela) as [[string, bigint]];
    await bela.split(registered, 30n);
    await settle(bela);
    expect(alive(bela).map(([, amount]) => amount)).toEqual([70n, 30n]);
    const parts = alive(bela).map(([id]) => id);
    await bela.gather(parts);
    await settle(bela);
    const [one, other] = alive(bela).map(([id]) => id) as [string, string];
    await bela.merge([one, other], COIN_LIMITS.maximumAmount);
    await settle(bela);
    expect(alive(bela).map(([, amount]) => amount)).toEqual([100n]);
    const recipient = scene.actors.receiver.address;
    const balance = () =>
      scene.client.readContract({
        address: scene.token,
        abi: localDollarAbi,
        functionName: 'balanceOf',
        args: [recipient],
      });
    const before = await balance();
    await bela.redeem(alive(bela)[0]![0], recipient);
    await settle(bela);
    expect(alive(bela)).toEqual([]);
    expect((await balance()) - before).toBe(100n);
  });

  it('registers a way over devices of both curves that the chain has not seen', async () => {
    const phone = await deviceOf('phone', seedKeys(seedOf('phone'), { curve: 'P-256' }));
    const [anna, bela] = [await deviceOf('anna'), await deviceOf('bela')];
    const coin = await issue(phone, 9n);
    await pass(phone, anna, coin);
    await pass(anna, bela, alive(anna)[0]![0]);
    await settle(bela);
    await settle(bela);
    expect(alive(bela)).toEqual([[`${nextCoin}/3/0`, 9n]]);
    expect(await wordOf(nextCoin)).toMatchObject({ sequence: 3, hops: 2, state: 'active' });
  });

  it('locks a coin for a payee, who claims it', async () => {
    const [anna, bela] = [await deviceOf('anna'), await deviceOf('bela')];
    const coin = await issue(anna, 4n);
    const { timestamp } = await scene.client.getBlock();
    await anna.lock(coin, await bela.offer(4n), Number(timestamp) + 100_000);
    await settle(anna, bela);
    await settle(anna, bela);
    expect(alive(bela)).toEqual([[`${nextCoin}/3/0`, 4n]]);
    expect(alive(anna)).toEqual([]);
  });

  it('is restored from its seed by what the logs say', async () => {
    const anna = await deviceOf('anna');
    await issue(anna, 4n);
    await issue(anna, 6n);
    const found = await deviceOf('anna');
    expect(await found.restore({ nothingUnderWay: true })).toHaveLength(2);
    await settle(found);
    expect(alive(found).map(([, amount]) => amount)).toEqual([4n, 6n]);
  });
});

describe('the register client', () => {
  it('follows a reorganisation: what was given up is brought again, unchanged, until it is final', async () => {
    const client = clientOf();
    const [anna, bela] = [await deviceOf('anna'), await deviceOf('bela', undefined, client)];
    const coin = await issue(anna, 8n);
    await pass(anna, bela, coin);
    const place = { coin: nextCoin, sequence: 1 };
    const snapshot = await scene.provider.request({ method: 'evm_snapshot' });
    await bela.work();
    expect((await client.look([place])).latest.size).toBe(1);
    await scene.provider.request({ method: 'evm_revert', params: [snapshot] });
    await mine(1);
    const after = await client.look([place]);
    expect([after.latest.size, after.steps.size]).toEqual([0, 0]);
    await settle(bela);
    expect(alive(bela)).toEqual([[`${nextCoin}/2/0`, 8n]]);
  });

  it('brings many coins in one call, and one that is bad keeps none back', async () => {
    const client = clientOf();
    const anna = await deviceOf('anna', undefined, client);
    for (const amount of [1n, 2n, 3n]) await issue(anna, amount);
    const asks = await anna.element.gather({ holdingIds: alive(anna).map(([id]) => id), now: 1_793_620_800 });
    const requests = asks.flatMap((ask) => ask.requests);
    const wrong = { ...requests[1]!, signature: requests[0]!.signature };
    const before = await scene.client.getBlockNumber({ cacheTime: 0 });
    await client.submit([requests[0]!, wrong, requests[2]!]);
    expect((await scene.client.getBlockNumber({ cacheTime: 0 })) - before).toBe(1n);
    expect((await wordOf(nextCoin - 1n)).sequence).toBe(1);
    expect((await wordOf(nextCoin)).sequence).toBe(2);
    // What is there already is not sent again.
    await client.submit(requests);
    await client.submit(requests);
    expect((await scene.client.getBlockNumber({ cacheTime: 0 })) - before).toBe(2n);
    await settle(anna);
    expect(alive(anna)).toHaveLength(3);
  });

  it('pays for nothing that the register would refuse', async () => {
    const anna = await deviceOf('anna');
    const coin = await issue(anna, 8n);
    await scene.send('treasurer', address, { abi: coinRegisterAbi, functionName: 'setFrozen', args: [nextCoin, true] });
    const before = await scene.client.getBlockNumber({ cacheTime: 0 });
    await anna.gather([coin]);
    await anna.work();
    expect(await scene.client.getBlockNumber({ cacheTime: 0 })).toBe(before);
    await scene.send('treasurer', address, {
      abi: coinRegisterAbi,
      functionName: 'setFrozen',
      args: [nextCoin, false],
    });
    await settle(anna);
    expect(alive(anna)).toHaveLength(1);
  });

  it('tells a payee of coins that are locked for it now, not of those that were', async () => {
    const client = clientOf();
    const [owner, payee, other] = [coinKey('owner'), coinKey('payee'), coinKey('other')];
    nextCoin += 1n;
    const place = { coin: nextCoin, sequence: 0, owner: owner.reference };
    const issue = { abi: coinRegisterAbi, functionName: 'issueTo', args: [headWord(place), 5n] };
    await scene.send('operator', address, issue);
    const ask = async (operation: DeviceOperation) => {
      await client.submit([{ operation, signature: signOperation(owner, register, operation) }]);
      await mine();
    };
    const secondsFromNow = async (seconds: bigint) => (await scene.client.getBlock()).timestamp + seconds;
    const locked = { coin: nextCoin, sequence: 1, owner: payee.reference };
    await ask({ kind: 'Lock', head: locked, deadline: await secondsFromNow(100n) });
    expect(await client.lockedFor([payee.reference])).toMatchObject([{ coin: nextCoin, amount: 5n }]);
    await scene.provider.request({ method: 'evm_increaseTime', params: [200] });
    await mine(1);
    await ask({ kind: 'Reclaim', head: { coin: nextCoin, sequence: 2, owner: owner.reference } });
    const again = { coin: nextCoin, sequence: 3, owner: other.reference };
    await ask({ kind: 'Lock', head: again, deadline: await secondsFromNow(100n) });
    expect(await client.lockedFor([payee.reference])).toEqual([]);
    expect(await client.lockedFor([other.reference])).toMatchObject([{ coin: nextCoin }]);
  });

  it('keeps requests about one coin in their order, and puts everything else together', () => {
    const request = (coin: bigint, sequence: number, curve: 'secp256k1' | 'P-256'): SignedRequest =>
      ({
        operation: { kind: 'Switch', head: { coin, sequence, owner: address, hops: 0 } },
        signature: { curve, r: '0x', yParityAndS: '0x' },
      }) as unknown as SignedRequest;
    const calls = planCalls([
      request(1n, 1, 'secp256k1'),
      request(2n, 1, 'P-256'),
      request(2n, 2, 'secp256k1'),
      request(3n, 1, 'secp256k1'),
      request(1n, 2, 'P-256'),
    ]);
    const placed = calls.map((call) =>
      call.kind === 'batch' ? call.requests.map(({ operation: { head } }) => `${head.coin}/${head.sequence}`) : [],
    );
    expect(placed).toEqual([['1/1', '3/1'], ['2/1', '1/2'], ['2/2']]);
  });
});
