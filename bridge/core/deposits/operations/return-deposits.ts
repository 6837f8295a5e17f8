import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { depositFromJson, returnCall } from '../../../chain/deposits.ts';
import type { ChainCall } from '../../../chain/domain.ts';
import { tokenOf } from '../../../chain/escrow.ts';
import { enqueueChainCalls } from '../../../chain/operations/submit-calls.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import { CHAIN_SUBMISSION } from '../../payments/dependencies.ts';
import type { DepositDependencies } from '../dependencies.ts';
import { hasDue, insertReturn, loadDeposit, loadExpiredDeposits, lockDueDebts, saveDebt } from '../store.ts';
import { giveUp, workOn } from './apply-deposit-events.ts';

const SHARD: Shard = 0;
const AT_ONCE = 50;

/**
 * Ends deposits whose time is over, and sends back what is owed.
 *
 * Effects: a database transaction for each deposit that ends, and one for the returns that are asked of the chain: one
 *          return at a time for an address and asset; → how many of both
 */
export async function returnDeposits(dependencies: DepositDependencies): Promise<number> {
  if (!(await hasDue(dependencies.database.drizzle, dependencies.clock.now()))) return 0;
  const expired = await expireDeposits(dependencies);
  const asked = await askReturns(dependencies);
  if (asked > 0) dependencies.outbox.ring(CHAIN_SUBMISSION);
  return expired + asked;
}

async function expireDeposits(dependencies: DepositDependencies): Promise<number> {
  const { database, clock, outbox } = dependencies;
  const due = await loadExpiredDeposits(database.drizzle, clock.now(), AT_ONCE);
  for (const { paymentId } of due) {
    let events: readonly DomainEvent[] = [];
    await inDatabaseTransaction(database, async (transaction) => {
      events = await workOn(dependencies, transaction, [paymentId], async (work) => {
        const [row, deposit] = [work.payments.get(paymentId), work.deposits.get(paymentId)];
        if (!row || deposit?.state !== 'open' || clock.now() < deposit.sweepBefore) return;
        await giveUp(work, row, deposit, 'AUTHORIZATION_EXPIRED');
      });
    });
    outbox.ringFor(events);
  }
  return due.length;
}

async function askReturns({ database, clock, identifiers, deployment }: DepositDependencies): Promise<number> {
  return inDatabaseTransaction(database, async (transaction) => {
    const now = clock.now();
    const debts = await lockDueDebts(transaction, now, AT_ONCE);
    const calls: ChainCall[] = [];
    for (const debt of debts) {
      const deposit = await loadDeposit(transaction, SHARD, debt.paymentId);
      const { terms } = depositFromJson(deposit?.terms)!;
      const returnId = identifiers.next('dre', SHARD);
      const { paymentId, address, asset, owed: amount } = debt;
      const returned = { shard: SHARD, returnId, paymentId, address, asset, amount };
      await insertReturn(transaction, {
        ...returned,
        recipient: terms.returnTo.toLowerCase(),
        state: 'asked',
        chainHash: null,
        recordedAt: now,
        finalAt: null,
      });
      await saveDebt(transaction, debt, { returnId });
      const call = returnCall(deployment, terms, { returnId, token: tokenOf(asset), amount, askedAt: now });
      calls.push({ ...call, shard: SHARD, subject: returnId, sequence: 0 });
    }
    await enqueueChainCalls(transaction, calls, now);
    return debts.length;
  });
}
