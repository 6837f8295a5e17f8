import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import type { Address, Hex } from '../../chain/domain.ts';
import { batchIdOf, payoutsOf, tokenOf } from '../../chain/escrow.ts';
import type { ChainNode } from '../../chain/node.ts';
import { lastFinalBlock } from '../../chain/operations/observe-chain.ts';
import type { DueEvent } from '../../platform/outbox.ts';
import { readSetting, writeSetting } from '../../platform/settings.ts';
import type { PayoutDependencies } from './operations.ts';
import { type ChainPayoutRow, loadBatchItems, savePayout } from './store.ts';

/** Set by who restores these books from a backup, taken away when the restoration is declared over. */
export const RESTORATION = 'restoration';
type Restoration = Readonly<{ newestEventAt: string; lookUpTo?: number }>;

type Dependencies = PayoutDependencies &
  Readonly<{
    node: ChainNode;
    /** Every key that signs for these books. */
    keys(): Promise<readonly Address[]>;
    finalityDepth: number;
    logger: Logger;
    walletEvents: string;
  }>;
type Paid = Readonly<{ event: DueEvent; batchId: string; index: number; payee: string; amount: bigint; token: string }>;

/** Looked at once, with a worker's first job: books are restored while nobody works on them. */
export async function isBeingRestored(database: Database): Promise<boolean> {
  return (await readSetting(database.drizzle, RESTORATION)) !== undefined;
}

/**
 * Says whether anything may be asked of the chain, in books that may be older than it.
 *
 * What was paid between the backup and the loss of the books is on chain and not in them. So restored books ask nothing
 * until they know everything that was final when they met the chain, and everything that was sent with our keys is final.
 *
 * Errors: thrown CHAIN_UNAVAILABLE, SIGNER_UNAVAILABLE (retryable)
 */
export async function isCaughtUp(dependencies: Dependencies): Promise<boolean> {
  const restoration = (await readSetting(dependencies.database.drizzle, RESTORATION)) as Restoration | undefined;
  return !restoration || isLookedUp(dependencies, restoration);
}

/**
 * What the wallet paid and no batch of these books asked for is given to payouts that are due, of the same payee, token
 * and amount, oldest first: such a payout counts as paid by it, and its event is handled anew.
 *
 * Shape:   locked payouts that are due → those that are still to be paid
 * Effects: in the caller's database transaction, the one that batches what is left: a payout that becomes due meanwhile
 *          is not seen by it either
 */
export async function withoutPaid(
  { outbox, logger, walletEvents }: Pick<Dependencies, 'outbox' | 'logger' | 'walletEvents'>,
  transaction: DatabaseTransaction,
  due: readonly ChainPayoutRow[],
): Promise<readonly ChainPayoutRow[]> {
  const restoration = (await readSetting(transaction, RESTORATION)) as Restoration | undefined;
  if (!restoration || due.length === 0) return due;
  const paid = await paidElsewhere({ outbox, walletEvents }, transaction, new Date(restoration.newestEventAt));
  const left: ChainPayoutRow[] = [];
  const events = new Set<DueEvent>();
  for (const payout of due) {
    const token = tokenOf(payout.asset).toLowerCase();
    const place = paid.findIndex(
      (one) => one.payee === payout.payee && one.amount === payout.amount && one.token === token,
    );
    const [found] = place < 0 ? [] : paid.splice(place, 1);
    if (!found) {
      left.push(payout);
      continue;
    }
    const { batchId, index: batchIndex, event } = found;
    await savePayout(transaction, payout, { state: 'batched', batchId, batchIndex });
    events.add(event);
    logger.warn({ event: 'restoration.payoutFound', payoutId: payout.payoutId, batchId, batchIndex });
  }
  await outbox.reopen(transaction, walletEvents, [...events]);
  return left;
}

/** All that was final is known, every wallet event of it is handled, and every nonce of our keys is spent in a final block. */
async function isLookedUp(
  { database, node, deployment, keys, finalityDepth, outbox, walletEvents, logger }: Dependencies,
  restoration: Restoration,
): Promise<boolean> {
  const { lookUpTo } = restoration;
  if (lookUpTo === undefined) {
    const head = await node.head();
    await writeSetting(database.drizzle, RESTORATION, { ...restoration, lookUpTo: head - finalityDepth });
    logger.warn({ event: 'restoration.lookingUp', head });
    return false;
  }
  const final = await lastFinalBlock(database, deployment.chainId);
  if (!final || final.height < lookUpTo) return false;
  if ((await outbox.backlog())[walletEvents]) return false;
  const areSpent = (await keys()).map(async (key) => {
    const [next, spent] = await Promise.all([node.nextNonce(key), node.spentNonces(key, final.hash as Hex)]);
    return next === spent;
  });
  return (await Promise.all(areSpent)).every(Boolean);
}

/** What the wallet has paid, and no batch of these books knows of. */
async function paidElsewhere(
  { outbox, walletEvents }: Pick<Dependencies, 'outbox' | 'walletEvents'>,
  transaction: DatabaseTransaction,
  since: Date,
): Promise<Paid[]> {
  const events = await outbox.handledSince(transaction, { consumer: walletEvents, topic: 'wallet.final', since });
  const said = events.flatMap((event): Paid[] => {
    const log = event.payload as Readonly<{ event: string; fields: Readonly<Record<string, string>> }>;
    const { token } = log.fields;
    if (log.event !== 'BatchPaidOut' || token === undefined) return [];
    return payoutsOf(log).map(({ fields }) => ({
      event,
      batchId: batchIdOf(fields.batchIdentifier!),
      index: Number(fields.index),
      payee: fields.payee!.toLowerCase(),
      amount: BigInt(fields.amount!),
      token: token.toLowerCase(),
    }));
  });
  const known = await loadBatchItems(transaction, 0, [...new Set(said.map(({ batchId }) => batchId))]);
  const names = new Set(known.map(({ batchId, batchIndex }) => `${batchId} ${batchIndex}`));
  return said.filter(({ batchId, index }) => !names.has(`${batchId} ${index}`));
}
