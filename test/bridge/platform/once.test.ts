import { expect, test } from 'vitest';
import { firstDifference } from '../../../bridge/platform/once.ts';

test('a body is the same whatever the order of its fields, within lists too', () => {
  const sent = { files: [{ name: 'receipt', sha256: 'aa', bytes: 1 }], statement: 'delivered' };
  const stored = { statement: 'delivered', files: [{ bytes: 1, name: 'receipt', sha256: 'aa' }] };
  expect(firstDifference(stored, sent)).toBeUndefined();
});

test('names the first field that differs, and its place in a list', () => {
  const first = { lines: [{ name: 'bread' }, { name: 'milk', amount: '1' }] };
  expect(firstDifference(first, { lines: [{ name: 'bread' }, { amount: '2', name: 'milk' }] })).toEqual({
    path: 'lines.1.amount',
    first: '"1"',
    now: '"2"',
  });
  expect(firstDifference(first, { lines: [{ name: 'bread' }] })).toMatchObject({ path: 'lines.1', now: 'absent' });
  expect(firstDifference({ lines: [] }, { lines: {} })).toMatchObject({ path: 'lines' });
});
