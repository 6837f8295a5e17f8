import { createHash, timingSafeEqual } from 'node:crypto';
import { and, eq, isNull } from 'drizzle-orm';
import type { MiddlewareHandler } from 'hono';
import type { Database } from '../../ledger-service/platform/database.ts';
import type { Caller, RoomEnvironment } from '../../ledger-service/platform/http/room.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../ledger-service/vocabulary/time.ts';
import type { ParticipantKind } from '../../ledger-service/vocabulary/viewers.ts';
import { apiKeys } from '../schema/platform.ts';

export const SCOPES = [
  'payments:read',
  'payments:write',
  'settlement:read',
  'settlement:write',
  'ledger:read',
  'clock:write',
  'events:read',
  'webhooks:read',
  'webhooks:write',
  'disputes:read',
  'disputes:write',
] as const;
export type Scope = (typeof SCOPES)[number];

/** What only whoever runs this may do: a participant's own key cannot have these. */
const SCOPES_OF_THE_OPERATOR: readonly Scope[] = ['settlement:write', 'clock:write'];

const TRUSTED_FOR_MILLISECONDS = 5_000;
const MAXIMUM_REMEMBERED = 10_000;

/**
 * A key is `<keyId>.<secret>`; the stored hash is that of the secret, which has 256 bits and needs no salt.
 *
 * Errors: thrown FIELD_INVALID for a participant's key with a scope that reaches beyond that participant.
 */
export async function storeApiKey(
  database: Database,
  clock: Clock,
  key: Readonly<{
    keyId: string;
    secret: string;
    displayName: string;
    scopes: readonly Scope[];
    participantId?: string;
  }>,
): Promise<void> {
  const tooWide = key.scopes.find((scope) => SCOPES_OF_THE_OPERATOR.includes(scope));
  if (key.participantId !== undefined && tooWide !== undefined) {
    throw new SettlementError('FIELD_INVALID', `a participant's key cannot have the scope ${tooWide}`, {
      param: 'scopes',
    });
  }
  const values = {
    shard: 0,
    keyId: key.keyId,
    secretHash: hashOf(key.secret),
    displayName: key.displayName,
    scopes: [...key.scopes],
    participantId: key.participantId ?? null,
    recordedAt: clock.now(),
  };
  await database.drizzle
    .insert(apiKeys)
    .values(values)
    .onConflictDoUpdate({
      target: [apiKeys.shard, apiKeys.keyId],
      set: { secretHash: values.secretHash, scopes: values.scopes, participantId: values.participantId },
    });
}

/**
 * Finds out who calls. A key that was good is trusted for five seconds, then looked up again.
 *
 * Errors: thrown UNAUTHENTICATED.
 */
export function authenticate(
  dependencies: Readonly<{ database: Database; machineClock: Clock; kindOf: KindOf }>,
): MiddlewareHandler<RoomEnvironment> {
  const remembered = new Map<string, Readonly<{ caller: Caller; until: number }>>();
  return async (context, next) => {
    const token = /^Bearer ([\x21-\x7e]{3,200})$/.exec(context.req.header('authorization') ?? '')?.[1];
    if (!token) throw unauthenticated();
    const now = dependencies.machineClock.now().getTime();
    const digest = hashOf(token);
    const known = remembered.get(digest);
    if (known && known.until > now) context.set('caller', known.caller);
    else {
      const caller = await findCaller(dependencies, token);
      if (remembered.size >= MAXIMUM_REMEMBERED) remembered.clear();
      remembered.set(digest, { caller, until: now + TRUSTED_FOR_MILLISECONDS });
      context.set('caller', caller);
    }
    await next();
  };
}

/** What kind of participant this is; undefined for one that nobody has registered. */
export type KindOf = (shard: Shard, participantId: string) => Promise<ParticipantKind | undefined>;

async function findCaller(
  { database, kindOf }: Readonly<{ database: Database; kindOf: KindOf }>,
  token: string,
): Promise<Caller> {
  // All of it: what follows a second point would otherwise be nobody's to look at.
  const [, keyId = '', secret = ''] = /^([^.]+)\.([^.]+)$/.exec(token) ?? [];
  const [row] = await database.drizzle
    .select({ secretHash: apiKeys.secretHash, scopes: apiKeys.scopes, participantId: apiKeys.participantId })
    .from(apiKeys)
    .where(and(eq(apiKeys.shard, 0), eq(apiKeys.keyId, keyId), isNull(apiKeys.revokedAt)));
  const given = Buffer.from(hashOf(secret));
  if (!row || !timingSafeEqual(Buffer.from(row.secretHash), given)) throw unauthenticated();
  const { scopes, participantId } = row;
  if (participantId === null) return { callerId: keyId, scopes };
  const participantKind = await kindOf(0, participantId);
  return { callerId: keyId, scopes, participantId, ...(participantKind ? { participantKind } : {}) };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function unauthenticated(): SettlementError {
  return new SettlementError('UNAUTHENTICATED', 'the request carries no valid API key');
}
