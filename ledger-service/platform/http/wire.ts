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
