import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { RoomEnvironment } from '../../ledger-service/platform/http/room.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../ledger-service/vocabulary/identifiers.ts';
import type { OnceRequest } from './once.ts';

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** For the description of an address that moves or promises money. */
export const idempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .optional()
    .openapi({
      param: { required: true },
      example: 'order-1001',
      description: 'chosen by the caller; the same key and body get the same answer, for ever',
    }),
});

/**
 * What the caller asked for, under the key it chose.
 *
 * Errors: thrown IDEMPOTENCY_KEY_INVALID for a key that is missing, too long or not printable.
 */
export function onceRequestOf(
  context: Context<RoomEnvironment>,
  operation: string,
  request: unknown,
  shard: Shard,
): OnceRequest {
  const idempotencyKey = context.req.header('idempotency-key') ?? '';
  if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
    throw new SettlementError('IDEMPOTENCY_KEY_INVALID', 'Idempotency-Key is 1 to 255 printable characters');
  }
  const viewer = context.get('caller');
  return { shard, callerId: viewer.callerId, idempotencyKey, operation, request, viewer };
}

/** Tells the caller that this answer was given before. */
export function markReplayed(context: Context<RoomEnvironment>, replayed: boolean): void {
  if (replayed) context.header('Idempotency-Replayed', 'true');
}
