import { createHash } from 'node:crypto';
import { decodeFunctionData, numberToHex, serializeSignature } from 'viem';
import { z } from 'zod';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import { depositAddressesAbi } from '../bindings/deposit-addresses.ts';
import { intermediaryWalletAbi } from '../bindings/intermediary-wallet.ts';
import { paymentEscrowAbi } from '../bindings/payment-escrow.ts';
import { type DepositTerms, depositFromJson, escrowTermsOf, returnCall, sweepCall } from '../deposits.ts';
import { type Address, type ChainCall, type Deployment, type Hex, NONCE_FILLER } from '../domain.ts';
import {
  authorizeCall,
  batchIdOf,
  captureCall,
  fillerCall,
  type PaymentTerms,
  payoutBatchCall,
  refundCall,
  termsFromJson,
  termsToJson,
  voidCall,
} from '../escrow.ts';

/** Hexadecimal in lower case only: a checksum that is wrong would be one more way to fail. */
export const addressSchema = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/)
  .transform((text) => text as Address);
export const digitsSchema = z.string().regex(/^\d{1,78}$/);
const bytesSchema = z
  .string()
  .regex(/^0x(?:[0-9a-f]{2})*$/)
  .transform((text) => text as Hex);
const basisPointsSchema = z.number().int().min(0).max(10_000);
const sequenceSchema = z.number().int().min(0).max(65_535);

const termsSchema = z.strictObject({
  payer: addressSchema,
  receiver: addressSchema,
  token: addressSchema,
  maximumAmount: digitsSchema,
  preApprovalExpiry: digitsSchema,
  authorizationExpiry: digitsSchema,
  refundExpiry: digitsSchema,
  minimumFeeBasisPoints: basisPointsSchema,
  maximumFeeBasisPoints: basisPointsSchema,
  feeReceiver: addressSchema,
  salt: digitsSchema,
});

const wordSchema = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text) => text as Hex);
const depositSchema = z.strictObject({
  destination: addressSchema,
  token: addressSchema,
  amount: digitsSchema,
  expiresAt: z.number().int().min(0).max(281_474_976_710_655),
  returnTo: addressSchema,
  paymentHash: wordSchema,
  salt: wordSchema,
});

const MOST_ITEMS = 500;

/**
 * What the signer is asked to sign: a verb and its fields, never bytes of a call.
 *
 * An item of a payout that gives a payment back names that payment by its terms, or by its deposit where the wallet got it
 * from there, so that it can be looked up on chain.
 */
export const intentSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('authorize'), terms: termsSchema, signature: bytesSchema }),
  z.strictObject({
    kind: z.literal('capture'),
    terms: termsSchema,
    amount: digitsSchema,
    fee: digitsSchema,
    sequence: sequenceSchema,
  }),
  z.strictObject({ kind: z.literal('void'), terms: termsSchema, sequence: sequenceSchema }),
  z.strictObject({ kind: z.literal('refund'), terms: termsSchema, amount: digitsSchema, sequence: sequenceSchema }),
  z.strictObject({
    kind: z.literal('payoutBatch'),
    batchId: z.string().regex(/^[a-z0-9_]{32}$/),
    token: addressSchema,
    items: z
      .array(
        z.strictObject({
          payee: addressSchema,
          amount: digitsSchema,
          refunds: termsSchema.optional(),
          deposit: depositSchema.optional(),
        }),
      )
      .min(1)
      .max(MOST_ITEMS),
  }),
  /** From a deposit address to the escrow, with the payment that it opens there, or to the wallet. */
  z.strictObject({ kind: z.literal('sweepDeposit'), deposit: depositSchema, payment: termsSchema.optional() }),
  /** From a deposit address to whom its terms name; the contract knows no other. */
  z.strictObject({
    kind: z.literal('returnDeposit'),
    deposit: depositSchema,
    returnId: z.string().regex(/^[a-z0-9_]{32}$/),
    token: addressSchema,
    amount: digitsSchema,
  }),
  /** Nothing, to the key itself: it only spends its nonce. */
  z.strictObject({ kind: z.literal('nonceFiller') }),
]);

export type Intent = z.infer<typeof intentSchema>;

/** A call as the signer has built it: nothing of it was given as bytes but a payer's signature. */
export type RebuiltCall = Omit<ChainCall, 'shard' | 'subject' | 'sequence'>;

/** Builds what an intent says with the bindings of the contracts; a filler is of a key and a nonce. */
export function rebuildCall(
  deployment: Deployment,
  intent: Intent,
  { key, nonce }: Readonly<{ key: Address; nonce: number }>,
): RebuiltCall {
  if (intent.kind === 'nonceFiller') return fillerCall(deployment.chainId, key, nonce);
  if (intent.kind === 'payoutBatch') {
    const items = intent.items.map(({ payee, amount }) => ({ payee, amount: BigInt(amount) }));
    return payoutBatchCall(deployment, intent.batchId, intent.token, items);
  }
  if (intent.kind === 'sweepDeposit') {
    const payment = intent.payment && termsFromJson(intent.payment);
    return sweepCall(deployment, depositOf(intent.deposit), payment);
  }
  if (intent.kind === 'returnDeposit') {
    const { returnId, token, amount } = intent;
    return returnCall(deployment, depositOf(intent.deposit), { returnId, token, amount: BigInt(amount) });
  }
  const terms = termsFromJson(intent.terms);
  switch (intent.kind) {
    case 'authorize':
      return authorizeCall(deployment, terms, intent.signature);
    case 'capture':
      return captureCall(deployment, terms, {
        amount: BigInt(intent.amount),
        fee: BigInt(intent.fee),
        sequence: intent.sequence,
      });
    case 'void':
      return voidCall(deployment, terms, intent.sequence);
    case 'refund':
      return refundCall(deployment, terms, { amount: BigInt(intent.amount), sequence: intent.sequence });
  }
}

/** Names everything of a call that is signed but its price. */
export function digestOfCall({ callId, recipient, data, value, gasLimit }: RebuiltCall): string {
  return createHash('sha256')
    .update([callId, recipient.toLowerCase(), data, value, gasLimit].map(String).join('\u001f'))
    .digest('hex');
}

/**
 * What a call of the books says, in the signer's words.
 *
 * Shape:  `grounds` of a payout batch: for each item the terms of the payment that it gives back, or null
 * Errors: thrown SIGNER_REQUEST_INVALID for a call that no intent stands for
 */
export function intentOfCall(
  call: Readonly<{ data: string; kind: string; subject?: string; grounds?: unknown }>,
): Intent {
  const data = call.data as Hex;
  if (call.kind === NONCE_FILLER) return { kind: 'nonceFiller' };
  // What is paid out of suspense is a payout like any other: its payee has to be on the list.
  if (call.kind === 'payoutBatch' || call.kind === 'suspenseReturn') return payoutIntentOf(data, call.grounds);
  if (call.kind === 'sweepDeposit' || call.kind === 'returnDeposit') return depositIntentOf(data, call.subject ?? '');
  const { functionName, args } = decodeFunctionData({ abi: paymentEscrowAbi, data });
  const fields = args as readonly unknown[] | undefined;
  const terms = () => termsToJson(lowerCase(fields?.[0] as PaymentTerms)) as Extract<Intent, { kind: 'void' }>['terms'];
  switch (functionName) {
    case 'authorize':
      return { kind: 'authorize', terms: terms(), signature: signatureOf(fields!.slice(2)) };
    case 'capture': {
      const [, amount, fee, sequence] = fields as readonly [unknown, bigint, bigint, bigint];
      return { kind: 'capture', terms: terms(), amount: `${amount}`, fee: `${fee}`, sequence: Number(sequence) };
    }
    case 'void':
      return { kind: 'void', terms: terms(), sequence: Number(fields?.[1]) };
    case 'refund':
      return { kind: 'refund', terms: terms(), amount: String(fields?.[1]), sequence: Number(fields?.[2]) };
    default:
      throw new SettlementError('SIGNER_REQUEST_INVALID', `the signer knows no ${call.kind}`, { kind: call.kind });
  }
}

type DepositFields = Extract<Intent, { kind: 'sweepDeposit' }>['deposit'];

/** What a payment's stored terms say of how it was paid: by a deposit that went to the wallet, or through the escrow. */
function groundsOf(terms: unknown): Readonly<Record<string, unknown>> {
  if (!terms) return {};
  const deposit = depositFromJson(terms);
  return deposit && !escrowTermsOf(terms, deposit)
    ? { deposit: depositFieldsOf(deposit.terms) }
    : { refunds: termsToJson(lowerCase(termsFromJson(terms))) };
}

function depositFieldsOf(terms: DepositTerms): DepositFields {
  const lower = (address: string) => address.toLowerCase() as Address;
  return {
    destination: lower(terms.destination),
    token: lower(terms.token),
    amount: terms.amount.toString(),
    expiresAt: Number(terms.expiresAt),
    returnTo: lower(terms.returnTo),
    paymentHash: terms.paymentHash,
    salt: terms.salt,
  };
}

export function depositOf(fields: DepositFields): DepositTerms {
  return { ...fields, amount: BigInt(fields.amount) };
}

/** `subject` of a return is its own name. */
function depositIntentOf(data: Hex, subject: string): Intent {
  const { functionName, args } = decodeFunctionData({ abi: depositAddressesAbi, data });
  const terms = args?.[0] as unknown as DepositTerms;
  const lower = (address: string) => address.toLowerCase() as Address;
  const deposit = depositFieldsOf(terms);
  switch (functionName) {
    case 'sweepToWallet':
      return { kind: 'sweepDeposit', deposit };
    case 'sweepToEscrow': {
      const payment = termsToJson(lowerCase(args[1] as unknown as PaymentTerms));
      return { kind: 'sweepDeposit', deposit, payment: payment as Extract<Intent, { kind: 'void' }>['terms'] };
    }
    case 'returnDeposit': {
      const [, token, , amount] = args;
      return { kind: 'returnDeposit', deposit, returnId: subject, token: lower(token), amount: amount.toString() };
    }
    default:
      throw new SettlementError('SIGNER_REQUEST_INVALID', `the signer knows no ${functionName}`, {
        kind: functionName,
      });
  }
}

function payoutIntentOf(data: Hex, grounds: unknown): Intent {
  const { functionName, args } = decodeFunctionData({ abi: intermediaryWalletAbi, data });
  if (functionName !== 'payoutBatch') {
    throw new SettlementError('SIGNER_REQUEST_INVALID', `the signer knows no ${functionName}`, { kind: functionName });
  }
  const [batchIdentifier, token, packed] = args;
  const refunded = Array.isArray(grounds) ? (grounds as readonly unknown[]) : [];
  const words = packed.slice(2).match(/.{64}/g) ?? [];
  return {
    kind: 'payoutBatch',
    batchId: batchIdOf(batchIdentifier),
    token: token.toLowerCase() as Address,
    items: words.map((word, index) => ({
      payee: `0x${word.slice(0, 40)}` as Address,
      amount: BigInt(`0x${word.slice(40)}`).toString(),
      ...groundsOf(refunded[index]),
    })) as Extract<Intent, { kind: 'payoutBatch' }>['items'],
  };
}

/** The parts of a plain signature, or a signature of any other form as it is. */
function signatureOf(parts: readonly unknown[]): Hex {
  if (parts.length === 1) return (parts[0] as string).toLowerCase() as Hex;
  const [v, r, s] = parts as readonly [number, Hex, Hex];
  // A wallet may have said 0 and 1 where others say 27 and 28; it is kept as it was.
  if (v === 27 || v === 28) return serializeSignature({ r, s, yParity: v - 27 });
  return `0x${r.slice(2)}${s.slice(2)}${numberToHex(v, { size: 1 }).slice(2)}`;
}

function lowerCase(terms: PaymentTerms): PaymentTerms {
  const lower = (address: string) => address.toLowerCase() as Address;
  return {
    ...terms,
    payer: lower(terms.payer),
    receiver: lower(terms.receiver),
    token: lower(terms.token),
    feeReceiver: lower(terms.feeReceiver),
    preApprovalExpiry: BigInt(terms.preApprovalExpiry),
    authorizationExpiry: BigInt(terms.authorizationExpiry),
    refundExpiry: BigInt(terms.refundExpiry),
  };
}
