import type { ElementStore } from '../../../bridge/coins/security-element/store.ts';
import type { SeededChance } from '../simulator/seeded-chance.ts';

/** Thrown out of whatever was being done when the power went. */
export class PowerCut extends Error {}

export const CUTS = ['before', 'torn', 'after'] as const;
export type Cut = (typeof CUTS)[number];

/** A disk whose power goes at a chosen write: before it, in the middle of it, or just after it. */
export class FaultyDisk {
  readonly #entries: string[] = [];
  readonly #chance: SeededChance;
  readonly #isForgetful: boolean;
  #checkpoint: string | undefined;
  #plan: { inWrites: number; cut: Cut } | undefined;
  /** Writes that a forgetful disk has acknowledged, and would lose. */
  #unsynced = 0;
  readonly cuts: Record<Cut, number> = { before: 0, torn: 0, after: 0 };

  constructor(chance: SeededChance, isForgetful = false) {
    this.#chance = chance;
    this.#isForgetful = isForgetful;
  }

  cutAt(inWrites: number, cut: Cut): void {
    this.#plan = { inWrites, cut };
  }

  heal(): void {
    this.#plan = undefined;
  }

  crash(): void {
    if (this.#isForgetful) this.#entries.splice(this.#entries.length - this.#unsynced);
    this.#unsynced = 0;
  }

  store(): ElementStore {
    return {
      load: async () => ({ checkpoint: this.#isForgetful ? undefined : this.#checkpoint, entries: [...this.#entries] }),
      append: async (number, entry) => {
        this.#unsynced = Math.min(2, this.#unsynced + 1);
        this.#write(entry, (written) => {
          this.#entries[number - 1] = written;
          this.#entries.length = number;
        });
      },
      saveCheckpoint: async (checkpoint) => {
        this.#write(checkpoint, (written) => {
          this.#checkpoint = written;
        });
      },
      close: async () => undefined,
    };
  }

  #write(whole: string, put: (written: string) => void): void {
    if (this.#plan && this.#plan.inWrites > 0) this.#plan.inWrites -= 1;
    const cut = this.#plan?.inWrites === 0 ? this.#plan.cut : undefined;
    if (cut) {
      this.#plan = undefined;
      this.cuts[cut] += 1;
    }
    if (cut === 'before') throw new PowerCut('the power went before a write');
    if (cut === 'torn') put(tear(whole, this.#chance));
    else put(whole);
    if (cut) throw new PowerCut(`the power went: ${cut}`);
  }
}

function tear(whole: string, chance: SeededChance): string {
  const kept = whole.slice(0, chance.below(whole.length));
  return chance.happens(0.5) ? kept : kept.padEnd(whole.length, '\0');
}
