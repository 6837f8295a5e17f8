import {
  concatHex,
  encodeAbiParameters,
  encodeFunctionData,
  keccak256,
  numberToHex,
  parseSignature,
  stringToHex,
} from 'viem';
import type { AssetCode } from '../../ledger-service/vocabulary/assets.ts';
import { assertInvariant } from '../../ledger-service/vocabulary/errors.ts';
import { uuidFromMeaning } from '../../ledger-service/vocabulary/identifiers.ts';
import { intermediaryWalletAbi } from './bindings/intermediary-wallet.ts';
import { paymentEscrowAbi } from './bindings/payment-escrow.ts';
import { type Address, type ChainCall, type Deployment, type Hex, NONCE_FILLER } from './domain.ts';

/** What a payer agrees to; its hash names the payment on chain. Amounts in token units, times in seconds since 1970. */
export type PaymentTerms = Readonly<{
  payer: Address;
  receiver: Address;
  token: Address;
  maximumAmount: bigint;
  preApprovalExpiry: bigint;
  authorizationExpiry: bigint;
  refundExpiry: bigint;
  minimumFeeBasisPoints: number;
  maximumFeeBasisPoints: number;
  feeReceiver: Address;
  salt: bigint;
}>;

export const NATIVE_TOKEN: Address = '0x0000000000000000000000000000000000000000';
/** The escrow keeps amounts in 120 bits. */
export const MAXIMUM_ESCROW_AMOUNT = 2n ** 120n - 1n;

const TERMS_TYPE =
  'PaymentTerms(uint256 chain,address escrow,address payer,address receiver,address token,uint120 maximumAmount,uint48 preApprovalExpiry,uint48 authorizationExpiry,uint48 refundExpiry,uint16 minimumFeeBasisPoints,uint16 maximumFeeBasisPoints,address feeReceiver,uint256 salt)';
export const TERMS_COMPONENTS = [
  { name: 'payer', type: 'address' },
  { name: 'receiver', type: 'address' },
  { name: 'token', type: 'address' },
  { name: 'maximumAmount', type: 'uint120' },
  { name: 'preApprovalExpiry', type: 'uint48' },
  { name: 'authorizationExpiry', type: 'uint48' },
  { name: 'refundExpiry', type: 'uint48' },
  { name: 'minimumFeeBasisPoints', type: 'uint16' },
  { name: 'maximumFeeBasisPoints', type: 'uint16' },
  { name: 'feeReceiver', type: 'address' },
  { name: 'salt', type: 'uint256' },
] as const;
/** Gas that each verb never needs more of, measured and doubled; what is left over is not paid for. */
const GAS_LIMITS = { authorize: 300_000, capture: 200_000, void: 150_000, refund: 200_000 } as const;
const NEVER = new Date('9999-12-31T00:00:00Z');
/** An item of a batch: 20 bytes of address and 12 of amount. */
const ITEM_BYTES = 32;
const BATCH_GAS = 150_000;
const FILLER_GAS = 50_000;
const ITEM_GAS = 160_000;

/** The payment's name on chain, as `PaymentEscrow.hashTerms` gives it. */
export function hashTerms(chainId: number, escrow: Address, terms: PaymentTerms): Hex {
  const typeHash = keccak256(stringToHex(TERMS_TYPE));
  return keccak256(
    encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'uint256' }, { type: 'address' }, { type: 'tuple', components: TERMS_COMPONENTS }],
      [typeHash, BigInt(chainId), escrow, asArguments(terms)],
    ),
  );
}

/** The ERC-3009 nonce: the payment's name with its low 64 bits cleared, which keyed tokens read as a sequence. */
export function nonceOf(paymentIdentifier: Hex): Hex {
  return `0x${paymentIdentifier.slice(2, 50)}${'0'.repeat(16)}`;
}

/** The typed data that a token payer signs (ERC-3009 `ReceiveWithAuthorization`): only the escrow can use them. */
export function authorizationTypedData(
  deployment: Pick<Deployment, 'chainId' | 'escrow' | 'tokenDomains'>,
  terms: PaymentTerms,
) {
  const domain = deployment.tokenDomains[terms.token.toLowerCase()];
  assertInvariant(domain !== undefined, `the signing domain of token ${terms.token} is known`);
  return {
    domain: { ...domain, chainId: deployment.chainId, verifyingContract: terms.token },
    types: {
      ReceiveWithAuthorization: [
        { name: 'from', type: 'address' },
        { name: 'to', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'validAfter', type: 'uint256' },
        { name: 'validBefore', type: 'uint256' },
        { name: 'nonce', type: 'bytes32' },
      ],
    },
    primaryType: 'ReceiveWithAuthorization',
    message: {
      from: terms.payer,
      to: deployment.escrow,
      value: terms.maximumAmount.toString(),
      validAfter: '0',
      validBefore: terms.preApprovalExpiry.toString(),
      nonce: nonceOf(hashTerms(deployment.chainId, deployment.escrow, terms)),
    },
  } as const;
}

type CallWithoutSubject = Omit<ChainCall, 'shard' | 'subject' | 'sequence'>;

/** A 65-byte signature goes the cheaper way; any other form is for wallets that are contracts. */
export function authorizeCall(deployment: Deployment, terms: PaymentTerms, signature: Hex): CallWithoutSubject {
  const amount = terms.maximumAmount;
  const isPlain = signature.length === 132;
  const { r, s, v, yParity } = isPlain ? parseSignature(signature) : { r: '0x', s: '0x', v: 0n, yParity: 0 };
  const data = isPlain
    ? encodeFunctionData({
        abi: paymentEscrowAbi,
        functionName: 'authorize',
        args: [asArguments(terms), amount, Number(v ?? BigInt(yParity + 27)), r as Hex, s as Hex],
      })
    : encodeFunctionData({
        abi: paymentEscrowAbi,
        functionName: 'authorize',
        args: [asArguments(terms), amount, signature],
      });
  return escrowCall(deployment, terms, 'authorize', 0, data);
}

/** The bytes of the chain transaction with which a payer of the chain's own coin authorizes. */
export function authorizeNativeCall(terms: PaymentTerms): Hex {
  return encodeFunctionData({ abi: paymentEscrowAbi, functionName: 'authorizeNative', args: [asArguments(terms)] });
}

export function captureCall(
  deployment: Deployment,
  terms: PaymentTerms,
  { amount, fee, sequence }: Readonly<{ amount: bigint; fee: bigint; sequence: number }>,
): CallWithoutSubject {
  const args = [asArguments(terms), amount, fee, BigInt(sequence)] as const;
  const data = encodeFunctionData({ abi: paymentEscrowAbi, functionName: 'capture', args });
  return escrowCall(deployment, terms, 'capture', sequence, data);
}

export function voidCall(deployment: Deployment, terms: PaymentTerms, sequence: number): CallWithoutSubject {
  const args = [asArguments(terms), BigInt(sequence)] as const;
  const data = encodeFunctionData({ abi: paymentEscrowAbi, functionName: 'void', args });
  return escrowCall(deployment, terms, 'void', sequence, data);
}

/** The bytes of the chain transaction with which a payer takes back what is still held after its time. */
export function reclaimData(terms: PaymentTerms): Hex {
  return encodeFunctionData({ abi: paymentEscrowAbi, functionName: 'reclaim', args: [asArguments(terms)] });
}

/** For the chain's own coin the call carries the coins, so the merchant has to send it. */
export function refundCall(
  deployment: Deployment,
  terms: PaymentTerms,
  { amount, sequence }: Readonly<{ amount: bigint; sequence: number }>,
): CallWithoutSubject {
  const args = [asArguments(terms), amount, BigInt(sequence)] as const;
  const data = encodeFunctionData({ abi: paymentEscrowAbi, functionName: 'refund', args });
  const value = terms.token === NATIVE_TOKEN ? amount : 0n;
  return { ...escrowCall(deployment, terms, 'refund', sequence, data), value };
}

/** One call that pays many; each item is 20 bytes of address and 12 of amount. */
export function payoutBatchCall(
  deployment: Deployment,
  batchId: string,
  token: Address,
  items: readonly Readonly<{ payee: Address; amount: bigint }>[],
): CallWithoutSubject {
  const packed = concatHex(items.map(({ payee, amount }) => concatHex([payee, numberToHex(amount, { size: 12 })])));
  const args = [batchIdentifierOf(batchId), token, packed] as const;
  return {
    callId: uuidFromMeaning('chain-call', batchId),
    kind: 'payoutBatch',
    recipient: deployment.wallet,
    data: encodeFunctionData({ abi: intermediaryWalletAbi, functionName: 'payoutBatch', args }),
    value: 0n,
    gasLimit: BATCH_GAS + items.length * ITEM_GAS,
  };
}

/** A transfer of nothing from a key to itself, which spends a nonce that nothing else may have; one for each nonce. */
export function fillerCall(chainId: number, key: Address, nonce: number): CallWithoutSubject {
  return {
    callId: uuidFromMeaning('chain-call', NONCE_FILLER, chainId, key, nonce),
    kind: NONCE_FILLER,
    recipient: key,
    data: '0x',
    value: 0n,
    gasLimit: FILLER_GAS,
  };
}

/** An identifier of ours has 32 characters, so its bytes are the batch's name on chain. */
export function batchIdentifierOf(batchId: string): Hex {
  assertInvariant(batchId.length === 32, `a batch identifier has 32 characters: ${batchId}`);
  return stringToHex(batchId);
}

export function batchIdOf(batchIdentifier: string): string {
  return Buffer.from(batchIdentifier.slice(2), 'hex').toString('latin1');
}

type WalletLog = Readonly<{ event: string; fields: Readonly<Record<string, string>> }>;

/**
 * The payouts that one log of the wallet speaks of.
 *
 * Shape: a `BatchPaidOut` → a `PaidOut` for each item that its payee took, as a payout of its own would have said it;
 *        items that failed have logs of their own, and any other log stands for itself
 */
export function payoutsOf<Log extends WalletLog>(log: Log): readonly Log[] {
  if (log.event !== 'BatchPaidOut') return [log];
  const { batchIdentifier, items, failed } = log.fields as Readonly<Record<string, Hex>>;
  const bytes = Buffer.from(items!.slice(2), 'hex');
  const failures = Buffer.from(failed!.slice(2), 'hex');
  return Array.from({ length: bytes.length / ITEM_BYTES }, (_, index) => index)
    .filter((index) => (((failures[index >> 3] ?? 0) >> (index & 7)) & 1) === 0)
    .map((index) => {
      const item = bytes.subarray(index * ITEM_BYTES, (index + 1) * ITEM_BYTES).toString('hex');
      const [payee, amount] = [`0x${item.slice(0, 40)}`, BigInt(`0x${item.slice(40)}`).toString()];
      return {
        ...log,
        event: 'PaidOut',
        fields: { batchIdentifier: batchIdentifier!, index: `${index}`, payee, amount },
      };
    });
}

/** The token behind a CAIP-19 name; the chain's own coin is the zero address. */
export function tokenOf(asset: AssetCode): Address {
  const token = /\/erc20:(0x[0-9a-f]{40})$/.exec(asset)?.[1];
  if (token) return token as Address;
  assertInvariant(/\/slip44:\d+$/.test(asset), `${asset} is on chain`);
  return NATIVE_TOKEN;
}

export function termsToJson(terms: PaymentTerms): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    Object.entries(terms).map(([name, value]) => [name, typeof value === 'bigint' ? value.toString() : value]),
  );
}

export function termsFromJson(json: unknown): PaymentTerms {
  const terms = json as Readonly<Record<keyof PaymentTerms, string>> &
    Readonly<{ minimumFeeBasisPoints: number; maximumFeeBasisPoints: number }>;
  return {
    payer: terms.payer as Address,
    receiver: terms.receiver as Address,
    token: terms.token as Address,
    maximumAmount: BigInt(terms.maximumAmount),
    preApprovalExpiry: BigInt(terms.preApprovalExpiry),
    authorizationExpiry: BigInt(terms.authorizationExpiry),
    refundExpiry: BigInt(terms.refundExpiry),
    minimumFeeBasisPoints: Number(terms.minimumFeeBasisPoints),
    maximumFeeBasisPoints: Number(terms.maximumFeeBasisPoints),
    feeReceiver: terms.feeReceiver as Address,
    salt: BigInt(terms.salt),
  };
}

function escrowCall(
  deployment: Deployment,
  terms: PaymentTerms,
  kind: keyof typeof GAS_LIMITS,
  sequence: number,
  data: Hex,
): CallWithoutSubject {
  const name = hashTerms(deployment.chainId, deployment.escrow, terms);
  return {
    callId: uuidFromMeaning('chain-call', name, kind, sequence),
    kind,
    recipient: deployment.escrow,
    data,
    value: 0n,
    gasLimit: GAS_LIMITS[kind],
    retryUntil: retryUntilOf(kind, terms),
  };
}

/** The escrow's own bound of each verb; money that is nobody else's can always go back. */
function retryUntilOf(kind: keyof typeof GAS_LIMITS, terms: PaymentTerms): Date {
  const at = (seconds: bigint) => new Date(Number(seconds) * 1000);
  switch (kind) {
    case 'authorize':
      return at(terms.preApprovalExpiry);
    case 'capture':
      return at(terms.authorizationExpiry);
    case 'refund':
      return at(terms.refundExpiry);
    case 'void':
      return NEVER;
  }
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
