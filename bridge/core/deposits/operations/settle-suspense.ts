import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import { type DatabaseTransaction, inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Identifier, Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { JournalEntryInstruction } from '../../../../ledger-service/vocabulary/journal-entries.ts';
import { depositFromJson, returnCall } from '../../../chain/deposits.ts';
import type { Address } from '../../../chain/domain.ts';
import { payoutBatchCall, tokenOf } from '../../../chain/escrow.ts';
import { enqueueChainCalls } from '../../../chain/operations/submit-calls.ts';
import { claimOnce, completeOnce, type OnceRequest } from '../../../platform/once.ts';
import { recordOperatorAction } from '../../controls/operator-actions.ts';
import { CHAIN_SUBMISSION } from '../../payments/dependencies.ts';
import { type DepositDependencies, SUSPENSE_RETURN } from '../dependencies.ts';
import { attributedEntry, suspenseReservedEntry } from '../postings.ts';
import { insertReturn, loadDeposit, lockSuspense, type SuspenseRow, saveSuspense } from '../store.ts';
import { type SuspenseView, viewOfSuspense } from './read-deposits.ts';

const SHARD: Shard = 0;

/**
 * Says that what came to the wallet was the intermediary's own: what it fills its wallet with, say.
 *
 * Errors:  thrown, nothing changed: SUSPENSE_ITEM_UNKNOWN, SUSPENSE_ITEM_SETTLED, FIELD_INVALID for coins that are not in
 *          the wallet, IDEMPOTENCY_KEY_REUSED
 * Effects: item, entry and operator's action in one database transaction
 */
export async function attributeSuspense(
  dependencies: DepositDependencies,
  command: Readonly<{ itemId: string; reason: string }>,
  once: OnceRequest,
): Promise<Readonly<{ item: SuspenseView; replayed: boolean }>> {
  return settle(dependencies, 'suspenseAttributed', command, once, async (transaction, item) => {
    if (item.place !== 'wallet') {
      throw new SettlementError('FIELD_INVALID', 'what lies at a deposit address can only be sent back', {
        param: 'itemId',
      });
    }
    const now = dependencies.clock.now();
    const about = { shard: SHARD, asset: item.asset, eventAt: now };
    await requirePosted(dependencies, transaction, attributedEntry(item.itemId, item.amount, about));
    return { state: 'attributed', settledTo: 'treasury', settledAt: now };
  });
}

/**
 * Sends back what nobody could be named for, to an address that the operator names; from a deposit address to the payer
 * that its terms name, since the contract knows no other.
 *
 * Errors:  thrown, nothing changed: SUSPENSE_ITEM_UNKNOWN, SUSPENSE_ITEM_SETTLED, ADDRESS_INVALID,
 *          INVENTORY_INSUFFICIENT, IDEMPOTENCY_KEY_REUSED
 * Effects: item, reservation, call of the chain and operator's action in one database transaction; posted when it is final
 */
export async function returnSuspense(
  dependencies: DepositDependencies,
  command: Readonly<{ itemId: string; recipient: Address; reason: string }>,
  once: OnceRequest,
): Promise<Readonly<{ item: SuspenseView; replayed: boolean }>> {
  const { deployment, clock, identifiers, outbox } = dependencies;
  const result = await settle(dependencies, 'suspenseReturned', command, once, async (transaction, item) => {
    const now = clock.now();
    const returnId = identifiers.next(SUSPENSE_RETURN, SHARD);
    const recipient = command.recipient.toLowerCase() as Address;
    const { asset, amount } = item;
    if (item.place === 'deposit') {
      await returnFromAddress(dependencies, transaction, item, returnId, recipient);
      return { state: 'returning', settledTo: recipient, returnId };
    }
    const about = { shard: SHARD, asset, eventAt: now };
    await requirePosted(dependencies, transaction, suspenseReservedEntry(returnId, item.itemId, amount, about));
    const call = payoutBatchCall(deployment, returnId, tokenOf(asset), [{ payee: recipient, amount }]);
    const named = { shard: SHARD, subject: returnId, sequence: 0, kind: 'suspenseReturn' };
    await enqueueChainCalls(transaction, [{ ...call, ...named }], now);
    return { state: 'returning', settledTo: recipient, returnId };
  });
  outbox.ring(CHAIN_SUBMISSION);
  return result;
}

async function returnFromAddress(
  { deployment, clock }: DepositDependencies,
  transaction: DatabaseTransaction,
  item: SuspenseRow,
  returnId: Identifier,
  recipient: Address,
): Promise<void> {
  const deposit = await loadDeposit(transaction, SHARD, item.paymentId!);
  const stored = depositFromJson(deposit?.terms)!;
  if (recipient !== stored.terms.returnTo.toLowerCase()) {
    throw new SettlementError(
      'ADDRESS_INVALID',
      `what was paid to this address goes back to ${stored.terms.returnTo}`,
      {
        returnTo: stored.terms.returnTo,
      },
    );
  }
  const now = clock.now();
  const { paymentId, asset, amount } = item;
  await insertReturn(transaction, {
    ...{ shard: SHARD, returnId, paymentId: paymentId!, address: stored.address, asset, amount, recipient },
    ...{ state: 'asked', chainHash: null, recordedAt: now, finalAt: null },
  });
  const call = returnCall(deployment, stored.terms, { returnId, token: tokenOf(asset), amount, askedAt: now });
  await enqueueChainCalls(transaction, [{ ...call, shard: SHARD, subject: returnId, sequence: 0 }], now);
}

async function settle(
  dependencies: DepositDependencies,
  kind: string,
  command: Readonly<{ itemId: string; reason: string }>,
  once: OnceRequest,
  work: (transaction: DatabaseTransaction, item: SuspenseRow) => Promise<Partial<SuspenseRow>>,
): Promise<Readonly<{ item: SuspenseView; replayed: boolean }>> {
  const { database, clock, identifiers } = dependencies;
  return inDatabaseTransaction(database, async (transaction) => {
    const claim = await claimOnce<SuspenseView>(transaction, once, identifiers.next('act', SHARD), clock);
    if (claim.kind === 'answered') return { item: claim.outcome, replayed: true };
    const item = await lockSuspense(transaction, SHARD, { itemId: command.itemId });
    if (!item) throw new SettlementError('SUSPENSE_ITEM_UNKNOWN', 'nothing in suspense has this identifier');
    if (item.state !== 'open') {
      throw new SettlementError('SUSPENSE_ITEM_SETTLED', `the item is ${item.state}`, { state: item.state });
    }
    const change = await work(transaction, item);
    await saveSuspense(transaction, item, change);
    const details = { ...command, asset: item.asset, amount: item.amount.toString() };
    const action = { shard: SHARD, actionId: claim.resourceId, operator: once.callerId, kind, details };
    await recordOperatorAction(transaction, { ...action, recordedAt: clock.now() });
    const view = viewOfSuspense({ ...item, ...change });
    await completeOnce(transaction, once, view);
    return { item: view, replayed: false };
  });
}

async function requirePosted(
  { clock }: DepositDependencies,
  transaction: DatabaseTransaction,
  entry: JournalEntryInstruction,
): Promise<void> {
  const [posted] = await postEntries(transaction, [entry], { now: clock.now() });
  if (posted?.outcome !== 'refused') return;
  throw new SettlementError('INVENTORY_INSUFFICIENT', 'the wallet cannot cover this', posted.details);
}
