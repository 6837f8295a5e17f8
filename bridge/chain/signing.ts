import type { PrivateKeyAccount } from 'viem/accounts';
import type { Address, Hex } from './domain.ts';
import type { Fees } from './fees.ts';

/** What is signed: a call as it stands in the books, or the filler of a nonce. */
export type CallToSign = Readonly<{
  callId: string;
  kind: string;
  subject: string;
  sequence: number;
  recipient: string;
  data: string;
  value: bigint;
  gasLimit: number;
}>;

/** Signs a call under a nonce; wherever the key is. Never called inside a database transaction by replacements. */
export type SignChainCall = (request: Readonly<{ call: CallToSign; nonce: number; fees: Fees }>) => Promise<Hex>;

/** Signs with a key in this process. */
export function signWith(account: PrivateKeyAccount, chainId: number): SignChainCall {
  return ({ call, nonce, fees }) =>
    account.signTransaction({
      type: 'eip1559',
      chainId,
      nonce,
      to: call.recipient as Address,
      data: call.data as Hex,
      value: call.value,
      gas: BigInt(call.gasLimit),
      ...fees,
    });
}
