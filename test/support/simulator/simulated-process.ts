import type { ChainNode } from '../../../bridge/chain/node.ts';
import { createVoteRecorder } from '../../../bridge/chain/operations/record-votes.ts';
import type { Dissent } from '../../../bridge/chain/quorum.ts';
import type { CallSigner } from '../../../bridge/chain/signing.ts';
import { deniedPartiesGate } from '../../../bridge/core/authorization/denied-parties.ts';
import type { IssuerPort } from '../../../bridge/core/authorization/issuer-port.ts';
import type { QuoteDependencies } from '../../../bridge/core/quotes/operations.ts';
import { subscriptions } from '../../../bridge/main/subscriptions.ts';
import { startWatcher } from '../../../bridge/main/watcher.ts';
import type { Bridge } from '../../../bridge/main/wiring.ts';
import { startWorker } from '../../../bridge/main/worker.ts';
import { assetsOf, marksOf, paymentLimitsOf, priceSourcesOf, quotePolicyOf } from '../../../bridge/main/world.ts';
import { BookClock } from '../../../bridge/platform/book-clock.ts';
import type { Doorbells } from '../../../bridge/platform/doorbells.ts';
import { EventStream } from '../../../bridge/platform/events/event-stream.ts';
import { createMetrics } from '../../../bridge/platform/metrics.ts';
import { Outbox, WEBHOOKS } from '../../../bridge/platform/outbox.ts';
import { type DatabaseClient, databaseOver } from '../../../ledger-service/platform/database.ts';
import { createLogger } from '../../../ledger-service/platform/logging.ts';
import { createIdentifierSource } from '../../../ledger-service/platform/ports.ts';
import { AssetRegistry } from '../../../ledger-service/vocabulary/assets.ts';
import { chanceOf, type Gate, Owner } from './gate.ts';
import { HeldClient, type StatementFilter } from './held-client.ts';
import type { SeededChance } from './seeded-chance.ts';
import type { SimulatorServer } from './server.ts';
import { DEPLOYMENT, WORLD } from './simulated-world.ts';

/** One process of the bridge, as `main/all.ts` has it: api, worker and watcher. */
export type SimulatedProcess = Readonly<{
  owner: Owner;
  watches: boolean;
  bridge: Bridge;
  quotes: QuoteDependencies;
  /** Rejects when the process is killed: what a client's connection does then. */
  death: Promise<never>;
  abandon(): Promise<void>;
}>;

export type ProcessParts = Readonly<{
  gate: Gate;
  server: SimulatorServer;
  chance: SeededChance;
  signerOf: (owner: Owner) => CallSigner;
  nodeOf: (owner: Owner, votes: (dissents: readonly Dissent[]) => void) => ChainNode;
  issuerOf: (owner: Owner) => IssuerPort;
  doorbellsOf: (owner: Owner) => Doorbells;
  filter: StatementFilter;
  finalityDepth: number;
  earlyAcceptance: NonNullable<Bridge['configuration']['earlyAcceptance']>;
  watches: boolean;
  poolSize: number;
}>;

export class ProcessDied extends Error {}

const logger = createLogger('silent');
const metrics = createMetrics();
const ISSUER_DEADLINE_MILLISECONDS = 400;
const WATCH_MILLISECONDS = 2_500;

/** Starts a process: nothing of it is doubled but what leads out of it. */
export async function startProcess(parts: ProcessParts, name: string): Promise<SimulatedProcess> {
  const { gate } = parts;
  const owner = new Owner(name);
  const machineClock = gate.clockOf(owner);
  const timers = gate.timersOf(owner);
  const client = new HeldClient(parts, owner, { poolSize: parts.poolSize, filter: parts.filter });
  const database = databaseOver(client as unknown as DatabaseClient, timers);
  const clock = BookClock.followingMachine(machineClock);
  const identifiers = createIdentifierSource(clock, chanceOf(parts.chance.fork(name)));
  const doorbells = parts.doorbellsOf(owner);
  const outbox = new Outbox({ database, clock, machineClock, ring: doorbells.ring, logger, subscriptions });
  const assets = new AssetRegistry(assetsOf(WORLD));
  const death = new Promise<never>((_, reject) => owner.whenKilled(() => reject(new ProcessDied(name))));
  death.catch(() => {});
  const bridge: Bridge = {
    configuration: {
      databaseUrl: '',
      rpcUrl: '',
      port: 0,
      logLevel: 'silent',
      finalityDepth: parts.finalityDepth,
      earlyAcceptance: parts.earlyAcceptance,
      watchMilliseconds: WATCH_MILLISECONDS,
      issuerDeadlineMilliseconds: ISSUER_DEADLINE_MILLISECONDS,
      databasePoolSize: parts.poolSize,
      chainCare: {
        stuckAfterMilliseconds: 8_000,
        replacedAnywayAfterWaits: 2,
        maximumFeePerGas: 10n ** 12n,
      },
    },
    logger,
    database,
    node: parts.nodeOf(
      owner,
      createVoteRecorder({ database, chainId: DEPLOYMENT.chainId, machineClock, logger, onDissent: () => {} }),
    ),
    world: WORLD,
    deployment: DEPLOYMENT,
    assets,
    clock,
    machineClock,
    timers,
    identifiers,
    doorbells,
    outbox,
    metrics,
    isLocal: true,
    payments: {
      database,
      clock,
      machineClock,
      timers,
      identifiers,
      assets,
      outbox,
      gates: [deniedPartiesGate(database)],
      issuer: parts.issuerOf(owner),
      issuerDeadlineMilliseconds: ISSUER_DEADLINE_MILLISECONDS,
      deployment: DEPLOYMENT,
      networkFees: WORLD.networkFees,
      paymentLimits: paymentLimitsOf(WORLD),
      lateReversalsBorneBy: WORLD.lateReversalsBorneBy,
      marks: marksOf(WORLD, clock),
      logger,
    },
    webhooks: {
      database,
      clock,
      machineClock,
      timers,
      identifiers,
      chance: chanceOf(parts.chance.fork(`${name} webhooks`)),
      reach: { loopback: false },
      // Nobody in a simulated world has an endpoint.
      resolver: async () => [],
      requireMerchant: async () => {},
      ring: () => doorbells.ring(WEBHOOKS),
      logger,
    },
    eventStream: new EventStream({ database, timers, logger }),
    signer: parts.signerOf(owner),
    close: async () => {},
  };
  await startWorker(bridge);
  if (parts.watches) startWatcher(bridge);
  return {
    owner,
    watches: parts.watches,
    bridge,
    death,
    quotes: {
      database,
      clock,
      identifiers,
      priceSources: priceSourcesOf(WORLD),
      quotePolicy: quotePolicyOf(WORLD),
    },
    abandon: () => client.abandon(),
  };
}
