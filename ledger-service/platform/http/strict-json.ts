import { SettlementError } from '../../vocabulary/errors.ts';

const MAXIMUM_DEPTH = 32;

/**
 * Reads JSON and refuses what parsers disagree about: a key named twice, a NUL, half a surrogate pair, deep nesting.
 *
 * Errors: thrown BODY_MALFORMED with what is wrong.
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // What the parser says repeats the text from the first quotation mark on, and that may be anything.
    throw malformed(error instanceof Error ? error.message.replace(/,? ?"[\s\S]*$/, '') : 'not JSON');
  }
  refuseRepeatedKeys(text);
  refuseUnsafeText(value);
  return value;
}

/** The text is valid JSON by now, so a string is a key exactly when it stands in an object before a colon. */
function refuseRepeatedKeys(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;
  let lastString = '';
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const found = match[0];
    if (found === '{' || found === '[') {
      open.push(found === '{' ? new Set() : undefined);
      if (open.length > MAXIMUM_DEPTH) throw malformed(`nested deeper than ${MAXIMUM_DEPTH} levels`);
    } else if (found === '}' || found === ']') open.pop();
    else if (found === ':') {
      const key = JSON.parse(lastString) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) throw malformed(`the key ${JSON.stringify(key)} stands twice in one object`);
      keys?.add(key);
    } else if (found !== ',') lastString = found;
  }
}

function refuseUnsafeText(value: unknown): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw malformed('a text holds a NUL');
    if (!value.isWellFormed()) throw malformed('a text holds half a surrogate pair');
  } else if (Array.isArray(value)) {
    for (const item of value) refuseUnsafeText(item);
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      refuseUnsafeText(key);
      refuseUnsafeText(item);
    }
  }
}

function malformed(reason: string): SettlementError {
  return new SettlementError('BODY_MALFORMED', reason.slice(0, 200));
}
