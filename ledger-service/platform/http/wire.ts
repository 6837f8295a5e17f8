import { z } from '@hono/zod-openapi';
import type { Asset, AssetRegistry } from '../../vocabulary/assets.ts';
import { SettlementError } from '../../vocabulary/errors.ts';
import { type Amount, fromWire, type WireAmount } from '../../vocabulary/money.ts';

/** An amount on the wire. Its digits are checked by the money module, so that the error has the right code. */
export const amountSchema = z
  .strictObject({
    minorUnits: z.string().max(100).openapi({ example: '12345', description: 'whole minor units, digits only' }),
    asset: z.string().max(200).openapi({ example: 'EUR', description: 'ISO 4217 code or CAIP-19 name' }),
  })
  .openapi('Amount');

export const momentSchema = z.iso.datetime({ offset: false }).openapi({ example: '2026-11-02T09:30:00.000Z' });

/** How many rows of a list to send: 1 to 200, 50 where nothing is asked for. */
export const pageLimitSchema = z
  .string()
  .regex(/^([1-9]\d?|1\d\d|200)$/, 'from 1 to 200')
  .default('50')
  .openapi({ example: '50' });

export const problemSchema = z
  .object({
    type: z.string().openapi({ example: '/docs/errors#AMOUNT_EXCEEDS_HOLD' }),
    title: z.string(),
    status: z.number().int(),
    code: z.string().openapi({ example: 'AMOUNT_EXCEEDS_HOLD' }),
    detail: z.string(),
    retryable: z.boolean(),
    requestId: z.string(),
  })
  .catchall(z.unknown())
  .openapi('Problem');

const PROBLEM_DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'the request cannot be read',
  401: 'no valid API key',
  403: 'the key lacks the scope',
  404: 'there is nothing of this name',
  409: 'not in this state, or the idempotency key was used with another body',
  413: 'the body is too large',
  415: 'the body is not JSON',
  422: 'understood and refused',
  503: 'not now; the same request may be sent again',
};

type ProblemAnswer = { description: string; content: { 'application/problem+json': { schema: typeof problemSchema } } };

/** The problems that an address answers with, for its description. */
export function problemAnswers<Status extends number>(...statuses: readonly Status[]): Record<Status, ProblemAnswer> {
  const answers = statuses.map((status): [Status, ProblemAnswer] => [
    status,
    {
      description: PROBLEM_DESCRIPTIONS[status] ?? 'a problem',
      content: { 'application/problem+json': { schema: problemSchema } },
    },
  ]);
  return Object.fromEntries(answers) as Record<Status, ProblemAnswer>;
}

/**
 * Reads a positive amount of a known asset.
 *
 * Errors: thrown AMOUNT_INVALID, AMOUNT_TOO_PRECISE (a decimal point where minor units belong), AMOUNT_TOO_LARGE,
 *         AMOUNT_NOT_POSITIVE, ASSET_UNKNOWN.
 */
export function readPositiveAmount(wire: WireAmount, assets: AssetRegistry): Amount {
  const asset: Asset = assets.get(wire.asset);
  if (/^-(0|[1-9]\d*)$/.test(wire.minorUnits)) throw notPositive(wire);
  if (/^\d+\.\d+$/.test(wire.minorUnits)) {
    throw new SettlementError('AMOUNT_TOO_PRECISE', `${wire.minorUnits} is finer than one minor unit`, {
      amount: wire.minorUnits,
      asset: asset.code,
      scale: asset.scale,
    });
  }
  const amount = fromWire(wire);
  if (amount.minorUnits === 0n) throw notPositive(wire);
  return amount;
}

function notPositive(wire: WireAmount): SettlementError {
  return new SettlementError('AMOUNT_NOT_POSITIVE', `${wire.minorUnits} is not above zero`, {
    amount: wire.minorUnits,
    asset: wire.asset,
  });
}
