/** Moves the books' clock between lines, never in the middle of a step that depends on it. */
import { ApiProblem } from '../api-client.ts';

/** Many may pass while the clock stands; whoever moves it waits until all have passed. */
export class ClockGate {
  readonly #set: (time: Date) => Promise<void>;
  #current: Date | undefined;
  #inside = 0;
  #turn: Promise<void> = Promise.resolve();
  #empty: (() => void) | undefined;

  constructor(set: (time: Date) => Promise<void>) {
    this.#set = set;
  }

  /** Runs `step` while nobody moves the clock. */
  async during<Result>(step: () => Promise<Result>): Promise<Result> {
    await this.#turn;
    this.#inside += 1;
    try {
      return await step();
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) this.#empty?.();
    }
  }

  /** Moves the clock to `time`, unless it is there or past it already. */
  async advanceTo(time: Date): Promise<void> {
    if (this.#current && time <= this.#current) return;
    const before = this.#turn;
    let done = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await before;
      if (this.#inside > 0) {
        await new Promise<void>((resolve) => {
          this.#empty = resolve;
        });
        this.#empty = undefined;
      }
      await this.#set(time);
      this.#current = time;
    } catch (error) {
      // The clock is past this time already: books that were used before go on from where they are.
      if (!(error instanceof ApiProblem && error.problem.code === 'CLOCK_TIME_UNSUITABLE')) throw error;
      this.#current = time;
    } finally {
      done();
    }
  }
}
