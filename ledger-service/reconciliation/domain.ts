/** A normalised line: what two sets of books are compared by. Minor units. */
export type Line = Readonly<{ key: string; amount: bigint; asset: string }>;

/** A line that one side has and the other has not, or has with another amount. */
export type Break = Readonly<{
  kind: 'missingLeft' | 'missingRight' | 'amountDiffers' | 'repeated';
  key: string;
  asset: string;
  left: bigint | null;
  right: bigint | null;
}>;

/**
 * Compares two sets of lines by key.
 *
 * Shape: two sets of lines → how many agree, and every break, sorted by key; a key that one side has twice is a break
 */
export function matchLines(
  left: readonly Line[],
  right: readonly Line[],
): Readonly<{ matched: number; breaks: readonly Break[] }> {
  const breaks: Break[] = [];
  const leftByKey = byKey(left, (line) =>
    breaks.push({ kind: 'repeated', key: line.key, asset: line.asset, left: line.amount, right: null }),
  );
  const rightByKey = byKey(right, (line) =>
    breaks.push({ kind: 'repeated', key: line.key, asset: line.asset, left: null, right: line.amount }),
  );
  let matched = 0;
  for (const [key, line] of leftByKey) {
    const other = rightByKey.get(key);
    if (!other) breaks.push({ kind: 'missingRight', key, asset: line.asset, left: line.amount, right: null });
    else if (other.amount !== line.amount || other.asset !== line.asset) {
      breaks.push({ kind: 'amountDiffers', key, asset: line.asset, left: line.amount, right: other.amount });
    } else matched += 1;
  }
  for (const [key, line] of rightByKey) {
    if (!leftByKey.has(key)) {
      breaks.push({ kind: 'missingLeft', key, asset: line.asset, left: null, right: line.amount });
    }
  }
  return { matched, breaks: breaks.toSorted((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0)) };
}

function byKey(lines: readonly Line[], repeated: (line: Line) => void): Map<string, Line> {
  const found = new Map<string, Line>();
  for (const line of lines) {
    if (found.has(line.key)) repeated(line);
    else found.set(line.key, line);
  }
  return found;
}
