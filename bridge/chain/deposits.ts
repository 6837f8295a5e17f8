import { encodeAbiParameters, encodeFunctionData, getCreate2Address, keccak256, padHex } from 'viem';
import { uuidFromMeaning } from '../../ledger-service/vocabulary/identifiers.ts';
import { depositAddressesAbi } from './bindings/deposit-addresses.ts';
import type { Address, ChainCall, Deployment, Hex } from './domain.ts';
import { NATIVE_TOKEN, type PaymentTerms, TERMS_COMPONENTS, termsFromJson } from './escrow.ts';

/** What a deposit address is made from. Amount in token units, the time in seconds since 1970. */
export type DepositTerms = Readonly<{
  destination: Address;
  token: Address;
  amount: bigint;
  expiresAt: number;
  returnTo: Address;
  paymentHash: Hex;
  salt: Hex;
}>;

const NOTHING: Hex = padHex('0x', { size: 32 });
const DEPOSIT_COMPONENTS = [
  { name: 'destination', type: 'address' },
  { name: 'token', type: 'address' },
  { name: 'amount', type: 'uint256' },
  { name: 'expiresAt', type: 'uint48' },
  { name: 'returnTo', type: 'address' },
  { name: 'paymentHash', type: 'bytes32' },
  { name: 'salt', type: 'bytes32' },
] as const;

/** So long a return waits for a token that stands still; then it is asked for anew. */
const RETURNED_WITHIN_MILLISECONDS = 7 * 24 * 3_600_000;
/** The first call of an address also makes its contract: a sweep to the escrow then takes 385,000; doubled. */
const GAS_LIMITS = { sweepDeposit: 800_000, returnDeposit: 600_000 } as const;

/** The hash of a payment's terms but for the payer, who is the deposit address and hangs on it. */
export function hashUnpaidTerms(terms: PaymentTerms): Hex {
  const unpaid = { ...terms, payer: NATIVE_TOKEN };
  return keccak256(encodeAbiParameters([{ type: 'tuple', components: TERMS_COMPONENTS }], [asArguments(unpaid)]));
}

/** Names a deposit: what its address is made from, in one word. */
export function hashDeposit(terms: DepositTerms): Hex {
  return keccak256(encodeAbiParameters([{ type: 'tuple', components: DEPOSIT_COMPONENTS }], [terms]));
}

/** The address, as `DepositAddresses.depositAddressOf` gives it. */
export function depositAddressOf(
  { deposits, depositInitCodeHash }: Pick<Deployment, 'deposits' | 'depositInitCodeHash'>,
  terms: DepositTerms,
): Address {
  const address = getCreate2Address({ from: deposits, salt: hashDeposit(terms), bytecodeHash: depositInitCodeHash });
  return address.toLowerCase() as Address;
}

/**
 * Terms of a deposit for a payment.
 *
 * Shape: for the escrow the terms of the payment, whose payer is still to be said; for the wallet none
 *        → the deposit's terms, its address, and the payment's terms with that address as their payer
 */
export function depositFor(
  deployment: Deployment,
  asked: Readonly<{ token: Address; amount: bigint; expiresAt: Date; returnTo: Address; salt: Hex }>,
  unpaid?: PaymentTerms,
): Readonly<{ terms: DepositTerms; address: Address; paymentTerms?: PaymentTerms }> {
  const terms: DepositTerms = {
    destination: unpaid ? deployment.escrow : deployment.wallet,
    token: asked.token,
    amount: asked.amount,
    expiresAt: Math.floor(asked.expiresAt.getTime() / 1000),
    returnTo: asked.returnTo,
    paymentHash: unpaid ? hashUnpaidTerms(unpaid) : NOTHING,
    salt: asked.salt,
  };
  const address = depositAddressOf(deployment, terms);
  return { terms, address, ...(unpaid ? { paymentTerms: { ...unpaid, payer: address } } : {}) };
}

type CallWithoutSubject = Omit<ChainCall, 'shard' | 'subject' | 'sequence'>;

/** Moves exactly the amount on, once. `paymentTerms` where it goes to the escrow. */
export function sweepCall(
  deployment: Deployment,
  terms: DepositTerms,
  paymentTerms: PaymentTerms | undefined,
): CallWithoutSubject {
  const data = paymentTerms
    ? encodeFunctionData({
        abi: depositAddressesAbi,
        functionName: 'sweepToEscrow',
        args: [terms, asArguments(paymentTerms)],
      })
    : encodeFunctionData({ abi: depositAddressesAbi, functionName: 'sweepToWallet', args: [terms] });
  const call = depositCall(deployment, 'sweepDeposit', uuidFromMeaning('chain-call', terms.salt, 'sweep'), data);
  return { ...call, retryUntil: new Date(terms.expiresAt * 1000) };
}

/** Sends back what is not swept, to whom the terms name. */
export function returnCall(
  deployment: Deployment,
  terms: DepositTerms,
  returned: Readonly<{ returnId: string; token: Address; amount: bigint; askedAt?: Date }>,
): CallWithoutSubject {
  const { returnId, token, amount, askedAt } = returned;
  const args = [terms, token, terms.returnTo, amount] as const;
  const data = encodeFunctionData({ abi: depositAddressesAbi, functionName: 'returnDeposit', args });
  const call = depositCall(deployment, 'returnDeposit', uuidFromMeaning('chain-call', returnId), data);
  return askedAt ? { ...call, retryUntil: new Date(askedAt.getTime() + RETURNED_WITHIN_MILLISECONDS) } : call;
}

/** How a payment keeps its deposit: beside the escrow's terms, or alone. `payBy` is the payer's deadline. */
export type StoredDeposit = Readonly<{ address: Address; payBy: string; terms: DepositTerms }>;

export function depositToJson({ address, payBy, terms }: StoredDeposit): Readonly<Record<string, unknown>> {
  return { deposit: { address, payBy, terms: { ...terms, amount: terms.amount.toString() } } };
}

/** The deposit of a payment that is paid by one, from its stored terms. */
export function depositFromJson(json: unknown): StoredDeposit | undefined {
  const { deposit } = (json ?? {}) as Readonly<{ deposit?: StoredDeposit }>;
  return deposit && { ...deposit, terms: { ...deposit.terms, amount: BigInt(deposit.terms.amount) } };
}

/** The escrow's terms of a payment that is paid by a deposit; none where it is swept to the wallet. */
export function escrowTermsOf(json: unknown, { terms }: StoredDeposit): PaymentTerms | undefined {
  return terms.paymentHash === NOTHING ? undefined : termsFromJson(json);
}

function depositCall(
  { deposits }: Deployment,
  kind: keyof typeof GAS_LIMITS,
  callId: string,
  data: Hex,
): CallWithoutSubject {
  return { callId, kind, recipient: deposits, data, value: 0n, gasLimit: GAS_LIMITS[kind] };
}

/** viem takes 48-bit numbers as numbers. */
function asArguments(terms: PaymentTerms) {
  return {
    ...terms,
    preApprovalExpiry: Number(terms.preApprovalExpiry),
    authorizationExpiry: Number(terms.authorizationExpiry),
    refundExpiry: Number(terms.refundExpiry),
  };
}
