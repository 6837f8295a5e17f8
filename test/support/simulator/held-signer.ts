import { privateKeyToAccount } from 'viem/accounts';
import type { Address, Hex } from '../../../bridge/chain/domain.ts';
import { SignerCore } from '../../../bridge/chain/signer/core.ts';
import type { SigningKey } from '../../../bridge/chain/signer/keys/signing-key.ts';
import { signInThisProcess } from '../../../bridge/chain/signer/local-signer.ts';
import type { RecordFile } from '../../../bridge/chain/signer/log-file.ts';
import type { SignerPolicy } from '../../../bridge/chain/signer/policy.ts';
import { listEntryTypedData, type Signer } from '../../../bridge/chain/signer/protocol.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { ChainModel } from './chain-model.ts';
import type { Gate, Owner } from './gate.ts';
import type { SeededChance } from './seeded-chance.ts';
import { DEPLOYMENT, MERCHANT_WALLET, OPERATOR_KEY, TREASURER } from './simulated-world.ts';

export type SignerFaults = Readonly<{
  requestLost: number;
  replyLost: number;
  /** It dies with the request in its hands, and comes back with what is on its disk. */
  killed: number;
}>;

export const NO_SIGNER_FAULTS: SignerFaults = { requestLost: 0, replyLost: 0, killed: 0 };

type SignerModelParts = Readonly<{
  gate: Gate;
  chain: ChainModel;
  world: Owner;
  chance: SeededChance;
  finalityDepth: number;
}>;

const UNLIMITED = (2n ** 100n).toString();
const lower = (address: string) => address.toLowerCase() as Address;

/** The real signer's core over a disk in memory, with a view of the chain of its own; it cannot be killed for good. */
export class SignerModel {
  faults: SignerFaults = NO_SIGNER_FAULTS;
  onFault: (kind: string) => void = () => {};
  readonly #parts: SignerModelParts;
  readonly #disk: Disk = { bytes: Buffer.alloc(0), head: undefined };
  readonly #remembers: boolean;
  #signer: Signer;

  /** One that does not remember signs whatever it is asked, as often as it is asked: for planted bugs. */
  constructor(parts: SignerModelParts, remembers: boolean) {
    this.#parts = parts;
    this.#remembers = remembers;
    this.#signer = this.#start();
  }

  /** The merchants are on its list before anything begins. */
  async prepare(): Promise<void> {
    if (!this.#remembers) return;
    const entry = {
      action: 'allow' as const,
      payee: lower(MERCHANT_WALLET),
      name: 'arcade',
      identifier: `0x${'1'.repeat(64)}`,
      issuedAt: Math.floor(this.#parts.gate.time / 1000),
      expiresAt: Math.floor(this.#parts.gate.time / 1000) + 3_600,
    };
    const { chainId, wallet } = policyOf(this.#parts.finalityDepth).chain;
    await this.#signer.list(entry, await TREASURER.signTypedData(listEntryTypedData({ chainId, wallet }, entry)));
  }

  /** The signer as one process of the bridge asks it. */
  portOf(owner: Owner): Signer {
    return {
      describe: () => this.#ask(owner, 'describe', (signer) => signer.describe()),
      payees: () => this.#ask(owner, 'payees', (signer) => signer.payees()),
      sign: (request) =>
        this.#ask(owner, `sign ${request.calls.map(({ nonce }) => nonce)}`, (signer) => signer.sign(request)),
      withdraw: (callId) => this.#ask(owner, `withdraw ${callId.slice(0, 8)}`, (signer) => signer.withdraw(callId)),
      list: () => Promise.reject(new SettlementError('SIGNER_LIST_ENTRY_INVALID', 'nobody signs here')),
    };
  }

  async #ask<Answer>(owner: Owner, label: string, ask: (signer: Signer) => Promise<Answer>): Promise<Answer> {
    const said = await this.#parts.gate.pass(owner, 'signer request', label, async () => {
      if (this.#draw(this.faults.requestLost, 'signer request lost')) throw unavailable();
      const given = await ask(this.#signer);
      if (this.#draw(this.faults.killed, 'signer killed')) {
        this.#signer = this.#start();
        throw unavailable();
      }
      if (this.#draw(this.faults.replyLost, 'signer reply lost')) throw unavailable();
      return { given };
    });
    return said.given;
  }

  #draw(probability: number, kind: string): boolean {
    if (probability === 0 || !this.#parts.chance.happens(probability)) return false;
    this.onFault(kind);
    return true;
  }

  #start(): Signer {
    const { gate, world, chain, finalityDepth } = this.#parts;
    if (!this.#remembers) return signInThisProcess(OPERATOR_KEY, DEPLOYMENT);
    return new SignerCore({
      policy: policyOf(finalityDepth),
      file: fileOn(this.#disk),
      keys: [keyOf(OPERATOR_KEY)],
      chain: {
        spentNonces: async (address) => chain.nextNonce(address),
        captured: async (name) => {
          const block = chain.blocks[chain.head.height - finalityDepth];
          return block?.state.payments.get(name)?.refundable ?? 0n;
        },
        holdsRole: async () => true,
      },
      clock: gate.clockOf(world),
    });
  }
}

type Disk = { bytes: Buffer; head: string | undefined };

function fileOn(disk: Disk): RecordFile {
  return {
    read: () => disk.bytes,
    readAt: ({ from, length }) => disk.bytes.subarray(from, from + length),
    length: () => disk.bytes.length,
    append: (bytes) => {
      disk.bytes = Buffer.concat([disk.bytes, bytes]);
    },
    truncate: (length) => {
      disk.bytes = disk.bytes.subarray(0, length);
    },
    readHead: () => disk.head,
    writeHead: (head) => {
      disk.head = head;
    },
    close: () => {},
  };
}

function policyOf(finalityDepth: number): SignerPolicy {
  const { chainId, escrow, wallet, feeReceiver, tokenDomains } = DEPLOYMENT;
  const tokens = Object.keys(tokenDomains);
  const caps = { perCall: UNLIMITED, perHour: UNLIMITED, perDay: UNLIMITED };
  return {
    chain: {
      chainId,
      rpcUrl: 'http://127.0.0.1:1',
      finalityDepth,
      escrow: lower(escrow),
      wallet: lower(wallet),
      feeReceiver: lower(feeReceiver),
    },
    listen: { path: 'signer.sock' },
    treasurer: lower(TREASURER.address),
    coolingMilliseconds: 0,
    maximumFeePerGas: UNLIMITED,
    caps: Object.fromEntries([...tokens, `0x${'0'.repeat(40)}`].map((token) => [lower(token), caps])),
    keys: [{ kind: 'keystore', file: 'operator.json', passwordFile: 'password' }],
    acceptedNonces: {},
  };
}

function keyOf(privateKey: Hex): SigningKey {
  const account = privateKeyToAccount(privateKey);
  return {
    address: lower(account.address),
    sign: (transaction) => account.signTransaction(transaction),
    close: () => {},
  };
}

function unavailable(): SettlementError {
  return new SettlementError('SIGNER_UNAVAILABLE', 'the signer does not answer');
}
