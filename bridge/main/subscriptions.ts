import { batchIdOf } from '../chain/escrow.ts';
import { DEPOSITS, SUSPENSE_RETURN } from '../core/deposits/dependencies.ts';
import type { OutboxDependencies } from '../platform/outbox.ts';

/** Who has to act when something has happened: an event leaves a row for each of them. */
export const ESCROW_EVENTS = 'escrow-events';
export const WALLET_EVENTS = 'wallet-events';
export const CLEARING = 'clearing';
export const PAYOUTS = 'payouts';
export const ISSUER_ADVICE = 'issuer-advice';

type Payload = Readonly<{
  quadrant?: unknown;
  issuerId?: unknown;
  kind?: unknown;
  method?: unknown;
  fields?: unknown;
}>;

const hasIssuer = ({ issuerId }: Payload) => (typeof issuerId === 'string' ? [ISSUER_ADVICE] : []);
const isCleared = ({ quadrant }: Payload) => (quadrant === 'cryptoToCrypto' ? [] : [CLEARING]);

const CALLS_OF_DEPOSITS: readonly unknown[] = ['sweepDeposit', 'returnDeposit', 'suspenseReturn'];

/** The wallet also pays back what was in suspense, by batches of a name of their own. */
function isSuspenseReturn({ fields }: Payload): boolean {
  const { batchIdentifier } = (fields ?? {}) as Readonly<{ batchIdentifier?: string }>;
  return batchIdentifier !== undefined && batchIdOf(batchIdentifier).startsWith(`${SUSPENSE_RETURN}_`);
}

/** Every topic that is ever emitted; one that nobody acts on is named too, so that a misspelt one is found at once. */
export const subscriptions: OutboxDependencies['subscriptions'] = {
  'escrow.final': () => [ESCROW_EVENTS],
  'escrow.accepted': () => [ESCROW_EVENTS],
  'escrow.undone': () => [ESCROW_EVENTS],
  'wallet.final': (payload) => [isSuspenseReturn(payload) ? DEPOSITS : WALLET_EVENTS],
  'deposits.final': () => [DEPOSITS],
  'transfer.seen': () => [DEPOSITS],
  'transfer.final': () => [DEPOSITS],
  'chainCall.reverted': ({ kind }) => {
    if (CALLS_OF_DEPOSITS.includes(kind)) return [DEPOSITS];
    return [kind === 'payoutBatch' ? WALLET_EVENTS : ESCROW_EVENTS];
  },
  'chainCall.withdrawn': () => [WALLET_EVENTS],
  'payment.created': ({ method }) => (method === 'deposit' ? [DEPOSITS] : []),
  'payment.authorized': () => [],
  'payment.declined': () => [],
  'payment.failed': () => [],
  'payment.captured': (payload) => [
    ...isCleared(payload),
    ...hasIssuer(payload),
    // A crypto merchant of a card payer is paid out of the wallet.
    ...(payload.quadrant === 'fiatToCrypto' ? [PAYOUTS] : []),
  ],
  'payment.voided': hasIssuer,
  'payment.refunded': (payload) => [
    ...isCleared(payload),
    ...hasIssuer(payload),
    ...(payload.quadrant === 'cryptoToFiat' ? [PAYOUTS] : []),
  ],
  'payment.chargedBack': isCleared,
  'payment.represented': isCleared,
  'payment.reversedLate': isCleared,
  'payment.settled': () => [],
  'payment.refundSettled': () => [],
  'payment.closed': () => [],
  'payment.accepted': () => [],
  'payment.acceptanceUndone': () => [],
  'payment.movementFailed': () => [],
  'deposit.detected': () => [],
  'deposit.final': () => [],
  'deposit.swept': () => [],
  'deposit.returned': () => [],
  'deposit.expired': () => [],
  'suspense.opened': () => [],
  'payout.created': () => [],
  'payout.paid': () => [],
  'payout.claimable': () => [],
  'reserve.released': () => [],
  'dispute.opened': () => [],
  'dispute.evidenceSubmitted': () => [],
  'dispute.won': () => [],
  'dispute.lost': () => [],
  'settlementWindow.settled': () => [],
  'settlementWindow.merchantPaid': () => [],
  'exposure.high': () => [],
  'exposure.low': () => [],
  'inventory.low': () => [],
  'inventory.restored': () => [],
};
