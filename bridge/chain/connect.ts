import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { type ChainNode, connectNode } from './node.ts';
import { type Dissent, majorityOf, quorumOf } from './quorum.ts';

/**
 * The chain by one node, or by several that have to agree.
 *
 * Errors: thrown CHAIN_UNAVAILABLE, CHAIN_MISMATCH of a single node; of several CHAIN_QUORUM_MISSING when too few can be
 *         reached, CONFIGURATION_INVALID for a quorum that is no majority of them. One that cannot be reached now is asked
 *         again with every question
 */
export async function connectChain(
  urls: readonly string[],
  options: Readonly<{
    chainId: number;
    quorum?: number | undefined;
    onDissent: (dissents: readonly Dissent[]) => void;
  }>,
): Promise<ChainNode> {
  const [only, ...others] = urls;
  if (only !== undefined && others.length === 0) return connectNode(only, options.chainId);
  if (new Set(urls).size < urls.length) {
    // Two votes of one node are one voice.
    throw new SettlementError('CONFIGURATION_INVALID', 'every node is named once', { param: 'RPC_URL' });
  }
  const nodes = urls.map((url) => ({ name: nameOfNode(url), node: connectedWhenAsked(url, options.chainId) }));
  const quorum = options.quorum ?? majorityOf(nodes.length);
  const node = quorumOf(nodes, { ...options, quorum });
  await node.head();
  return node;
}

/** Host and port: paths, queries and user names of a node's address often are its key. */
export function nameOfNode(url: string): string {
  return new URL(url).host;
}

function connectedWhenAsked(url: string, chainId: number): ChainNode {
  let connected: Promise<ChainNode> | undefined;
  const connect = (): Promise<ChainNode> => {
    connected ??= connectNode(url, chainId).catch((error: unknown) => {
      connected = undefined;
      throw error;
    });
    return connected;
  };
  return new Proxy({ chainId } as ChainNode, {
    get(target, name) {
      if (name === 'chainId' || name === 'then') return Reflect.get(target, name);
      return async (...asked: unknown[]) => {
        const node = (await connect()) as unknown as Record<string | symbol, (...asked: unknown[]) => unknown>;
        const question = node[name];
        if (!question) throw new SettlementError('CHAIN_UNAVAILABLE', `a node has no ${String(name)}`);
        return question(...asked);
      };
    },
  });
}
