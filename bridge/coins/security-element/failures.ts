import type { ErrorCode, ErrorDetails } from '../../../ledger-service/vocabulary/errors.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';

export type CoinErrorCode = Extract<ErrorCode, `COIN_${string}`>;

/** Makes the typed error of a device; whoever throws it has changed nothing. */
export function coinFailure(code: CoinErrorCode, message: string, details: ErrorDetails = {}): SettlementError {
  return new SettlementError(code, message, details);
}

export function isCoinFailure(error: unknown, code: CoinErrorCode): boolean {
  return error instanceof SettlementError && error.code === code;
}
