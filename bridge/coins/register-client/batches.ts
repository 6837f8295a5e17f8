/** What owners signed, put together into as few calls as there can be. */
import { encodeFunctionData } from 'viem';
import { coinRegisterAbi } from '../../chain/bindings/coin-register.ts';
import type { Hex } from '../../chain/domain.ts';
import { type CoinHead, headWord, packSignature, packSwitches } from '../register/domain.ts';
import { NOBODY } from '../register/model.ts';
import type { CoinOperation } from '../register/signing.ts';
import { placesOfRequest, type SignedRequest } from '../security-element/domain.ts';

/** About 5 million gas: well within what one chain transaction may take. */
export const SWITCHES_PER_CALL = 400;

export type SwitchRequest = SignedRequest & {
  operation: Extract<CoinOperation, { head: CoinHead; deadline?: never; other?: never }>;
};
export type RegisterCall =
  | Readonly<{ kind: 'batch'; curve: 'secp256k1' | 'P-256'; requests: readonly SwitchRequest[] }>
  | Readonly<{ kind: 'single'; request: SignedRequest }>;

/**
 * Shape: requests → calls, in the order in which they have to be made: no request comes before an earlier one about the
 *        same coin
 */
export function planCalls(requests: readonly SignedRequest[]): readonly RegisterCall[] {
  const calls: (RegisterCall & { requests?: SwitchRequest[] })[] = [];
  const lastCallOf = new Map<bigint, number>();
  for (const request of requests) {
    const coins = placesOfRequest(request).map(({ coin }) => coin);
    const earliest = Math.max(0, ...coins.map((coin) => lastCallOf.get(coin) ?? 0));
    const { operation, signature } = request;
    let index: number;
    if (operation.kind === 'Switch') {
      index = calls.findIndex(
        (call, place) =>
          place >= earliest &&
          call.kind === 'batch' &&
          call.curve === signature.curve &&
          call.requests.length < SWITCHES_PER_CALL,
      );
      if (index < 0) index = calls.push({ kind: 'batch', curve: signature.curve, requests: [] }) - 1;
      (calls[index]!.requests as SwitchRequest[]).push(request as SwitchRequest);
    } else {
      index = calls.push({ kind: 'single', request }) - 1;
    }
    for (const coin of coins) lastCallOf.set(coin, index);
  }
  return calls;
}

export function encodeBatch(curve: 'secp256k1' | 'P-256', requests: readonly SwitchRequest[]): Hex {
  const records = packSwitches(requests.map(({ operation, signature }) => ({ head: operation.head, signature })));
  const functionName = curve === 'secp256k1' ? 'switchBatch' : 'switchBatchByP256';
  return encodeFunctionData({ abi: coinRegisterAbi, functionName, args: [records] });
}

export function encodeSingle({ operation, signature }: SignedRequest): Hex {
  const abi = coinRegisterAbi;
  const signed = packSignature(signature);
  switch (operation.kind) {
    case 'Split': {
      const { rest, part, partAmount } = operation;
      const args = [headWord(rest), headWord(part), partAmount, signed] as const;
      return encodeFunctionData({ abi, functionName: 'split', args });
    }
    case 'Merge': {
      const other = headWord({ ...operation.other, owner: NOBODY });
      return encodeFunctionData({ abi, functionName: 'combine', args: [headWord(operation.head), other, signed] });
    }
    case 'Lock': {
      const args = [headWord(operation.head), operation.deadline, signed] as const;
      return encodeFunctionData({ abi, functionName: 'lock', args });
    }
    case 'Redeem':
    case 'Claim':
    case 'Reclaim': {
      const functionName = operation.kind === 'Redeem' ? 'redeem' : operation.kind === 'Claim' ? 'claim' : 'reclaim';
      return encodeFunctionData({ abi, functionName, args: [headWord(operation.head), signed] });
    }
    case 'Switch':
      return encodeBatch(signature.curve, [{ operation, signature }]);
    case 'Move':
      throw new TypeError('devices hand each coin over by itself');
  }
}
