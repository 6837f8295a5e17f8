import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { RoomEnvironment } from '../../ledger-service/platform/http/room.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { ParticipantKind } from '../../ledger-service/vocabulary/viewers.ts';

const EVERY_KIND: readonly ParticipantKind[] = ['merchant', 'payer', 'issuer', 'acquirer'];
const WITH_ACCOUNTS: readonly ParticipantKind[] = ['merchant', 'issuer', 'acquirer'];

/**
 * Which kinds of participants may call an address, with a key of their own and the scope. An address that is not named
 * here is the operator's alone, so one that is new is closed to them until somebody has said whose it is. Which objects
 * they reach there is the operation's to say: somebody else's is answered like one that does not exist.
 */
export const ownerRules: Readonly<Record<string, readonly ParticipantKind[]>> = {
  'POST /v1/quotes': ['merchant', 'payer'],
  'GET /v1/quotes/{quoteId}': ['merchant', 'payer'],
  'POST /v1/payments': ['merchant', 'payer'],
  'GET /v1/payments': EVERY_KIND,
  'GET /v1/payments/{paymentId}': EVERY_KIND,
  'GET /v1/payments/{paymentId}/events': EVERY_KIND,
  'POST /v1/payments/{paymentId}/signature': ['merchant', 'payer'],
  'POST /v1/payments/{paymentId}/captures': ['merchant'],
  'POST /v1/payments/{paymentId}/void': ['merchant'],
  'POST /v1/payments/{paymentId}/refunds': ['merchant'],
  'POST /v1/payments/{paymentId}/late-reversal': ['issuer'],
  'GET /v1/payouts': ['merchant', 'payer'],
  'GET /v1/settlement-windows': WITH_ACCOUNTS,
  'GET /v1/settlement-windows/{windowId}': WITH_ACCOUNTS,
  'POST /v1/disputes': ['issuer'],
  'GET /v1/disputes': WITH_ACCOUNTS,
  'GET /v1/disputes/{disputeId}': WITH_ACCOUNTS,
  'POST /v1/disputes/{disputeId}/evidence': ['merchant'],
  'POST /v1/disputes/{disputeId}/accept': ['merchant'],
  'POST /v1/disputes/{disputeId}/decide': ['issuer'],
  'GET /v1/merchants/{merchantId}/standing': ['merchant'],
  'GET /v1/ledger/accounts': WITH_ACCOUNTS,
  'GET /v1/ledger/entries': WITH_ACCOUNTS,
  'GET /v1/participants': EVERY_KIND,
  'GET /v1/assets': EVERY_KIND,
  'GET /v1/instruments': ['payer', 'issuer'],
  'GET /v1/clock': EVERY_KIND,
  'GET /v1/event-types': EVERY_KIND,
  'POST /v1/webhook-endpoints': ['merchant'],
  'GET /v1/webhook-endpoints': ['merchant'],
  'GET /v1/webhook-endpoints/{endpointId}': ['merchant'],
  'PATCH /v1/webhook-endpoints/{endpointId}': ['merchant'],
  'DELETE /v1/webhook-endpoints/{endpointId}': ['merchant'],
  'POST /v1/webhook-endpoints/{endpointId}/rotate-secret': ['merchant'],
  'GET /v1/webhook-endpoints/{endpointId}/deliveries': ['merchant'],
  'POST /v1/webhook-endpoints/{endpointId}/redeliver': ['merchant'],
};

/**
 * Keeps participants' keys to the addresses that are theirs.
 *
 * Errors: thrown ROLE_UNSUITABLE, before anything is read
 */
export const keepToOwnAddresses: MiddlewareHandler<RoomEnvironment> = async (context, next) => {
  const { participantId, participantKind } = context.get('caller');
  if (participantId !== undefined) {
    const matched = matchedRoutes(context).findLast(({ method }) => method !== 'ALL');
    // Where nothing answers, that is said to everyone.
    if (matched) {
      const address = `${matched.method} ${matched.path.replaceAll(/:(\w+)/g, '{$1}')}`;
      const kinds = ownerRules[address] ?? [];
      if (participantKind === undefined || !kinds.includes(participantKind)) {
        throw new SettlementError('ROLE_UNSUITABLE', `this address is not for a ${participantKind ?? 'stranger'}`, {
          participantKind: participantKind ?? null,
        });
      }
    }
  }
  await next();
};
