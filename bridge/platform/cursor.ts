import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { isIdentifier } from '../../ledger-service/vocabulary/identifiers.ts';

/** The last row of a page: rows that are added meanwhile are neither skipped nor shown twice. */
export type Cursor = Readonly<{ recordedAt: Date; identifier: string }>;

export function writeCursor(recordedAt: Date, identifier: string): string {
  return Buffer.from(`${recordedAt.toISOString()} ${identifier}`).toString('base64url');
}

/** Errors: thrown FIELD_INVALID for a text that was never given out as a cursor of such a list. */
export function readCursor(text: string, prefix: string): Cursor {
  const [time = '', identifier = ''] = Buffer.from(text, 'base64url').toString('utf8').split(' ');
  const recordedAt = new Date(time);
  if (Number.isNaN(recordedAt.getTime()) || !isIdentifier(identifier, prefix)) {
    throw new SettlementError('FIELD_INVALID', 'this is no cursor of this list', { param: 'cursor' });
  }
  return { recordedAt, identifier };
}
