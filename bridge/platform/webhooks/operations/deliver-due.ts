import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { viewOfEvent } from '../../events/view.ts';
import type { WebhookDependencies } from '../dependencies.ts';
import { type Answer, judgeAttempt, type Verdict } from '../domain/retries.ts';
import { signedHeaders } from '../domain/signatures.ts';
import type { Sender } from '../sender.ts';
import {
  type Claimed,
  claimDue,
  holdBackFollowers,
  loadClaimed,
  PARKED,
  saveAttempt,
  saveDueOf,
} from '../store/deliveries.ts';
import { disableGone, loadLiveSecrets } from '../store/endpoints.ts';

export type DeliveryDependencies = Pick<WebhookDependencies, 'database' | 'machineClock' | 'chance' | 'logger'> &
  Readonly<{ send: Sender }>;

/** Longer than any attempt takes; what a killed process had taken is due again after it. */
const LEASE_MILLISECONDS = 60_000;

/** Takes up to `limit` due deliveries; see `claimDue`. */
export function takeDue(
  { database, machineClock }: DeliveryDependencies,
  limit: number,
  busy: readonly string[],
): Promise<readonly Claimed[]> {
  const now = machineClock.now();
  return claimDue(database, { now, leaseUntil: new Date(now.getTime() + LEASE_MILLISECONDS), limit, busy });
}

/**
 * Makes one attempt: outside any database transaction the message is signed and sent, then one says what became of it.
 *
 * Effects: delivered, due again, or given up; 410 Gone disables the endpoint too. An attempt that `signal` cut short is
 *          as good as none
 */
export async function attemptDelivery(
  dependencies: DeliveryDependencies,
  claimed: Claimed,
  signal: AbortSignal,
): Promise<void> {
  const { database, machineClock, send } = dependencies;
  const found = await loadClaimed(database.drizzle, claimed);
  if (!found) return;
  const now = machineClock.now();
  const secrets = await loadLiveSecrets(database.drizzle, claimed.shard, [claimed.endpointId], now);
  const body = JSON.stringify(viewOfEvent(found.event));
  const message = { id: claimed.eventId, timestampSeconds: Math.floor(now.getTime() / 1000), body };
  const headers = signedHeaders(
    message,
    secrets.map(({ secret }) => secret),
  );
  const answer = await send({ url: found.url, headers, body }, signal);
  if (signal.aborted && answer.kind === 'failed') await putBack(dependencies, claimed);
  else await recordAnswer(dependencies, claimed, found.url, answer);
}

async function putBack({ database, machineClock }: DeliveryDependencies, claimed: Claimed): Promise<void> {
  await inDatabaseTransaction(database, (transaction) =>
    saveAttempt(transaction, claimed, { attempts: claimed.attempts - 1, notBefore: machineClock.now() }),
  );
}

async function recordAnswer(
  { database, machineClock, chance, logger }: DeliveryDependencies,
  claimed: Claimed,
  url: string,
  answer: Answer,
): Promise<void> {
  const now = machineClock.now();
  const verdict = judgeAttempt(answer, claimed, now, fractionOf(chance.bytes(4)));
  await inDatabaseTransaction(database, async (transaction) => {
    const isGone = verdict.verdict === 'givenUp' && verdict.failure === 'gone';
    // The endpoint before its deliveries, as whoever changes it locks them.
    const disabled = isGone && (await disableGone(transaction, { ...claimed, url }));
    const isCurrent = await saveAttempt(transaction, claimed, changeOf(verdict, answer, now));
    if (isCurrent && verdict.verdict === 'again') await holdBackFollowers(transaction, claimed, verdict.at);
    if (disabled) await saveDueOf(transaction, claimed, { notBefore: PARKED });
  });
  if (verdict.verdict === 'delivered') return;
  // Neither URL nor headers: a URL may hold a receiver's own secret.
  const { endpointId, eventId, attempts } = claimed;
  logger.warn({ event: `webhook.${verdict.verdict}`, endpointId, eventId, attempts, failure: verdict.failure });
}

function changeOf(verdict: Verdict, answer: Answer, now: Date) {
  const lastStatus = answer.kind === 'answered' ? answer.status : null;
  switch (verdict.verdict) {
    case 'delivered':
      return { state: 'delivered' as const, lastStatus, lastFailure: null, endedAt: now };
    case 'again':
      return { lastStatus, lastFailure: verdict.failure, notBefore: verdict.at };
    case 'givenUp':
      return { state: 'givenUp' as const, lastStatus, lastFailure: verdict.failure, endedAt: now };
  }
}

/** From 0 to 1. */
function fractionOf(bytes: Uint8Array): number {
  return Buffer.from(bytes).readUInt32BE() / 0xffff_ffff;
}
