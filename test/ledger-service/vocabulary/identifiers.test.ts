import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeIdentifier,
  isIdentifier,
  shardOf,
  uuidFromMeaning,
} from '../../../ledger-service/vocabulary/identifiers.ts';

describe('identifiers', () => {
  test('an identifier carries its shard', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1023 }),
        fc.nat(),
        fc.uint8Array({ minLength: 10, maxLength: 10 }),
        (shard, time, chance) => {
          const identifier = encodeIdentifier('pay', shard, time, chance);
          expect(shardOf(identifier)).toBe(shard);
          expect(isIdentifier(identifier, 'pay')).toBe(true);
          expect(isIdentifier(identifier, 'cap')).toBe(false);
        },
      ),
    );
  });

  test('later identifiers of one shard sort later', () => {
    const chance = new Uint8Array(10);
    expect(encodeIdentifier('pay', 3, 1_000, chance) < encodeIdentifier('pay', 3, 1_001, chance)).toBe(true);
  });

  test.each(['', 'pay_', 'pay_00', "pay_00' or 1=1", 'PAY_0000000000000000000000000000', `pay_${'u'.repeat(28)}`])(
    '%j is refused',
    (text) => {
      expect(() => shardOf(text)).toThrow('is not an identifier');
    },
  );

  test('the same meaning has the same name, another meaning another', () => {
    expect(uuidFromMeaning('capture', 'pay_1', 2)).toBe(uuidFromMeaning('capture', 'pay_1', 2n));
    expect(uuidFromMeaning('capture', 'pay_1', 2)).not.toBe(uuidFromMeaning('capture', 'pay_12'));
    expect(uuidFromMeaning('a', 'b')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
