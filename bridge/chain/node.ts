import { createPublicClient, defineChain, erc20Abi, http, type PublicClient, parseAbiItem } from 'viem';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { eventAbis } from './abis.ts';
import type { Address, Hex, ObservedBlock, ObservedLog } from './domain.ts';
import { nameOfRevert } from './reverts.ts';

/** What the bridge asks of a chain; a simulation has its own. */
export interface ChainNode {
  readonly chainId: number;
  head(): Promise<number>;
  block(height: number): Promise<ObservedBlock>;
  blocks(from: number, to: number): Promise<readonly ObservedBlock[]>;
  logs(from: number, to: number, addresses: readonly Address[]): Promise<readonly ObservedLog[]>;
  /** Those of these very blocks; a node that does not have one of them fails, where a range would just be emptier. */
  logsOf(blockHashes: readonly Hex[], addresses: readonly Address[]): Promise<readonly ObservedLog[]>;
  /** Transfers of any token to some addresses, in these very blocks. `ordinal` counts those of one token to one address. */
  transfersOf(blockHashes: readonly Hex[], recipients: readonly Address[]): Promise<readonly ObservedLog[]>;
  receipt(chainHash: Hex): Promise<ChainReceipt | undefined>;
  /** Why a chain transaction reverted, see nameOfRevert; undefined when it would not revert as of its block's end. */
  revertReason(chainHash: Hex): Promise<string | undefined>;
  /**
   * `known` when the node, or the chain, has it or another one of its nonce already: to be looked up, no failure.
   *
   * Errors: thrown OPERATOR_FUNDS_MISSING when its signer cannot pay for it · CHAIN_CALL_REFUSED when no node will ever
   *         take it as it is
   */
  send(raw: Hex): Promise<'accepted' | 'known'>;
  gasPrice(): Promise<bigint>;
  nextNonce(address: Address): Promise<number>;
  /** How many nonces of a key are spent as of a block; a node that does not have this very block fails. */
  spentNonces(address: Address, blockHash: Hex): Promise<number>;
  /** Units of a token, or of the chain's own coin for the zero address, as of a block. */
  balance(token: Address, owner: Address, height: number): Promise<bigint>;
  /** Units of the chain's own coin as of this very block; a node that does not have it, or not on its chain, fails. */
  coinsAt(owner: Address, blockHash: Hex): Promise<bigint>;
}

export type ChainReceipt = Readonly<{ succeeded: boolean; blockHash: Hex; height: number; gasUsed: number }>;

const TIMEOUT_MILLISECONDS = 10_000;
const RECIPIENTS_AT_ONCE = 500;
const TRANSFER = parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)');

/**
 * A node by its JSON-RPC address.
 *
 * Errors: thrown CHAIN_UNAVAILABLE when it does not answer, CHAIN_MISMATCH when it is another chain.
 */
export async function connectNode(url: string, expectedChainId?: number): Promise<ChainNode> {
  const transport = http(url, { batch: { wait: 2, batchSize: 200 }, timeout: TIMEOUT_MILLISECONDS, retryCount: 1 });
  const probe = createPublicClient({ transport });
  const chainId = await available(() => probe.getChainId());
  if (expectedChainId !== undefined && chainId !== expectedChainId) {
    throw new SettlementError('CHAIN_MISMATCH', `the node is on chain ${chainId}, not ${expectedChainId}`, {
      chainId,
      expectedChainId,
    });
  }
  const chain = defineChain({
    id: chainId,
    name: `chain ${chainId}`,
    nativeCurrency: { name: 'coin', symbol: 'COIN', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const client = createPublicClient({ chain, transport, cacheTime: 0 });
  return nodeOf(client, chainId);
}

function nodeOf(client: PublicClient, chainId: number): ChainNode {
  const block = async (height: number): Promise<ObservedBlock> => {
    const found = await available(() => client.getBlock({ blockNumber: BigInt(height) }));
    return {
      height,
      hash: found.hash as Hex,
      parentHash: found.parentHash,
      minedAt: new Date(Number(found.timestamp) * 1000),
      chainHashes: found.transactions,
    };
  };
  return {
    chainId,
    head: () => available(async () => Number(await client.getBlockNumber({ cacheTime: 0 }))),
    block,
    blocks: (from, to) => Promise.all(Array.from({ length: to - from + 1 }, (_, index) => block(from + index))),
    async logs(from, to, addresses) {
      const found = await available(() =>
        client.getLogs({
          address: [...addresses],
          events: eventAbis,
          fromBlock: BigInt(from),
          toBlock: BigInt(to),
          strict: true,
        }),
      );
      return found.map(observedLogOf());
    },
    async logsOf(blockHashes, addresses) {
      const found = await Promise.all(
        blockHashes.map((blockHash) =>
          available(() => client.getLogs({ address: [...addresses], events: eventAbis, blockHash, strict: true })),
        ),
      );
      return found.flatMap((logs) => logs.map(observedLogOf()));
    },
    async transfersOf(blockHashes, recipients) {
      const asked = blockHashes.flatMap((blockHash) =>
        inChunks(recipients, RECIPIENTS_AT_ONCE).map((to) => ({ blockHash, to })),
      );
      const found = await Promise.all(
        asked.map(({ blockHash, to }) =>
          available(() => client.getLogs({ event: TRANSFER, args: { to: [...to] }, blockHash, strict: true })),
        ),
      );
      return found.flat().map(observedLogOf(({ address, args }) => `${address} ${(args as { to: string }).to}`));
    },
    async receipt(chainHash) {
      try {
        const found = await client.getTransactionReceipt({ hash: chainHash });
        return {
          succeeded: found.status === 'success',
          blockHash: found.blockHash,
          height: Number(found.blockNumber),
          gasUsed: Number(found.gasUsed),
        };
      } catch (error) {
        if (error instanceof Error && error.name === 'TransactionReceiptNotFoundError') return undefined;
        throw unavailable(error);
      }
    },
    async revertReason(chainHash) {
      const { from, to, input, value, blockNumber } = await available(() => client.getTransaction({ hash: chainHash }));
      if (blockNumber === null || to === null) throw unavailable(`${chainHash} is in no block`);
      try {
        await client.call({ account: from, to, data: input, value, blockNumber });
        return undefined;
      } catch (error) {
        const data = revertDataOf(error);
        if (data === undefined) throw unavailable(error);
        return nameOfRevert(data);
      }
    },
    async send(raw) {
      try {
        await client.sendRawTransaction({ serializedTransaction: raw });
        return 'accepted';
      } catch (error) {
        const message = error instanceof Error ? error.message : '';
        const said = readRefusal(message);
        if (said === 'known') return 'known';
        throw said ? new SettlementError(said, lastWords(message), {}, { cause: error }) : unavailable(error);
      }
    },
    gasPrice: () => available(() => client.getGasPrice()),
    nextNonce: (address) => available(() => client.getTransactionCount({ address, blockTag: 'pending' })),
    async spentNonces(address, blockHash) {
      // By hash (EIP-1898): at this height another branch may have spent others.
      const parameters = [address, { blockHash, requireCanonical: true }];
      return Number(
        await available(() => client.request({ method: 'eth_getTransactionCount', params: parameters } as never)),
      );
    },
    async coinsAt(owner, blockHash) {
      // EIP-1898: a height would be another block for a node on another branch.
      const block = { blockHash, requireCanonical: true };
      const found = await available(() =>
        client.request({ method: 'eth_getBalance', params: [owner, block] } as unknown as BalanceRequest),
      );
      return BigInt(found);
    },
    balance(token, owner, height) {
      const blockNumber = BigInt(height);
      return available(() =>
        /^0x0{40}$/.test(token)
          ? client.getBalance({ address: owner, blockNumber })
          : client.readContract({
              address: token,
              abi: erc20Abi,
              functionName: 'balanceOf',
              args: [owner],
              blockNumber,
            }),
      );
    },
  };
}

/** The bytes that a call reverted with, from wherever the client's error keeps them. */
function revertDataOf(error: unknown): Hex | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { data } = cause as { data?: unknown };
    if (typeof data === 'string' && data.startsWith('0x') && data.length >= 10) return data as Hex;
    if (cause.name === 'ExecutionRevertedError' && !(cause.cause instanceof Error)) return '0x';
  }
  return undefined;
}

type BalanceRequest = { method: 'eth_getBalance'; params: [Address, 'latest'] };

type DecodedLog = Readonly<{
  transactionHash: Hex;
  blockHash: Hex;
  blockNumber: bigint;
  logIndex: number;
  address: Address;
  eventName: string;
  args: unknown;
}>;

/** Counts the logs of each chain transaction, by kind, as they come, so one is made for each answer. */
function observedLogOf(kindOf: (log: DecodedLog) => string = () => ''): (log: DecodedLog) => ObservedLog {
  const ordinals = new Map<string, number>();
  return (log) => {
    const kind = `${log.transactionHash} ${kindOf(log)}`;
    const ordinal = ordinals.get(kind) ?? 0;
    ordinals.set(kind, ordinal + 1);
    return {
      blockHash: log.blockHash,
      height: Number(log.blockNumber),
      chainHash: log.transactionHash,
      logIndex: log.logIndex,
      ordinal,
      address: log.address.toLowerCase() as Address,
      event: log.eventName,
      fields: Object.fromEntries(
        Object.entries(log.args as Record<string, unknown>).map(([name, value]) => [name, String(value)]),
      ),
    };
  };
}

function inChunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/**
 * What a node's refusal of a signed transaction means, in the words of geth, Nethermind, Besu, Reth and Hardhat; undefined when
 * it may just be asked again.
 *
 * «Nonce too low» says that this nonce is spent, by this very call or its replacement, and «underpriced» that the node
 * has another one of this nonce.
 */
export function readRefusal(message: string): 'known' | 'OPERATOR_FUNDS_MISSING' | 'CHAIN_CALL_REFUSED' | undefined {
  if (/already known|known transaction|nonce.*too low|already imported|replacement.*underpriced/i.test(message)) {
    return 'known';
  }
  if (/insufficient funds|upfront cost exceeds|have enough funds|insufficient sender balance/i.test(message)) {
    return 'OPERATOR_FUNDS_MISSING';
  }
  const forGood = /intrinsic gas|exceeds .*gas (limit|cap)|requires at least .* gas|oversized data|floor data gas/i;
  return forGood.test(message) ? 'CHAIN_CALL_REFUSED' : undefined;
}

/** The node's own words stand behind «Details:» in the error of the client. */
function lastWords(message: string): string {
  return (/Details: (.*)/.exec(message)?.[1] ?? message.split('\n')[0]!).slice(0, 300);
}

async function available<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(cause: unknown): SettlementError {
  const message = cause instanceof Error ? cause.message.split('\n')[0]! : String(cause);
  return new SettlementError('CHAIN_UNAVAILABLE', message.slice(0, 300), {}, { cause });
}
