/** Hardhat's simulated chain inside this process, set so that the same input always gives the same blocks. */
import { fileURLToPath } from 'node:url';
import type { Hex } from 'viem';
import { DEVELOPMENT_MNEMONIC, LOCAL_CHAIN_ID } from '../../bridge/chain/keys.ts';

export const LOCAL_HARDFORK = 'osaka';
const DEVELOPMENT_ACCOUNTS = 20;
const DEVELOPMENT_BALANCE_WEI = 10_000n * 10n ** 18n;

export type EngineBlock = Readonly<{ height: number; hash: Hex; timestamp: number; chainHashes: readonly Hex[] }>;

/** `request` speaks JSON-RPC to the engine; what it refuses is thrown with the `code` and `data` of the engine. */
export type ChainEngine = Readonly<{
  request(method: string, params?: readonly unknown[]): Promise<unknown>;
  head(): Promise<EngineBlock>;
  close(): Promise<void>;
}>;

/** Shape: the timestamp of block 0, in whole seconds as ISO text → a chain that holds block 0 and mines only when told to */
export async function createChainEngine(initialDate: string): Promise<ChainEngine> {
  const { createHardhatRuntimeEnvironment } = await import('hardhat/hre');
  const network = {
    type: 'edr-simulated',
    chainType: 'l1',
    chainId: LOCAL_CHAIN_ID,
    hardfork: LOCAL_HARDFORK,
    initialDate,
    accounts: {
      mnemonic: DEVELOPMENT_MNEMONIC,
      count: DEVELOPMENT_ACCOUNTS,
      accountsBalance: DEVELOPMENT_BALANCE_WEI.toString(),
    },
    // First come, first mined: replayed in the order of its block, a transaction finds the same place again.
    mining: { auto: false, interval: 0, mempool: { order: 'fifo' } },
  } as const;
  // Its own configuration, not the project's: neither plugins nor another current folder may change the chain.
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const hardhat = await createHardhatRuntimeEnvironment({ networks: { local: network } }, {}, root);
  const connection = await hardhat.network.create({ network: 'local' });
  const request = (method: string, params: readonly unknown[] = []): Promise<unknown> =>
    connection.provider.request({ method, params: [...params] });
  return {
    request,
    async head() {
      const block = (await request('eth_getBlockByNumber', ['latest', false])) as {
        number: Hex;
        hash: Hex;
        timestamp: Hex;
        transactions: Hex[];
      };
      return {
        height: Number(block.number),
        hash: block.hash,
        timestamp: Number(block.timestamp),
        chainHashes: block.transactions,
      };
    },
    close: () => connection.close(),
  };
}
