import { createClient, http } from 'viem';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';

/**
 * Moves a local chain's clock along with the books'; a node that has no such clock keeps its own.
 *
 * Errors: thrown CHAIN_UNAVAILABLE (retryable)
 */
export async function setLocalChainClock(rpcUrl: string, time: Date): Promise<void> {
  const client = createClient({ transport: http(rpcUrl, { retryCount: 1 }) });
  try {
    await client.request({ method: 'specie_setClock', params: [time.toISOString()] } as never);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (/method.*(not (found|supported|exist|available)|unknown)|-32601/i.test(message)) return;
    throw new SettlementError('CHAIN_UNAVAILABLE', message.split('\n')[0]!.slice(0, 300), {}, { cause: error });
  }
}
