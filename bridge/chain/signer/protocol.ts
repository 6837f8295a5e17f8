import { z } from 'zod';
import type { ErrorCode } from '../../../ledger-service/vocabulary/errors.ts';
import type { Address, Hex } from '../domain.ts';
import { addressSchema, digitsSchema, type Intent, intentSchema } from './intents.ts';

/**
 * What goes over the socket: one JSON object in a line, one line in answer, in any order, told apart by `id`. A request
 * with a field too many is refused as a whole.
 */
const feesSchema = z.strictObject({ maxFeePerGas: digitsSchema, maxPriorityFeePerGas: digitsSchema });
const wordSchema = z.string().regex(/^0x[0-9a-f]{64}$/);

export const listEntrySchema = z.strictObject({
  action: z.enum(['allow', 'remove']),
  payee: addressSchema,
  /** Who it is, for people. */
  name: z.string().min(1).max(80),
  /** Names this entry; each is used once. */
  identifier: wordSchema,
  /** Seconds since 1970. */
  issuedAt: z.number().int().positive(),
  expiresAt: z.number().int().positive(),
});
export type ListEntry = Readonly<z.infer<typeof listEntrySchema>>;

export const MOST_CALLS = 128;

export const requestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('describe') }),
  z.strictObject({ kind: z.literal('payees') }),
  z.strictObject({
    kind: z.literal('sign'),
    key: addressSchema,
    fees: feesSchema,
    /** A higher price for calls that were signed before; without it they are answered as they were signed. */
    replaces: z.boolean(),
    calls: z
      .array(z.strictObject({ nonce: z.number().int().min(0), intent: intentSchema }))
      .min(1)
      .max(MOST_CALLS),
  }),
  z.strictObject({ kind: z.literal('withdraw'), callId: z.string().regex(/^[0-9a-f-]{36}$/) }),
  z.strictObject({ kind: z.literal('list'), entry: listEntrySchema, signature: z.string().regex(/^0x[0-9a-f]{130}$/) }),
]);
export type SignerRequest = z.infer<typeof requestSchema>;
export type SignRequest = Extract<SignerRequest, { kind: 'sign' }>;

/** What the signer has signed for a call: the newest of its forms. */
export type SignedForm = Readonly<{ callId: string; key: Address; nonce: number; raw: Hex }>;

export type Refusal = Readonly<{
  outcome: 'refused';
  code: ErrorCode;
  message: string;
  /** When asking again makes sense. */
  retryAfterMilliseconds?: number;
  /** Which items of a payout stand in its way. */
  items?: readonly number[];
  /** The nonce that is to be signed before. */
  next?: number;
  /** What was signed instead. */
  signed?: SignedForm;
}>;

export type SignAnswer = Readonly<{ outcome: 'signed'; raw: Hex }> | Refusal;

export type SignerDescription = Readonly<{
  chainId: number;
  wallet: Address;
  /** The one that takes new calls first. */
  keys: readonly Address[];
  /** How many records the store has, and the hash of the last one. */
  head: Readonly<{ count: number; hash: string }>;
}>;

/** Somebody who may be paid, from `effectiveAt` on, in milliseconds since 1970. */
export type Payee = Readonly<{ payee: Address; name: string; effectiveAt: number }>;

/** What a process of the bridge, or a person, asks of a signer. */
export interface Signer {
  describe(): Promise<SignerDescription>;
  payees(): Promise<readonly Payee[]>;
  /**
   * Signs calls in the order of their nonces. A call that is refused leaves those behind it with a gap.
   *
   * Shape:  → one answer for each call
   * Errors: thrown SIGNER_UNAVAILABLE (retryable): nobody knows whether it was signed; the same request again tells
   */
  sign(request: SignCalls): Promise<readonly SignAnswer[]>;
  /** Promises that a call is never signed. `signed` when it was. */
  withdraw(callId: string): Promise<Readonly<{ signed?: SignedForm }>>;
  list(entry: ListEntry, signature: Hex): Promise<Readonly<{ effectiveAt: number }>>;
}

export type SignCalls = Readonly<{
  key: Address;
  fees: Readonly<{ maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }>;
  replaces?: boolean;
  calls: readonly Readonly<{ nonce: number; intent: Intent }>[];
}>;

/** The typed data that the treasurer signs: an entry is for one chain and one wallet only. */
export function listEntryTypedData(chain: Readonly<{ chainId: number; wallet: Address }>, entry: ListEntry) {
  return {
    domain: { name: 'Specie signer', version: '1', chainId: chain.chainId, verifyingContract: chain.wallet },
    types: {
      ListEntry: [
        { name: 'action', type: 'string' },
        { name: 'payee', type: 'address' },
        { name: 'name', type: 'string' },
        { name: 'identifier', type: 'bytes32' },
        { name: 'issuedAt', type: 'uint48' },
        { name: 'expiresAt', type: 'uint48' },
      ],
    },
    primaryType: 'ListEntry',
    message: { ...entry, identifier: entry.identifier as Hex },
  } as const;
}
