import type { Answer, Doorbells } from '../../../bridge/platform/doorbells.ts';
import type { Gate, Owner } from './gate.ts';
import type { SeededChance } from './seeded-chance.ts';

export type QueueFaults = Readonly<{ lost: number; doubled: number; late: number }>;
export const NO_QUEUE_FAULTS: QueueFaults = { lost: 0, doubled: 0, late: 0 };

const MOST_WAITING_JOBS = 2;
const SWEEP_MILLISECONDS = 6_000;
const LONGEST_DELAY_MILLISECONDS = 3_000;

type Listener = { owner: Owner; answers: Readonly<Record<string, Answer>>; busy: Set<string> };

/** The queue that all processes share: jobs carry nothing, and may be lost, doubled, late, or rung by nobody. */
export class HeldQueue {
  readonly #gate: Gate;
  readonly #world: Owner;
  readonly #chance: SeededChance;
  readonly #listeners: Listener[] = [];
  readonly #waiting = new Map<string, number>();
  faults: QueueFaults = NO_QUEUE_FAULTS;
  onFault: (kind: string) => void = () => {};
  sweeps = true;

  constructor(gate: Gate, world: Owner, chance: SeededChance) {
    this.#gate = gate;
    this.#world = world;
    this.#chance = chance;
  }

  get isIdle(): boolean {
    return (
      this.#listeners.every(({ busy }) => busy.size === 0) && [...this.#waiting.values()].every((jobs) => jobs === 0)
    );
  }

  doorbellsOf(owner: Owner): Doorbells {
    return {
      ring: (consumer) => {
        if (!owner.alive) return;
        if (this.#chance.happens(this.faults.lost)) {
          this.onFault('job lost');
          return;
        }
        this.ring(consumer);
        if (this.#chance.happens(this.faults.doubled)) {
          this.onFault('job doubled');
          this.ring(consumer);
        }
      },
      start: async (answers) => {
        const listener: Listener = { owner, answers, busy: new Set() };
        this.#listeners.push(listener);
        owner.whenKilled(() => {
          this.#listeners.splice(this.#listeners.indexOf(listener), 1);
        });
        void this.#sweep(owner, Object.keys(answers));
      },
      close: async () => {},
    };
  }

  /** Whoever listens takes it up when the seed says so; a forged ring is one like any other. */
  ring(consumer: string): void {
    const waiting = this.#waiting.get(consumer) ?? 0;
    if (waiting >= MOST_WAITING_JOBS) return;
    this.#waiting.set(consumer, waiting + 1);
    const isLate = this.#chance.happens(this.faults.late);
    if (isLate) this.onFault('job late');
    const wait = isLate ? this.#chance.below(LONGEST_DELAY_MILLISECONDS) : 0;
    void this.#gate.pass(this.#world, 'job', consumer, () => this.#take(consumer), wait);
  }

  #take(consumer: string): void {
    this.#waiting.set(consumer, (this.#waiting.get(consumer) ?? 1) - 1);
    const free = this.#listeners.filter(({ answers, busy }) => consumer in answers && !busy.has(consumer));
    // Nobody is free: the queue keeps it, and whoever is done asks again; here the next sweep does.
    if (free.length === 0) return;
    const { answers, busy } = this.#chance.pick(free);
    busy.add(consumer);
    const done = () => busy.delete(consumer);
    answers[consumer]!().then(done, done);
  }

  async #sweep(owner: Owner, consumers: readonly string[]): Promise<void> {
    const timers = this.#gate.timersOf(owner);
    for (;;) {
      if (this.sweeps) for (const consumer of consumers) this.ring(consumer);
      await timers.wait(SWEEP_MILLISECONDS);
    }
  }
}
