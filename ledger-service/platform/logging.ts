import { type Logger, pino } from 'pino';
import { withoutCardNumbers } from '../vocabulary/card-numbers.ts';

export type { Logger } from 'pino';

const LONGEST_MESSAGE = 500;
const DEEPEST_CAUSE = 4;
const FRAMES = 12;

/** What is told of a fault: what and where, and nothing of what was being written or sent when it happened. */
export type ToldFault = Readonly<{ type: string; code?: string; message: string; stack?: string; cause?: ToldFault }>;

/**
 * Structured logs on standard error: an event name and identifiers. Secrets and card numbers are never given to it; faults
 * of others, whose words repeat statements with their values and requests with their bodies, are told without these.
 */
export function createLogger(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: tellFault } },
    pino.destination(2),
  );
}

export function tellFault(error: unknown, depth = 0): ToldFault | string {
  if (!(error instanceof Error)) return withoutValues(String(error));
  const { name, message, stack, cause } = error;
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const told = cause === undefined || depth >= DEEPEST_CAUSE ? undefined : tellFault(cause, depth + 1);
  return {
    type: name,
    ...code,
    message: withoutValues(message),
    ...(frames.length > 0 ? { stack: frames.slice(0, FRAMES).join('\n') } : {}),
    ...(told === undefined ? {} : { cause: typeof told === 'string' ? { type: 'cause', message: told } : told }),
  };
}

/** Drizzle says `params: …` behind a statement, viem `Request body: …`: both end what may be told. */
export function withoutValues(message: string): string {
  const told = message
    .replace(/\n?(?:params|Request body|Request Arguments|Raw Call Arguments|Request):[\s\S]*$/i, '')
    // Signed bytes, signatures and keys are longer than an address, hashes are not looked for by their middle.
    .replace(/(?:0x)?[0-9a-fA-F]{64,}/g, (hex) => `${hex.slice(0, 10)}…(${hex.length} characters)`)
    .replace(/\bwhsec_[A-Za-z0-9+/=]+/g, 'whsec_…')
    .replace(/(\/\/[^:/@\s]+):[^@\s]+@/g, '$1:…@');
  return withoutCardNumbers(told).slice(0, LONGEST_MESSAGE);
}
