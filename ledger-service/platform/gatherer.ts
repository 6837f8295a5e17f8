import { keepingTrace } from './tracing.ts';

/**
 * Gathers what many callers ask for at the same time, and has it done together.
 *
 * Shape:   one command → its own result; `work` is given commands in the order in which they came, and answers each
 * Effects: when nothing is under way, what came in the same turn of the event loop goes off at once; while as many
 *          batches are under way as may be, commands wait for one to end, and go together
 * Errors:  whatever `work` throws is thrown to every caller of that batch; where `isOneCommandsFault` says so, each is
 *          tried by itself first, so that one bad command does not fail its neighbours
 */
export type Gatherer<Command, Result> = Readonly<{
  add(command: Command): Promise<Result>;
  /** Resolves once everything that was added has been answered. */
  idle(): Promise<void>;
}>;

type Waiting<Command, Result> = Readonly<{
  command: Command;
  resolve(result: Result): void;
  reject(reason: unknown): void;
  /** Has the work go on in the trace of whoever asked for it. */
  inTrace: ReturnType<typeof keepingTrace<Promise<readonly Result[]>>>;
}>;

export function createGatherer<Command, Result>(options: {
  work(commands: readonly Command[]): Promise<readonly Result[]>;
  largestBatch: number;
  /** How many batches may be under way at once. */
  concurrentBatches: number;
  isOneCommandsFault(error: unknown): boolean;
}): Gatherer<Command, Result> {
  let waiting: Waiting<Command, Result>[] = [];
  let underWay = 0;
  let isScheduled = false;
  let idlers: (() => void)[] = [];

  const flush = () => {
    isScheduled = false;
    while (waiting.length > 0 && underWay < options.concurrentBatches) {
      const batch = waiting.slice(0, options.largestBatch);
      waiting = waiting.slice(options.largestBatch);
      underWay += 1;
      void run(batch);
    }
    if (waiting.length === 0 && underWay === 0) {
      for (const resolve of idlers) resolve();
      idlers = [];
    }
  };
  /**
   * Callers that were answered together mostly ask again in the same turn: the flush waits until they have, that is until
   * no promise is left to be told. Not with setImmediate: what the driver is asked to send from there it sends a turn
   * later, and a connection that closes in between is never usable again (postgres 3.4, `closed` in connection.js).
   */
  const schedule = () => {
    if (isScheduled || (underWay >= options.concurrentBatches && waiting.length > 0)) return;
    isScheduled = true;
    queueMicrotask(() => process.nextTick(flush));
  };
  const attempt = async (batch: readonly Waiting<Command, Result>[]): Promise<void> => {
    try {
      const work = () => options.work(batch.map(({ command }) => command));
      // Work that many share is the first one's in the trace.
      const results = await (batch[0]?.inTrace?.(work) ?? work());
      for (const [index, { resolve }] of batch.entries()) resolve(results[index]!);
    } catch (error) {
      if (batch.length === 1 || !options.isOneCommandsFault(error)) for (const { reject } of batch) reject(error);
      else for (const one of batch) await attempt([one]);
    }
  };
  const run = async (batch: readonly Waiting<Command, Result>[]) => {
    await attempt(batch);
    underWay -= 1;
    schedule();
  };
  return {
    add(command) {
      return new Promise((resolve, reject) => {
        waiting.push({ command, resolve, reject, inTrace: keepingTrace() });
        schedule();
      });
    },
    idle() {
      return new Promise((resolve) => {
        idlers.push(resolve);
        schedule();
      });
    },
  };
}
