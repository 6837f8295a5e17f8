import { parseGwei } from 'viem';
import { describe, expect, test } from 'vitest';
import { firstFees, replacementFees } from '../../../bridge/chain/fees.ts';
import { readRefusal } from '../../../bridge/chain/node.ts';

const maximum = parseGwei('100');

describe('fees', () => {
  test('a new call offers four times the price of now, never less than 2 gwei, never more than the maximum', () => {
    expect(firstFees(parseGwei('5'), maximum).maxFeePerGas).toBe(parseGwei('20'));
    expect(firstFees(1n, maximum).maxFeePerGas).toBe(parseGwei('2'));
    expect(firstFees(parseGwei('90'), maximum).maxFeePerGas).toBe(maximum);
  });

  test('a replacement raises both parts by an eighth, broken units upwards', () => {
    const offered = { maxFeePerGas: parseGwei('20') + 1n, maxPriorityFeePerGas: parseGwei('2') + 1n };
    expect(replacementFees(offered, parseGwei('1'), maximum)).toEqual({
      maxFeePerGas: 22_500_000_002n,
      maxPriorityFeePerGas: 2_250_000_002n,
    });
  });

  test('a replacement offers what a new call would where that is more', () => {
    const offered = { maxFeePerGas: parseGwei('2'), maxPriorityFeePerGas: parseGwei('1') };
    expect(replacementFees(offered, parseGwei('20'), maximum)!.maxFeePerGas).toBe(parseGwei('80'));
  });

  test('there is no replacement where the maximum leaves no room for an eighth', () => {
    const offered = { maxFeePerGas: parseGwei('90'), maxPriorityFeePerGas: parseGwei('1') };
    expect(replacementFees(offered, parseGwei('20'), maximum)).toBeUndefined();
  });
});

describe('what a node says against a transaction', () => {
  test.each([
    ['already known', 'known'],
    ['nonce too low: next nonce 7, tx nonce 5', 'known'],
    ['Nonce too low. Expected nonce to be 2 but got 1.', 'known'],
    ['replacement transaction underpriced', 'known'],
    ['Replacement transaction underpriced. A maxFeePerGas of at least 12 is necessary', 'known'],
    ['insufficient funds for gas * price + value: balance 0', 'OPERATOR_FUNDS_MISSING'],
    ["Sender doesn't have enough funds to send tx. The max upfront cost is: 1", 'OPERATOR_FUNDS_MISSING'],
    ['intrinsic gas too low: gas 20000, minimum needed 21000', 'CHAIN_CALL_REFUSED'],
    ['Transaction requires at least 21000 gas but got 20000', 'CHAIN_CALL_REFUSED'],
    ['exceeds block gas limit', 'CHAIN_CALL_REFUSED'],
    ['timeout of 10000 ms', undefined],
    ['txpool is full', undefined],
  ])('«%s» is read as %s', (message, meaning) => {
    expect(readRefusal(message)).toBe(meaning);
  });
});
