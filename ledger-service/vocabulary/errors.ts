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
  AMOUNT_EXCEEDS_HOLD: describe(
    422,
    false,
    'Amount exceeds what is held',
    'The amount asked for is more than what is still held.',
    'Ask for at most the amount in `held`.',
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
  ASSET_UNKNOWN: describe(
    422,
    false,
    'Unknown asset',
    'The asset is neither a current ISO 4217 currency nor a registered CAIP-19 asset.',
    'Use a three-letter currency code or the CAIP-19 name of a registered token.',
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
  IDENTIFIER_INVALID: describe(
    400,
    false,
    'Not an identifier',
    'An identifier does not have the form that its prefix promises.',
    'Use an identifier exactly as it was given.',
  ),
  INSUFFICIENT_AVAILABLE: describe(
    422,
    false,
    'Not enough available',
    'The account would pass its limit: available is posted less what is pending out.',
    'Lower the amount, or fund the account.',
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
  RATE_INVALID: describe(
    422,
    false,
    'Not a rate',
    'A rate is a fraction of two whole numbers above zero.',
    'Send numerator and denominator as positive whole numbers.',
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
