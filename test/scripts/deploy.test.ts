import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPublicClient, http } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { intermediaryWalletAbi } from '../../bridge/chain/bindings/intermediary-wallet.ts';
import type { DeployedContracts } from '../../scripts/contracts/deploy.ts';
import { readDeployOptions, refuseDevelopmentKeys } from '../../scripts/deploy.ts';
import { type RunningChain, startLocalChain } from '../../scripts/local/chain.ts';
import { privateKeyOf } from '../../scripts/local/seed-world.ts';
import { localAccount } from '../../scripts/local/world.ts';

let folder: string;
let chain: RunningChain;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'specie-deploy-'));
  const startsAt = new Date('2026-11-02T09:00:00Z');
  chain = await startLocalChain(folder, { startsAt, blockMilliseconds: 20, firstPort: 18_645 });
});
afterAll(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true, force: true });
});

function deploy(programArguments: readonly string[], environment: Record<string, string> = {}) {
  const run = spawnSync(process.execPath, ['scripts/deploy.ts', ...programArguments], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: process.env.HOME, RPC_URL: chain.url, ...environment },
  });
  return { code: run.status, out: run.stdout, err: run.stderr };
}

function strangers() {
  const key = generatePrivateKey();
  const { address } = privateKeyToAccount(key);
  return {
    RPC_URL: 'https://node.example',
    DEPLOYER_PRIVATE_KEY: key,
    ADMIN_ADDRESS: address,
    OPERATOR_ADDRESS: address,
    TREASURER_ADDRESS: address,
    PAUSER_ADDRESS: address,
    FEE_RECEIVER_ADDRESS: address,
  };
}

describe('deploy', () => {
  test('twice: sends nothing the second time, whoever sends, and gives the same addresses', async () => {
    const client = createPublicClient({ transport: http(chain.url), cacheTime: 0 });
    const deployer = { address: localAccount('deployer').address };
    const first = deploy(['--local', '--json']);
    expect(first).toMatchObject({ code: 0, err: '' });
    const { deployment, localDollar } = JSON.parse(first.out) as DeployedContracts;
    for (const address of [deployment.escrow, deployment.wallet, localDollar!]) {
      expect(await client.getCode({ address }), address).toMatch(/^0x[0-9a-f]{100}/);
    }
    const [perCall] = await client.readContract({
      address: deployment.wallet,
      abi: intermediaryWalletAbi,
      functionName: 'capsOf',
      args: [localDollar!],
    });
    expect(perCall).toBe(2n ** 100n);

    const sent = await client.getTransactionCount(deployer);
    const second = JSON.parse(deploy(['--local', '--json']).out) as DeployedContracts;
    expect(second).toEqual({ deployment: { ...deployment, firstHeight: 0 }, localDollar });
    const fromElsewhere = deploy(['--json'], {
      DEPLOYER_PRIVATE_KEY: privateKeyOf('arcade'),
      ADMIN_ADDRESS: localAccount('deployer').address,
      OPERATOR_ADDRESS: localAccount('operator').address,
      TREASURER_ADDRESS: localAccount('treasurer').address,
      PAUSER_ADDRESS: localAccount('pauser').address,
      FEE_RECEIVER_ADDRESS: localAccount('feeReceiver').address,
    });
    expect(JSON.parse(fromElsewhere.out).deployment).toMatchObject({
      escrow: deployment.escrow,
      wallet: deployment.wallet,
    });
    expect(await client.getTransactionCount(deployer)).toBe(sent);
    expect(await client.getTransactionCount({ address: localAccount('arcade').address })).toBe(0);
  });

  test('coins: the register of one token, at the same address when it is asked for again', async () => {
    const { localDollar } = JSON.parse(deploy(['--local', '--json']).out) as DeployedContracts;
    const coins = () => deploy(['--local', '--coins', '--json'], { COIN_TOKEN_ADDRESS: localDollar! });
    const first = coins();
    expect(first).toMatchObject({ code: 0, err: '' });
    const { coinRegister } = JSON.parse(first.out) as { coinRegister: `0x${string}` };
    const client = createPublicClient({ transport: http(chain.url), cacheTime: 0 });
    expect(await client.getCode({ address: coinRegister })).toMatch(/^0x[0-9a-f]{100}/);
    expect(coins().out).toBe(first.out);
    expect(deploy(['--local', '--coins'])).toMatchObject({ code: 1 });
  });

  test('keys: a development account in any part is refused away from chain 31337 on loopback', () => {
    const elsewhere = { chainId: 1, isLoopback: false };
    expect(() => refuseDevelopmentKeys(readDeployOptions(strangers()), elsewhere)).not.toThrow();
    const known = localAccount('ana').address;
    for (const [variable, value] of Object.entries({
      DEPLOYER_PRIVATE_KEY: privateKeyOf('ana'),
      ADMIN_ADDRESS: known.toLowerCase(),
      TREASURER_ADDRESS: known,
      FEE_RECEIVER_ADDRESS: known,
    })) {
      const options = readDeployOptions({ ...strangers(), [variable]: value });
      const refusal = expect.objectContaining({ code: 'CONFIGURATION_INVALID', details: { param: variable } });
      expect(() => refuseDevelopmentKeys(options, elsewhere), variable).toThrow(refusal);
      // Neither the number nor the address alone makes a chain local.
      expect(() => refuseDevelopmentKeys(options, { chainId: 31_337, isLoopback: false })).toThrow(refusal);
      expect(() => refuseDevelopmentKeys(options, { chainId: 1, isLoopback: true })).toThrow(refusal);
      expect(() => refuseDevelopmentKeys(options, { chainId: 31_337, isLoopback: true })).not.toThrow();
    }
  });

  test('settings: what is missing or wrong is named, and a key is never repeated', () => {
    const param = (change: Record<string, string | undefined>) => {
      try {
        readDeployOptions({ ...strangers(), ...change });
      } catch (error) {
        const { details, message } = error as { details: { param: string }; message: string };
        for (const value of Object.values(change)) if (value) expect(message).not.toContain(value);
        return details.param;
      }
      return 'nothing';
    };
    expect(param({})).toBe('nothing');
    expect(param({ DEPLOYER_PRIVATE_KEY: '0x1234' })).toBe('DEPLOYER_PRIVATE_KEY');
    expect(param({ PAUSER_ADDRESS: undefined })).toBe('PAUSER_ADDRESS');
    expect(param({ CAP_PER_CALL: '100' })).toBe('TREASURER_PRIVATE_KEY');
    const caps = { CAP_PER_CALL: '1', CAP_PER_HOUR: '2', CAP_PER_DAY: '3' };
    expect(param({ ...caps, TREASURER_PRIVATE_KEY: generatePrivateKey() })).toBe('TREASURER_PRIVATE_KEY');
    expect(deploy(['--wrong']).code).toBe(2);
    expect(deploy(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('RPC_URL') });
  });
});
