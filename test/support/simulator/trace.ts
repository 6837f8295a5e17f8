import { createHash } from 'node:crypto';

const LAST_LINES = 400;

/** What happened, step by step: a digest over every line, and the last lines to read. */
export class Trace {
  readonly #digest = createHash('sha256');
  readonly #lines: string[] = [];
  readonly #keepAll: boolean;
  length = 0;

  constructor(keepAll = false) {
    this.#keepAll = keepAll;
  }

  write(line: string): void {
    this.#digest.update(line).update('\n');
    this.#lines.push(line);
    this.length += 1;
    if (!this.#keepAll && this.#lines.length > 2 * LAST_LINES) this.#lines.splice(0, LAST_LINES);
  }

  last(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  digest(): string {
    return this.#digest.copy().digest('hex');
  }
}
