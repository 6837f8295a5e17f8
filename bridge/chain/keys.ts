import { mnemonicToAccount } from 'viem/accounts';

/** The mnemonic that every Ethereum tool ships with: whoever sends money to its addresses has given it away. */
export const DEVELOPMENT_MNEMONIC = 'test test test test test test test test test test test junk';
export const LOCAL_CHAIN_ID = 31_337;
const DEVELOPMENT_ACCOUNTS = 20;

/** The n-th of the well-known development accounts. */
export function developmentAccount(index: number) {
  return mnemonicToAccount(DEVELOPMENT_MNEMONIC, { addressIndex: index });
}

/** True for an address whose key everybody has. */
export function isDevelopmentAddress(address: string): boolean {
  for (let index = 0; index < DEVELOPMENT_ACCOUNTS; index += 1) {
    if (developmentAccount(index).address.toLowerCase() === address.toLowerCase()) return true;
  }
  return false;
}
