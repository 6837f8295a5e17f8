/** What time it is in the books. A day's run follows its file's clock; nothing else reads the machine's. */
export interface Clock {
  now(): Date;
}

/** Waiting as a port: a simulation decides when a wait is over. Rejects with the signal's reason when it is aborted. */
export interface Timers {
  wait(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** Unpredictable bytes in production, a seeded stream in a simulation. */
export interface Chance {
  bytes(length: number): Uint8Array;
}
