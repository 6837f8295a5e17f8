/** Latencies in buckets of 5 %, so that half an hour of them is a few hundred numbers that can be kept and added up. */
export class Latencies {
  readonly #buckets: number[];

  constructor(buckets: readonly number[] = []) {
    this.#buckets = [...buckets];
  }

  get count(): number {
    return this.#buckets.reduce((sum, one) => sum + (one ?? 0), 0);
  }

  add(milliseconds: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log(Math.max(milliseconds, SMALLEST) / SMALLEST) / Math.log(GROWTH)));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }

  addAll(other: Latencies): void {
    for (const [bucket, count] of other.#buckets.entries()) {
      this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + (count ?? 0);
    }
  }

  /** The upper end of the bucket below which `share` of all lie; 0 without any. */
  percentile(share: number): number {
    const wanted = this.count * share;
    let seen = 0;
    for (const [bucket, count] of this.#buckets.entries()) {
      seen += count ?? 0;
      if (seen >= wanted && seen > 0) return SMALLEST * GROWTH ** bucket;
    }
    return 0;
  }

  toJSON(): readonly number[] {
    return Array.from(this.#buckets, (count) => count ?? 0);
  }
}

const SMALLEST = 0.1;
const GROWTH = 1.05;
