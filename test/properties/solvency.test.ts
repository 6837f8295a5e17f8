import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isIncluded, type Liability, proofOf, rootOf, sumTreeOf } from '../../ledger-service/statements/solvency.ts';

const liability = fc.record({
  party: fc.string({ minLength: 1, maxLength: 20 }),
  amount: fc.bigInt({ min: 0n, max: 10n ** 38n - 1n }),
  salt: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
});
const book = fc.uniqueArray(liability, { minLength: 1, maxLength: 33, selector: ({ party }) => party });

test('solvency: the root states the sum of all, and everyone finds their own line in it', () => {
  fc.assert(
    fc.property(book, (liabilities) => {
      const tree = sumTreeOf(liabilities);
      const root = rootOf(tree);
      expect(root.sum).toBe(liabilities.reduce((sum, { amount }) => sum + amount, 0n));
      for (const own of liabilities) expect(isIncluded(root, own, proofOf(tree, own)!)).toBe(true);
    }),
  );
});

test('solvency: who was left out, or counted with less, finds no proof', () => {
  fc.assert(
    fc.property(book, fc.nat(), fc.bigInt({ min: 1n, max: 10n ** 20n }), (liabilities, index, missing) => {
      const own = liabilities[index % liabilities.length]!;
      const without = sumTreeOf(liabilities.filter((other) => other !== own));
      expect(proofOf(without, own)).toBeUndefined();
      const less: Liability = { ...own, amount: own.amount > missing ? own.amount - missing : own.amount + missing };
      const tree = sumTreeOf(liabilities.map((other) => (other === own ? less : other)));
      expect(proofOf(tree, own)).toBeUndefined();
      // Nor does the proof of the lesser line hold for what the party knows to be owed.
      expect(isIncluded(rootOf(tree), own, proofOf(tree, less)!)).toBe(false);
    }),
  );
});

test('solvency: any change of a proof, or of the sum that the root states, is seen', () => {
  fc.assert(
    fc.property(
      book,
      fc.nat(),
      fc.nat(),
      fc.bigInt({ min: 1n, max: 10n ** 10n }),
      (liabilities, index, step, change) => {
        const tree = sumTreeOf(liabilities);
        const root = rootOf(tree);
        const own = liabilities[index % liabilities.length]!;
        const proof = proofOf(tree, own)!;
        expect(isIncluded({ ...root, sum: root.sum + change }, own, proof)).toBe(false);
        if (proof.length === 0) return;
        const place = step % proof.length;
        const changed = (altered: Partial<(typeof proof)[number]['sibling']>) =>
          proof.map((link, at) => (at === place ? { ...link, sibling: { ...link.sibling, ...altered } } : link));
        const { sibling } = proof[place]!;
        expect(isIncluded(root, own, changed({ sum: sibling.sum + change }))).toBe(false);
        expect(isIncluded(root, own, changed({ sum: -change }))).toBe(false);
        const hash = Buffer.from(sibling.hash);
        hash[change === 1n ? 0 : 31]! ^= 1;
        expect(isIncluded(root, own, changed({ hash }))).toBe(false);
        expect(isIncluded(root, own, proof.slice(1))).toBe(false);
      },
    ),
  );
});

test('solvency: a negative liability, which would hide another, is refused', () => {
  expect(() => sumTreeOf([{ party: 'a', amount: -1n, salt: Buffer.alloc(16) }])).toThrow(RangeError);
});
