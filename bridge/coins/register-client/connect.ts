import { createPublicClient, createWalletClient, defineChain, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { Chance } from '../../../ledger-service/vocabulary/time.ts';
import type { Address, Hex } from '../../chain/domain.ts';
import { coinFailure } from '../security-element/failures.ts';
import { ChainRegister } from './chain-register.ts';

const TIMEOUT_MILLISECONDS = 10_000;
const POLLING_MILLISECONDS = 100;

export type RegisterConnection = Readonly<{
  url: string;
  chainId: number;
  address: Address;
  privateKey: Hex;
  depth: number;
  firstHeight: number;
  chance: Chance;
}>;

/** The register behind a node, which is asked nothing yet. `privateKey` is that of whoever pays for gas. */
export function connectChainRegister(options: RegisterConnection): ChainRegister {
  const { url, chainId, address, depth, firstHeight, chance } = options;
  const transport = http(url, { timeout: TIMEOUT_MILLISECONDS, retryCount: 1 });
  const nativeCurrency = { name: 'coin', symbol: 'COIN', decimals: 18 };
  const rpcUrls = { default: { http: [url] } };
  const chain = defineChain({ id: chainId, name: `chain ${chainId}`, nativeCurrency, rpcUrls });
  const client = createPublicClient({ chain, transport, cacheTime: 0, pollingInterval: POLLING_MILLISECONDS });
  const sender = createWalletClient({ chain, transport, account: privateKeyToAccount(options.privateKey) });
  return new ChainRegister({ client, sender, address, depth, firstHeight, chance }, { chainId, address });
}

/**
 * Which chain a node is on, if there is a contract at the address.
 *
 * Errors: thrown COIN_REGISTER_UNAVAILABLE
 */
export async function findChain(url: string, address: Address): Promise<number> {
  try {
    const client = createPublicClient({ transport: http(url, { timeout: TIMEOUT_MILLISECONDS, retryCount: 1 }) });
    if ((await client.getCode({ address })) === undefined) throw new Error(`nothing is deployed at ${address}`);
    return await client.getChainId();
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    throw coinFailure('COIN_REGISTER_UNAVAILABLE', message.slice(0, 300));
  }
}
