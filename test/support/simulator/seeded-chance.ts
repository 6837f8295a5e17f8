/** A stream of chance that is the same for the same seed; what draws from a fork never shifts what others draw. */
export class SeededChance {
  #state: [number, number, number, number];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    this.#state = [hash(`${name}/a`), hash(`${name}/b`), hash(`${name}/c`), 1];
    for (let round = 0; round < 12; round += 1) this.#next();
  }

  fork(name: string): SeededChance {
    return new SeededChance(`${this.#name}/${name}`);
  }

  /** From 0 inclusive to 1 exclusive. */
  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  /** From 0 inclusive to `below` exclusive. */
  below(below: number): number {
    return Math.floor(this.fraction() * below);
  }

  between(lowest: number, highest: number): number {
    return lowest + this.below(highest - lowest + 1);
  }

  happens(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#next() & 255);
  }

  /** sfc32, a small generator that passes PractRand (C. Doty-Humphrey). */
  #next(): number {
    const [a, b, c, counter] = this.#state;
    const sum = (a + b + counter) | 0;
    this.#state = [b ^ (b >>> 9), (c + (c << 3)) | 0, (((c << 21) | (c >>> 11)) + sum) | 0, (counter + 1) | 0];
    return sum >>> 0;
  }
}

/** FNV-1a, finished as in MurmurHash3 so that close names are far apart. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
