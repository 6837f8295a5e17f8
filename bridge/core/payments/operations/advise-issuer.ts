import type { WireAmount } from '../../../../ledger-service/vocabulary/money.ts';
import { fromWire } from '../../../../ledger-service/vocabulary/money.ts';
import type { DueEvent } from '../../../platform/outbox.ts';
import type { IssuerAdvice } from '../../authorization/issuer-port.ts';
import type { PaymentDependencies } from '../dependencies.ts';

const ADVICE_KINDS: Readonly<Record<string, IssuerAdvice['kind']>> = {
  'payment.captured': 'capture',
  'payment.voided': 'release',
  'payment.refunded': 'refund',
};

/**
 * Tells a card's issuer what became of its hold.
 *
 * Effects: one message; the event's identifier is the advice's, so that one told twice counts once
 * Errors:  thrown by the issuer port until the advice is acknowledged
 */
export async function adviseIssuer({ issuer }: PaymentDependencies, event: DueEvent): Promise<void> {
  const kind = ADVICE_KINDS[event.topic];
  const { issuerId, source } = event.payload as Readonly<{ issuerId: string | null; source: WireAmount }>;
  if (!kind || !issuerId) return;
  await issuer.advise({
    adviceId: event.eventId,
    retrievalReference: event.subject,
    issuerId,
    kind,
    amount: fromWire(source),
  });
}
