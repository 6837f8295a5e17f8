import { createGatherer, type Gatherer } from '../../../ledger-service/platform/gatherer.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import { createMicroBatch } from '../../platform/micro-batch.ts';
import { findOutcomes, type OnceClaim, type OnceRequest } from '../../platform/once.ts';
import { findInstruments, type Instrument } from '../instruments/operations.ts';
import type { Merchant } from '../participants/domain.ts';
import { findMerchants } from '../participants/operations.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { type CaptureCommand, type Captured, captureTogether } from './operations/capture-together.ts';
import { type Opened, type OpenPayment, openPayments } from './operations/open-payments.ts';
import { type RecordAnswer, recordAnswers } from './operations/record-answers.ts';
import type { PaymentView } from './view.ts';

/** The verbs that many ask for at once; each goes through batches of its own. */
export type HotPath = Readonly<{
  merchant(shard: Shard, participantId: string): Promise<Merchant>;
  instrument(shard: Shard, instrumentId: string): Promise<Instrument>;
  find(once: OnceRequest): Promise<OnceClaim<PaymentView> | undefined>;
  open(command: OpenPayment): Promise<Opened>;
  record(command: RecordAnswer): Promise<PaymentView>;
  capture(command: CaptureCommand): Promise<Captured>;
}>;

const LARGEST_READ = 256;
const CONCURRENT_READS = 4;
const hotPaths = new WeakMap<PaymentDependencies, HotPath>();

/** One hot path for each set of dependencies: a process has one. */
export function hotPathOf(dependencies: PaymentDependencies): HotPath {
  const known = hotPaths.get(dependencies);
  if (known) return known;
  const reads = createGatherer<OnceRequest, Awaited<ReturnType<typeof findOutcomes<PaymentView>>>[number]>({
    work: (requests) => findOutcomes<PaymentView>(dependencies.database, requests),
    largestBatch: LARGEST_READ,
    concurrentBatches: CONCURRENT_READS,
    isOneCommandsFault: () => false,
  });
  const merchants = new ReadTogether<Merchant>((shard, names) => findMerchants(dependencies.database, shard, names));
  const instruments = new ReadTogether<Instrument>((shard, names) =>
    findInstruments(dependencies.database, shard, names),
  );
  const open = createMicroBatch<OpenPayment, Opened>((commands) => openPayments(dependencies, commands));
  const record = createMicroBatch<RecordAnswer, PaymentView>((commands) => recordAnswers(dependencies, commands));
  const capture = createMicroBatch<CaptureCommand, Captured>((commands) => captureTogether(dependencies, commands));
  const hotPath: HotPath = {
    merchant: (shard, participantId) => merchants.read(shard, participantId),
    instrument: (shard, instrumentId) => instruments.read(shard, instrumentId),
    async find(once) {
      const found = await reads.add(once);
      if (found instanceof SettlementError) throw found;
      return found;
    },
    open: (command) => open.add(command),
    record: (command) => record.add(command),
    capture: (command) => capture.add(command),
  };
  hotPaths.set(dependencies, hotPath);
  return hotPath;
}

/** Rows that many ask for by name at once, read with one statement for each shard. */
class ReadTogether<Found> {
  readonly #read: (shard: Shard, names: readonly string[]) => Promise<readonly (Found | SettlementError)[]>;
  readonly #gatherers = new Map<Shard, Gatherer<string, Found | SettlementError>>();

  constructor(read: (shard: Shard, names: readonly string[]) => Promise<readonly (Found | SettlementError)[]>) {
    this.#read = read;
  }

  async read(shard: Shard, name: string): Promise<Found> {
    const found = await this.#gathererOf(shard).add(name);
    if (found instanceof SettlementError) throw found;
    return found;
  }

  #gathererOf(shard: Shard): Gatherer<string, Found | SettlementError> {
    const known = this.#gatherers.get(shard);
    if (known) return known;
    const gatherer = createGatherer<string, Found | SettlementError>({
      work: (names) => this.#read(shard, names),
      largestBatch: LARGEST_READ,
      concurrentBatches: CONCURRENT_READS,
      isOneCommandsFault: () => false,
    });
    this.#gatherers.set(shard, gatherer);
    return gatherer;
  }
}
