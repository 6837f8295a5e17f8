import type { Line } from '../../../ledger-service/reconciliation/domain.ts';
import type { BookLine } from '../../../ledger-service/reconciliation/operations/read-lines.ts';
import { uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { ObservedLog } from '../../chain/domain.ts';
import { batchIdOf, payoutsOf } from '../../chain/escrow.ts';
import type { ObligationRow } from '../clearing/operations.ts';
import { movementOfEscrow } from '../payments/domain.ts';
import type { PaymentOnChain } from '../payments/operations/find-payment.ts';
import type { BatchItem } from '../payouts/operations.ts';
import type { NetPosition } from '../settlement/domain.ts';
import type { SettledWindow } from '../settlement/operations.ts';

/** What the chain and the books have in common, by which their lines are compared. */
const CHAIN_ENTRY_KINDS = new Set([
  ...['payment.authorization', 'payment.capture', 'payment.void', 'payment.expiry', 'payment.refund'],
  ...['payment.payout', 'payment.refundPayout'],
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
  const verb = item.purpose === 'payerRefund' ? 'refund-payout' : 'payout';
  const entry = uuidFromMeaning('payment', item.paymentId, verb, item.sequence);
  const kind = verb === 'payout' ? 'payment.payout' : 'payment.refundPayout';
  return { key: keyOf(item.paymentId, kind, entry, 'principal'), amount, asset: item.asset };
}

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
    const merchant = /^merchant\/([^/]+)\/payable$/.exec(debit)?.[1];
    const acquirer = /^acquirer\/([^/]+)\/fees$/.exec(debit)?.[1];
    return [{ key: `${subject} ${merchant ? `paid ${merchant}` : `fees ${acquirer}`}`, amount, asset }];
  });
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
      ...merchantPayouts
        .filter(({ paid }) => paid > 0n)
        .map(({ merchantId, paid }) => ({ key: `${windowId} paid ${merchantId}`, amount: paid, asset })),
      ...[...fees].map(([acquirer, payouts]) => ({
        key: `${windowId} fees ${acquirer}`,
        amount: payouts.reduce((sum, payout) => sum + payout.fees, 0n),
        asset,
      })),
    ].filter(({ amount }) => amount !== 0n);
  });
  return [...cleared, ...settled];
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
