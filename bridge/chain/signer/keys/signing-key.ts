import { type Hex, keccak256, recoverAddress, serializeSignature, serializeTransaction } from 'viem';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Address } from '../../domain.ts';

export type UnsignedTransaction = Readonly<{
  type: 'eip1559';
  chainId: number;
  nonce: number;
  to: Address;
  data: Hex;
  value: bigint;
  gas: bigint;
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
}>;

/** A key wherever it is: in memory, in a token, at another signer. */
export interface SigningKey {
  readonly address: Address;
  /** Errors: thrown SIGNER_UNAVAILABLE when what holds the key does not answer */
  sign(transaction: UnsignedTransaction): Promise<Hex>;
  close(): void;
}

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/**
 * A key behind something that signs 32 bytes and knows nothing of Ethereum.
 *
 * Shape: `signDigest` gives r and s; s is brought into the lower half of the curve's order (EIP-2), and the parity is
 *        the one that leads back to the key's address
 */
export function keyOverDigests(
  address: Address,
  signDigest: (digest: Hex) => Promise<Readonly<{ r: bigint; s: bigint }>>,
  close: () => void = () => {},
): SigningKey {
  return {
    address,
    close,
    async sign(transaction) {
      const digest = keccak256(serializeTransaction(transaction));
      const { r, s } = await signDigest(digest);
      const signature = await ethereumSignature(digest, { r, s }, address);
      return serializeTransaction(transaction, signature);
    },
  };
}

/** Errors: thrown SIGNER_UNAVAILABLE when the signature is not this address's at all. */
export async function ethereumSignature(
  digest: Hex,
  { r, s }: Readonly<{ r: bigint; s: bigint }>,
  address: Address,
): Promise<{ r: Hex; s: Hex; yParity: number }> {
  const low = s > CURVE_ORDER / 2n ? CURVE_ORDER - s : s;
  const words = { r: word(r), s: word(low) };
  for (const yParity of [0, 1] as const) {
    const signature = serializeSignature({ ...words, yParity });
    const signer = await recoverAddress({ hash: digest, signature }).catch(() => undefined);
    if (signer?.toLowerCase() === address) return { ...words, yParity };
  }
  throw new SettlementError('SIGNER_UNAVAILABLE', `a signature that is not of ${address}`, { address });
}

function word(value: bigint): Hex {
  return `0x${value.toString(16).padStart(64, '0')}`;
}
