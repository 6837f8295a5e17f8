import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createPublicClient, createWalletClient, encodeFunctionData, http, keccak256, stringToHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coinRegisterAbi } from '../../../bridge/chain/bindings/coin-register.ts';
import { localDollarAbi } from '../../../bridge/chain/bindings/local-dollar.ts';
import type { Address, Hex } from '../../../bridge/chain/domain.ts';
import { packIssues } from '../../../bridge/coins/register/domain.ts';
import { seedKeys } from '../../../bridge/coins/security-element/keys.ts';
import { nextFreePort } from '../../../scripts/local/ports.ts';
import { developmentPrivateKey, LOCAL_ACCOUNTS, LOCAL_COIN_ISSUER } from '../../../scripts/local/world.ts';
import { type CoinChain, startCoinChain } from '../../support/coins/coin-chain.ts';
import type { DeviceArguments, DeviceReport } from '../../support/coins/device-process.ts';
import { SeededChance } from '../../support/simulator/seeded-chance.ts';

/** 50 in CI. */
const KILLS = Number(process.env.COIN_KILLS ?? 3);
const NAMES = ['anna', 'bela', 'cora'];
const COINS_EACH = 2n;
const AMOUNT = 10n;
const FIRST_PORT = 19_845;
const FIRST_SPONSOR = 8;
const LATEST_KILL_MILLISECONDS = 600;
const HEALING_ROUNDS = 200;
const HEALING_ROUND_MILLISECONDS = 100;
const program = path.resolve(import.meta.dirname, '../../support/coins/device-process.ts');

let stage: CoinChain;
let devices: Device[];

class Device {
  readonly given: Omit<DeviceArguments, 'chance'>;
  starts = 0;
  child: ChildProcess | undefined;

  constructor(given: Omit<DeviceArguments, 'chance'>) {
    this.given = given;
  }

  async start(): Promise<DeviceReport> {
    this.starts += 1;
    const given: DeviceArguments = { ...this.given, chance: `${this.given.name} ${this.starts}` };
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, JSON.stringify(given)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.child = child;
    const { ready } = await this.#said<{ ready: DeviceReport }>();
    return ready;
  }

  async kill(): Promise<void> {
    const gone = once(this.child!, 'exit');
    this.child!.kill('SIGKILL');
    await gone;
  }

  say(word: 'calm' | 'busy'): void {
    this.child!.send(word);
  }

  async report(): Promise<DeviceReport> {
    const said = this.#said<{ report: DeviceReport }>();
    this.child!.send('report');
    return (await said).report;
  }

  /** The next thing it says; it fails when the process ends instead. */
  async #said<Message>(): Promise<Message> {
    const ended = new AbortController();
    const gone = once(this.child!, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`${this.given.name} ended with ${code}`);
    });
    const message = once(this.child!, 'message', { signal: ended.signal }).then(([said]) => said as Message);
    try {
      return await Promise.race([message, gone]);
    } finally {
      ended.abort();
      gone.catch(() => undefined);
      message.catch(() => undefined);
    }
  }
}

beforeAll(async () => {
  stage = await startCoinChain(FIRST_PORT);
  const seeds = NAMES.map((name) => keccak256(stringToHex(`killed ${name}`)));
  const ports: number[] = [];
  for (const [index] of NAMES.entries()) ports.push(await nextFreePort((ports.at(-1) ?? FIRST_PORT + 50 + index) + 1));
  const places = seeds.map((seed, index) => ({
    device: seedKeys(seed).device,
    url: `ws://127.0.0.1:${ports[index]}/coins`,
  }));
  devices = NAMES.map(
    (name, index) =>
      new Device({
        name,
        file: path.join(stage.folder, `${name}.sqlite`),
        seed: seeds[index]!,
        port: ports[index]!,
        rpcUrl: stage.chain.url,
        register: stage.register,
        sponsor: developmentPrivateKey(FIRST_SPONSOR + index),
        amount: String(AMOUNT),
        peers: places.filter((_, place) => place !== index),
      }),
  );
  const keys = await Promise.all(devices.map(async (device) => (await device.start()).key!));
  await issueToAll(keys);
}, 240_000);

afterAll(async () => {
  await Promise.all((devices ?? []).map((device) => device.kill()));
  await stage?.stop();
});

async function issueToAll(keys: readonly Address[]): Promise<void> {
  const client = createPublicClient({ transport: http(stage.chain.url), cacheTime: 0, pollingInterval: 50 });
  const send = async (privateKey: Hex, to: Address, data: Hex) => {
    const wallet = createWalletClient({ account: privateKeyToAccount(privateKey), transport: http(stage.chain.url) });
    await client.waitForTransactionReceipt({
      hash: await wallet.sendTransaction({ chain: null, to, data, gas: 2_000_000n }),
    });
  };
  const abi = coinRegisterAbi;
  const token = await client.readContract({ address: stage.register, abi, functionName: 'token' });
  const issues = keys.flatMap((owner, place) =>
    Array.from({ length: Number(COINS_EACH) }, (_, index) => ({
      head: { coin: BigInt(place) * COINS_EACH + BigInt(index), sequence: 0, owner },
      amount: AMOUNT,
    })),
  );
  const total = AMOUNT * BigInt(issues.length);
  const mint = encodeFunctionData({ abi: localDollarAbi, functionName: 'mint', args: [stage.register, total] });
  await send(developmentPrivateKey(LOCAL_ACCOUNTS.deployer), token, mint);
  const issuer = developmentPrivateKey(LOCAL_COIN_ISSUER);
  await send(issuer, stage.register, encodeFunctionData({ abi, functionName: 'countReserve' }));
  const args = [packIssues(issues)] as const;
  await send(issuer, stage.register, encodeFunctionData({ abi, functionName: 'issueBatch', args }));
}

/** Every coin alive once, registered where it is, and nothing open anywhere. */
function wrongOf(reports: readonly DeviceReport[]): readonly string[] {
  const wrong: string[] = [];
  for (let coin = 0n; coin < COINS_EACH * BigInt(NAMES.length); coin += 1n) {
    const places = reports.flatMap(({ coins }) => coins.filter((one) => one.coin === String(coin)));
    const isRight = places.length === 1 && places[0]!.state === 'active' && places[0]!.hops === 0;
    if (!isRight) wrong.push(`coin ${coin}: ${JSON.stringify(places)}`);
  }
  return [...wrong, ...reports.flatMap(({ asks }, place) => (asks > 0 ? [`${NAMES[place]} waits for ${asks}`] : []))];
}

async function heal(): Promise<readonly DeviceReport[]> {
  for (const device of devices) device.say('calm');
  let wrong: readonly string[] = [];
  for (let round = 0; round < HEALING_ROUNDS; round += 1) {
    const reports = await Promise.all(devices.map((device) => device.report()));
    wrong = wrongOf(reports);
    if (wrong.length === 0) return reports;
    await delay(HEALING_ROUND_MILLISECONDS);
  }
  return expect.fail(`not healed: ${wrong.join(' · ')}`);
}

describe('devices that are killed', () => {
  const kills = Array.from({ length: KILLS }, (_, index) => index + 1);
  const sequences = new Set<string>();

  test.for(kills)('lose no coin and spend none twice: kill %i', { timeout: 120_000 }, async (kill) => {
    const chance = new SeededChance(`kill ${kill}`);
    const victim = chance.pick(devices);
    for (const device of devices) device.say('busy');
    await delay(chance.between(50, LATEST_KILL_MILLISECONDS));
    await victim.kill();
    await delay(chance.between(0, 100));
    await victim.start();
    const reports = await heal();
    const client = createPublicClient({ transport: http(stage.chain.url), cacheTime: 0 });
    const supply = await client.readContract({
      address: stage.register,
      abi: coinRegisterAbi,
      functionName: 'supply',
    });
    expect(supply.outstanding).toBe(AMOUNT * COINS_EACH * BigInt(NAMES.length));
    for (const { coins } of reports) for (const { coin, sequence } of coins) sequences.add(`${coin}/${sequence}`);
  });

  test('coins really went from one to another meanwhile', () => {
    expect(sequences.size).toBeGreaterThan(Number(COINS_EACH) * NAMES.length);
  });
});
