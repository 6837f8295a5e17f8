import type { Address, Hex } from '../../../bridge/chain/domain.ts';
import type { ChainNode } from '../../../bridge/chain/node.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { ChainModel } from './chain-model.ts';
import type { Gate, Owner } from './gate.ts';
import type { SeededChance } from './seeded-chance.ts';

export type NodeFaults = Readonly<{
  requestLost: number;
  replyLost: number;
  /** A node behind: it knows nothing of the newest blocks. */
  stale: number;
  /** It says that it has no receipt of what is there. */
  missingReceipt: number;
  /** It takes a transaction and forgets it. */
  forgets: number;
}>;

export const NO_NODE_FAULTS: NodeFaults = { requestLost: 0, replyLost: 0, stale: 0, missingReceipt: 0, forgets: 0 };
const FURTHEST_BEHIND = 2;
const GAS_PRICE = 1_000_000_000n;

/** A node as one process of the bridge asks it: each question and each answer passes the gate. */
export class HeldNode implements ChainNode {
  readonly chainId: number;
  readonly #gate: Gate;
  readonly #owner: Owner;
  readonly #chain: ChainModel;
  readonly #chance: SeededChance;
  readonly #faults: () => NodeFaults;
  readonly #onFault: (kind: string) => void;

  constructor(
    world: Readonly<{
      gate: Gate;
      chain: ChainModel;
      chance: SeededChance;
      nodeFaults: () => NodeFaults;
      onFault: (kind: string) => void;
    }>,
    owner: Owner,
  ) {
    this.chainId = world.chain.deployment.chainId;
    this.#gate = world.gate;
    this.#owner = owner;
    this.#chain = world.chain;
    this.#chance = world.chance;
    this.#faults = world.nodeFaults;
    this.#onFault = world.onFault;
  }

  head(): Promise<number> {
    return this.#ask('head', () => this.#newest());
  }

  block(height: number) {
    return this.#ask(`block ${height}`, () => this.#blockAt(height, this.#newest()));
  }

  blocks(from: number, to: number) {
    return this.#ask(`blocks ${from} to ${to}`, () => {
      const newest = this.#newest();
      return Array.from({ length: to - from + 1 }, (_, index) => this.#blockAt(from + index, newest));
    });
  }

  logs(from: number, to: number, addresses: readonly Address[]) {
    const wanted = new Set(addresses.map((address) => address.toLowerCase()));
    return this.#ask(`logs ${from} to ${to}`, () => {
      // A node that lags refuses a range it does not have.
      if (to > this.#newest()) throw unavailable('block range is beyond the head');
      return Array.from({ length: to - from + 1 }, (_, index) => this.#chain.logsAt(from + index))
        .flat()
        .filter(({ address }) => wanted.has(address));
    });
  }

  receipt(chainHash: Hex) {
    return this.#ask(`receipt ${chainHash.slice(0, 10)}`, () => {
      const newest = this.#newest();
      const found = this.#chain.receipt(chainHash);
      if (!found || found.height > newest || this.#draw(this.#faults().missingReceipt, 'receipt withheld')) {
        return undefined;
      }
      return found;
    });
  }

  send(raw: Hex) {
    return this.#ask(`send ${raw.slice(-8)}`, () => {
      if (this.#draw(this.#faults().forgets, 'transaction forgotten')) return 'accepted' as const;
      return this.#chain.submit(raw);
    });
  }

  gasPrice(): Promise<bigint> {
    return this.#ask('gas price', () => GAS_PRICE + BigInt(this.#chain.head.height % 7) * 100_000_000n);
  }

  nextNonce(address: Address): Promise<number> {
    return this.#ask('next nonce', () => this.#chain.nextNonce(address.toLowerCase() as Address));
  }

  balance(token: Address, owner: Address, height: number): Promise<bigint> {
    return this.#ask('balance', () => this.#chain.blocks[height]!.state.balanceOf(token, owner));
  }

  #newest(): number {
    const behind = this.#draw(this.#faults().stale, 'stale node') ? this.#chance.between(1, FURTHEST_BEHIND) : 0;
    return Math.max(0, this.#chain.head.height - behind);
  }

  #blockAt(height: number, newest: number) {
    const block = height > newest ? undefined : this.#chain.observed(height);
    if (!block) throw unavailable(`no block ${height}`);
    return block;
  }

  async #ask<Answer>(label: string, answer: () => Answer): Promise<Answer> {
    const said = await this.#gate.pass(this.#owner, 'chain request', label, () => {
      if (this.#draw(this.#faults().requestLost, 'chain request lost')) throw unavailable('timeout');
      const given = answer();
      if (this.#draw(this.#faults().replyLost, 'chain reply lost')) throw unavailable('timeout');
      return { given };
    });
    return said.given;
  }

  #draw(probability: number, kind: string): boolean {
    if (probability === 0 || !this.#chance.happens(probability)) return false;
    this.#onFault(kind);
    return true;
  }
}

function unavailable(message: string): SettlementError {
  return new SettlementError('CHAIN_UNAVAILABLE', message);
}
