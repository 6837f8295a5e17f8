/**
 * Where a device keeps its journal. A write has come to the disk when its promise is kept, and not before.
 *
 * A checkpoint is the state after so many entries; a store that lost it, or has an older one, is as good: the journal
 * alone says everything.
 */
export interface ElementStore {
  load(): Promise<Readonly<{ checkpoint: string | undefined; entries: readonly string[] }>>;
  /** Writes entry number `number`, counted from 1, in place of a torn one. */
  append(number: number, entry: string): Promise<void>;
  saveCheckpoint(checkpoint: string): Promise<void>;
  close(): Promise<void>;
}

/** Keeps nothing beyond its process; for tests and for trying things out. */
export class MemoryStore implements ElementStore {
  readonly entries: string[] = [];
  checkpoint: string | undefined;

  async load() {
    return { checkpoint: this.checkpoint, entries: [...this.entries] };
  }

  async append(number: number, entry: string): Promise<void> {
    this.entries[number - 1] = entry;
  }

  async saveCheckpoint(checkpoint: string): Promise<void> {
    this.checkpoint = checkpoint;
  }

  async close(): Promise<void> {}
}
