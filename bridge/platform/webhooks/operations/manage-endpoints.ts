import { type DatabaseTransaction, inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import type { Caller } from '../../../../ledger-service/platform/http/room.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import { type Shard, shardOf } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { readCursor, writeCursor } from '../../cursor.ts';
import type { WebhookDependencies } from '../dependencies.ts';
import { readEndpointUrl } from '../domain/endpoint-url.ts';
import { SECRET_BYTES, secretFrom, shownSecret } from '../domain/signatures.ts';
import { judgedAddress } from '../resolve.ts';
import { PARKED, saveDueOf } from '../store/deliveries.ts';
import {
  countEndpoints,
  type EndpointRow,
  expireSecrets,
  forgetSecrets,
  insertEndpoint,
  insertSecret,
  loadEndpoint,
  loadEndpoints,
  loadLiveSecrets,
  lockEndpoint,
  saveEndpoint,
  type Visibility,
} from '../store/endpoints.ts';
import { type EndpointView, viewOfEndpoint } from '../view.ts';

const MOST_ENDPOINTS_OF_ONE_OWNER = 16;
const MOST_LIVE_SECRETS = 5;

export type CreateEndpoint = Readonly<{
  shard: Shard;
  url: string;
  eventTypes: readonly string[];
  merchantId?: string | undefined;
}>;

/** A merchant's key reaches its own endpoints; the intermediary's reaches all. */
export function visibleTo({ participantId }: Pick<Caller, 'participantId'>): Visibility {
  return { ownerId: participantId };
}

/**
 * Registers where events are sent.
 *
 * Shape:   { url, eventTypes (none: all), merchantId? } → the endpoint and its secret, which is never shown again
 * Errors:  thrown, nothing changed: WEBHOOK_URL_REFUSED, PARTICIPANT_UNKNOWN (also for a merchant that is not the
 *          caller), WEBHOOK_ENDPOINTS_EXHAUSTED
 * Effects: a look-up of the host's addresses, then endpoint and secret in one database transaction
 */
export async function createEndpoint(
  dependencies: WebhookDependencies,
  caller: Caller,
  command: CreateEndpoint,
): Promise<Readonly<{ endpoint: EndpointView; secret: string }>> {
  const { database, clock, identifiers, reach, resolver } = dependencies;
  const { shard } = command;
  const ownerId = await ownerOf(dependencies, caller, command);
  const url = readEndpointUrl(command.url, reach);
  await judgedAddress(url, resolver, reach);
  return inDatabaseTransaction(database, async (transaction) => {
    if ((await countEndpoints(transaction, shard, ownerId)) >= MOST_ENDPOINTS_OF_ONE_OWNER) {
      throw new SettlementError('WEBHOOK_ENDPOINTS_EXHAUSTED', 'this owner has as many endpoints as one may have', {
        maximum: MOST_ENDPOINTS_OF_ONE_OWNER,
      });
    }
    const row: EndpointRow = {
      shard,
      endpointId: identifiers.next('whe', shard),
      ownerId,
      url: url.href,
      eventTypes: [...new Set(command.eventTypes)],
      state: 'enabled',
      disabledBecause: null,
      recordedAt: clock.now(),
    };
    await insertEndpoint(transaction, row);
    const secret = await addSecret(dependencies, transaction, row, 1);
    return { endpoint: viewOfEndpoint(row), secret };
  });
}

/** Errors: thrown WEBHOOK_ENDPOINT_UNKNOWN. */
export async function findEndpoint(
  { database }: Pick<WebhookDependencies, 'database'>,
  caller: Caller,
  endpointId: string,
): Promise<EndpointRow> {
  const row = await loadEndpoint(database.drizzle, shardOf(endpointId), endpointId, visibleTo(caller));
  return row ?? refuseUnknown(endpointId);
}

/** A page of endpoints, newest first. Errors: thrown FIELD_INVALID for a cursor that was never given out. */
export async function listEndpoints(
  { database }: Pick<WebhookDependencies, 'database'>,
  caller: Caller,
  query: Readonly<{ shard: Shard; limit: number; cursor?: string | undefined }>,
): Promise<Readonly<{ endpoints: readonly EndpointView[]; nextCursor: string | null }>> {
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor, 'whe');
  const rows = await loadEndpoints(database.drizzle, query.shard, visibleTo(caller), after, query.limit + 1);
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    endpoints: page.map(viewOfEndpoint),
    nextCursor: rows.length > query.limit && last ? writeCursor(last.recordedAt, last.endpointId) : null,
  };
}

/**
 * Changes where an endpoint is, what it gets, or whether it gets anything.
 *
 * Errors:  thrown, nothing changed: WEBHOOK_ENDPOINT_UNKNOWN, WEBHOOK_URL_REFUSED
 * Effects: what is due waits while an endpoint is disabled; enabled again, it is due at once and has its three days anew
 */
export async function updateEndpoint(
  dependencies: WebhookDependencies,
  caller: Caller,
  command: Readonly<{
    endpointId: string;
    url?: string | undefined;
    eventTypes?: readonly string[] | undefined;
    enabled?: boolean | undefined;
  }>,
): Promise<EndpointView> {
  const { database, machineClock, reach, resolver } = dependencies;
  const { endpointId, enabled } = command;
  await findEndpoint(dependencies, caller, endpointId);
  const url = command.url === undefined ? undefined : readEndpointUrl(command.url, reach);
  if (url) await judgedAddress(url, resolver, reach);
  const view = await inDatabaseTransaction(database, async (transaction) => {
    const row = await requireEndpoint(transaction, caller, endpointId);
    const changed: EndpointRow = {
      ...row,
      ...(url ? { url: url.href } : {}),
      ...(command.eventTypes ? { eventTypes: [...new Set(command.eventTypes)] } : {}),
      ...(enabled === true ? { state: 'enabled', disabledBecause: null } : {}),
      ...(enabled === false && row.state === 'enabled' ? { state: 'disabled', disabledBecause: 'owner' } : {}),
    };
    await saveEndpoint(transaction, row, changed);
    if (changed.state !== row.state) {
      const now = machineClock.now();
      await saveDueOf(
        transaction,
        row,
        changed.state === 'enabled' ? { notBefore: now, dueSince: now } : { notBefore: PARKED },
      );
    }
    return viewOfEndpoint(changed);
  });
  dependencies.ring();
  return view;
}

/**
 * Deletes an endpoint: nothing is sent to it any more.
 *
 * Errors:  thrown WEBHOOK_ENDPOINT_UNKNOWN, also when it was deleted before
 * Effects: what was due is given up; its secrets are forgotten
 */
export async function deleteEndpoint(
  dependencies: WebhookDependencies,
  caller: Caller,
  endpointId: string,
): Promise<void> {
  const { database, machineClock } = dependencies;
  await inDatabaseTransaction(database, async (transaction) => {
    const row = await requireEndpoint(transaction, caller, endpointId);
    await saveEndpoint(transaction, row, { state: 'deleted' });
    await forgetSecrets(transaction, row, undefined);
    const endedAt = machineClock.now();
    await saveDueOf(transaction, row, { state: 'givenUp', lastFailure: 'endpointDeleted', endedAt });
  });
}

/**
 * Gives an endpoint a new secret; the ones before it go on signing beside it for a while.
 *
 * Shape:   { endpointId, overlapSeconds } → the new secret, which is never shown again, and when the others end
 * Errors:  thrown, nothing changed: WEBHOOK_ENDPOINT_UNKNOWN, WEBHOOK_SECRETS_EXHAUSTED
 * Effects: a rotation whose answer was lost is repeated without harm: the secret that the receiver knows still signs
 */
export async function rotateSecret(
  dependencies: WebhookDependencies,
  caller: Caller,
  command: Readonly<{ endpointId: string; overlapSeconds: number }>,
): Promise<Readonly<{ secret: string; othersExpireAt: string }>> {
  const { database, machineClock } = dependencies;
  return inDatabaseTransaction(database, async (transaction) => {
    const row = await requireEndpoint(transaction, caller, command.endpointId);
    const now = machineClock.now();
    const expiresAt = new Date(now.getTime() + command.overlapSeconds * 1000);
    const live = await loadLiveSecrets(transaction, row.shard, [row.endpointId], now);
    if (command.overlapSeconds > 0 && live.length >= MOST_LIVE_SECRETS) {
      throw new SettlementError('WEBHOOK_SECRETS_EXHAUSTED', `${live.length} secrets sign for this endpoint`, {
        maximum: MOST_LIVE_SECRETS,
      });
    }
    await expireSecrets(transaction, row, expiresAt);
    await forgetSecrets(transaction, row, now);
    const secret = await addSecret(dependencies, transaction, row, (live[0]?.ordinal ?? 0) + 1);
    return { secret, othersExpireAt: expiresAt.toISOString() };
  });
}

/** Errors: thrown WEBHOOK_ENDPOINT_UNKNOWN. */
export async function requireEndpoint(
  transaction: DatabaseTransaction,
  caller: Caller,
  endpointId: string,
): Promise<EndpointRow> {
  const row = await lockEndpoint(transaction, shardOf(endpointId), endpointId, visibleTo(caller));
  return row ?? refuseUnknown(endpointId);
}

async function addSecret(
  { chance, clock }: WebhookDependencies,
  transaction: DatabaseTransaction,
  { shard, endpointId }: EndpointRow,
  ordinal: number,
): Promise<string> {
  const secret = secretFrom(chance.bytes(SECRET_BYTES));
  await insertSecret(transaction, { shard, endpointId, ordinal, secret, recordedAt: clock.now(), expiresAt: null });
  return shownSecret(secret);
}

async function ownerOf(
  { requireMerchant }: WebhookDependencies,
  { participantId }: Caller,
  { shard, merchantId }: CreateEndpoint,
): Promise<string | null> {
  if (participantId !== undefined) {
    if (merchantId === undefined || merchantId === participantId) return participantId;
    throw new SettlementError('PARTICIPANT_UNKNOWN', `${JSON.stringify(merchantId)} is not you`, { merchantId });
  }
  if (merchantId === undefined) return null;
  await requireMerchant(shard, merchantId);
  return merchantId;
}

function refuseUnknown(endpointId: string): never {
  throw new SettlementError('WEBHOOK_ENDPOINT_UNKNOWN', `no endpoint ${JSON.stringify(endpointId)}`, { endpointId });
}
