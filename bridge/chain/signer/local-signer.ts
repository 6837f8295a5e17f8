import { privateKeyToAccount } from 'viem/accounts';
import type { Address, Deployment, Hex } from '../domain.ts';
import { rebuildCall } from './intents.ts';
import type { Signer } from './protocol.ts';

/**
 * Signs with a key in this process and remembers nothing: for a local run whose key everybody knows. There is no list,
 * no cap and no record, so it stands for a signer nowhere else.
 */
export function signInThisProcess(privateKey: Hex, deployment: Deployment): Signer {
  const account = privateKeyToAccount(privateKey);
  const { chainId, wallet } = deployment;
  return {
    describe: async () => ({
      chainId,
      wallet,
      keys: [account.address.toLowerCase() as Address],
      head: { count: 0, hash: '' },
    }),
    payees: async () => [],
    withdraw: async () => ({}),
    list: async () => ({ effectiveAt: 0 }),
    sign: ({ fees, calls }) =>
      Promise.all(
        calls.map(async ({ nonce, intent }) => {
          const { recipient, data, value, gasLimit } = rebuildCall(deployment, intent);
          const raw = await account.signTransaction({
            type: 'eip1559',
            chainId,
            nonce,
            to: recipient,
            data,
            value,
            gas: BigInt(gasLimit),
            ...fees,
          });
          return { outcome: 'signed' as const, raw };
        }),
      ),
  };
}
