const MILLISECONDS = 1000;

/**
 * The clock of the local chain. It ticks at the machine's rate from where it was put, can be moved forward,
 * never goes back and never passes the machine's clock. Block timestamps are whole seconds of it.
 */
export class ChainClock {
  readonly #machine: () => number;
  #at: number;
  #machineAt: number;

  /** Units: `at` and what `machine` answers are milliseconds since 1970. */
  constructor(machine: () => number, at: number) {
    this.#machine = machine;
    this.#at = at;
    this.#machineAt = machine();
  }

  now(): number {
    const machine = this.#machine();
    return Math.min(this.#at + Math.max(0, machine - this.#machineAt), machine);
  }

  /** Moves to `time`, as far as it lies between now and the machine's clock; answers the time after it. */
  moveTo(time: number): number {
    const now = this.now();
    const machine = this.#machine();
    this.#at = Math.max(now, Math.min(time, machine));
    this.#machineAt = machine;
    return this.now();
  }

  /**
   * The timestamp of the next block, in seconds, after a parent of `parent` seconds.
   *
   * Shape: `waitMilliseconds` is how long the machine's clock needs to reach it; 0 when the block may be mined now
   */
  nextTimestamp(parent: number): Readonly<{ timestamp: number; waitMilliseconds: number }> {
    const timestamp = Math.max(parent + 1, Math.floor(this.now() / MILLISECONDS));
    return { timestamp, waitMilliseconds: Math.max(0, timestamp * MILLISECONDS - this.#machine()) };
  }
}
