import type { MiddlewareHandler } from 'hono';
import { SettlementError } from '../../vocabulary/errors.ts';
import type { RoomEnvironment } from './room.ts';

/**
 * Refuses what no name or value of ours holds and what a database cannot take: a NUL, or bytes that are no UTF-8.
 *
 * Errors: thrown FIELD_INVALID
 */
export const strictAddress: MiddlewareHandler<RoomEnvironment> = async (context, next) => {
  const { url } = context.req;
  if (/%|\0/.test(url)) {
    const from = url.indexOf('/', url.indexOf('://') + 3);
    const queryAt = url.indexOf('?', from);
    const parts = queryAt < 0 ? [url.slice(from)] : [url.slice(from, queryAt), url.slice(queryAt + 1)];
    for (const [index, part] of parts.entries()) {
      if (!isPlain(part)) {
        throw new SettlementError('FIELD_INVALID', 'the address holds what is no text', {
          param: index === 0 ? 'the path' : 'the query',
        });
      }
    }
  }
  await next();
};

function isPlain(text: string): boolean {
  try {
    return !decodeURIComponent(text).includes('\0');
  } catch {
    return false;
  }
}
