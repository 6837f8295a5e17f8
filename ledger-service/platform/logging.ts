import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Structured logs on standard error: an event name and identifiers; secrets and card numbers are never given to it. */
export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}
