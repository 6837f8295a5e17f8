import { parseTransaction } from 'viem';
import type { PrivateKeyAccount } from 'viem/accounts';
import type { Logger } from '../../ledger-service/platform/logging.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Address, Hex } from './domain.ts';
import type { Fees } from './fees.ts';
import { type Intent, intentOfCall } from './signer/intents.ts';
import type { Refusal, SignAnswer, SignedForm, Signer } from './signer/protocol.ts';

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
  grounds?: unknown;
}>;

export type CallsToSign = Readonly<{
  key: Address;
  fees: Fees;
  /** A higher price for calls that were signed before. */
  replaces?: boolean;
  calls: readonly Readonly<{ call: CallToSign; nonce: number }>[];
}>;

/** Who signs the calls of these books. It is somewhere else, so it is never asked inside a database transaction. */
export interface CallSigner {
  /** The one that takes new calls first. */
  keys(): Promise<readonly Address[]>;
  /**
   * Shape:  in the order of their nonces → one answer for each; behind one that was refused none was signed
   * Errors: thrown SIGNER_UNAVAILABLE (retryable): the same request again tells what was signed · SIGNER_CALL_DIFFERS
   *         when what came back is not what was asked
   */
  sign(request: CallsToSign): Promise<readonly SignAnswer[]>;
  /** Promises that a call is never signed; `signed` when it was. */
  withdraw(callId: string): Promise<Readonly<{ signed?: SignedForm }>>;
}

/** Asks a signer, which is told what a call means and builds it again. */
export function signThrough(signer: Signer): CallSigner {
  return {
    keys: async () => (await signer.describe()).keys,
    withdraw: (callId) => signer.withdraw(callId),
    async sign({ calls, ...request }) {
      const { spoken, refusal } = untilUnspeakable(calls);
      const said = spoken.length > 0 ? await signer.sign({ ...request, calls: spoken }) : [];
      for (const [index, answer] of said.entries()) {
        if (answer.outcome === 'signed') requireSame(calls[index]!, answer.raw);
      }
      const answers = refusal ? [...said, refusal] : said;
      return calls.map((_, index) => answers[index] ?? BEHIND);
    },
  };
}

/**
 * Signs with a key in this process, whatever it is asked, and remembers nothing: for a local run whose key everybody
 * knows.
 */
export function signWith(account: PrivateKeyAccount, chainId: number): CallSigner {
  return {
    keys: async () => [account.address.toLowerCase() as Address],
    withdraw: async () => ({}),
    sign: ({ calls, fees }) =>
      Promise.all(
        calls.map(async ({ call, nonce }) => {
          const raw = await account.signTransaction({
            type: 'eip1559',
            chainId,
            nonce,
            to: call.recipient as Address,
            data: call.data as Hex,
            value: call.value,
            gas: BigInt(call.gasLimit),
            ...fees,
          });
          return { outcome: 'signed' as const, raw };
        }),
      ),
  };
}

/** Signs one call that has its nonce; undefined, and told in the log, when the signer refuses. */
export type SignChainCall = (
  request: Readonly<{ call: CallToSign; nonce: number; fees: Fees; replaces?: boolean }>,
) => Promise<Hex | undefined>;

export function signOneBy(signer: CallSigner, key: Address, logger: Logger): SignChainCall {
  return async ({ call, nonce, fees, replaces = false }) => {
    const [answer] = await signer.sign({ key, fees, replaces, calls: [{ call, nonce }] });
    if (answer?.outcome === 'signed') return answer.raw;
    const { callId, kind, subject } = call;
    const { code, message } = answer ?? BEHIND;
    logger.warn({ event: 'chain.callRefused', callId, kind, subject, nonce, code, message });
    return undefined;
  };
}

const BEHIND: Refusal = { outcome: 'refused', code: 'SIGNER_NONCE_AHEAD', message: 'the one before it was refused' };

/** What can be asked of a signer: calls up to the first one that it has no words for. */
function untilUnspeakable(
  calls: CallsToSign['calls'],
): Readonly<{ spoken: readonly Readonly<{ nonce: number; intent: Intent }>[]; refusal?: Refusal }> {
  const spoken: { nonce: number; intent: Intent }[] = [];
  for (const { call, nonce } of calls) {
    try {
      spoken.push({ nonce, intent: intentOfCall(call) });
    } catch (error) {
      const message = error instanceof Error ? error.message.slice(0, 300) : '';
      return { spoken, refusal: { outcome: 'refused', code: 'SIGNER_REQUEST_INVALID', message } };
    }
  }
  return { spoken };
}

function requireSame({ call, nonce }: CallsToSign['calls'][number], raw: Hex): void {
  const { callId, recipient, data, value } = call;
  const given = parseTransaction(raw);
  const isSame =
    given.to?.toLowerCase() === recipient.toLowerCase() &&
    (given.data ?? '0x') === data &&
    (given.value ?? 0n) === value &&
    (given.nonce ?? 0) === nonce;
  if (!isSame) throw new SettlementError('SIGNER_CALL_DIFFERS', `the signer built something else for ${callId}`);
}
