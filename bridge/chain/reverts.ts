import { decodeErrorResult, parseAbi } from 'viem';
import { paymentEscrowAbi } from './bindings/payment-escrow.ts';
import type { Hex } from './domain.ts';

/** Errors by which a contract or a token says that it stands still, for everyone or for one party. */
const STANDSTILLS = parseAbi([
  'error EnforcedPause()',
  'error Paused()',
  'error ContractPaused()',
  'error TokenPaused()',
  'error Denied(address account)',
  'error Blacklisted(address account)',
  'error AccountBlocked(address account)',
  'error AccountFrozen(address account)',
  'error ERC20Blocked(address account)',
]);
/** The same in words, as older tokens say it: «Pausable: paused», «Blacklistable: account is blacklisted». */
const STANDSTILL_WORDS = /paus|black ?list|block ?list|is blocked|frozen|denied|sanction/i;
const FIRST_DELAY_MILLISECONDS = 5_000;
const LONGEST_DELAY_MILLISECONDS = 600_000;

/** The words, or the name of the error, in what a call reverted with; the selector of one that is not known. */
export function nameOfRevert(data: Hex): string {
  try {
    const { errorName, args } = decodeErrorResult({ abi: [...paymentEscrowAbi, ...STANDSTILLS], data });
    return (errorName as string) === 'Error'
      ? String(args?.[0])
      : `${errorName}(${(args ?? []).map(String).join(', ')})`;
  } catch {
    return data.slice(0, 10);
  }
}

/**
 * Whether a call that reverted for this may go through later unchanged: a token that is paused, a party that it blocks. What
 * contradicts the escrow, an empty wallet and whatever is not known are final by nature.
 */
export function isStandstill(reason: string): boolean {
  const name = /^(\w+)\(/.exec(reason)?.[1];
  return name === undefined ? STANDSTILL_WORDS.test(reason) : STANDSTILLS.some((error) => error.name === name);
}

/** How long a call waits that met a standstill so often: from five seconds, doubled each time, to ten minutes. */
export function delayAfter(repairs: number): number {
  return Math.min(FIRST_DELAY_MILLISECONDS * 2 ** Math.min(repairs, 16), LONGEST_DELAY_MILLISECONDS);
}
