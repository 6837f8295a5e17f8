/** Messages as frames that a camera reads in any order, each as often as it likes; a lost one is read on the next turn. */
import { bytesToHex, hexToBytes, keccak256, slice } from 'viem';
import { coinFailure } from '../security-element/failures.ts';
import { MAXIMUM_MESSAGE_BYTES } from '../security-element/messages.ts';

/** Bytes of a message in one frame: QR version 12 at level M in hexadecimal upper case still reads from a phone's screen. */
export const FRAME_BYTES = 180;
const PATTERN = /^SC1:([0-9A-F]{8}):(\d{1,3})\/(\d{1,3}):((?:[0-9A-F]{2})+):([0-9A-F]{4})$/;

/** Characters of the alphanumeric set of QR codes alone: `SC1:<checksum of all>:<number>/<count>:<bytes>:<checksum of this>`. */
export function splitIntoFrames(message: Uint8Array): readonly string[] {
  const all = checksum(message, 4);
  const count = Math.max(1, Math.ceil(message.length / FRAME_BYTES));
  return Array.from({ length: count }, (_, index) => {
    const part = message.subarray(index * FRAME_BYTES, (index + 1) * FRAME_BYTES);
    const front = `SC1:${all}:${index + 1}/${count}:${upper(part)}`;
    return `${front}:${checksum(new TextEncoder().encode(front), 2)}`;
  });
}

/** What was read so far; the message once nothing is missing. */
export type Joined = Readonly<{ missing: readonly number[] } | { message: Uint8Array }>;

/**
 * Joins frames in any order, doubled or damaged; frames of another message begin anew.
 *
 * Errors: thrown COIN_MESSAGE_TOO_LARGE · COIN_MESSAGE_MALFORMED when the frames together are not what was split
 */
export function joinFrames(frames: readonly string[]): Joined {
  const whole = frames.map(readFrame).filter((frame) => frame !== undefined);
  const last = whole.at(-1);
  if (!last) return { missing: [] };
  if (last.count * FRAME_BYTES > MAXIMUM_MESSAGE_BYTES + FRAME_BYTES) {
    throw coinFailure('COIN_MESSAGE_TOO_LARGE', `${last.count} frames`, { maximumBytes: MAXIMUM_MESSAGE_BYTES });
  }
  const parts = new Map<number, Uint8Array>();
  for (const { all, count, number, part } of whole) {
    if (all === last.all && count === last.count) parts.set(number, part);
  }
  const numbers = Array.from({ length: last.count }, (_, index) => index + 1);
  const missing = numbers.filter((number) => !parts.has(number));
  if (missing.length > 0) return { missing };
  const message = Uint8Array.from(numbers.flatMap((number) => [...parts.get(number)!]));
  if (checksum(message, 4) !== last.all) throw coinFailure('COIN_MESSAGE_MALFORMED', 'frames of two messages');
  return { message };
}

/** Undefined when it was read wrongly: the next turn brings it again. */
function readFrame(frame: string) {
  const [, all, number, count, bytes, sum] = PATTERN.exec(frame) ?? [];
  if (!all || !number || !count || !bytes) return undefined;
  const front = frame.slice(0, frame.lastIndexOf(':'));
  if (checksum(new TextEncoder().encode(front), 2) !== sum) return undefined;
  const place = { number: Number(number), count: Number(count) };
  if (place.number < 1 || place.number > place.count) return undefined;
  return { all, ...place, part: hexToBytes(`0x${bytes.toLowerCase()}`) };
}

function checksum(bytes: Uint8Array, size: number): string {
  return slice(keccak256(bytes), 0, size).slice(2).toUpperCase();
}

function upper(bytes: Uint8Array): string {
  return bytesToHex(bytes).slice(2).toUpperCase();
}
