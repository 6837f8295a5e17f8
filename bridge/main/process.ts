import { systemTimers } from '../../ledger-service/platform/ports.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Drain } from '../platform/health.ts';
import type { Bridge } from './wiring.ts';

/** Readiness says no first, for as long as whoever sends requests here needs to notice. */
export async function drained({ timers, configuration }: Bridge, drain: Drain): Promise<void> {
  drain.isDraining = true;
  if (configuration.drainMilliseconds) await timers.wait(configuration.drainMilliseconds);
}

const FORCED_EXIT_AFTER_MILLISECONDS = 30_000;

/**
 * Runs one process of the bridge until it is told to stop, or until whoever started it is gone.
 *
 * Effects: a fault at start is written to standard error as one JSON line, with its code, and ends with code 1
 */
export async function runAsProcess(name: string, start: () => Promise<() => Promise<void>>): Promise<void> {
  let close: () => Promise<void>;
  try {
    close = await start();
  } catch (error) {
    const code = error instanceof SettlementError ? error.code : 'INTERNAL';
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${JSON.stringify({ event: `${name}.failed`, code, message })}\n`);
    if (code === 'INTERNAL' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  }
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    // What does not end by itself is ended; everything that counts is in Postgres.
    void systemTimers.wait(FORCED_EXIT_AFTER_MILLISECONDS).then(() => process.exit(0));
    close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('disconnect', stop);
}
