import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { uuidFromMeaning } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { Address } from '../../../chain/domain.ts';
import { NATIVE_TOKEN } from '../../../chain/escrow.ts';
import { type FinalBlock, finalBlock, outflowOf } from '../../../chain/operations/read-final.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import { readSetting, writeSetting } from '../../../platform/settings.ts';
import { type DepositDependencies, knownAsset } from '../dependencies.ts';
import { type DepositRow, loadUnseen, saveDeposit } from '../store.ts';
import { arrive, workOn } from './apply-deposit-events.ts';

const AT_ONCE = 100;
/** So long after its end an address is still looked at for coins that came late or twice. */
const LOOKED_AT_MILLISECONDS = 30 * 24 * 3_600_000;
/** When all of them were looked at last, by the books' clock: what came while nobody looked is not too late to be seen. */
const LAST_LOOK = 'deposit-balances';

/**
 * Finds what has arrived of the chain's own coin, which leaves no log: by the balance of each address at final blocks, and
 * what the logs say has left it.
 *
 * Shape:   → a look, to be taken again and again: it asks the node only when there is a new final block
 * Effects: the node is asked outside of any database transaction; then one for each address where something has changed;
 *          → how many arrivals
 * Errors:  thrown CHAIN_UNAVAILABLE (retryable)
 */
export function balanceObserver(dependencies: DepositDependencies): () => Promise<number> {
  const { database, node } = dependencies;
  let lookedAt = -1;
  return async () => {
    const coin = knownAsset(dependencies, NATIVE_TOKEN);
    const newest = await finalBlock(database.drizzle, node.chainId);
    if (!coin || !newest || newest.height <= lookedAt) return 0;
    const arrivals = await observeAll(dependencies, coin, newest);
    lookedAt = newest.height;
    return arrivals;
  };
}

async function observeAll(dependencies: DepositDependencies, coin: string, newest: FinalBlock): Promise<number> {
  const { database, clock } = dependencies;
  const now = clock.now();
  const last = (await readSetting(database.drizzle, LAST_LOOK)) as Readonly<{ at: string }> | undefined;
  const since = new Date(Math.min(now.getTime(), Date.parse(last?.at ?? now.toISOString())) - LOOKED_AT_MILLISECONDS);
  let arrivals = 0;
  let after = '';
  for (;;) {
    const page = await loadUnseen(database.drizzle, since, newest.height, after, AT_ONCE);
    for (const deposit of page) arrivals += await observeOne(dependencies, coin, newest, deposit);
    if (page.length < AT_ONCE) break;
    after = page.at(-1)!.paymentId;
  }
  await writeSetting(database.drizzle, LAST_LOOK, { at: now.toISOString() });
  return arrivals;
}

async function observeOne(
  dependencies: DepositDependencies,
  coin: string,
  newest: FinalBlock,
  deposit: DepositRow,
): Promise<number> {
  const { database, node } = dependencies;
  // What was there before its time was over came in time, whenever it is looked at.
  const inTime =
    newest.minedAt < deposit.payBy ? undefined : await finalBlock(database.drizzle, node.chainId, deposit.payBy);
  let seen: DepositRow = deposit;
  let arrivals = 0;
  for (const block of inTime ? [inTime, newest] : [newest]) {
    if (block.height <= (seen.seenHeight ?? -1)) continue;
    const address = deposit.address as Address;
    // Of the very block that is final: a node on another branch must not answer for its own.
    const balance = await node.coinsAt(address, block.blockHash);
    // What has not changed need not be written: the next look starts from where this one did.
    if ((await arrivedBy(dependencies, database.drizzle, seen, block, balance)) === 0n) continue;
    const next = await takeBalance(dependencies, coin, seen, block, balance);
    if (!next) return arrivals;
    arrivals += 1;
    seen = { ...seen, seenHeight: block.height, seenBalance: balance };
  }
  return arrivals;
}

async function arrivedBy(
  { node }: DepositDependencies,
  reader: Parameters<typeof outflowOf>[0],
  { address, seenHeight, seenBalance }: DepositRow,
  { height }: FinalBlock,
  balance: bigint,
): Promise<bigint> {
  const named = { address: address as Address, token: NATIVE_TOKEN, after: seenHeight ?? -1, upTo: height };
  return balance - (seenBalance ?? 0n) + (await outflowOf(reader, node.chainId, named));
}

/** Undefined when somebody else has looked meanwhile. */
async function takeBalance(
  dependencies: DepositDependencies,
  asset: string,
  seen: DepositRow,
  block: FinalBlock,
  balance: bigint,
): Promise<Readonly<{ arrived: bigint }> | undefined> {
  const { database, outbox, deployment } = dependencies;
  const { height, minedAt } = block;
  const { paymentId } = seen;
  const address = seen.address as Address;
  let result: Readonly<{ arrived: bigint }> | undefined;
  let events: readonly DomainEvent[] = [];
  await inDatabaseTransaction(database, async (transaction) => {
    result = undefined;
    events = await workOn(dependencies, transaction, [paymentId], async (work) => {
      const deposit = work.deposits.get(paymentId);
      if (!deposit || deposit.seenHeight !== seen.seenHeight) return;
      const arrived = await arrivedBy(dependencies, transaction, deposit, block, balance);
      const change = { seenHeight: height, seenBalance: balance };
      await saveDeposit(transaction, deposit, change);
      work.deposits.set(paymentId, { ...deposit, ...change });
      result = { arrived };
      if (arrived <= 0n) return;
      await arrive(work, paymentId, {
        transferId: uuidFromMeaning('transfer', deployment.chainId, address, 'balance', height),
        asset,
        amount: arrived,
        sender: null,
        chainHash: null,
        height,
        minedAt,
        mark: [address, 'balance', height],
      });
    });
  });
  outbox.ringFor(events);
  return result;
}
