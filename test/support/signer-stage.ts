import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Hex, keccak256, parseTransaction, stringToHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { hashDeposit } from '../../bridge/chain/deposits.ts';
import type { Address } from '../../bridge/chain/domain.ts';
import type { SignerChain } from '../../bridge/chain/signer/chain-view.ts';
import { SignerCore } from '../../bridge/chain/signer/core.ts';
import type { Intent } from '../../bridge/chain/signer/intents.ts';
import type { SigningKey } from '../../bridge/chain/signer/keys/signing-key.ts';
import { openRecordFile } from '../../bridge/chain/signer/log-file.ts';
import { parsePolicy, type SignerPolicy } from '../../bridge/chain/signer/policy.ts';
import { type ListEntry, listEntryTypedData, type SignAnswer } from '../../bridge/chain/signer/protocol.ts';

const account = (digit: string) => privateKeyToAccount(`0x${digit.repeat(64)}`);
const address = (digit: string): Address => `0x${digit.repeat(40)}`;

export const OPERATOR = account('7');
export const TREASURER = account('4');
export const MERCHANT = address('3');
export const STRANGER = address('6');
export const TOKEN = address('a');
export const KEY = OPERATOR.address.toLowerCase() as Address;
export const FEES = { maxFeePerGas: 2_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n };

export const CHAIN = {
  chainId: 31_337,
  rpcUrl: 'http://127.0.0.1:1',
  finalityDepth: 3,
  escrow: address('b'),
  wallet: address('c'),
  feeReceiver: address('d'),
};

export function policyWith(change: Readonly<Record<string, unknown>> = {}): SignerPolicy {
  return parsePolicy({
    chain: CHAIN,
    listen: { path: 'signer.sock' },
    treasurer: TREASURER.address.toLowerCase(),
    coolingMilliseconds: 0,
    maximumFeePerGas: '500000000000',
    caps: { [TOKEN]: { perCall: '1000', perHour: '1500', perDay: '2500' } },
    keys: [{ kind: 'keystore', file: 'operator.json', passwordFile: 'password' }],
    ...change,
  });
}

export function termsWith(change: Readonly<Record<string, unknown>> = {}) {
  return {
    payer: address('1'),
    receiver: MERCHANT,
    token: TOKEN,
    maximumAmount: '1000',
    preApprovalExpiry: '2000000000',
    authorizationExpiry: '2000000000',
    refundExpiry: '2100000000',
    minimumFeeBasisPoints: 0,
    maximumFeeBasisPoints: 100,
    feeReceiver: CHAIN.feeReceiver,
    salt: '1',
    ...change,
  } as Extract<Intent, { kind: 'void' }>['terms'];
}

export const voidIntent = (salt: number): Intent => ({
  kind: 'void',
  terms: termsWith({ salt: `${salt}` }),
  sequence: 1,
});

export function payoutIntent(
  name: string | number,
  items: readonly Readonly<{
    payee: Address;
    amount: number;
    refunds?: ReturnType<typeof termsWith>;
    deposit?: Extract<Intent, { kind: 'returnDeposit' }>['deposit'];
  }>[],
): Intent {
  return {
    kind: 'payoutBatch',
    batchId: `bat_00${String(name).padStart(26, '0')}`,
    token: TOKEN,
    items: items.map(({ amount, ...item }) => ({ ...item, amount: `${amount}` })),
  };
}

export function listEntry(change: Partial<ListEntry> = {}): ListEntry {
  const payee = change.payee ?? MERCHANT;
  return {
    action: 'allow',
    payee,
    name: 'Pixel Arcade',
    identifier: keccak256(stringToHex(`${change.action ?? 'allow'} ${payee}`)),
    issuedAt: 1_790_000_000,
    expiresAt: 1_900_000_000,
    ...change,
  };
}

export async function signEntry(entry: ListEntry, signer = TREASURER, chain: typeof CHAIN = CHAIN): Promise<Hex> {
  return signer.signTypedData(listEntryTypedData(chain, entry));
}

/** A signer's core over real files, whose clock and view of the chain a test sets. */
export class SignerStage {
  readonly folder = mkdtempSync(join(tmpdir(), 'specie-signer-'));
  readonly file = join(this.folder, 'records');
  now = Date.UTC(2026, 10, 2, 8);
  spent = 0;
  finallySpent = 0;
  readonly captured = new Map<string, bigint>();
  readonly swept = new Set<string>();
  readonly roles = new Set<string>();
  policy: SignerPolicy;
  keys: readonly SigningKey[] = [keyOf(OPERATOR)];
  core: SignerCore;

  constructor(change: Readonly<Record<string, unknown>> = {}) {
    this.policy = policyWith(change);
    this.core = this.#open();
  }

  /** What a new process of the signer knows: the file, and nothing else. */
  restart(): SignerCore {
    this.core.close();
    this.core = this.#open();
    return this.core;
  }

  /** One call, or a reason against it. */
  async sign(intent: Intent, nonce: number, more: Partial<Parameters<SignerCore['sign']>[0]> = {}) {
    const [answer] = await this.core.sign({ key: KEY, fees: FEES, calls: [{ nonce, intent }], ...more });
    return answer!;
  }

  async allow(payee: Address = MERCHANT): Promise<void> {
    const entry = listEntry({ payee });
    await this.core.list(entry, await signEntry(entry));
  }

  remove(): void {
    this.core.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #open(): SignerCore {
    const chain: SignerChain = {
      spentNonces: async () => this.spent,
      finalNonces: async () => this.finallySpent,
      captured: async (name) => this.captured.get(name) ?? 0n,
      isSwept: async (deposit) => this.swept.has(hashDeposit(deposit)),
      holdsRole: async (one) => this.roles.has(one),
    };
    return new SignerCore({
      policy: this.policy,
      file: openRecordFile(this.file),
      keys: this.keys,
      chain,
      clock: { now: () => new Date(this.now) },
    });
  }
}

export function keyOf(signer: typeof OPERATOR): SigningKey {
  return {
    address: signer.address.toLowerCase() as Address,
    sign: (transaction) => signer.signTransaction(transaction),
    close: () => {},
  };
}

export function codeOf(answer: SignAnswer): string {
  return answer.outcome === 'refused' ? answer.code : answer.outcome;
}

export function nonceOfRaw(answer: SignAnswer): number | undefined {
  return answer.outcome === 'signed' ? (parseTransaction(answer.raw).nonce ?? 0) : undefined;
}
