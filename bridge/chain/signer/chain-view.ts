import { createPublicClient, http, keccak256, stringToHex } from 'viem';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import { depositAddressesAbi } from '../bindings/deposit-addresses.ts';
import { intermediaryWalletAbi } from '../bindings/intermediary-wallet.ts';
import { paymentEscrowAbi } from '../bindings/payment-escrow.ts';
import type { DepositTerms } from '../deposits.ts';
import type { Address, Hex } from '../domain.ts';
import type { SignerPolicy } from './policy.ts';

/** What a signer asks of the chain itself, so that it need not believe who asks for signatures. */
export interface SignerChain {
  /** How many nonces of a key are spent or wait to be. */
  spentNonces(address: Address): Promise<number>;
  /** How many of them are spent as of the newest final block: by whatever it was, those never come free again. */
  finalNonces(address: Address): Promise<number>;
  /** What the escrow has captured of a payment and not given back, as of the newest final block. */
  captured(paymentIdentifier: Hex): Promise<bigint>;
  /** Whether a deposit was swept, as of the newest final block: it went where its terms say, and nowhere else. */
  isSwept(deposit: DepositTerms): Promise<boolean>;
  /** Whether both contracts know an address as their operator. */
  holdsRole(address: Address): Promise<boolean>;
}

const OPERATOR_ROLE = keccak256(stringToHex('OPERATOR_ROLE'));

/** Errors: every question throws SIGNER_UNAVAILABLE when the node does not answer, CHAIN_MISMATCH for another chain. */
export function connectSignerChain({ chain }: SignerPolicy): SignerChain {
  const transport = http(chain.rpcUrl, { batch: { wait: 2, batchSize: 200 }, retryCount: 1 });
  const client = createPublicClient({ transport, cacheTime: 0 });
  const { escrow, wallet, deposits } = chain;
  let isRightChain = false;
  const ask = async <Answer>(question: () => Promise<Answer>): Promise<Answer> => {
    try {
      if (!isRightChain) {
        const chainId = await client.getChainId();
        if (chainId !== chain.chainId) {
          throw new SettlementError('CHAIN_MISMATCH', `the signer's node is on chain ${chainId}, not ${chain.chainId}`);
        }
        isRightChain = true;
      }
      return await question();
    } catch (error) {
      if (error instanceof SettlementError) throw error;
      const message = error instanceof Error ? error.message.split('\n')[0]! : String(error);
      throw new SettlementError('SIGNER_UNAVAILABLE', message.slice(0, 300), {}, { cause: error });
    }
  };
  const finalHeight = async () => {
    const head = await client.getBlockNumber();
    const depth = BigInt(chain.finalityDepth);
    return head < depth ? undefined : head - depth;
  };
  return {
    spentNonces: (address) => ask(() => client.getTransactionCount({ address, blockTag: 'pending' })),
    finalNonces: (address) =>
      ask(async () => {
        const blockNumber = await finalHeight();
        return blockNumber === undefined ? 0 : client.getTransactionCount({ address, blockNumber });
      }),
    captured: (paymentIdentifier) =>
      ask(async () => {
        const blockNumber = await finalHeight();
        if (blockNumber === undefined) return 0n;
        const { refundable } = await client.readContract({
          address: escrow,
          abi: paymentEscrowAbi,
          functionName: 'payments',
          args: [paymentIdentifier],
          blockNumber,
        });
        return refundable;
      }),
    isSwept: (deposit) =>
      ask(async () => {
        const blockNumber = await finalHeight();
        if (blockNumber === undefined || !deposits) return false;
        const contract = { address: deposits, abi: depositAddressesAbi, blockNumber } as const;
        const address = await client.readContract({ ...contract, functionName: 'depositAddressOf', args: [deposit] });
        return client.readContract({ ...contract, functionName: 'isSwept', args: [address] });
      }),
    holdsRole: (address) =>
      ask(async () => {
        const held = await Promise.all([
          client.readContract({
            address: escrow,
            abi: paymentEscrowAbi,
            functionName: 'hasRole',
            args: [OPERATOR_ROLE, address],
          }),
          client.readContract({
            address: wallet,
            abi: intermediaryWalletAbi,
            functionName: 'hasRole',
            args: [OPERATOR_ROLE, address],
          }),
        ]);
        return held.every(Boolean);
      }),
  };
}
