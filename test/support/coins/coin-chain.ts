/** A local chain of its own with a token and a register of coins on it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Hex } from '../../../bridge/chain/domain.ts';
import { developmentAccount } from '../../../bridge/chain/keys.ts';
import { deployContracts } from '../../../scripts/contracts/deploy.ts';
import { deployCoinRegister } from '../../../scripts/contracts/deploy-coins.ts';
import { type RunningChain, startLocalChain } from '../../../scripts/local/chain.ts';
import {
  developmentPrivateKey,
  LOCAL_ACCOUNTS,
  LOCAL_COIN_ISSUER,
  localAccount,
} from '../../../scripts/local/world.ts';

const BLOCK_MILLISECONDS = 20;
const CAPS = { perCall: 0n, perHour: 0n, perDay: 0n };
/** Behind the machine's clock, so that blocks need not wait for it. */
const STARTS_AT_MILLISECONDS_AGO = 86_400_000;

export type CoinChain = Readonly<{ folder: string; chain: RunningChain; register: Hex; stop(): Promise<void> }>;

export async function startCoinChain(firstPort: number): Promise<CoinChain> {
  const folder = await mkdtemp(path.join(tmpdir(), 'specie-coin-chain-'));
  const chain = await startLocalChain(path.join(folder, 'chain'), {
    startsAt: new Date(Date.now() - STARTS_AT_MILLISECONDS_AGO),
    blockMilliseconds: BLOCK_MILLISECONDS,
    firstPort,
  });
  const [deployer, operator] = [localAccount('deployer').address, localAccount('operator').address];
  const deployerPrivateKey = developmentPrivateKey(LOCAL_ACCOUNTS.deployer);
  const { localDollar } = await deployContracts({
    rpcUrl: chain.url,
    deployerPrivateKey,
    admin: deployer,
    operator,
    treasurer: localAccount('treasurer').address,
    pauser: localAccount('pauser').address,
    feeReceiver: localAccount('feeReceiver').address,
    localDollarMinter: deployer,
    caps: CAPS,
  });
  const register = await deployCoinRegister({
    rpcUrl: chain.url,
    deployerPrivateKey,
    token: localDollar!,
    roles: {
      admin: deployer,
      issuer: developmentAccount(LOCAL_COIN_ISSUER).address,
      freezer: localAccount('treasurer').address,
      pauser: localAccount('pauser').address,
    },
    limits: { maximumAmount: 10n ** 12n, warnHops: 20n, blockHops: 40n },
  });
  return {
    folder,
    chain,
    register,
    stop: async () => {
      await chain.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
