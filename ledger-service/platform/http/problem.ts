import { type ErrorCode, type ErrorDetails, errorCatalogue, SettlementError } from '../../vocabulary/errors.ts';
import { asUnavailability } from '../database.ts';

/** Problem details of RFC 9457; `type` leads to the page that explains the code. */
export type Problem = Readonly<{
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  retryable: boolean;
  requestId: string;
}> &
  ErrorDetails;

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** What a caller is told of an error. A fault that is not ours to explain is INTERNAL and shows nothing of itself. */
export function problemOf(error: unknown, requestIdentifier: string): Problem {
  const fault = asUnavailability(error);
  const known =
    fault instanceof SettlementError
      ? fault
      : new SettlementError('INTERNAL', 'a fault inside this service; it is logged under the request identifier');
  return problemOfCode(known.code, known.message, known.details, requestIdentifier);
}

export function problemOfCode(
  code: ErrorCode,
  detail: string,
  details: ErrorDetails,
  requestIdentifier: string,
): Problem {
  const { status, title, retryable } = errorCatalogue[code];
  return {
    ...details,
    type: `/docs/errors#${code}`,
    title,
    status,
    code,
    detail,
    retryable,
    requestId: requestIdentifier,
  };
}
