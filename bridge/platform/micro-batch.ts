import { createGatherer, type Gatherer } from '../../ledger-service/platform/gatherer.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../ledger-service/vocabulary/identifiers.ts';
import { nameOf, type OnceRequest } from './once.ts';

/** What became of one command of a batch; a refusal of business is its own, and its neighbours stand. */
export type Attempt<Result> = Readonly<{ ok: true; result: Result } | { ok: false; error: unknown }>;

/** One command of a batch has to be undone by itself: the whole is undone, and each is tried alone. */
export class BatchMustSplit extends Error {}

const LARGEST_BATCH = 128;

/**
 * Has commands of many callers done together, a database transaction for each batch and shard (design: lock and load
 * for all at once, decide each purely and in order, write once, answer each on its own).
 *
 * Shape:  `work` is given commands of one shard, no idempotency key twice among them, and answers each
 * Errors: thrown to the one caller whose command was refused; LEDGER_UNAVAILABLE to every caller of the batch
 */
export function createMicroBatch<Command extends Readonly<{ once: OnceRequest }>, Result>(
  work: (commands: readonly Command[]) => Promise<readonly Attempt<Result>[]>,
): Readonly<{ add(command: Command): Promise<Result> }> {
  const gatherers = new Map<Shard, Gatherer<Command, Attempt<Result>>>();
  const gathererOf = (shard: Shard) => {
    const known = gatherers.get(shard);
    if (known) return known;
    const gatherer = createGatherer<Command, Attempt<Result>>({
      work: (commands) => withoutRepetition(commands, work),
      largestBatch: LARGEST_BATCH,
      concurrentBatches: 1,
      isOneCommandsFault: (error) => !(error instanceof SettlementError && error.code === 'LEDGER_UNAVAILABLE'),
    });
    gatherers.set(shard, gatherer);
    return gatherer;
  };
  return {
    async add(command) {
      const attempt = await gathererOf(command.once.shard).add(command);
      if (attempt.ok) return attempt.result;
      throw attempt.error;
    },
  };
}

/** The same key twice in one batch: the second comes after the first, and finds its answer. */
async function withoutRepetition<Command extends Readonly<{ once: OnceRequest }>, Result>(
  commands: readonly Command[],
  work: (commands: readonly Command[]) => Promise<readonly Attempt<Result>[]>,
): Promise<readonly Attempt<Result>[]> {
  const seen = new Set<string>();
  const first: number[] = [];
  const repeated: number[] = [];
  for (const [index, { once }] of commands.entries()) {
    (seen.has(nameOf(once)) ? repeated : first).push(index);
    seen.add(nameOf(once));
  }
  const answers: Attempt<Result>[] = [];
  const together = await work(first.map((index) => commands[index]!));
  for (const [place, index] of first.entries()) answers[index] = together[place]!;
  for (const index of repeated) {
    const [alone] = await work([commands[index]!]);
    answers[index] = alone!;
  }
  return answers;
}
