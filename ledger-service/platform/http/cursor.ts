import { createHash } from 'node:crypto';

const CHECK_CHARACTERS = 12;

/**
 * A place in a list, as a text that cannot be mistyped into another place. It is no secret and no permission: whoever
 * makes one up sees what it may see anyway.
 */
export function sealCursor(place: string): string {
  return Buffer.from(`${checkOf(place)} ${place}`).toString('base64url');
}

/** The place, or undefined for a text that was never given out, or was changed since by as much as a bit. */
export function openCursor(text: string): string | undefined {
  const opened = Buffer.from(text, 'base64url').toString('utf8');
  const place = opened.slice(CHECK_CHARACTERS + 1);
  // Several texts decode to the same bytes; only one of them was given out.
  return sealCursor(place) === text ? place : undefined;
}

function checkOf(place: string): string {
  return createHash('sha256').update(`cursor ${place}`).digest('base64url').slice(0, CHECK_CHARACTERS);
}
