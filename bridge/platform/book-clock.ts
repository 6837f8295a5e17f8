import type { Database } from '../../ledger-service/platform/database.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Clock, Timers } from '../../ledger-service/vocabulary/time.ts';
import { readSetting, writeSetting } from './settings.ts';

type Reading = Readonly<{ at: number; machine: number }>;
const SETTING = 'book-clock';
const READ_EVERY_MILLISECONDS = 200;

/**
 * The books' clock. In a local run it can be set, so that a day of the past is settled on that day's own time.
 *
 * It ticks at the machine's rate from where it was set, never goes back, and never passes the machine's clock.
 */
export class BookClock implements Clock {
  readonly #machine: Clock;
  readonly #database: Database | undefined;
  #reading: Reading | undefined;

  private constructor(machine: Clock, database?: Database, reading?: Reading) {
    this.#machine = machine;
    this.#database = database;
    this.#reading = reading;
  }

  /** The machine's own time; nobody can set it. */
  static followingMachine(machine: Clock): BookClock {
    return new BookClock(machine);
  }

  /** Goes on where it was left; new books begin at `startsAt`. */
  static async settable(database: Database, machine: Clock, startsAt: Date): Promise<BookClock> {
    const stored = (await readSetting(database.drizzle, SETTING)) as Reading | undefined;
    const reading = stored ?? { at: startsAt.getTime(), machine: machine.now().getTime() };
    if (!stored) await writeSetting(database.drizzle, SETTING, reading);
    return new BookClock(machine, database, reading);
  }

  /**
   * Hears of what other processes set, until it is told to stop; returns at once where nothing can be set.
   *
   * Errors: none; what could not be read is read the next time
   */
  async keepReading(timers: Timers, signal: AbortSignal): Promise<void> {
    const database = this.#database;
    if (!database) return;
    while (!signal.aborted) {
      const stored = await readSetting(database.drizzle, SETTING).catch(() => undefined);
      if (stored) this.#adopt(stored as Reading);
      await timers.wait(READ_EVERY_MILLISECONDS, signal).catch(() => {});
    }
  }

  get isSettable(): boolean {
    return this.#reading !== undefined;
  }

  now(): Date {
    const machine = this.#machine.now();
    if (!this.#reading) return machine;
    const ticked = this.#reading.at + Math.max(0, machine.getTime() - this.#reading.machine);
    return new Date(Math.min(ticked, machine.getTime()));
  }

  /** Errors: thrown CLOCK_NOT_SETTABLE; CLOCK_TIME_UNSUITABLE for a time before now or after the machine's. */
  async set(time: Date): Promise<Date> {
    if (!this.#database) throw new SettlementError('CLOCK_NOT_SETTABLE', 'this clock is the machine’s own');
    const now = this.now();
    const machine = this.#machine.now();
    if (time < now || time > machine) {
      throw new SettlementError(
        'CLOCK_TIME_UNSUITABLE',
        `${time.toISOString()} is not between now and the wall clock`,
        {
          now: now.toISOString(),
          wallClock: machine.toISOString(),
        },
      );
    }
    const reading = { at: time.getTime(), machine: machine.getTime() };
    await writeSetting(this.#database.drizzle, SETTING, reading);
    this.#adopt(reading);
    return this.now();
  }

  /** Two may be under way at once: the clock never goes back. */
  #adopt(reading: Reading): void {
    if (this.#reading && reading.at - reading.machine < this.#reading.at - this.#reading.machine) return;
    this.#reading = reading;
  }
}
