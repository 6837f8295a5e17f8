import type { Address } from '../../../bridge/chain/domain.ts';
import type { ChainModel } from './chain-model.ts';
import type { Gate, Owner } from './gate.ts';
import type { SeededChance } from './seeded-chance.ts';
import { OPERATOR } from './simulated-world.ts';

export type MinerParts = Readonly<{
  gate: Gate;
  world: Owner;
  chain: ChainModel;
  chance: SeededChance;
  finalityDepth: number;
  isFaulty: () => boolean;
  onFault: (kind: string) => void;
}>;

const BLOCK_MILLISECONDS = 2_000;
const MOST_REORGANISATIONS = 3;
const MOST_IN_A_BLOCK = 20;
/** How many nodes a bridge asks that asks several. */
export const NODES = 3;

/** Makes the chain go on: blocks, pools that forget, payers who offer more, reorganisations. */
export class Miner {
  readonly #parts: MinerParts;
  #reorganisations = 0;
  #hasLeft = false;
  #blocksAway = 0;
  #hasTaken = false;

  constructor(parts: MinerParts) {
    this.#parts = parts;
  }

  async mine(): Promise<void> {
    const { gate, world, chance } = this.#parts;
    const timers = gate.timersOf(world);
    for (;;) {
      await timers.wait(Math.floor(BLOCK_MILLISECONDS * (0.5 + chance.fraction())));
      await gate.pass(world, 'mine', 'a block', () => this.#block());
    }
  }

  #block(): void {
    const { gate, chain, chance, isFaulty } = this.#parts;
    const at = new Date(gate.time);
    if (chain.isAway && (!isFaulty() || this.#blocksAway === 0)) {
      chain.rejoin();
      gate.trace.write('    the branch that was final is back');
    } else if (chain.isAway) this.#blocksAway -= 1;
    else if (isFaulty()) this.#misbehave(at);
    if (!isFaulty()) {
      chain.isPoor = false;
      chain.isPaused = false;
    }
    chain.remindWallets();
    const block = chain.mine(at, chance.happens(0.2) && isFaulty() ? 1 : MOST_IN_A_BLOCK);
    gate.trace.write(`    block ${block.height} ${block.hash.slice(0, 10)} with ${block.included.length}`);
  }

  #misbehave(at: Date): void {
    const { gate, chain, chance, onFault } = this.#parts;
    if (chance.happens(0.5) && chain.reprice(chance)) {
      onFault('transaction repriced');
      gate.trace.write('    a payer offers more for what waits');
    }
    if (chance.happens(0.1) && chain.dropOne(chance)) {
      onFault('transaction dropped');
      gate.trace.write('    the pool drops what waits');
    }
    this.#makeDear();
    if (this.#reorganisations < MOST_REORGANISATIONS && chance.happens(0.12)) this.#reorganise(at);
    else if (!this.#hasLeft && chain.head.height > 6 && chance.happens(0.05)) this.#leave();
  }

  /** Whatever the price is when faults end, it stays. */
  #makeDear(): void {
    const { gate, chain, chance, onFault } = this.#parts;
    if (chance.happens(0.06)) {
      chain.surge = chain.surge === 1n ? BigInt(chance.between(3, 12)) : 1n;
      if (chain.surge > 1n) onFault('fees risen');
      gate.trace.write(`    blocks cost ${chain.surge} times as much`);
    }
    if (chance.happens(chain.isPoor ? 0.4 : 0.04)) {
      chain.isPoor = !chain.isPoor;
      if (chain.isPoor) onFault('operator out of funds');
      gate.trace.write(`    the operator ${chain.isPoor ? 'has no' : 'has'} gas money`);
    }
    if (chance.happens(chain.isPaused ? 0.3 : 0.04)) {
      chain.isPaused = !chain.isPaused;
      if (chain.isPaused) onFault('token paused');
      gate.trace.write(`    the token ${chain.isPaused ? 'is paused' : 'moves again'}`);
    }
    if (!this.#hasTaken && chain.nextNonce(OPERATOR.address.toLowerCase() as Address) > 0 && chance.happens(0.08)) {
      this.#hasTaken = true;
      chain.takeNonce();
      onFault('nonce taken');
      gate.trace.write('    somebody else takes a nonce of the operator');
    }
  }

  #reorganise(at: Date): void {
    const { gate, chain, chance, finalityDepth, onFault } = this.#parts;
    const depth = chance.between(1, finalityDepth);
    this.#reorganisations += 1;
    onFault('reorganisation');
    const undone = chain.undo(depth, () => chance.happens(0.2));
    for (let block = 1; block < undone; block += 1) chain.mine(at, chance.between(0, 3));
    gate.trace.write(`    ${undone} blocks lost`);
  }

  /** Blocks that were final are gone for a while, on a branch too short to make anything final itself. */
  #leave(): void {
    const { gate, chain, chance, finalityDepth, onFault } = this.#parts;
    this.#hasLeft = true;
    onFault('reorganisation beyond final');
    const depth = finalityDepth + chance.between(2, 3);
    chain.leave(depth);
    this.#blocksAway = chance.between(1, 2);
    gate.trace.write(`    ${depth} blocks lost, some of them final`);
  }
}
