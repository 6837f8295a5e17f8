import type { MiddlewareHandler } from 'hono';
import type { RoomEnvironment } from '../../ledger-service/platform/http/room.ts';
import { holdsCardNumber } from '../../ledger-service/vocabulary/card-numbers.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';

/** Headers that are read, stored or repeated; nobody here looks at others. */
const HEADERS = ['idempotency-key', 'last-event-id', 'content-type', 'accept'];
/** Whole minor units have up to 38 digits of any kind: they are amounts, whatever they look like. */
const AMOUNT_FIELD = 'minorUnits';

/**
 * Refuses full card numbers in address and headers, before anything is stored or logged.
 *
 * Errors: thrown CARD_NUMBER_REFUSED with where it stood, never with what
 */
export const refuseCardNumbersInAddress: MiddlewareHandler<RoomEnvironment> = async (context, next) => {
  const path = decoded(context.req.path);
  if (holdsCardNumber(path)) throw refused('the path');
  const queryAt = context.req.url.indexOf('?');
  if (queryAt >= 0) {
    for (const [name, value] of new URLSearchParams(context.req.url.slice(queryAt))) {
      if (holdsCardNumber(name)) throw refused('the query');
      if (holdsCardNumber(value)) throw refused(name);
    }
  }
  for (const name of HEADERS) {
    const value = context.req.header(name);
    if (value !== undefined && holdsCardNumber(value)) throw refused(name);
  }
  await next();
};

/** The same for a body, once it was read strictly. */
export const refuseCardNumbersInBody: MiddlewareHandler<RoomEnvironment> = async (context, next) => {
  const body = context.get('body');
  if (body !== undefined) refuseIn(body, '');
  await next();
};

function refuseIn(value: unknown, field: string): void {
  if (typeof value === 'string' || typeof value === 'number') {
    if (field !== AMOUNT_FIELD && !field.endsWith(`.${AMOUNT_FIELD}`) && holdsCardNumber(String(value))) {
      throw refused(field || 'body');
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) refuseIn(item, field === '' ? String(index) : `${field}.${index}`);
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      if (holdsCardNumber(key)) throw refused(field === '' ? 'a key of the body' : `a key of ${field}`);
      refuseIn(item, field === '' ? key : `${field}.${key}`);
    }
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function refused(param: string): SettlementError {
  return new SettlementError('CARD_NUMBER_REFUSED', `${param.slice(0, 100)} holds a full card number`, {
    param: param.slice(0, 100),
  });
}
