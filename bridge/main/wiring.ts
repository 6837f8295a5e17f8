import { fileURLToPath } from 'node:url';
import { privateKeyToAccount } from 'viem/accounts';
import { type Database, openDatabase } from '../../ledger-service/platform/database.ts';
import { createLogger, type Logger } from '../../ledger-service/platform/logging.ts';
import { migrateDatabase } from '../../ledger-service/platform/migrate.ts';
import {
  createIdentifierSource,
  systemChance,
  systemClock,
  systemTimers,
} from '../../ledger-service/platform/ports.ts';
import { traceWith } from '../../ledger-service/platform/tracing.ts';
import { AssetRegistry } from '../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { IdentifierSource } from '../../ledger-service/vocabulary/identifiers.ts';
import type { Clock, Timers } from '../../ledger-service/vocabulary/time.ts';
import { connectChain } from '../chain/connect.ts';
import type { Deployment } from '../chain/domain.ts';
import { LOCAL_CHAIN_ID } from '../chain/keys.ts';
import { setLocalChainClock } from '../chain/local-clock.ts';
import type { ChainNode } from '../chain/node.ts';
import { createVoteRecorder } from '../chain/operations/record-votes.ts';
import { SignerClient } from '../chain/signer/client.ts';
import { parseSignerEndpoint } from '../chain/signer/endpoint.ts';
import { type CallSigner, signThrough, signWith } from '../chain/signing.ts';
import { deniedPartiesGate } from '../core/authorization/denied-parties.ts';
import { createLocalIssuerHost } from '../core/authorization/local-issuer-host.ts';
import type { DepositDependencies } from '../core/deposits/dependencies.ts';
import { findMerchant } from '../core/participants/operations.ts';
import type { PaymentDependencies } from '../core/payments/dependencies.ts';
import { BookClock } from '../platform/book-clock.ts';
import { type Configuration, isLoopback } from '../platform/configuration.ts';
import { createDoorbells, type Doorbells } from '../platform/doorbells.ts';
import { EventStream } from '../platform/events/event-stream.ts';
import { createMetrics, type Metrics } from '../platform/metrics.ts';
import { Outbox, WEBHOOKS } from '../platform/outbox.ts';
import type { WebhookDependencies } from '../platform/webhooks/dependencies.ts';
import { systemResolver } from '../platform/webhooks/resolve.ts';
import { subscriptions } from './subscriptions.ts';
import { assetsOf, deploymentOf, leastReturnsOf, marksOf, paymentLimitsOf, readWorld, type World } from './world.ts';

export const BRIDGE_MIGRATIONS = {
  folder: fileURLToPath(new URL('../migrations', import.meta.url)),
  table: 'bridge_migrations',
};

/** Everything that the processes of the bridge share, made once for each process. */
export type Bridge = Readonly<{
  configuration: Configuration;
  logger: Logger;
  database: Database;
  node: ChainNode;
  world: World;
  deployment: Deployment;
  assets: AssetRegistry;
  clock: BookClock;
  machineClock: Clock;
  timers: Timers;
  identifiers: IdentifierSource;
  doorbells: Doorbells;
  outbox: Outbox;
  metrics: Metrics;
  payments: PaymentDependencies;
  webhooks: WebhookDependencies;
  eventStream: EventStream;
  /** Undefined where nothing is signed: an api or a watcher of its own. */
  signer: CallSigner | undefined;
  isLocal: boolean;
  close(): Promise<void>;
}>;

/** Brings both floors' tables to the newest schema. */
export async function migrateAll(url: string): Promise<void> {
  const database = openDatabase(url, { poolSize: 1 });
  try {
    await migrateDatabase(database);
    await migrateDatabase(database, BRIDGE_MIGRATIONS);
  } finally {
    await database.close();
  }
}

/**
 * Opens everything a process of the bridge needs.
 *
 * Errors: thrown CONFIGURATION_INVALID, CHAIN_UNAVAILABLE, CHAIN_MISMATCH, LEDGER_UNAVAILABLE
 */
export async function openBridge(configuration: Configuration): Promise<Bridge> {
  const logger = createLogger(configuration.logLevel);
  const { traces } = configuration;
  const tracer = traces ? await (await import('../platform/opentelemetry.ts')).openTracer(traces) : undefined;
  if (tracer) traceWith(tracer);
  const database = openDatabase(configuration.databaseUrl, { poolSize: configuration.databasePoolSize });
  try {
    const world = await readWorld(database);
    const deployment = deploymentOf(world);
    const metrics = createMetrics();
    const rpcUrls = configuration.rpcUrls ?? [configuration.rpcUrl];
    const { chainId } = deployment;
    const node = await connectChain(rpcUrls, {
      chainId,
      quorum: configuration.rpcQuorum,
      onDissent: createVoteRecorder({
        database,
        chainId,
        machineClock: systemClock,
        logger,
        onDissent: ({ node: name, question }) => metrics.nodeDissents.inc({ node: name, question }),
      }),
    });
    const isLocal = node.chainId === LOCAL_CHAIN_ID && rpcUrls.every(isLoopback);
    const clock = await openClock(configuration, database, isLocal);
    // A local chain forgets where its clock was moved to when no block came after it.
    if (clock.isSettable) await setLocalChainClock(configuration.rpcUrl, clock.now());
    const timers = systemTimers;
    const closing = new AbortController();
    const reading = clock.keepReading(timers, closing.signal);
    const identifiers = createIdentifierSource(clock, systemChance);
    const doorbells = createDoorbells({
      databaseUrl: configuration.databaseUrl,
      redisUrl: configuration.redisUrl,
      timers,
      logger,
    });
    const outbox = new Outbox({
      database,
      clock,
      machineClock: systemClock,
      ring: doorbells.ring,
      logger,
      subscriptions,
    });
    const reach = { loopback: configuration.webhooksToLoopback ?? false };
    if (reach.loopback && !isLocal) {
      throw new SettlementError('CONFIGURATION_INVALID', 'webhooks to loopback are for chain 31337 on loopback only', {
        param: 'WEBHOOKS_TO_LOOPBACK',
      });
    }
    const assets = new AssetRegistry(assetsOf(world));
    const { signer, closeSigner } = openSigner(configuration, deployment, isLocal, timers);
    const eventStream = new EventStream({ database, timers, logger });
    const issuer = createLocalIssuerHost({
      database,
      clock,
      timers,
      answerWithinMilliseconds: configuration.issuerDeadlineMilliseconds + 100,
    });
    return {
      configuration,
      logger,
      database,
      node,
      world,
      deployment,
      assets,
      clock,
      machineClock: systemClock,
      timers,
      identifiers,
      doorbells,
      outbox,
      metrics,
      isLocal,
      payments: {
        database,
        clock,
        machineClock: systemClock,
        timers,
        identifiers,
        assets,
        outbox,
        gates: [deniedPartiesGate(database)],
        issuer,
        issuerDeadlineMilliseconds: configuration.issuerDeadlineMilliseconds,
        deployment,
        networkFees: world.networkFees,
        paymentLimits: paymentLimitsOf(world),
        lateReversalsBorneBy: world.lateReversalsBorneBy,
        marks: marksOf(world, clock),
        logger,
      },
      webhooks: {
        database,
        clock,
        machineClock: systemClock,
        timers,
        identifiers,
        chance: systemChance,
        reach,
        resolver: systemResolver,
        requireMerchant: (shard, merchantId) => findMerchant(database, shard, merchantId),
        ring: () => doorbells.ring(WEBHOOKS),
        logger,
      },
      eventStream,
      signer,
      close: async () => {
        closeSigner();
        closing.abort();
        await reading;
        await eventStream.close();
        await doorbells.close();
        await database.close();
        await tracer?.close();
        if (tracer) traceWith(undefined);
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Errors: thrown CONFIGURATION_INVALID when nobody signs for this process. */
export function requireSigner({ signer }: Pick<Bridge, 'signer'>): CallSigner {
  if (signer) return signer;
  throw new SettlementError('CONFIGURATION_INVALID', 'SIGNER_URL is missing', { param: 'SIGNER_URL' });
}

/**
 * The signer that this process asks.
 *
 * Errors: thrown CONFIGURATION_INVALID for a key in this process on any chain but 31337 on loopback
 */
function openSigner(
  { signerUrl, signerSecret, operatorPrivateKey }: Configuration,
  { chainId }: Deployment,
  isLocal: boolean,
  timers: Timers,
): Readonly<{ signer: CallSigner | undefined; closeSigner(): void }> {
  if (signerUrl) {
    const client = new SignerClient(parseSignerEndpoint(signerUrl, signerSecret), timers);
    return { signer: signThrough(client), closeSigner: () => client.close() };
  }
  if (operatorPrivateKey && !isLocal) {
    throw new SettlementError('CONFIGURATION_INVALID', 'keys are in the signer: set SIGNER_URL instead of a key', {
      param: 'OPERATOR_PRIVATE_KEY',
    });
  }
  const signer = operatorPrivateKey && signWith(privateKeyToAccount(operatorPrivateKey), chainId);
  return { signer: signer || undefined, closeSigner: () => {} };
}

async function openClock(configuration: Configuration, database: Database, isLocal: boolean): Promise<BookClock> {
  const { localClockStartsAt } = configuration;
  if (!localClockStartsAt) return BookClock.followingMachine(systemClock);
  if (!isLocal) {
    throw new SettlementError('CONFIGURATION_INVALID', 'a clock that can be set is for chain 31337 on loopback only', {
      param: 'LOCAL_CLOCK_STARTS_AT',
    });
  }
  return BookClock.settable(database, systemClock, localClockStartsAt);
}

/** What the room of deposits needs of a bridge. */
export function depositsOf({ payments, node, world }: Bridge): DepositDependencies {
  return { ...payments, node, leastReturns: leastReturnsOf(world) };
}
