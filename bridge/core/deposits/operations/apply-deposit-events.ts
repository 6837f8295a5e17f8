import { postEntries } from '../../../../ledger-service/journal/operations/post-entries.ts';
import type { DatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { assertInvariant } from '../../../../ledger-service/vocabulary/errors.ts';
import { type Shard, uuidFromMeaning } from '../../../../ledger-service/vocabulary/identifiers.ts';
import type { JournalEntryInstruction } from '../../../../ledger-service/vocabulary/journal-entries.ts';
import { depositFromJson, escrowTermsOf, sweepCall } from '../../../chain/deposits.ts';
import type { Address } from '../../../chain/domain.ts';
import { batchIdOf, payoutsOf, termsFromJson } from '../../../chain/escrow.ts';
import { enqueueChainCalls } from '../../../chain/operations/submit-calls.ts';
import { findRecipients } from '../../../chain/operations/watch-recipients.ts';
import type { TransferPayload } from '../../../chain/transfers.ts';
import type { DomainEvent, DueEvent } from '../../../platform/outbox.ts';
import { lockPaymentsOf } from '../../payments/operations/find-payment.ts';
import {
  captureSwept,
  failDeposited,
  markSweeping,
  type PaymentRow,
  releaseRisks,
} from '../../payments/operations/settle-deposit.ts';
import { type DepositDependencies, knownAsset, nameOfToken } from '../dependencies.ts';
import { decideArrival, retryAfterMilliseconds, shareOfDebt, sharesOfReturn } from '../domain.ts';
import { depositEvent } from '../events.ts';
import {
  owedBackEntry,
  receivedEntry,
  returnedEntry,
  suspenseReleasedEntry,
  suspenseReturnedEntry,
  sweptEntry,
  sweptToSuspenseEntry,
  unattributedEntry,
} from '../postings.ts';
import {
  addDebt,
  type DepositRow,
  insertDeposits,
  insertSuspense,
  insertTransfer,
  loadReturn,
  lockDebt,
  lockDeposits,
  lockReturningAt,
  lockSuspense,
  saveDebt,
  saveDeposit,
  saveReturn,
  saveSuspense,
} from '../store.ts';

const SHARD: Shard = 0;
/** A block's clock may lag a little behind the books'. */
const MARGIN_MILLISECONDS = 5_000;
const LARGEST_AMOUNT = 10n ** 38n - 1n;

type FinalPayload = Readonly<{
  event: string;
  fields: Readonly<Record<string, string>>;
  chainHash: string;
  ordinal: number;
  height: number;
  minedAt: string;
}>;

export type DepositWork = Readonly<{
  dependencies: DepositDependencies;
  transaction: DatabaseTransaction;
  payments: Map<string, PaymentRow>;
  deposits: Map<string, DepositRow>;
  entries: JournalEntryInstruction[];
  events: DomainEvent[];
  released: { row: PaymentRow }[];
}>;

/**
 * Takes what has happened to deposit addresses, and to the wallet where nobody can be named.
 *
 * Shape:   due events `payment.created` of deposits, `transfer.seen`, `transfer.final`, `deposits.final`,
 *          `wallet.final` and `chainCall.reverted` of what deposits asked for, in the order of the chain
 * Effects: in the caller's database transaction: deposits, debts, payments, journal entries, calls of the chain and events
 * Errors:  thrown, for the event to be tried again: a return or sweep of what is not known to have arrived
 */
export async function applyDepositEvents(
  dependencies: DepositDependencies,
  transaction: DatabaseTransaction,
  due: readonly DueEvent[],
): Promise<readonly DomainEvent[]> {
  const addresses = due.flatMap(({ topic, subject, payload }) =>
    topic.startsWith('transfer.') ? [subject] : addressIn(payload),
  );
  const recipients = await findRecipients(transaction, SHARD, [...new Set(addresses)]);
  const paymentIds = new Set(recipients.values());
  for (const { topic, subject, payload } of due) {
    if (topic === 'payment.created') paymentIds.add(subject);
    if (topic !== 'chainCall.reverted') continue;
    const { kind } = payload as Readonly<{ kind: string }>;
    if (kind === 'sweepDeposit') paymentIds.add(subject);
    const returned = kind === 'returnDeposit' ? await loadReturn(transaction, SHARD, subject) : undefined;
    if (returned) paymentIds.add(returned.paymentId);
  }
  return workOn(dependencies, transaction, [...paymentIds], async (work) => {
    const paymentOf = (address: string) => recipients.get(address.toLowerCase());
    for (const event of due) await applyOne(work, event, paymentOf);
  });
}

/**
 * Locks payments and their deposits, in this order, has something done with them, and then posts, releases risk and emits:
 * accounts after payments, exposures after accounts.
 */
export async function workOn(
  dependencies: DepositDependencies,
  transaction: DatabaseTransaction,
  paymentIds: readonly string[],
  act: (work: DepositWork) => Promise<void>,
): Promise<readonly DomainEvent[]> {
  const named = paymentIds.map((paymentId) => ({ shard: SHARD, paymentId }));
  const payments = new Map(await lockPaymentsOf(transaction, named));
  await insertDeposits(
    transaction,
    [...payments.values()].flatMap((row) => depositRowOf(row)),
  );
  const rows = await lockDeposits(transaction, SHARD, [...payments.keys()]);
  const deposits = new Map(rows.map((row) => [row.paymentId, row]));
  const work: DepositWork = { dependencies, transaction, payments, deposits, entries: [], events: [], released: [] };
  await act(work);
  const results = await postEntries(transaction, work.entries, { now: dependencies.clock.now() });
  const refused = results.find((result) => result.outcome === 'refused');
  assertInvariant(!refused, `the books take what is final on chain, but refused ${JSON.stringify(refused)}`);
  await releaseRisks(transaction, work.released);
  await dependencies.outbox.emit(transaction, work.events);
  return work.events;
}

async function applyOne(
  work: DepositWork,
  { topic, subject, payload }: DueEvent,
  paymentOf: (address: string) => string | undefined,
): Promise<void> {
  if (topic === 'transfer.seen') return tellOfTransfer(work, paymentOf(subject), payload as TransferPayload);
  if (topic === 'transfer.final') {
    const transfer = payload as TransferPayload;
    const paymentId = paymentOf(subject);
    return paymentId ? applyTransfer(work, paymentId, transfer) : takeIntoSuspense(work, transfer);
  }
  if (topic === 'chainCall.reverted') return applyRevert(work, subject, payload as Readonly<{ kind: string }>);
  if (topic === 'wallet.final') return applySuspenseReturn(work, payload as FinalPayload);
  const final = payload as FinalPayload;
  const paymentId = paymentOf(addressIn(payload)[0] ?? '');
  // Anyone may use the contract for addresses of its own.
  if (!paymentId) return;
  if (final.event === 'DepositSwept') await applySwept(work, paymentId, final);
  if (final.event === 'DepositReturned') await applyReturned(work, paymentId, final);
}

function addressIn(payload: unknown): readonly string[] {
  const address = (payload as Partial<FinalPayload>).fields?.depositAddress;
  return address ? [address.toLowerCase()] : [];
}

/** The deposit that a payment's terms speak of; a payment has one from its beginning. */
function depositRowOf(row: PaymentRow): readonly DepositRow[] {
  const deposit = depositFromJson(row.terms);
  if (!deposit) return [];
  const { address, payBy, terms } = deposit;
  return [
    {
      shard: row.shard,
      paymentId: row.paymentId,
      address,
      asset: row.asset,
      amount: terms.amount,
      destination: escrowTermsOf(row.terms, deposit) ? 'escrow' : 'wallet',
      returnTo: terms.returnTo.toLowerCase(),
      terms: row.terms,
      state: 'open',
      held: 0n,
      payBy: new Date(payBy),
      sweepBefore: new Date(terms.expiresAt * 1000),
      seenHeight: null,
      seenBalance: null,
      recordedAt: row.recordedAt,
    },
  ];
}

async function tellOfTransfer(
  { dependencies, payments, events }: DepositWork,
  paymentId: string | undefined,
  transfer: TransferPayload,
): Promise<void> {
  const row = paymentId === undefined ? undefined : payments.get(paymentId);
  if (!row) return;
  const { token, to: address, chainHash, ordinal, height } = transfer;
  const asset = knownAsset(dependencies, token);
  // Anyone can make a token and send it: of such the world is not told.
  if (asset === undefined) return;
  const amount = { minorUnits: transfer.amount, asset };
  events.push(
    depositEvent(row, 'deposit.detected', [chainHash, token, ordinal], { address, amount, chainHash, height }),
  );
}

async function applyTransfer(work: DepositWork, paymentId: string, transfer: TransferPayload): Promise<void> {
  const { dependencies } = work;
  const { token, from, to, chainHash, ordinal, height } = transfer;
  const transferId = transferIdOf(dependencies, transfer);
  const at = new Date(transfer.minedAt!);
  const asset = knownAsset(dependencies, token);
  if (asset === undefined) return takeStrangeToken(work, paymentId, transferId, transfer);
  const arrival = { transferId, asset, amount: BigInt(transfer.amount), sender: from, chainHash, height, minedAt: at };
  await arrive(work, paymentId, { ...arrival, mark: [chainHash, to, token, ordinal] });
}

export type FinalArrival = Readonly<{
  transferId: string;
  asset: string;
  amount: bigint;
  sender: Address | null;
  chainHash: string | null;
  height: number;
  minedAt: Date;
  mark: readonly (string | number)[];
}>;

/** What has reached a deposit address for good: held for the sweep, owed back, or too little for either. */
export async function arrive(work: DepositWork, paymentId: string, arrival: FinalArrival): Promise<void> {
  const { dependencies, transaction, entries, events } = work;
  const { asset, amount, sender, minedAt, transferId, chainHash, height } = arrival;
  const row = work.payments.get(paymentId);
  const deposit = work.deposits.get(paymentId);
  assertInvariant(row !== undefined && deposit !== undefined, `the address was made for ${paymentId}`);
  const ended = deposit.state === 'open' && row.phase !== 'requires_action';
  const decision = decideArrival(
    { ...deposit, state: ended ? 'expired' : deposit.state },
    { asset, amount, minedAt, isReleased: isReleaser(dependencies, row, sender) },
    dependencies.leastReturns.get(asset) ?? 0n,
  );
  const { outcome, held, owed, dust } = decision;
  const transferRow = { shard: SHARD, transferId, address: deposit.address, paymentId, asset, amount, sender };
  const isNew = await insertTransfer(transaction, {
    ...transferRow,
    ...{ outcome, held, owed, dust, chainHash, height, minedAt },
  });
  if (!isNew) return;
  entries.push(receivedEntry(transferId, decision, { shard: SHARD, asset, eventAt: minedAt }));
  if (owed + dust > 0n) {
    // Until its time is over the contract keeps what it waits for.
    const notBefore = outcome === 'late' ? afterSweeping(deposit) : dependencies.clock.now();
    await addDebt(transaction, { shard: SHARD, address: deposit.address, asset, paymentId, owed, dust, notBefore });
  }
  events.push(
    depositEvent(row, 'deposit.final', arrival.mark, {
      address: deposit.address,
      amount: { minorUnits: amount.toString(), asset },
      outcome,
      held: held.toString(),
      owed: owed.toString(),
      kept: dust.toString(),
      chainHash,
      height,
    }),
  );
  if (held > 0n) await hold(work, row, { ...deposit, held: deposit.held + held }, decision.isComplete);
}

async function hold(work: DepositWork, row: PaymentRow, deposit: DepositRow, isComplete: boolean): Promise<void> {
  const { dependencies, transaction } = work;
  if (!isComplete) return keep(work, deposit, { held: deposit.held });
  const now = dependencies.clock.now();
  const stored = depositFromJson(deposit.terms)!;
  const marked = await markSweeping(transaction, row, now);
  assertInvariant(marked, `what completes a deposit finds its payment waiting: ${row.paymentId}`);
  work.payments.set(row.paymentId, { ...row, phase: 'unknown', signedAt: now });
  const terms = escrowTermsOf(deposit.terms, stored);
  const call = sweepCall(dependencies.deployment, stored.terms, terms);
  await enqueueChainCalls(transaction, [{ ...call, shard: SHARD, subject: row.paymentId, sequence: 0 }], now);
  return keep(work, deposit, { held: deposit.held, state: 'sweeping' });
}

async function applySwept(work: DepositWork, paymentId: string, final: FinalPayload): Promise<void> {
  const { dependencies, transaction, entries, events } = work;
  const [row, deposit] = [work.payments.get(paymentId)!, work.deposits.get(paymentId)!];
  const at = new Date(final.minedAt);
  const about = { shard: SHARD, asset: deposit.asset, eventAt: at };
  const told = { address: deposit.address, amount: { minorUnits: deposit.amount.toString(), asset: deposit.asset } };
  const { chainHash, height } = final;
  events.push(depositEvent(row, 'deposit.swept', [], { ...told, destination: deposit.destination, chainHash, height }));
  if (deposit.state === 'sweeping') {
    entries.push(sweptEntry(paymentId, { held: deposit.amount, owed: 0n, dust: 0n }, about));
    await keep(work, deposit, { held: 0n, state: 'swept' });
    // What went to the escrow opens the payment by the escrow's own word.
    if (deposit.destination === 'escrow') return;
    const captured = await captureSwept(dependencies, transaction, row, at);
    entries.push(captured.entry);
    events.push(...captured.events);
    work.released.push({ row });
    return;
  }
  await applyStrangersSweep(work, row, deposit, final);
}

/** Anyone may ask the contract to sweep. What comes to the escrow so is the escrow's affair; the wallet has to be told whose it is. */
async function applyStrangersSweep(
  work: DepositWork,
  row: PaymentRow,
  deposit: DepositRow,
  { chainHash, height, minedAt }: FinalPayload,
): Promise<void> {
  const { dependencies, transaction, entries } = work;
  const { amount, asset, address, paymentId } = deposit;
  const about = { shard: SHARD, asset, eventAt: new Date(minedAt) };
  const debt = await lockDebt(transaction, SHARD, address, asset);
  const held = amount < deposit.held ? amount : deposit.held;
  const rest = sharesOfReturn(amount - held, {
    owed: debt?.owed ?? 0n,
    held: 0n,
    dust: debt?.dust ?? 0n,
  });
  if (!rest) throw new Error(`more was swept from ${address} than is known to have come`);
  entries.push(sweptEntry(paymentId, { ...rest, held }, about));
  if (debt) await saveDebt(transaction, debt, { owed: debt.owed - rest.owed, dust: debt.dust - rest.dust });
  await keep(work, deposit, { held: deposit.held - held, state: 'swept' });
  if (deposit.destination === 'escrow') return;
  const itemId = uuidFromMeaning('suspense', paymentId, 'swept');
  entries.push(sweptToSuspenseEntry(itemId, amount, about));
  await insertSuspense(transaction, {
    ...newItem(dependencies, itemId, 'wallet'),
    ...{ paymentId, asset, amount, sender: address, chainHash, height },
  });
  work.events.push(...(await failDeposited(transaction, row, 'AUTHORIZATION_EXPIRED')));
  work.released.push({ row });
}

async function applyReturned(work: DepositWork, paymentId: string, final: FinalPayload): Promise<void> {
  const { dependencies, transaction, entries, events } = work;
  const [row, deposit] = [work.payments.get(paymentId)!, work.deposits.get(paymentId)!];
  const { fields, chainHash, height, ordinal } = final;
  const token = fields.token as Address;
  const amount = BigInt(fields.amount!);
  const asset = knownAsset(dependencies, token);
  const told = { address: deposit.address, recipient: fields.recipient!.toLowerCase(), chainHash, height };
  const name = asset ?? nameOfToken(dependencies, token);
  const event = depositEvent(row, 'deposit.returned', [chainHash, ordinal], {
    ...told,
    amount: { minorUnits: amount.toString(), asset: name },
  });
  if (asset === undefined) {
    events.push(event);
    return settleStrangeReturn(work, deposit, final);
  }
  const debt = await lockDebt(transaction, SHARD, deposit.address, asset);
  const held = asset === deposit.asset ? deposit.held : 0n;
  const known = { owed: debt?.owed ?? 0n, held, dust: debt?.dust ?? 0n };
  const shares = sharesOfReturn(amount, known);
  if (!shares) throw new Error(`more was returned from ${deposit.address} than is known to have come`);
  events.push(event);
  const at = new Date(final.minedAt);
  entries.push(returnedEntry(paymentId, [chainHash, ordinal], shares, { shard: SHARD, asset, eventAt: at }));
  if (shares.held > 0n) await keep(work, deposit, { held: deposit.held - shares.held });
  if (!debt) return;
  const asked = debt.returnId === null ? undefined : await loadReturn(transaction, SHARD, debt.returnId);
  const isOurs = asked?.state === 'asked' && asked.amount === amount;
  if (isOurs) await saveReturn(transaction, asked, { state: 'final', chainHash, finalAt: at });
  await saveDebt(transaction, debt, {
    owed: debt.owed - shares.owed,
    dust: debt.dust - shares.dust,
    ...(isOurs ? { returnId: null, attempts: 0 } : {}),
  });
}

async function applyRevert(work: DepositWork, subject: string, { kind }: Readonly<{ kind: string }>): Promise<void> {
  const { dependencies, transaction, entries } = work;
  const now = dependencies.clock.now();
  dependencies.logger.warn({ event: 'chainCall.reverted', subject, kind });
  if (kind === 'sweepDeposit') {
    const [row, deposit] = [work.payments.get(subject), work.deposits.get(subject)];
    if (!row || deposit?.state !== 'sweeping') return;
    await giveUp(work, row, deposit, 'CHAIN_CALL_REVERTED');
    return;
  }
  if (kind === 'suspenseReturn') {
    const item = await lockSuspense(transaction, SHARD, { returnId: subject });
    if (item?.state !== 'returning') return;
    const about = { shard: SHARD, asset: item.asset, eventAt: now };
    entries.push(suspenseReleasedEntry(subject, item.itemId, item.amount, about));
    await saveSuspense(transaction, item, { state: 'open', settledTo: null, returnId: null });
    return;
  }
  const asked = await loadReturn(transaction, SHARD, subject);
  if (asked?.state !== 'asked') return;
  await saveReturn(transaction, asked, { state: 'failed' });
  const item = await lockSuspense(transaction, SHARD, { returnId: subject });
  if (item) await saveSuspense(transaction, item, { state: 'open', settledTo: null, returnId: null });
  const debt = await lockDebt(transaction, SHARD, asked.address, asked.asset);
  if (debt?.returnId !== subject) return;
  // A token that stands still, say: it is asked again, later each time.
  const notBefore = new Date(now.getTime() + retryAfterMilliseconds(debt.attempts));
  await saveDebt(transaction, debt, { returnId: null, attempts: debt.attempts + 1, notBefore });
}

/** Nothing is swept any more: what was held is owed back, and the payment has failed. */
export async function giveUp(
  work: DepositWork,
  row: PaymentRow,
  deposit: DepositRow,
  code: 'CHAIN_CALL_REVERTED' | 'AUTHORIZATION_EXPIRED',
): Promise<void> {
  const { dependencies, transaction, entries, events } = work;
  const { asset, address, paymentId, held } = deposit;
  if (held > 0n) {
    const shares = shareOfDebt(held, dependencies.leastReturns.get(asset) ?? 0n);
    entries.push(owedBackEntry(paymentId, shares, { shard: SHARD, asset, eventAt: dependencies.clock.now() }));
    await addDebt(transaction, {
      shard: SHARD,
      address,
      asset,
      paymentId,
      ...shares,
      notBefore: afterSweeping(deposit),
    });
  }
  events.push(
    depositEvent(row, 'deposit.expired', [], {
      address,
      amount: { minorUnits: deposit.amount.toString(), asset },
      arrived: held.toString(),
    }),
  );
  await keep(work, deposit, { held: 0n, state: 'expired' });
  events.push(...(await failDeposited(transaction, row, code)));
  work.released.push({ row });
}

/** A token that these books do not know: they say nothing of it, and an operator may send it back. */
async function takeStrangeToken(
  { dependencies, transaction }: DepositWork,
  paymentId: string,
  itemId: string,
  { token, from, amount, chainHash, height }: TransferPayload,
): Promise<void> {
  if (BigInt(amount) > LARGEST_AMOUNT) return;
  await insertSuspense(transaction, {
    ...newItem(dependencies, itemId, 'deposit'),
    ...{ paymentId, asset: nameOfToken(dependencies, token), amount: BigInt(amount), sender: from, chainHash, height },
  });
}

async function settleStrangeReturn(
  { transaction }: DepositWork,
  deposit: DepositRow,
  { fields, chainHash, minedAt }: FinalPayload,
): Promise<void> {
  const items = await lockReturningAt(transaction, deposit.paymentId, BigInt(fields.amount!));
  const [item] = items;
  if (!item) return;
  const finalAt = new Date(minedAt);
  await saveReturn(transaction, { shard: SHARD, returnId: item.returnId! }, { state: 'final', chainHash, finalAt });
  await saveSuspense(transaction, item, { state: 'returned', settledAt: finalAt });
}

/** What was sent straight to the wallet: nobody is named by it, and nobody is guessed. */
async function takeIntoSuspense(
  { dependencies, transaction, entries, events }: DepositWork,
  transfer: TransferPayload,
): Promise<void> {
  const { token, from, chainHash, height, minedAt } = transfer;
  const asset = knownAsset(dependencies, token);
  // Tokens that these books do not know are nothing to them.
  if (asset === undefined) return;
  const itemId = transferIdOf(dependencies, transfer);
  const amount = BigInt(transfer.amount);
  const item = { ...newItem(dependencies, itemId, 'wallet'), asset, amount, sender: from, chainHash, height };
  if (!(await insertSuspense(transaction, item))) return;
  entries.push(unattributedEntry(itemId, amount, { shard: SHARD, asset, eventAt: new Date(minedAt!) }));
  events.push({
    shard: SHARD,
    topic: 'suspense.opened',
    subject: itemId,
    meaning: [],
    payload: { itemId },
    published: {
      ownerId: null,
      data: { itemId, amount: { minorUnits: transfer.amount, asset }, sender: from, chainHash, height },
    },
  });
  dependencies.logger.warn({ event: 'suspense.opened', itemId, asset, amount: transfer.amount });
}

async function applySuspenseReturn({ transaction, entries }: DepositWork, final: FinalPayload): Promise<void> {
  const at = new Date(final.minedAt);
  for (const { event, fields } of payoutsOf(final)) {
    if (event !== 'PaidOut') continue;
    const returnId = batchIdOf(fields.batchIdentifier!);
    const item = await lockSuspense(transaction, SHARD, { returnId });
    if (item?.state !== 'returning') continue;
    assertInvariant(item.amount === BigInt(fields.amount!), `the chain paid back what was asked for: ${returnId}`);
    const about = { shard: SHARD, asset: item.asset, eventAt: at };
    entries.push(suspenseReturnedEntry(returnId, item.itemId, item.amount, about));
    await saveSuspense(transaction, item, { state: 'returned', settledAt: at });
  }
}

/** What the escrow lets go of, and what the merchant refunds, comes back to the address that paid. */
function isReleaser({ deployment }: DepositDependencies, row: PaymentRow, sender: string | null): boolean {
  if (sender === null) return false;
  if (sender === deployment.escrow.toLowerCase()) return true;
  const receiver = row.termsHash === null ? undefined : termsFromJson(row.terms).receiver.toLowerCase();
  return sender === receiver;
}

function afterSweeping({ sweepBefore }: DepositRow): Date {
  return new Date(sweepBefore.getTime() + MARGIN_MILLISECONDS);
}

async function keep(work: DepositWork, deposit: DepositRow, change: Partial<DepositRow>): Promise<void> {
  await saveDeposit(work.transaction, deposit, change);
  work.deposits.set(deposit.paymentId, { ...deposit, ...change });
}

function transferIdOf({ deployment }: DepositDependencies, { chainHash, token, to, ordinal }: TransferPayload): string {
  return uuidFromMeaning('transfer', deployment.chainId, chainHash, token, to, ordinal);
}

function newItem({ clock }: DepositDependencies, itemId: string, place: 'wallet' | 'deposit') {
  return {
    shard: SHARD,
    itemId,
    place,
    paymentId: null,
    state: 'open' as const,
    settledTo: null,
    returnId: null,
    recordedAt: clock.now(),
    settledAt: null,
  };
}
