import { openCursor, sealCursor } from '../../ledger-service/platform/http/cursor.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { isIdentifier } from '../../ledger-service/vocabulary/identifiers.ts';

/** The last row of a page: rows that are added meanwhile are neither skipped nor shown twice. */
export type Cursor = Readonly<{ recordedAt: Date; identifier: string }>;

export function writeCursor(recordedAt: Date, identifier: string): string {
  return sealCursor(`${recordedAt.toISOString()} ${identifier}`);
}

/** Errors: thrown FIELD_INVALID for a text that was never given out as a cursor of such a list. */
export function readCursor(text: string, prefix: string): Cursor {
  const [time = '', identifier = ''] = (openCursor(text) ?? '').split(' ');
  const recordedAt = new Date(time);
  if (Number.isNaN(recordedAt.getTime()) || !isIdentifier(identifier, prefix)) {
    throw new SettlementError('FIELD_INVALID', 'this is no cursor of this list', { param: 'cursor' });
  }
  return { recordedAt, identifier };
}
