import { depositAddressOf } from '../../../bridge/chain/deposits.ts';
import type { Address } from '../../../bridge/chain/domain.ts';
import { SignerCore } from '../../../bridge/chain/signer/core.ts';
import type { RecordFile } from '../../../bridge/chain/signer/log-file.ts';
import type { SignerPolicy } from '../../../bridge/chain/signer/policy.ts';
import { listEntryTypedData } from '../../../bridge/chain/signer/protocol.ts';
import { type CallSigner, signThrough, signWith } from '../../../bridge/chain/signing.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { ChainModel } from './chain-model.ts';
import type { Gate, Owner } from './gate.ts';
import type { SeededChance } from './seeded-chance.ts';
import { CHAIN_ID, DEPLOYMENT, MERCHANT_WALLET, OPERATOR, TREASURER } from './simulated-world.ts';

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
  #core: SignerCore;
  #signer: CallSigner;

  /** One that does not remember signs whatever it is asked, as often as it is asked: for planted bugs. */
  constructor(parts: SignerModelParts, remembers: boolean) {
    this.#parts = parts;
    this.#remembers = remembers;
    this.#core = this.#start();
    this.#signer = remembers ? signThrough(this.#core) : signWith(OPERATOR, CHAIN_ID);
  }

  /** The merchants are on its list before anything begins. */
  async prepare(): Promise<void> {
    const entry = {
      action: 'allow' as const,
      payee: lower(MERCHANT_WALLET),
      name: 'arcade',
      identifier: `0x${'1'.repeat(64)}`,
      issuedAt: Math.floor(this.#parts.gate.time / 1000),
      expiresAt: Math.floor(this.#parts.gate.time / 1000) + 3_600,
    };
    const { chainId, wallet } = policyOf(this.#parts.finalityDepth).chain;
    await this.#core.list(entry, await TREASURER.signTypedData(listEntryTypedData({ chainId, wallet }, entry)));
  }

  /** The signer as one process of the bridge asks it. */
  portOf(owner: Owner): CallSigner {
    return {
      keys: () => this.#ask(owner, 'keys', (signer) => signer.keys()),
      sign: (request) =>
        this.#ask(owner, `sign ${request.calls.map(({ nonce }) => nonce)}`, (signer) => signer.sign(request)),
      withdraw: (callId) => this.#ask(owner, `withdraw ${callId.slice(0, 8)}`, (signer) => signer.withdraw(callId)),
    };
  }

  async #ask<Answer>(owner: Owner, label: string, ask: (signer: CallSigner) => Promise<Answer>): Promise<Answer> {
    const said = await this.#parts.gate.pass(owner, 'signer request', label, async () => {
      if (this.#draw(this.faults.requestLost, 'signer request lost')) throw unavailable();
      const given = await ask(this.#signer).catch((error: unknown) => this.#callSomebody(error));
      if (this.#draw(this.faults.killed, 'signer killed')) {
        this.#restart();
        throw unavailable();
      }
      if (this.#draw(this.faults.replyLost, 'signer reply lost')) throw unavailable();
      return { given };
    });
    return said.given;
  }

  /** Somebody is woken up, finds out what was spent elsewhere, says so in the policy, and starts the signer again. */
  #callSomebody(error: unknown): never {
    if (error instanceof SettlementError && error.code === 'SIGNER_STORE_BEHIND') this.#restart();
    throw error;
  }

  #draw(probability: number, kind: string): boolean {
    if (probability === 0 || !this.#parts.chance.happens(probability)) return false;
    this.onFault(kind);
    return true;
  }

  #restart(): void {
    if (!this.#remembers) return;
    this.#core = this.#start();
    this.#signer = signThrough(this.#core);
  }

  #start(): SignerCore {
    const { gate, world, chain, finalityDepth } = this.#parts;
    const key = lower(OPERATOR.address);
    // Somebody has looked at what was spent elsewhere before the signer comes back.
    const acceptedNonces = chain.takenBelow > 0 ? { [key]: chain.takenBelow } : {};
    return new SignerCore({
      policy: { ...policyOf(finalityDepth), acceptedNonces },
      file: fileOn(this.#disk),
      keys: [{ address: key, sign: (transaction) => OPERATOR.signTransaction(transaction), close: () => {} }],
      chain: {
        spentNonces: async (address) => chain.nextNonce(address),
        finalNonces: async (address) => finalState(chain, finalityDepth)?.nonces.get(address) ?? 0,
        captured: async (name) => {
          return finalState(chain, finalityDepth)?.payments.get(name)?.refundable ?? 0n;
        },
        isSwept: async (deposit) => {
          return finalState(chain, finalityDepth)?.sweptDeposits.has(depositAddressOf(DEPLOYMENT, deposit)) ?? false;
        },
        holdsRole: async () => true,
      },
      clock: gate.clockOf(world),
    });
  }
}

function finalState(chain: ChainModel, finalityDepth: number) {
  return chain.blocks[chain.head.height - finalityDepth]?.state;
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
  const { chainId, escrow, wallet, feeReceiver, deposits, tokenDomains } = DEPLOYMENT;
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
      deposits: lower(deposits),
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

function unavailable(): SettlementError {
  return new SettlementError('SIGNER_UNAVAILABLE', 'the signer does not answer');
}
