import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createIdentifierSource, systemChance, systemClock } from '../../ledger-service/platform/ports.ts';
import { holdsCardNumber, withoutCardNumbers } from '../../ledger-service/vocabulary/card-numbers.ts';

/** The test numbers that networks publish, one of each kind. */
const PUBLISHED = [
  '4111111111111111',
  '4222222222222',
  '5555555555554444',
  '2223003122003222',
  '378282246310005',
  '30569309025904',
  '6011111111111117',
  '3530111333300000',
  '6205500000000000004',
  '6759649826438453',
];

describe('card numbers', () => {
  test.each(PUBLISHED)('%s is found plain, grouped, and in the middle of other words', (number) => {
    const grouped = (separator: string) => number.replaceAll(/(\d{4})(?=\d)/g, `$1${separator}`);
    const fullWidth = [...number].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('');
    for (const text of [
      number,
      grouped(' '),
      grouped('-'),
      grouped('.'),
      grouped('\u00a0'),
      grouped(' - ').replaceAll(' - ', '- '),
      `card ${number}, please`,
      `PAN${number}`,
      `${number}=2912101`,
      `${grouped(' ')} 12/29 123`,
      `pay 12 with ${grouped(' ')}`,
      fullWidth,
    ]) {
      expect([text, holdsCardNumber(text)]).toEqual([text, true]);
      expect(holdsCardNumber(withoutCardNumbers(text))).toBe(false);
    }
  });

  test('a wrong check digit, a length that no card has and a number of no network are none', () => {
    for (const text of [
      '4111111111111112',
      '411111111111',
      '41111111111111111111',
      '9111111111111111',
      '1764131357000',
      '2026112600012345',
      '2026-11-26 04:29:17',
      '',
    ]) {
      expect([text, holdsCardNumber(text)]).toEqual([text, false]);
    }
  });

  test('of 100,000 random identifiers, hashes, signatures, keys and moments none is taken for a card number', () => {
    const identifiers = createIdentifierSource(systemClock, systemChance);
    const kinds: readonly (() => string)[] = [
      () => identifiers.next('pay', 0),
      () => randomUUID(),
      () => `0x${randomBytes(32).toString('hex')}`,
      () => randomBytes(32).toString('hex'),
      () => randomBytes(16).toString('hex'),
      () => randomBytes(12).toString('hex'),
      () => `0x${randomBytes(20).toString('hex')}`,
      () => `0x${randomBytes(65).toString('hex')}`,
      () => `eip155:31337/erc20:0x${randomBytes(20).toString('hex')}`,
      () => randomBytes(32).toString('base64url'),
      () => `whsec_${randomBytes(32).toString('base64')}`,
      () => new Date(1_700_000_000_000 + randomBytes(5).readUIntBE(0, 5)).toISOString(),
      () => String(1_700_000_000_000 + randomBytes(4).readUInt32BE()),
      () => `order-${randomBytes(4).readUInt32BE()}`,
    ];
    const taken: string[] = [];
    for (let index = 0; index < 100_000; index += 1) {
      const text = kinds[index % kinds.length]!();
      if (holdsCardNumber(text)) taken.push(text);
    }
    expect(taken).toEqual([]);
  });
});
