import type { Database } from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import { inSpans, type SpanDescription } from '../../../ledger-service/platform/tracing.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import type { Outbox } from '../../platform/outbox.ts';
import { loadPoorKeys, saveFundsMissing, saveFundsThere, saveRefusals } from '../care-store.ts';
import type { Address, Hex } from '../domain.ts';
import { NATIVE_TOKEN } from '../escrow.ts';
import type { ChainNode, ChainReceipt } from '../node.ts';
import { loadUnsent, markSent } from '../store.ts';
import { concludeLateCalls } from './conclude-calls.ts';

export type SendingDependencies = Readonly<{
  database: Database;
  node: ChainNode;
  clock: Clock;
  machineClock: Clock;
  outbox: Outbox;
  logger: Logger;
}>;

const FORGOTTEN_AFTER_MILLISECONDS = 2_000;
const FORMS_AT_ONCE = 256;

/**
 * Hands every signed call that no node has yet to the node, and again what a node may have forgotten.
 *
 * Effects: the machine's moment beside each that a node has; a refusal for good is counted; a key without gas money is
 *          noted until something of it is taken again; a call that turns out to be in a block which was final before is
 *          concluded
 */
export async function sendSigned(dependencies: SendingDependencies): Promise<void> {
  const { database, node, machineClock, logger } = dependencies;
  const now = machineClock.now();
  const forgotten = new Date(now.getTime() - FORGOTTEN_AFTER_MILLISECONDS);
  const unsent = await loadUnsent(database.drizzle, forgotten, FORMS_AT_ONCE);
  const sent: string[] = [];
  const refused: { chainHash: string; words: string }[] = [];
  const receipts = new Map<string, ChainReceipt>();
  const paying = new Set<Address>();
  const poor = new Set<Address>();
  await Promise.all(
    unsent.map(async ({ chainHash, raw, sentAt, signer, callId, traceContext }) => {
      try {
        const receipt = sentAt ? await node.receipt(chainHash as Hex) : undefined;
        if (receipt) {
          receipts.set(chainHash, receipt);
          return;
        }
        const span = spanOf('send chain call', traceContext, { callId, chainHash });
        await inSpans(span, () => node.send(raw as Hex));
        sent.push(chainHash);
        paying.add(signer as Address);
      } catch (error) {
        logger.warn({ event: 'chain.sendFailed', chainHash, err: error });
        if (!(error instanceof SettlementError)) return;
        if (error.code === 'CHAIN_CALL_REFUSED') refused.push({ chainHash, words: error.message });
        if (error.code === 'OPERATOR_FUNDS_MISSING') poor.add(signer as Address);
      }
    }),
  );
  await markSent(database.drizzle, sent, now);
  await saveRefusals(database.drizzle, refused);
  for (const signer of poor) await noteFundsMissing(dependencies, signer);
  for (const signer of paying) if (!poor.has(signer)) await noteFundsThere(dependencies, signer);
  await concludeLateCalls(dependencies, receipts);
}

/** A span of the trace that asked for a call, if there was one. */
export function spanOf(
  name: string,
  parent: string | null,
  attributes: Readonly<Record<string, string>>,
): readonly SpanDescription[] {
  return parent ? [{ name, kind: 'client', attributes, parent }] : [];
}

/** The keys of this chain that cannot pay for their calls, and since when, by the machine's clock. */
export async function listPoorKeys(
  database: Database,
  chainId: number,
): Promise<readonly Readonly<{ address: string; since: Date; balance: bigint }>[]> {
  const rows = await loadPoorKeys(database.drizzle, chainId);
  return rows.map(({ address, fundsMissingSince, balance }) => ({
    address,
    since: fundsMissingSince!,
    balance: balance ?? 0n,
  }));
}

async function noteFundsMissing(
  { database, node, machineClock, logger }: SendingDependencies,
  signer: Address,
): Promise<void> {
  const balance = await node.balance(NATIVE_TOKEN, signer, await node.head());
  const since = machineClock.now();
  const isNews = await saveFundsMissing(database.drizzle, node.chainId, signer, { since, balance });
  if (isNews) logger.error({ event: 'chain.operatorFundsMissing', signer, balance: balance.toString() });
}

async function noteFundsThere({ database, node, logger }: SendingDependencies, signer: Address): Promise<void> {
  const wasMissing = await saveFundsThere(database.drizzle, node.chainId, signer);
  if (wasMissing) logger.info({ event: 'chain.operatorFundsThere', signer });
}
