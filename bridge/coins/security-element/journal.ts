/** The journal of a device: each entry holds the checksum of all before it, so that nothing goes missing unseen. */
import { concatHex, keccak256, stringToHex } from 'viem';
import type { Hex } from '../../chain/domain.ts';
import type { ElementEvent, ElementState } from './domain.ts';
import { applyEvent } from './domain.ts';
import { coinFailure } from './failures.ts';

export const FIRST_CHECKSUM: Hex = `0x${'0'.repeat(64)}`;

/** Events that one write makes: all of them or none. */
export function encodeEntry(
  previous: Hex,
  events: readonly ElementEvent[],
): Readonly<{ entry: string; checksum: Hex }> {
  const body = writePlain(events);
  const checksum = keccak256(concatHex([previous, stringToHex(body)]));
  return { entry: `${checksum} ${body}`, checksum };
}

export type Replayed = Readonly<{ state: ElementState | undefined; checksum: Hex; entries: number }>;

/**
 * Shape:  entries as they were found, and what a checkpoint kept → the state; a last entry that is torn was never in
 *         effect and does not count
 * Errors: thrown COIN_JOURNAL_DAMAGED when another one than the last does not fit
 */
export function replayEntries(
  entries: readonly string[],
  from: Replayed = { state: undefined, checksum: FIRST_CHECKSUM, entries: 0 },
  apply = applyEvent,
): Replayed {
  let { state, checksum } = from;
  for (const [index, entry] of entries.entries()) {
    const body = entry.slice(FIRST_CHECKSUM.length + 1);
    if (entry !== `${keccak256(concatHex([checksum, stringToHex(body)]))} ${body}`) {
      if (index === entries.length - 1) return { state, checksum, entries: from.entries + index };
      throw coinFailure('COIN_JOURNAL_DAMAGED', `entry ${from.entries + index + 1} is not what was written`);
    }
    for (const event of readPlain<readonly ElementEvent[]>(body)) state = apply(state, event);
    checksum = entry.slice(0, FIRST_CHECKSUM.length) as Hex;
  }
  return { state, checksum, entries: from.entries + entries.length };
}

/** The state after so many entries, with a checksum of its own. */
export function encodeCheckpoint(journal: Replayed): string {
  const body = writePlain(journal);
  return `${keccak256(stringToHex(body))} ${body}`;
}

/**
 * The state from a checkpoint and the entries after it; a torn or missing one costs time, and nothing else.
 *
 * Errors: thrown COIN_JOURNAL_DAMAGED
 */
export function replay(checkpoint: string | undefined, entries: readonly string[], apply = applyEvent): Replayed {
  const body = checkpoint?.slice(FIRST_CHECKSUM.length + 1) ?? '';
  if (checkpoint !== `${keccak256(stringToHex(body))} ${body}`) return replayEntries(entries, undefined, apply);
  const kept = readPlain<Replayed>(body);
  if (kept.entries > entries.length)
    throw coinFailure('COIN_JOURNAL_DAMAGED', 'the journal ends before its checkpoint');
  return replayEntries(entries.slice(kept.entries), kept, apply);
}

/** JSON with whole numbers of any size as `"12n"` and maps as their entries. */
export function writePlain(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    return part instanceof Map ? { $map: [...part] } : part;
  });
}

export function readPlain<Value>(text: string): Value {
  return JSON.parse(text, (_key, part: unknown) => {
    if (typeof part === 'string' && /^\d+n$/.test(part)) return BigInt(part.slice(0, -1));
    const isMap = typeof part === 'object' && part !== null && '$map' in part;
    return isMap ? new Map((part as { $map: [unknown, unknown][] }).$map) : part;
  }) as Value;
}
