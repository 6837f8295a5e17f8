import { mnemonicToAccount, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Hex } from './domain.ts';

/** The mnemonic that every Ethereum tool ships with: whoever sends money to its addresses has given it away. */
export const DEVELOPMENT_MNEMONIC = 'test test test test test test test test test test test junk';
export const LOCAL_CHAIN_ID = 31_337;
const DEVELOPMENT_ACCOUNTS = 20;

/** The n-th of the well-known development accounts. */
export function developmentAccount(index: number) {
  return mnemonicToAccount(DEVELOPMENT_MNEMONIC, { addressIndex: index });
}

/**
 * Opens the key that signs the bridge's chain transactions.
 *
 * Errors: thrown CONFIGURATION_INVALID for a well-known development key on any chain but 31337 on loopback.
 */
export function openOperatorKey(
  privateKey: Hex,
  chain: Readonly<{ chainId: number; isLoopback: boolean }>,
): PrivateKeyAccount {
  const account = privateKeyToAccount(privateKey);
  const isLocal = chain.chainId === LOCAL_CHAIN_ID && chain.isLoopback;
  if (!isLocal && isDevelopmentAddress(account.address)) {
    throw new SettlementError('CONFIGURATION_INVALID', 'OPERATOR_PRIVATE_KEY is a well-known development key', {
      param: 'OPERATOR_PRIVATE_KEY',
      address: account.address,
    });
  }
  return account;
}

function isDevelopmentAddress(address: string): boolean {
  for (let index = 0; index < DEVELOPMENT_ACCOUNTS; index += 1) {
    if (developmentAccount(index).address === address) return true;
  }
  return false;
}
