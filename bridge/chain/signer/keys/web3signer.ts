import { type Hex, parseTransaction, recoverTransactionAddress, type TransactionSerialized } from 'viem';
import { z } from 'zod';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import { callJsonRpc } from '../../../platform/json-rpc.ts';
import type { Address } from '../../domain.ts';
import type { SigningKey, UnsignedTransaction } from './signing-key.ts';

const rawSchema = z.string().regex(/^0x02(?:[0-9a-f]{2})+$/);

/**
 * A key at a Web3Signer in eth1 mode, which signs whatever it is handed: what comes back is held against what was asked.
 *
 * Errors: signing throws SIGNER_UNAVAILABLE when it does not answer, refuses, or answers something else
 */
export function openWeb3SignerKey(
  { url, address }: Readonly<{ url: string; address: Address }>,
  chainId: number,
): SigningKey {
  return {
    address,
    close: () => {},
    async sign(transaction) {
      const answer = await callJsonRpc(url, 'eth_signTransaction', [argumentsOf(transaction, address)]).catch(
        (error: unknown) => {
          throw unavailable(error instanceof Error ? error.message : 'no answer');
        },
      );
      const raw = rawSchema.safeParse(typeof answer === 'string' ? answer.toLowerCase() : answer);
      if (!raw.success) throw unavailable('no signed transaction');
      await requireSame(raw.data as Hex, transaction, address, chainId);
      return raw.data as Hex;
    },
  };
}

async function requireSame(raw: Hex, asked: UnsignedTransaction, address: Address, chainId: number): Promise<void> {
  const given = parseTransaction(raw);
  const isSame =
    given.type === 'eip1559' &&
    given.chainId === chainId &&
    (given.nonce ?? 0) === asked.nonce &&
    given.to?.toLowerCase() === asked.to.toLowerCase() &&
    (given.data ?? '0x') === asked.data.toLowerCase() &&
    (given.value ?? 0n) === asked.value &&
    given.gas === asked.gas &&
    given.maxFeePerGas === asked.maxFeePerGas &&
    (given.maxPriorityFeePerGas ?? 0n) === asked.maxPriorityFeePerGas &&
    (given.accessList ?? []).length === 0;
  if (!isSame) throw unavailable('it signed something else');
  const signer = await recoverTransactionAddress({ serializedTransaction: raw as TransactionSerialized });
  if (signer.toLowerCase() !== address) throw unavailable(`it signed as ${signer}`);
}

function argumentsOf(transaction: UnsignedTransaction, from: Address) {
  const quantity = (value: bigint | number) => `0x${value.toString(16)}`;
  const { nonce, to, data, value, gas, maxFeePerGas, maxPriorityFeePerGas } = transaction;
  return {
    from,
    to,
    data,
    value: quantity(value),
    nonce: quantity(nonce),
    gas: quantity(gas),
    maxFeePerGas: quantity(maxFeePerGas),
    maxPriorityFeePerGas: quantity(maxPriorityFeePerGas),
  };
}

function unavailable(why: string): SettlementError {
  return new SettlementError('SIGNER_UNAVAILABLE', `Web3Signer: ${why}`.slice(0, 300));
}
