import { encodeErrorResult, parseAbi } from 'viem';
import { describe, expect, test } from 'vitest';
import { paymentEscrowAbi } from '../../../bridge/chain/bindings/payment-escrow.ts';
import { delayAfter, isStandstill, nameOfRevert } from '../../../bridge/chain/reverts.ts';

describe('what a call reverted with', () => {
  test('is named as the contract names it', () => {
    const held = encodeErrorResult({
      abi: paymentEscrowAbi,
      errorName: 'SequenceAhead',
      args: [`0x${'1'.repeat(64)}`, 2n, 3n],
    });
    expect(nameOfRevert(held)).toMatch(/^SequenceAhead\(.*2, 3\)$/);
    const words = encodeErrorResult({
      abi: parseAbi(['error Error(string)']),
      errorName: 'Error',
      args: ['Pausable: paused'],
    });
    expect(nameOfRevert(words)).toBe('Pausable: paused');
    expect(nameOfRevert('0xdeadbeef00')).toBe('0xdeadbeef');
    expect(nameOfRevert('0x')).toBe('0x');
  });

  test.each([
    ['EnforcedPause()', true],
    ['Paused()', true],
    ['Denied(0x1111111111111111111111111111111111111111)', true],
    ['Pausable: paused', true],
    ['Blacklistable: account is blacklisted', true],
    ['Expired(1, 2)', false],
    ['SequenceAhead(0x01, 2, 3)', false],
    ['ERC20InsufficientBalance(0x01, 2, 3)', false],
    ['ERC20: transfer amount exceeds balance', false],
    ['0xdeadbeef', false],
    ['0x', false],
  ])('%s may be over later: %s', (reason, expected) => {
    expect(isStandstill(reason)).toBe(expected);
  });

  test('is waited for twice as long each time, ten minutes at most', () => {
    expect([0, 1, 2, 7, 30].map(delayAfter)).toEqual([5_000, 10_000, 20_000, 600_000, 600_000]);
  });
});
