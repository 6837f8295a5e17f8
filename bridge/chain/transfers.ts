import type { DomainEvent } from '../platform/outbox.ts';
import type { Address, Deployment, Hex, ObservedLog } from './domain.ts';
import type { ChainNode } from './node.ts';

/** A token that has reached an address of ours. */
export type ObservedTransfer = Readonly<{
  log: ObservedLog;
  token: Address;
  from: Address;
  to: Address;
  amount: bigint;
}>;

/** What consumers are told of a transfer. `minedAt` once it is final. */
export type TransferPayload = Readonly<{
  token: Address;
  from: Address;
  to: Address;
  amount: string;
  chainHash: Hex;
  ordinal: number;
  height: number;
  minedAt?: string;
}>;

export function transferOf(log: ObservedLog): ObservedTransfer {
  const { from, to, value } = log.fields;
  return {
    log,
    token: log.address,
    from: from!.toLowerCase() as Address,
    to: to!.toLowerCase() as Address,
    amount: BigInt(value!),
  };
}

/**
 * Transfers to the wallet and to deposit addresses that no log of our own contracts speaks of.
 *
 * Shape: the wallet's own business is left out: what the escrow captured for it, what was swept to it, and what it was
 *        filled with by whoever set it up; a transfer of nothing is none
 */
export async function readTransfers(
  node: ChainNode,
  deployment: Deployment,
  blockHashes: readonly Hex[],
  recipients: readonly Readonly<{ address: Address }>[],
): Promise<readonly ObservedTransfer[]> {
  const [wallet, escrow] = [deployment.wallet.toLowerCase(), deployment.escrow.toLowerCase()];
  const ours = new Set<string>(recipients.map(({ address }) => address));
  const found = await node.transfersOf(blockHashes, [wallet as Address, ...recipients.map(({ address }) => address)]);
  return found.map(transferOf).filter(({ log, from, to, amount }) => {
    if (amount === 0n) return false;
    if (to !== wallet) return true;
    return log.height > deployment.filledAtHeight && from !== escrow && !ours.has(from);
  });
}

/** Named by the chain transaction and the place among its transfers of one token to one address. */
export function transferEvent(
  topic: 'transfer.seen' | 'transfer.final',
  chainId: number,
  { log, token, from, to, amount }: ObservedTransfer,
  minedAt?: string,
): DomainEvent {
  const { chainHash, ordinal, height } = log;
  const payload: TransferPayload = {
    token,
    from,
    to,
    amount: amount.toString(),
    chainHash,
    ordinal,
    height,
    ...(minedAt ? { minedAt } : {}),
  };
  return { shard: 0, topic, subject: to, meaning: [chainId, chainHash, token, ordinal], payload };
}
