/**
 * Every failure a caller can meet, with the answer it gives over HTTP and what a queue does with it.
 *
 * A code is stable: callers switch on it. `retryable` says whether the same request may succeed later unchanged.
 * A new code does not compile until it has a status, a title, a cause and a remedy; docs/errors.md is written from this table.
 */
type ErrorDescription = Readonly<{
  status: number;
  retryable: boolean;
  title: string;
  cause: string;
  remedy: string;
}>;

const describe = (
  status: number,
  retryable: boolean,
  title: string,
  cause: string,
  remedy: string,
): ErrorDescription => ({
  status,
  retryable,
  title,
  cause,
  remedy,
});

export const errorCatalogue = {
  ACCOUNT_PATH_INVALID: describe(
    422,
    false,
    'No such account in the chart',
    'An account path is not one the chart of accounts allows.',
    'Use a path from docs/chart-of-accounts.md.',
  ),
  ADDRESS_INVALID: describe(
    400,
    false,
    'Not an address',
    'A wallet address is not 20 bytes in hexadecimal, or its checksum is wrong.',
    'Send the address as 0x and 40 hexadecimal digits.',
  ),
  AMOUNT_EXCEEDS_CAPTURED: describe(
    422,
    false,
    'Amount exceeds what was captured',
    'A refund asks for more than was captured and not yet refunded.',
    'Refund at most the amount in `refundable`.',
  ),
  AMOUNT_EXCEEDS_HOLD: describe(
    422,
    false,
    'Amount exceeds what is held',
    'The amount asked for is more than what is still held.',
    'Ask for at most the amount in `held`.',
  ),
  AMOUNT_EXCEEDS_REQUEST: describe(
    422,
    false,
    'Approved for more than was asked',
    'An issuer approved more than was asked for.',
    'Look at the message of the issuer; the payment was not opened.',
  ),
  AMOUNT_INVALID: describe(
    400,
    false,
    'Not an amount',
    'An amount is not a whole number of minor units written as decimal digits.',
    'Send minor units as a string of digits without sign, spaces or exponent, for example "12345".',
  ),
  AMOUNT_NOT_POSITIVE: describe(
    422,
    false,
    'Amount is not positive',
    'Only amounts above zero can be moved; direction is the side of a posting, never the sign.',
    'Send an amount of at least 1 minor unit.',
  ),
  AMOUNT_TOO_LARGE: describe(
    422,
    false,
    'Amount is too large',
    'An amount has more than 38 digits of minor units, or is above the limit that applies.',
    'Split it, or have the limit raised.',
  ),
  AMOUNT_TOO_PRECISE: describe(
    422,
    false,
    'Amount is more precise than its asset',
    'The amount has more decimals than the asset, and nothing is rounded on entry.',
    'Send at most as many decimals as the asset has.',
  ),
  ASSET_MISMATCH: describe(
    422,
    false,
    'Assets differ',
    'Two amounts of different assets were put together, or an account was used with an asset that is not its own.',
    'Convert through a quote, or use the account of that asset.',
  ),
  ASSET_PAUSED: describe(
    503,
    true,
    'The asset is paused',
    'An operator has stopped every new promise in this asset. What was promised before goes on.',
    'Try again later, or pay with something else.',
  ),
  ASSET_UNKNOWN: describe(
    422,
    false,
    'Unknown asset',
    'The asset is neither a current ISO 4217 currency nor a registered CAIP-19 asset.',
    'Use a three-letter currency code or the CAIP-19 name of a registered token.',
  ),
  AUTHORIZATION_EXPIRED: describe(
    409,
    false,
    'The authorization has expired',
    'A capture came at or after the moment at which the authorization ends.',
    'Authorize again.',
  ),
  AUTHORIZATION_INTERRUPTED: describe(
    503,
    true,
    'The authorization was cut short',
    'The service was stopped before it could take the answer of the issuer; what the issuer may hold was reversed.',
    'Authorize again under another Idempotency-Key; this payment has failed and holds nothing.',
  ),
  AUTHORIZATION_NOT_EXPIRED: describe(
    409,
    false,
    'The authorization has not expired',
    'An expiry was asked for before its moment.',
    'Wait until `expiresAt`, or void the payment.',
  ),
  BODY_MALFORMED: describe(
    400,
    false,
    'Not a JSON body',
    'The body is not JSON, names a key twice, or holds a NUL or half a surrogate pair.',
    'Send one JSON object in UTF-8; the position of the fault is in the detail.',
  ),
  BODY_TOO_LARGE: describe(
    413,
    false,
    'The body is too large',
    'The body is larger than this service reads.',
    'Send at most the number of bytes in `maximumBytes`.',
  ),
  CAPTURE_NOT_FINAL: describe(
    409,
    true,
    'The capture is not final on chain',
    'A refund asks for money whose capture the chain has not made final yet.',
    'Ask again once `chainFinalAt` of the capture is set; `refundable` is what can be given back now.',
  ),
  CHAIN_CALL_REVERTED: describe(
    409,
    false,
    'The chain refused the call',
    'The contract reverted, so nothing moved on chain.',
    'Look the chain transaction up by its hash; check funds, allowance and expiries.',
  ),
  CARD_NUMBER_REFUSED: describe(
    400,
    false,
    'A full card number was sent',
    'A field, a key, the path, the query or a header holds what looks like a full card number. It was neither stored nor logged.',
    'Send the token that stands for the card, never its number; `param` says where it stood.',
  ),
  CHAIN_CALL_REFUSED: describe(
    422,
    false,
    'No node takes the call',
    'A node refuses a signed call for good, for example because its gas does not cover its data.',
    'Nothing is lost: its nonce is spent by a transfer to itself and the call goes out again; see docs/runbooks/stuck-transaction.md.',
  ),
  CHAIN_MISMATCH: describe(
    500,
    false,
    'Not the chain these books know',
    'The chain does not have the block or the contracts that the books remember.',
    'Point RPC_URL at the right chain, or start afresh with `npm run reset` on a local run.',
  ),
  CHAIN_QUORUM_MISSING: describe(
    503,
    true,
    'The nodes do not agree',
    'Too few of the chain’s nodes say the same, so nothing is concluded from what any of them says.',
    'Send the same request again with the same key; `GET /v1/chain/nodes` names the node that dissents.',
  ),
  CHAIN_UNAVAILABLE: describe(
    503,
    true,
    'The chain is unavailable',
    'No node answered in time.',
    'Send the same request again with the same key.',
  ),
  CLOCK_NOT_SETTABLE: describe(
    409,
    false,
    'This clock cannot be set',
    'Only a local run lets its clock be set.',
    'Start a local run, on chain 31337 at loopback.',
  ),
  CLOCK_TIME_UNSUITABLE: describe(
    422,
    false,
    'The clock cannot go there',
    'The clock never goes back and never passes the wall clock.',
    'Send a time between `now` and the wall clock.',
  ),
  CONFIGURATION_INVALID: describe(
    500,
    false,
    'The configuration is invalid',
    'A setting in the environment cannot be used.',
    'Correct the setting that the detail names.',
  ),
  CONTENT_TYPE_UNSUPPORTED: describe(
    415,
    false,
    'Not JSON',
    'The request has a body that is not declared as application/json.',
    'Send Content-Type: application/json.',
  ),
  CURRENCIES_DIFFER: describe(
    422,
    false,
    'Currencies differ within one kind of money',
    'Payer and merchant use the same kind of money but not the same asset; the intermediary converts between kinds only.',
    "Pay in the merchant's asset, or with the other kind of money.",
  ),
  DISPUTE_STATE_UNSUITABLE: describe(
    409,
    false,
    'The dispute is at another point',
    'The dispute has ended already, or its merchant has not answered yet.',
    'Look the dispute up; `state` says where it is. Without an answer only time decides against a merchant.',
  ),
  DISPUTE_TOO_LATE: describe(
    409,
    false,
    'Too late to dispute',
    'The time within which a payment can be disputed for this reason is over.',
    'Settle it with the merchant; `lastAt` was the last moment.',
  ),
  DISPUTE_UNKNOWN: describe(
    404,
    false,
    'No such dispute',
    'There is no dispute with this identifier, or it is none of yours.',
    'Check the identifier, which begins with `dis_`.',
  ),
  DISPUTE_UNSUITABLE: describe(
    422,
    false,
    'This payment cannot be charged back',
    'A crypto payer has no issuer who could charge back: what moved on chain cannot be pulled back.',
    'Ask the merchant for a refund.',
  ),
  EVIDENCE_TOO_LATE: describe(
    409,
    false,
    'Evidence came too late',
    'The time within which the merchant may answer is over.',
    'Nothing can be added; the dispute is decided without it.',
  ),
  ENTRY_CONFLICT: describe(
    409,
    false,
    'This identifier was used with other content',
    'A journal entry with this identifier is in the books with other content; the field that differs is named.',
    'Look the stored entry up; give new content a new identifier.',
  ),
  ENTRY_INVALID: describe(
    422,
    false,
    'Not a journal entry',
    'An entry has no transfers, moves an account onto itself, or names a transfer twice.',
    'Correct the entry and post it again.',
  ),
  EVENT_RANGE_TOO_LARGE: describe(
    422,
    false,
    'Too many events at once',
    'The range names more events than are sent again by one request.',
    'Ask for at most the number in `maximum`, with several narrower ranges.',
  ),
  EVENT_STREAMS_EXHAUSTED: describe(
    503,
    true,
    'Too many streams are open',
    'This process holds as many event streams as it can serve well.',
    'Close streams that are not read, or ask for the list of events instead.',
  ),
  EVENT_UNKNOWN: describe(
    404,
    false,
    'No such event',
    'No event has this identifier, or it does not concern the owner of the endpoint.',
    'Use an identifier from the list of deliveries, or from the events of a payment.',
  ),
  EXPOSURE_EXCEEDED: describe(
    409,
    true,
    'The intermediary takes no more risk in this asset',
    'What is promised in this asset, or to this counterparty, and what the wallet holds would be worth more than the limit.',
    'Try later or with a smaller amount; an operator sees what stands against the limit at /v1/exposures.',
  ),
  FIELD_INVALID: describe(
    400,
    false,
    'A field is invalid',
    'A field of the request is missing, has another type, or is unknown.',
    'Correct the field named in `param`.',
  ),
  GATE_CLOSED: describe(
    409,
    true,
    'A gate stayed closed',
    'A check before the hold did not allow the payment, or did not answer in time.',
    'Look at `gate` and `reason`; try again later if the check was unavailable.',
  ),
  HOLD_CLOSED: describe(
    409,
    false,
    'The hold is closed',
    'A pending transfer was posted in full, voided or expired before.',
    'Look the hold up; a closed hold takes no more commands.',
  ),
  HOLD_UNKNOWN: describe(
    404,
    false,
    'No such hold',
    'A command names a pending transfer that is not in the books.',
    'Check the identifier of the pending transfer.',
  ),
  IDEMPOTENCY_KEY_INVALID: describe(
    400,
    false,
    'Not an idempotency key',
    'The header Idempotency-Key is missing or is not 1 to 128 printable characters.',
    'Send a key of your own choice with every request that moves or promises money.',
  ),
  IDEMPOTENCY_KEY_REUSED: describe(
    409,
    false,
    'This key was used with another body',
    'A request with this key came before and asked for something else; the field that differs is in `param`.',
    'Use a new key for a new request.',
  ),
  IDENTIFIER_INVALID: describe(
    400,
    false,
    'Not an identifier',
    'An identifier does not have the form that its prefix promises.',
    'Use an identifier exactly as it was given.',
  ),
  INSTRUMENT_UNKNOWN: describe(
    404,
    false,
    'No such instrument',
    'The instrument is not registered.',
    'Use the identifier of a registered instrument.',
  ),
  INSUFFICIENT_AVAILABLE: describe(
    422,
    false,
    'Not enough available',
    'The account would pass its limit: available is posted less what is pending out.',
    'Lower the amount, or fund the account.',
  ),
  INTERNAL: describe(
    500,
    true,
    'Something broke',
    "A fault inside this service; it is logged under the request's identifier.",
    'Send the same request again with the same key; if it persists, report the Request-Id.',
  ),
  INVENTORY_INSUFFICIENT: describe(
    409,
    true,
    'The intermediary wallet cannot cover this',
    'The wallet holds less of the asset than the payment needs, so nothing was promised.',
    'Try later or with a smaller amount.',
  ),
  ISSUER_DECLINED: describe(
    422,
    false,
    'The issuer declined',
    'The issuer said no; its response code is in the payment.',
    'Pay with another instrument.',
  ),
  ISSUER_UNANSWERED: describe(
    504,
    false,
    'The issuer did not answer',
    'The issuer was asked and did not answer in time; the authorization was reversed.',
    'Start a new payment.',
  ),
  JOURNAL_MISMATCH: describe(
    500,
    false,
    'The chain journal does not fit',
    'Replaying the journal of the local chain gave another head than the one it names.',
    'Restore the journal that belongs to these books, or start afresh with `npm run reset`.',
  ),
  LEDGER_UNAVAILABLE: describe(
    503,
    true,
    'The ledger is unavailable',
    'The database did not answer, or refused work for now.',
    'Send the same request again with the same key.',
  ),
  METHOD_UNSUPPORTED: describe(
    405,
    false,
    'Method not supported',
    'This address does not take this method.',
    'See the API page.',
  ),
  OPERATOR_FUNDS_MISSING: describe(
    503,
    true,
    'The signing key has no gas money',
    'The key that signs chain calls cannot pay for them.',
    'Send the chain’s coin to the operator’s address; calls go out by themselves once it is there.',
  ),
  OVERLOADED: describe(
    503,
    true,
    'More work than can be done now',
    'As many requests as may be are under way; this one was refused before anything was read.',
    'Send the same request again after the seconds in the header Retry-After.',
  ),
  PARTICIPANT_UNKNOWN: describe(
    404,
    false,
    'No such participant',
    'The participant is not registered, or is of another kind.',
    'Use the identifier of a registered participant.',
  ),
  PARTY_DENIED: describe(
    403,
    false,
    'A party is denied',
    'The payer, the merchant or the wallet is on the list of those nothing may be authorized for.',
    'Have the list corrected if it is wrong; the payment was declined and nothing moved.',
  ),
  PAYER_CANNOT_PAY: describe(
    422,
    false,
    "The payer's wallet cannot pay",
    'The wallet holds less than the payment asks for.',
    'Fund the wallet, or pay a smaller amount.',
  ),
  PAYMENT_PHASE_UNSUITABLE: describe(
    409,
    false,
    'The payment is not in a phase for this',
    'The command does not fit where the payment stands, for example a capture after a void.',
    'Look the payment up; its phase is in `phase`.',
  ),
  PAYMENTS_STOPPED: describe(
    503,
    true,
    'No payments are accepted',
    'An operator has stopped every new promise. What was promised before goes on.',
    'Try again later.',
  ),
  PAYMENT_UNKNOWN: describe(404, false, 'No such payment', 'No payment has this identifier.', 'Check the identifier.'),
  QUOTE_ALREADY_USED: describe(
    409,
    false,
    'The quote was used before',
    'A quote belongs to one payment, and another one has it.',
    'Ask for a new quote.',
  ),
  QUOTE_EXPIRED: describe(
    409,
    false,
    'The quote has expired',
    'The promised rate was only good until `expiresAt`.',
    'Ask for a new quote.',
  ),
  QUOTE_MISMATCH: describe(
    422,
    false,
    'The quote does not fit the payment',
    'Amount or assets of quote and payment differ.',
    'Ask for a quote of exactly this payment.',
  ),
  QUOTE_REQUIRED: describe(
    422,
    false,
    'A quote is required',
    'Payer and merchant use different kinds of money, and the payment names no quote.',
    'Ask for a quote first and name it in `quoteId`.',
  ),
  QUOTE_TOO_SMALL: describe(
    422,
    false,
    'The amount is too small to convert',
    'One side of the conversion would be nothing.',
    'Ask for a larger amount.',
  ),
  QUOTE_UNKNOWN: describe(404, false, 'No such quote', 'No quote has this identifier.', 'Check the identifier.'),
  RATE_DISPUTED: describe(
    409,
    true,
    'Price sources disagree',
    'Fresh price sources lie too far apart to promise a rate.',
    'Try again later.',
  ),
  RATE_INVALID: describe(
    422,
    false,
    'Not a rate',
    'A rate is a fraction of two whole numbers above zero.',
    'Send numerator and denominator as positive whole numbers.',
  ),
  RATE_UNAVAILABLE: describe(
    409,
    true,
    'No fresh price',
    'Too few price sources have a fresh price for this pair.',
    'Try again later.',
  ),
  REFERENCE_DUPLICATE: describe(
    409,
    false,
    'This merchant reference is taken',
    'The merchant has a payment with this reference already.',
    'Use the payment that is there, or another reference.',
  ),
  REFUND_EXPIRED: describe(
    409,
    false,
    'The time for refunds is over',
    'A refund came at or after the moment at which refunds end.',
    'Pay the payer outside of this payment.',
  ),
  REQUEST_IN_PROGRESS: describe(
    409,
    true,
    'The same request is under way',
    'A request with this key is being worked on right now.',
    'Send it again in a second.',
  ),
  ROUTE_UNKNOWN: describe(404, false, 'No such address', 'Nothing answers at this address.', 'See the API page.'),
  ROLE_UNSUITABLE: describe(
    403,
    false,
    'Not for this kind of participant',
    "The API key is a participant's, and participants of its kind may not do this, whatever its scopes.",
    'Use a key of whoever this is for: docs/security.md says who may do what.',
  ),
  REVERSAL_UNSUITABLE: describe(
    422,
    false,
    'Nothing to reverse late',
    'An issuer said that an authorization never stood, of a payment for which no coins have left.',
    'Open a dispute for what was captured; what is only held ends by itself.',
  ),
  SCOPE_MISSING: describe(
    403,
    false,
    'The key may not do this',
    'The API key lacks the scope that this address asks for.',
    'Use a key with the scope in `scope`.',
  ),
  SIGNATURE_INVALID: describe(
    422,
    false,
    'The signature does not fit',
    "The signature is not the payer's over these terms.",
    "Sign the typed data of the payment with the payer's wallet.",
  ),
  SIGNER_CALL_DIFFERS: describe(
    409,
    false,
    'Signed before as something else',
    'The signer has signed a call of this name that says something else.',
    'Find out who asked: a call never changes. See docs/runbooks/key-compromised.md.',
  ),
  SIGNER_CALL_HAS_NONCE: describe(
    409,
    false,
    'Signed before under another nonce',
    'The signer has signed this call already; the answer carries what it signed.',
    'Nothing: the bridge takes what was signed into its books.',
  ),
  SIGNER_CALL_WITHDRAWN: describe(
    409,
    false,
    'Withdrawn before it was signed',
    'The bridge has taken this call back, and the signer has promised never to sign it.',
    'Nothing: what was in it goes out by other calls.',
  ),
  SIGNER_CAP_EXCEEDED: describe(
    409,
    true,
    'A cap of the signer is reached',
    'A payout would go beyond what the signer lets out in one call, hour or day.',
    'Wait: the call goes out by itself when the window has room. A cap that is too low is changed in the signer’s policy.',
  ),
  SIGNER_FEE_EXCEEDED: describe(
    409,
    true,
    'The price of gas is above the signer’s limit',
    'A call offers more for gas than the signer’s policy allows.',
    'Wait for a lower price, or change `maximumFeePerGas` in the signer’s policy.',
  ),
  SIGNER_KEY_UNKNOWN: describe(
    409,
    false,
    'The signer has no such key',
    'A call was meant for a key that the signer does not hold, or that has no role on chain.',
    'Check the keys of the signer’s policy and the roles of their addresses on chain.',
  ),
  SIGNER_LIST_ENTRY_INVALID: describe(
    422,
    false,
    'Not an entry for the list of payees',
    'An entry is not signed by the treasurer, is for another chain or wallet, is out of date, or was used before.',
    'Make a new entry and sign it with the treasurer’s key.',
  ),
  SIGNER_NONCE_AHEAD: describe(
    409,
    true,
    'A nonce would leave a gap',
    'The signer has not signed what comes before this nonce.',
    'Nothing, when the signer refused the call before it. Otherwise its store is older than the books: see docs/runbooks/key-compromised.md.',
  ),
  SIGNER_NONCE_SPENT: describe(
    409,
    false,
    'A nonce was spent elsewhere',
    'The chain has spent this nonce by something that the signer has not signed.',
    'The bridge gives the call another nonce. Find out who uses the key: see docs/runbooks/key-compromised.md.',
  ),
  SIGNER_NONCE_TAKEN: describe(
    409,
    false,
    'Another call has this nonce',
    'The signer never signs two calls for one nonce; the answer carries what it signed.',
    'Nothing: the bridge takes what was signed into its books and gives the call another nonce.',
  ),
  SIGNER_PAYEE_NOT_LISTED: describe(
    409,
    true,
    'Not on the signer’s list',
    'Money would go to an address that no treasurer has put on the signer’s list, or whose entry is not in force yet.',
    'Let the treasurer sign an entry for it: `npm run signer -- allow ADDRESS --name NAME`.',
  ),
  SIGNER_REFUND_UNPROVEN: describe(
    409,
    true,
    'The chain does not bear out a refund',
    'The signer’s own node does not know that this payer’s payment was captured, or it was given back already.',
    'Wait for finality: it is asked again by itself. If it stays, treat the bridge as taken over.',
  ),
  SIGNER_REQUEST_INVALID: describe(
    400,
    false,
    'Not a request the signer understands',
    'A field is missing, unknown or malformed.',
    'Use the version of the bridge that belongs to the signer.',
  ),
  SIGNER_STORE_BEHIND: describe(
    500,
    false,
    'The signer’s store is behind the chain',
    'The chain knows nonces of this key that the store has never signed: an old copy of the store, or another signer.',
    'See docs/runbooks/key-compromised.md before anything is signed again.',
  ),
  SIGNER_STORE_TAMPERED: describe(
    500,
    false,
    'The signer’s store was changed',
    'A line of the store does not fit those before it, or lines are missing at its end.',
    'See docs/runbooks/key-compromised.md; do not start with an older copy.',
  ),
  SIGNER_UNAVAILABLE: describe(
    503,
    true,
    'The signer is unavailable',
    'The signer did not answer, or cannot reach its own node or key.',
    'Nothing is lost: calls wait, and go out once it answers.',
  ),
  UNAUTHENTICATED: describe(
    401,
    false,
    'No valid API key',
    'The request carries no API key, or one that is unknown or revoked.',
    'Send Authorization: Bearer and your key.',
  ),
  WEBHOOK_ENDPOINTS_EXHAUSTED: describe(
    409,
    false,
    'Too many webhook endpoints',
    'An owner has as many endpoints as one may have.',
    'Delete one that is not needed; one endpoint can take every type of event.',
  ),
  WEBHOOK_ENDPOINT_DISABLED: describe(
    409,
    false,
    'The webhook endpoint is disabled',
    'Nothing is sent to this endpoint: its owner disabled it, or it answered 410 Gone.',
    'Enable it first, with `enabled` true.',
  ),
  WEBHOOK_ENDPOINT_UNKNOWN: describe(
    404,
    false,
    'No such webhook endpoint',
    'No endpoint of yours has this identifier.',
    'Check the identifier.',
  ),
  WEBHOOK_SECRETS_EXHAUSTED: describe(
    409,
    false,
    'Too many secrets are in use',
    'The secret was rotated several times and the ones before still sign.',
    'Wait until one expires, or rotate with `overlapSeconds` 0, which ends all of them at once.',
  ),
  WEBHOOK_URL_REFUSED: describe(
    422,
    false,
    'Webhooks are not sent there',
    'The URL is not https, holds credentials, has no address, or leads to an address that is not public.',
    'Use an https URL whose host has public addresses only; `reason` says what was wrong.',
  ),
  WINDOW_STATE_UNSUITABLE: describe(
    409,
    false,
    'The window is not in a state for this',
    'A settlement window only goes along its own transitions.',
    'Look the window up; its state is in `state`.',
  ),
  WINDOW_UNKNOWN: describe(
    404,
    false,
    'No such settlement window',
    'No settlement window has this identifier.',
    'Check the identifier.',
  ),
} as const satisfies Record<string, ErrorDescription>;

export type ErrorCode = keyof typeof errorCatalogue;

/** The figures and names that a failure carries, in wire form: minor units as strings. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/**
 * A fault, or input that was refused at the door. Business refusals are values, not exceptions.
 *
 * `details` holds the numbers that disagreed; it never holds secrets or card numbers, since it is logged and sent back.
 */
export class SettlementError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SettlementError';
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }

  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }
}

/** Stops the work when something that cannot be false is false. */
export function assertInvariant(condition: boolean, whatWasExpected: string): asserts condition {
  if (!condition) throw new Error(`Invariant broken: ${whatWasExpected}`);
}
