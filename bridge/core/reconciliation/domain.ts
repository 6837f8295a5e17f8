import type { AccountBalance } from '../../../ledger-service/journal/operations/read-books.ts';
import type { Line } from '../../../ledger-service/reconciliation/domain.ts';
import type { BookLine } from '../../../ledger-service/reconciliation/operations/read-lines.ts';
import { uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { ObservedLog } from '../../chain/domain.ts';
import { batchIdOf, payoutsOf } from '../../chain/escrow.ts';
import type { ObligationRow } from '../clearing/operations.ts';
import type { listStandings } from '../participants/standings.ts';
import { movementOfEscrow } from '../payments/domain.ts';
import type { PaymentOnChain } from '../payments/operations/find-payment.ts';
import type { BatchItem } from '../payouts/operations.ts';
import type { NetPosition } from '../settlement/domain.ts';
import type { SettledWindow } from '../settlement/operations.ts';

/** What the chain and the books have in common, by which their lines are compared. */
const CHAIN_ENTRY_KINDS = new Set([
  ...['payment.authorization', 'payment.capture', 'payment.void', 'payment.expiry', 'payment.refund'],
  ...['payment.payout', 'payment.refundPayout', 'payment.reservePayout'],
]);

/**
 * The lines of the books that the chain must have too.
 *
 * Promises of the wallet are left out: coins that are only reserved have not moved, and no log speaks of them.
 */
export function chainLinesOfBooks(lines: readonly BookLine[]): readonly Line[] {
  return lines.filter(isOnChain).map(({ subject, entryKind, entryIdentifier, credit, amount, asset }) => ({
    key: keyOf(subject, entryKind, entryIdentifier, credit === 'intermediary/fees' ? 'fee' : 'principal'),
    amount,
    asset,
  }));
}

function isOnChain({ entryKind, debit, credit, kind }: BookLine): boolean {
  if (!CHAIN_ENTRY_KINDS.has(entryKind)) return false;
  if (debit === 'payers/onchain' || debit === 'intermediary/chain' || /^merchant\/[^/]+\/onchain$/.test(debit)) {
    return true;
  }
  return credit === 'intermediary/chain' && kind === 'post_pending';
}

/**
 * The same lines as the chain tells them, from its final logs alone; names come from what a log means.
 *
 * Shape: logs of our contracts in their order, whose payments and batch items are known → lines, and how many logs
 *        belong to nobody here (an escrow is open to everyone)
 */
export function chainLinesOfLogs(
  logs: readonly ObservedLog[],
  payments: ReadonlyMap<string, PaymentOnChain>,
  items: readonly BatchItem[],
): Readonly<{ lines: readonly Line[]; foreign: number }> {
  const lines: Line[] = [];
  let foreign = 0;
  const itemByPlace = new Map(items.map((item) => [`${item.batchId} ${item.batchIndex}`, item]));
  for (const { event, fields } of logs.flatMap(payoutsOf)) {
    if (event === 'PaidOut') {
      const item = itemByPlace.get(`${batchIdOf(fields.batchIdentifier!)} ${fields.index}`);
      if (item) lines.push(payoutLine(item, BigInt(fields.amount!)));
      else foreign += 1;
      continue;
    }
    if (fields.paymentIdentifier === undefined) continue;
    const payment = payments.get(fields.paymentIdentifier);
    if (payment) lines.push(...escrowLines(payment, event, fields));
    else foreign += 1;
  }
  return { lines, foreign };
}

function escrowLines(
  payment: PaymentOnChain,
  event: string,
  fields: Readonly<Record<string, string>>,
): readonly Line[] {
  const { paymentId, asset } = payment;
  const line = (verb: string, sequence: number, amount: bigint, role: Role = 'principal'): Line => ({
    key: keyOf(paymentId, `payment.${verb}`, uuidFromMeaning('payment', paymentId, verb, sequence), role),
    amount,
    asset,
  });
  const escrowSequence = Number(fields.sequence ?? 0);
  const movement = movementOfEscrow(payment.movements, escrowSequence);
  const sequence = movement?.sequence ?? escrowSequence;
  const amount = BigInt(fields.amount ?? 0);
  // Coins that came after their payment had failed went straight back: the books never held them.
  if (payment.phase === 'failed') return [];
  switch (event) {
    case 'Authorized':
      return [line('authorization', 0, amount)];
    case 'Captured': {
      const fee = BigInt(fields.feeAmount ?? 0);
      return [line('capture', sequence, amount), ...(fee > 0n ? [line('capture', sequence, fee, 'fee')] : [])];
    }
    case 'Voided':
    case 'Reclaimed': {
      if (amount === 0n) return [];
      // A payer reclaims under whatever number comes next: the hold's end is the last one that the books know.
      const isRelease = movement?.kind === 'void' || movement?.kind === 'expiry';
      const release = isRelease
        ? movement
        : payment.movements.findLast(({ kind, state }) => (kind === 'void' || kind === 'expiry') && state === 'final');
      return [line(release?.kind ?? 'void', release?.sequence ?? sequence, amount)];
    }
    case 'Refunded':
      return [line('refund', sequence, amount)];
    default:
      return [];
  }
}

function payoutLine(item: BatchItem, amount: bigint): Line {
  const [verb, kind] = PAYOUT_NAMES[item.purpose];
  const entry = uuidFromMeaning('payment', item.paymentId, verb, item.sequence);
  return { key: keyOf(item.paymentId, kind, entry, 'principal'), amount, asset: item.asset };
}

const PAYOUT_NAMES: Readonly<Record<BatchItem['purpose'], readonly [verb: string, entryKind: string]>> = {
  merchantPayout: ['payout', 'payment.payout'],
  payerRefund: ['refund-payout', 'payment.refundPayout'],
  reserveRelease: ['reserve-payout', 'payment.reservePayout'],
};

/** The lines of the books that the settlement windows must have too. */
export function windowLinesOfBooks(lines: readonly BookLine[]): readonly Line[] {
  return lines.flatMap((line): Line[] => {
    const { entryKind, subject, debit, credit, amount, asset, entryIdentifier } = line;
    if (entryKind === 'clearing.presentment') {
      const role = clearedRole(line);
      return role ? [{ key: keyOf(subject, entryKind, entryIdentifier, role), amount, asset }] : [];
    }
    if (entryKind === 'settlement.net') {
      const receives = credit === 'network/settlement';
      const participant = (receives ? debit : credit).replace(/\/(position|settlement)$/, '');
      return [{ key: `${subject} net ${participant}`, amount: receives ? amount : -amount, asset }];
    }
    const acquirer = /^acquirer\/([^/]+)\/fees$/.exec(debit)?.[1];
    const merchant = /^merchant\/([^/]+)\/payable$/.exec(debit)?.[1] ?? /^merchant\/([^/]+)\//.exec(credit)?.[1];
    return [{ key: `${subject} ${acquirer ? `fees ${acquirer}` : `${paidRole(line)} ${merchant}`}`, amount, asset }];
  });
}

/** What a leg of a merchant's payout is, by the accounts it moves between. */
function paidRole({ debit, credit }: BookLine): string {
  if (credit.endsWith('/reserve')) return 'withheld';
  if (debit.endsWith('/reserve')) return 'fromReserve';
  if (debit.endsWith('/losses')) return 'writtenOff';
  return credit.endsWith('/losses') ? 'writtenBack' : 'paid';
}

/** Principal passes the network's clearing account once; interchange and scheme fees have accounts of their own. */
function clearedRole({ debit, credit }: BookLine): Role | undefined {
  if (debit === 'network/clearing') return 'principal';
  if (credit === 'network/scheme-fees') return 'schemeFee';
  const earnsInterchange = /^issuer\/[^/]+\/position$/.test(credit) || credit === 'intermediary/fees';
  const paysInterchange = /^acquirer\/[^/]+\/position$/.test(debit) || debit === 'intermediary/fees';
  return earnsInterchange && paysInterchange ? 'interchange' : undefined;
}

/** The same lines as obligations, net positions and payouts tell them. */
export function windowLines(obligations: readonly ObligationRow[], windows: readonly SettledWindow[]): readonly Line[] {
  const assetOf = new Map(windows.map(({ windowId, asset }) => [windowId, asset]));
  const cleared = obligations.map(({ paymentId, sequence, kind, amount, windowId }): Line => {
    return {
      key: keyOf(paymentId, 'clearing.presentment', uuidFromMeaning('clearing', paymentId, sequence), kind),
      amount,
      asset: assetOf.get(windowId) ?? '',
    };
  });
  const settled = windows.flatMap(({ windowId, asset, isSettled, netPositions, merchantPayouts }): Line[] => {
    if (!isSettled) return [];
    const fees = Map.groupBy(merchantPayouts, ({ acquirerId }) => acquirerId);
    return [
      ...netPositions.filter(moves).map(({ participant, minorUnits }) => ({
        key: `${windowId} net ${participant}`,
        amount: minorUnits,
        asset,
      })),
      ...merchantPayouts.flatMap((payout) =>
        PAID_ROLES.map((role) => ({ key: `${windowId} ${role} ${payout.merchantId}`, amount: payout[role], asset })),
      ),
      ...[...fees].map(([acquirer, payouts]) => ({
        key: `${windowId} fees ${acquirer}`,
        amount: payouts.reduce((sum, payout) => sum + payout.fees, 0n),
        asset,
      })),
    ].filter(({ amount }) => amount !== 0n);
  });
  return [...cleared, ...settled];
}

const PAID_ROLES = ['paid', 'withheld', 'fromReserve', 'writtenOff', 'writtenBack'] as const;

/** What merchants owe in coins, and what is kept for them, as the books have it. */
export function standingLinesOfBooks(accounts: readonly AccountBalance[]): readonly Line[] {
  return accounts.flatMap(({ path, asset, postedDebits, postedCredits }): Line[] => {
    const [, merchant, role] = /^merchant\/([^/]+)\/(receivable|reserve)$/.exec(path) ?? [];
    if (!merchant || !role) return [];
    const balance = postedCredits - postedDebits;
    return [{ key: `${role} ${merchant} ${asset}`, amount: role === 'reserve' ? balance : -balance, asset }];
  });
}

/** The same lines as their standings tell them; in fiat what is owed is part of what the next window nets. */
export function standingLines(
  standings: Awaited<ReturnType<typeof listStandings>>,
  isOnChain: (asset: string) => boolean,
): readonly Line[] {
  return [
    ...standings.owed
      .filter(({ asset }) => isOnChain(asset))
      .map(({ merchantId, asset, owed }) => ({ key: `receivable ${merchantId} ${asset}`, amount: owed, asset })),
    ...standings.reserved.map(({ merchantId, asset, remaining }) => ({
      key: `reserve ${merchantId} ${asset}`,
      amount: remaining,
      asset,
    })),
  ];
}

/** The network itself has no transfer of its own: what it keeps is what the others paid more than they got. */
function moves({ participant, minorUnits }: NetPosition): boolean {
  return participant !== 'network' && minorUnits !== 0n;
}

/** Lines of one key added together: an acquirer keeps its fees of each of its merchants. */
export function addUp(lines: readonly Line[]): readonly Line[] {
  const sums = new Map<string, Line>();
  for (const line of lines) {
    const before = sums.get(line.key);
    sums.set(line.key, before ? { ...line, amount: before.amount + line.amount } : line);
  }
  return [...sums.values()];
}

type Role = 'principal' | 'fee' | 'interchange' | 'schemeFee';

/** An entry's name comes from its meaning, and so does this: both sides find it by themselves. */
function keyOf(subject: string, kind: string, entryIdentifier: string, role: Role): string {
  return `${subject} ${kind} ${role} ${entryIdentifier}`;
}
