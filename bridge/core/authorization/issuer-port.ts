import type { Amount } from '../../../ledger-service/vocabulary/money.ts';

/** Names one authorization between the bridge and an issuer, for its whole life (field 37 of ISO 8583). */
export type RetrievalReference = string;

export type IssuerRequest = Readonly<{
  retrievalReference: RetrievalReference;
  issuerId: string;
  instrumentToken: string;
  merchantId: string;
  amount: Amount;
  transmittedAt: Date;
}>;

/** Response codes of ISO 8583 field 39: 00 approved, 10 approved in part, 05 declined, 51 not enough funds, … */
export type IssuerAnswer = Readonly<
  | { kind: 'approved'; amount: Amount; responseCode: '00' | '10' }
  | { kind: 'declined'; responseCode: string }
  /** Asked and not answered: nobody knows whether there is a hold. */
  | { kind: 'silent' }
>;

export type IssuerAdvice = Readonly<{
  adviceId: string;
  retrievalReference: RetrievalReference;
  issuerId: string;
  kind: 'capture' | 'release' | 'refund';
  amount: Amount;
}>;

/**
 * How the bridge reaches the issuer of a card. An issuer has no look-up, so a request that was not answered is taken
 * back by a reversal, repeated until it is acknowledged.
 */
export interface IssuerPort {
  /** Never throws: whatever goes wrong after the request may have left is `silent`. */
  authorize(request: IssuerRequest): Promise<IssuerAnswer>;
  /** Resolves once acknowledged; throws otherwise, and is then called again. */
  reverse(request: Pick<IssuerRequest, 'retrievalReference' | 'issuerId' | 'instrumentToken'>): Promise<void>;
  /** Tells what became of a hold; resolves once acknowledged. The same advice twice counts once. */
  advise(advice: IssuerAdvice): Promise<void>;
}

/** What a caller is told of a response code, without the issuer's own words. */
export function declineReasonOf(responseCode: string): string {
  return DECLINE_REASONS[responseCode] ?? 'declined by the issuer';
}

const DECLINE_REASONS: Readonly<Record<string, string>> = {
  '05': 'declined by the issuer',
  '14': 'no such card',
  '51': 'not enough funds',
  '54': 'the card has expired',
  '62': 'the card is blocked',
};
