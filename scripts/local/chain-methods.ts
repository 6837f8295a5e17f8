/** Which JSON-RPC methods the local chain takes. What could change the chain outside its journal is not among them. */
import { isHex } from 'viem';
import type { LocalChain } from './chain-node.ts';

/** A JSON-RPC failure; codes as in EIP-1474. */
export class RpcError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
  }
}

const METHOD_UNSUPPORTED = -32_004;
const PARAMETERS_INVALID = -32_602;
const MOST_BLOCKS_AT_ONCE = 1000;

/** Reads, passed on as they are. Filters live in this process only and are gone after a restart, as on any node. */
const READS: ReadonlySet<string> = new Set([
  ...['debug_traceCall', 'debug_traceTransaction'],
  ...['eth_accounts', 'eth_blobBaseFee', 'eth_blockNumber', 'eth_call', 'eth_chainId', 'eth_coinbase'],
  ...['eth_estimateGas', 'eth_feeHistory', 'eth_gasPrice', 'eth_getBalance', 'eth_getBlockByHash'],
  ...['eth_getBlockByNumber', 'eth_getBlockTransactionCountByHash', 'eth_getBlockTransactionCountByNumber'],
  ...['eth_getCode', 'eth_getFilterChanges', 'eth_getFilterLogs', 'eth_getLogs', 'eth_getProof', 'eth_getStorageAt'],
  ...['eth_getTransactionByBlockHashAndIndex', 'eth_getTransactionByBlockNumberAndIndex'],
  ...['eth_getTransactionByHash', 'eth_getTransactionCount', 'eth_getTransactionReceipt'],
  ...['eth_maxPriorityFeePerGas', 'eth_newBlockFilter', 'eth_newFilter', 'eth_newPendingTransactionFilter'],
  ...['eth_pendingTransactions', 'eth_syncing', 'eth_uninstallFilter'],
  ...['hardhat_metadata', 'net_version', 'web3_clientVersion', 'web3_sha3'],
]);

type Method = (chain: LocalChain, parameters: readonly unknown[]) => Promise<unknown>;

/** Methods that do something, each through the journal. */
const OURS: Readonly<Record<string, Method>> = {
  async eth_sendRawTransaction(chain, [raw]) {
    if (!isHex(raw) || raw.length % 2 !== 0) throw invalid('a signed transaction is 0x and an even number of digits');
    return chain.submit(raw);
  },
  async evm_mine(chain, parameters) {
    if (parameters.length > 0) throw invalid('evm_mine takes no time here: move the clock with specie_setClock');
    await chain.mine();
    return '0x0';
  },
  async hardhat_mine(chain, [count = '0x1', interval]) {
    if (interval !== undefined) throw invalid('hardhat_mine takes no interval here: blocks follow the chain’s clock');
    const blocks = isHex(count) || typeof count === 'number' ? Number(count) : Number.NaN;
    if (!Number.isInteger(blocks) || blocks < 0 || blocks > MOST_BLOCKS_AT_ONCE) {
      throw invalid(`hardhat_mine takes a number of blocks up to ${MOST_BLOCKS_AT_ONCE}`);
    }
    for (let mined = 0; mined < blocks; mined += 1) await chain.mine();
    return true;
  },
  async specie_setClock(chain, [isoTime]) {
    const time =
      typeof isoTime === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(isoTime) ? Date.parse(isoTime) : Number.NaN;
    if (Number.isNaN(time)) throw invalid('specie_setClock takes an ISO time in UTC, such as 2026-11-02T09:00:00Z');
    return new Date(await chain.setClock(time)).toISOString();
  },
};

/** Answers one call. Errors: thrown RpcError, and what the engine throws, with its code. */
export function callMethod(chain: LocalChain, method: string, parameters: readonly unknown[]): Promise<unknown> {
  if (READS.has(method)) return chain.request(method, parameters);
  const ours = Object.hasOwn(OURS, method) ? OURS[method] : undefined;
  if (ours) return ours(chain, parameters);
  const why = /^(?:eth|net|web3|debug)_/.test(method)
    ? 'the local chain reads, and takes transactions that their senders signed'
    : 'it is no method of this chain, or would change the chain outside its journal';
  throw new RpcError(METHOD_UNSUPPORTED, `${method} is refused: ${why}`);
}

function invalid(message: string): RpcError {
  return new RpcError(PARAMETERS_INVALID, message);
}
