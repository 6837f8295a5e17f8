import { describe, expect, test } from 'vitest';
import { brokenImportRule, forbiddenWord, inspectHouse } from '../../scripts/check-house.ts';

describe('the rules of the house', () => {
  test('every file keeps them', () => {
    expect(inspectHouse()).toEqual([]);
  });

  test.each([
    ['ledger-service/journal/store.ts', 'bridge/core/payments/domain.ts'],
    ['ledger-service/vocabulary/money.ts', 'ledger-service/journal/domain.ts'],
    ['bridge/platform/outbox.ts', 'bridge/core/payments/domain.ts'],
    ['bridge/core/payments/operations.ts', 'bridge/core/clearing/operations.ts'],
    ['bridge/core/clearing/operations.ts', 'bridge/core/payments/store.ts'],
    ['bridge/core/payments/http.ts', 'bridge/main/api.ts'],
    ['bridge/core/payments/http.ts', 'test/support/world.ts'],
  ])('%s may not import %s', (importer, imported) => {
    expect(brokenImportRule(importer, imported)).toBeDefined();
  });

  test.each([
    ['bridge/core/clearing/operations.ts', 'bridge/core/payments/operations.ts'],
    ['bridge/core/payments/store.ts', 'ledger-service/journal/operations/post-entries.ts'],
    ['bridge/core/payments/operations.ts', 'bridge/core/payments/store.ts'],
    ['scripts/start.ts', 'bridge/main/all.ts'],
  ])('%s may import %s', (importer, imported) => {
    expect(brokenImportRule(importer, imported)).toBeUndefined();
  });

  test.each([
    'const at = Date.now();',
    'await fetch(url)',
    'sql`select now()`',
    'setTimeout(work, 5)',
    'z.coerce.bigint()',
  ])('domain code may not say %j', (line) => {
    expect(forbiddenWord('bridge/core/payments/domain.ts', line)).toBeDefined();
  });
});
