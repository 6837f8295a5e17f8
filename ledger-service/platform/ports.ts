import { randomBytes } from 'node:crypto';
import { setTimeout as waitFor } from 'node:timers/promises';
import { encodeIdentifier, type IdentifierSource } from '../vocabulary/identifiers.ts';
import type { Chance, Clock, Timers } from '../vocabulary/time.ts';

/** The machine's own clock, timers and chance: the only place that reads them. */
export const systemClock: Clock = { now: () => new Date() };

export const systemTimers: Timers = {
  wait: async (milliseconds, signal) => {
    await waitFor(milliseconds, undefined, signal ? { signal } : {});
  },
};

export const systemChance: Chance = { bytes: (length) => randomBytes(length) };

export function createIdentifierSource(clock: Clock, chance: Chance): IdentifierSource {
  return {
    next: (prefix, shard) => encodeIdentifier(prefix, shard, clock.now().getTime(), chance.bytes(10)),
  };
}
