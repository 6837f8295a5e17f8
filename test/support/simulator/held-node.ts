import type { Address, Hex } from '../../../bridge/chain/domain.ts';
import { NATIVE_TOKEN } from '../../../bridge/chain/escrow.ts';
import type { ChainNode } from '../../../bridge/chain/node.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { ChainModel, ModelBlock } from './chain-model.ts';
import type { Gate, Owner } from './gate.ts';
import type { SeededChance } from './seeded-chance.ts';

export type NodeFaults = Readonly<{
  requestLost: number;
  replyLost: number;
  /** A node behind: it knows nothing of the newest blocks. */
  stale: number;
  /** It says that it has no receipt of what is there. */
  missingReceipt: number;
  /** It is on the branch that lost. */
  dissenting: number;
  /** It takes a transaction and forgets it. */
  forgets: number;
  /** It says of a call that it will never take it. */
  refusesForGood: number;
  /** It says what is not so; only where others can say better. */
  lies: number;
}>;

export const NO_NODE_FAULTS: NodeFaults = {
  requestLost: 0,
  replyLost: 0,
  stale: 0,
  missingReceipt: 0,
  dissenting: 0,
  forgets: 0,
  refusesForGood: 0,
  lies: 0,
};
const FURTHEST_BEHIND = 2;

/** A node as one process of the bridge asks it: each question and each answer passes the gate. */
export class HeldNode implements ChainNode {
  readonly chainId: number;
  readonly #gate: Gate;
  readonly #owner: Owner;
  readonly #chain: ChainModel;
  readonly #chance: SeededChance;
  readonly #faults: () => NodeFaults;
  readonly #onFault: (kind: string) => void;
  /** Of several nodes one at a time is wrong; a node alone may always be. */
  readonly #mayBeWrong: () => boolean;

  constructor(
    world: Readonly<{
      gate: Gate;
      chain: ChainModel;
      chance: SeededChance;
      nodeFaults: () => NodeFaults;
      onFault: (kind: string) => void;
      mayBeWrong: () => boolean;
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
    this.#mayBeWrong = world.mayBeWrong;
  }

  head(): Promise<number> {
    return this.#ask('head', () => this.#view().length - 1);
  }

  block(height: number) {
    return this.#ask(`block ${height}`, () => blockAt(this.#chain, height, this.#view()));
  }

  blocks(from: number, to: number) {
    return this.#ask(`blocks ${from} to ${to}`, () => {
      const view = this.#view();
      return Array.from({ length: to - from + 1 }, (_, index) => blockAt(this.#chain, from + index, view));
    });
  }

  logs(from: number, to: number, addresses: readonly Address[]) {
    return this.#ask(`logs ${from} to ${to}`, () => {
      const view = this.#view();
      // A node that lags refuses a range it does not have.
      if (to >= view.length) throw unavailable('block range is beyond the head');
      return this.#logsAt(
        Array.from({ length: to - from + 1 }, (_, index) => from + index),
        view,
        addresses,
      );
    });
  }

  logsOf(blockHashes: readonly Hex[], addresses: readonly Address[]) {
    if (blockHashes.length === 0) return Promise.resolve([]);
    return this.#ask(`logs of ${blockHashes.map((hash) => hash.slice(0, 10))}`, () => {
      const view = this.#view();
      const heights = blockHashes.map((hash) => view.findIndex((block) => block.hash === hash));
      if (heights.includes(-1)) throw unavailable('unknown block');
      return this.#logsAt(heights, view, addresses);
    });
  }

  transfersOf(blockHashes: readonly Hex[], recipients: readonly Address[]) {
    if (blockHashes.length === 0) return Promise.resolve([]);
    return this.#ask(`transfers of ${blockHashes.map((hash) => hash.slice(0, 10))}`, () => {
      const view = this.#view();
      const heights = blockHashes.map((hash) => view.findIndex((block) => block.hash === hash));
      if (heights.includes(-1)) throw unavailable('unknown block');
      return heights.flatMap((height) => this.#chain.transfersAt(height, recipients, view));
    });
  }

  receipt(chainHash: Hex) {
    return this.#ask(`receipt ${chainHash.slice(0, 10)}`, () => {
      const found = this.#chain.receipt(chainHash, this.#view());
      if (found && this.#isWrong(this.#faults().missingReceipt, 'receipt withheld')) return undefined;
      return found && this.#isWrong(this.#faults().lies, 'lying node')
        ? { ...found, succeeded: !found.succeeded }
        : found;
    });
  }

  revertReason(chainHash: Hex) {
    return this.#ask(`revert reason ${chainHash.slice(0, 10)}`, () => {
      const view = this.#view();
      if (!this.#chain.receipt(chainHash, view)) throw unavailable('unknown transaction');
      return this.#chain.revertReason(chainHash, view);
    });
  }

  send(raw: Hex) {
    return this.#ask(`send ${raw.slice(-8)}`, () => {
      const decide = () => this.#draw(this.#faults().refusesForGood, 'call refused for good');
      if (this.#chain.refusesForGood(raw, decide)) throw new SettlementError('CHAIN_CALL_REFUSED', 'intrinsic gas');
      if (this.#chain.isPoor) throw new SettlementError('OPERATOR_FUNDS_MISSING', 'insufficient funds');
      if (this.#isWrong(this.#faults().forgets, 'transaction forgotten')) return 'accepted' as const;
      return this.#chain.submit(raw);
    });
  }

  gasPrice(): Promise<bigint> {
    return this.#ask('gas price', () => this.#chain.gasPrice);
  }

  nextNonce(address: Address): Promise<number> {
    return this.#ask('next nonce', () => this.#chain.nextNonce(address.toLowerCase() as Address));
  }

  spentNonces(address: Address, blockHash: Hex): Promise<number> {
    return this.#ask(`nonces spent by ${blockHash.slice(0, 10)}`, () => {
      const block = this.#view().find(({ hash }) => hash === blockHash);
      if (!block) throw unavailable('unknown block');
      const spent = block.state.nonces.get(address.toLowerCase()) ?? 0;
      return this.#isWrong(this.#faults().lies, 'lying node') ? spent + 5 : spent;
    });
  }

  coinsAt(owner: Address, blockHash: Hex): Promise<bigint> {
    return this.#ask('coins', () => {
      const block = this.#view().find(({ hash }) => hash === blockHash);
      if (!block) throw unavailable('unknown block');
      return block.state.balanceOf(NATIVE_TOKEN, owner);
    });
  }

  balance(token: Address, owner: Address, height: number): Promise<bigint> {
    return this.#ask('balance', () => this.#chain.blocks[height]!.state.balanceOf(token, owner));
  }

  /** What the node that happens to answer knows: the chain, a chain without its newest blocks, or the losing branch. */
  #view(): readonly ModelBlock[] {
    const { dissenting, stale } = this.#faults();
    const { blocks, lostBranch } = this.#chain;
    if (lostBranch && this.#isWrong(dissenting, 'dissenting node')) return lostBranch;
    if (!this.#isWrong(stale, 'stale node')) return blocks;
    return blocks.slice(0, Math.max(1, blocks.length - this.#chance.between(1, FURTHEST_BEHIND)));
  }

  #logsAt(heights: readonly number[], view: readonly ModelBlock[], addresses: readonly Address[]) {
    const wanted = new Set(addresses.map((address) => address.toLowerCase()));
    const found = heights
      .flatMap((height) => this.#chain.logsAt(height, view))
      .filter(({ address }) => wanted.has(address));
    return found.length > 0 && this.#isWrong(this.#faults().lies, 'lying node') ? found.slice(1) : found;
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

  #isWrong(probability: number, kind: string): boolean {
    return this.#mayBeWrong() && this.#draw(probability, kind);
  }

  #draw(probability: number, kind: string): boolean {
    if (probability === 0 || !this.#chance.happens(probability)) return false;
    this.#onFault(kind);
    return true;
  }
}

function blockAt(chain: ChainModel, height: number, view: readonly ModelBlock[]) {
  const block = chain.observed(height, view);
  if (!block) throw unavailable(`no block ${height}`);
  return block;
}

function unavailable(message: string): SettlementError {
  return new SettlementError('CHAIN_UNAVAILABLE', message);
}
