import { depositAddressesAbi } from './bindings/deposit-addresses.ts';
import { intermediaryWalletAbi } from './bindings/intermediary-wallet.ts';
import { paymentEscrowAbi } from './bindings/payment-escrow.ts';

const OBSERVED = new Set([
  ...['Authorized', 'Charged', 'Captured', 'Voided', 'Reclaimed', 'Refunded', 'FeesSwept'],
  ...['DepositSwept', 'DepositReturned'],
  ...['PaidOut', 'BatchPaidOut', 'PayoutFailed', 'Claimed', 'SweptToCold'],
]);

type ObservedEvent = Extract<
  (typeof paymentEscrowAbi)[number] | (typeof intermediaryWalletAbi)[number] | (typeof depositAddressesAbi)[number],
  { type: 'event' }
>;

/** The events of our contracts that the books follow. */
export const eventAbis: readonly ObservedEvent[] = [
  ...paymentEscrowAbi,
  ...intermediaryWalletAbi,
  ...depositAddressesAbi,
].filter((part): part is ObservedEvent => part.type === 'event' && OBSERVED.has(part.name));
