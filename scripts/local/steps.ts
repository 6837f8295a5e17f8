/** Steps of a long start, each with its time; on a terminal the one under way is drawn again in its line. */
import { styleText } from 'node:util';

const QUIET_INTERVAL_MILLISECONDS = 5_000;
const DRAWN_INTERVAL_MILLISECONDS = 100;
const FIRST_LINE_AFTER_MILLISECONDS = 1_000;

export type Step = Readonly<{
  /** What it is doing now. */
  say(text: string): void;
  /** The same for something that changes all the time. */
  progress(text: string): void;
  done<Result>(text: string, result: Result): Result;
}>;

export class Steps {
  readonly #silent: boolean;
  readonly #isTerminal = process.stdout.isTTY === true;
  #drawn = false;

  constructor(silent: boolean) {
    this.#silent = silent;
  }

  async run<Result>(name: string, work: (step: Step) => Promise<Result>): Promise<Result> {
    const started = performance.now();
    let text = '';
    let outcome = '';
    let lastShown = started - QUIET_INTERVAL_MILLISECONDS + FIRST_LINE_AFTER_MILLISECONDS;
    const show = (interval: number) => {
      const now = performance.now();
      if (now - lastShown < interval) return;
      lastShown = now;
      this.#draw(`${this.#mark('▸', 'cyan')} ${name.padEnd(10)} ${text}`);
    };
    const interval = this.#isTerminal ? DRAWN_INTERVAL_MILLISECONDS : QUIET_INTERVAL_MILLISECONDS;
    const timer = setInterval(() => show(interval), interval);
    const step: Step = {
      say: (now) => {
        text = now;
        if (this.#isTerminal) show(0);
      },
      progress: (now) => {
        text = now;
        show(interval);
      },
      done: (words, result) => {
        outcome = words;
        return result;
      },
    };
    try {
      const result = await work(step);
      this.#finish(`${this.#mark('✔', 'green')} ${name.padEnd(10)} ${outcome.padEnd(52)} ${secondsSince(started)}`);
      return result;
    } catch (error) {
      this.#finish(`${this.#mark('✖', 'red')} ${name.padEnd(10)} ${text}`);
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  close(): void {
    if (this.#drawn) process.stdout.write('\n');
    this.#drawn = false;
  }

  #draw(line: string): void {
    if (this.#silent) return;
    if (!this.#isTerminal) process.stdout.write(`${line}\n`);
    else {
      const width = Math.max(20, (process.stdout.columns ?? 80) - 1);
      process.stdout.write(`\r\u001b[2K${line.slice(0, width)}`);
      this.#drawn = true;
    }
  }

  #finish(line: string): void {
    if (this.#silent) return;
    process.stdout.write(this.#drawn ? `\r\u001b[2K${line}\n` : `${line}\n`);
    this.#drawn = false;
  }

  #mark(mark: string, colour: 'cyan' | 'green' | 'red'): string {
    return this.#isTerminal ? styleText(colour, mark) : mark;
  }
}

function secondsSince(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`;
}
