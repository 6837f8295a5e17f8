/** What happened to coins, block by block, of one branch of the chain: blocks can be given up again. */
import type { Address, Hex } from '../../chain/domain.ts';
import { placeKey } from '../security-element/domain.ts';
import type { FoundStep } from './steps.ts';

export type IndexedBlock = Readonly<{ height: number; hash: Hex; parentHash: Hex; time: number }>;

type Indexed = FoundStep & Readonly<{ height: number }>;

/** Pure bookkeeping; register-client/chain-register.ts feeds it. */
export class StepIndex {
  readonly #steps = new Map<string, Indexed>();
  readonly #coinsOf = new Map<Address, Set<bigint>>();
  readonly #freed = new Set<bigint>();
  /** Blocks that may be given up, lowest first. */
  #recent: readonly IndexedBlock[] = [];
  #height: number;

  /** Nothing of the register is older than `firstHeight`. */
  constructor(firstHeight: number) {
    this.#height = firstHeight - 1;
  }

  /** Up to here everything is known. */
  get height(): number {
    return this.#height;
  }

  get recent(): readonly IndexedBlock[] {
    return this.#recent;
  }

  get freed(): readonly bigint[] {
    return [...this.#freed];
  }

  /** Steps up to this height, of which none can be given up any more. */
  addFinal(steps: readonly Indexed[], height: number): void {
    for (const found of steps) this.#add(found);
    this.#height = height;
    this.#recent = [];
  }

  /** The block after the last; `finalHeight` and below are not given up. */
  addBlock(block: IndexedBlock, steps: readonly FoundStep[], finalHeight: number): void {
    for (const found of steps) this.#add({ ...found, height: block.height });
    this.#height = block.height;
    // One that is final stays to be the parent of the next.
    this.#recent = [...this.#recent.filter(({ height }) => height >= finalHeight), block];
  }

  /** Gives up every block above this height. */
  giveUpAbove(height: number): void {
    for (const [key, found] of this.#steps) if (found.height > height) this.#steps.delete(key);
    this.#recent = this.#recent.filter((block) => block.height <= height);
    this.#height = Math.min(this.#height, height);
  }

  at(key: string): Indexed | undefined {
    return this.#steps.get(key);
  }

  /** Coins that have ever been with this key: where to look, not what it has. */
  coinsOf(owner: Address): readonly bigint[] {
    return [...(this.#coinsOf.get(owner.toLowerCase() as Address) ?? [])];
  }

  #add(found: Indexed): void {
    const { place, step } = found;
    this.#steps.set(placeKey(place), found);
    const owner = step.newOwner.toLowerCase() as Address;
    const coins = this.#coinsOf.get(owner) ?? new Set();
    this.#coinsOf.set(owner, coins.add(place.coin));
    const isFree = step.kind === 'Redeem' || /^0x0+$/.test(owner);
    if (isFree) this.#freed.add(place.coin);
    else this.#freed.delete(place.coin);
  }
}
