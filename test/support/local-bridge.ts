import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createApi } from '../../bridge/main/api.ts';
import { listen } from '../../bridge/main/listen.ts';
import { startWatcher } from '../../bridge/main/watcher.ts';
import { type Bridge, openBridge } from '../../bridge/main/wiring.ts';
import { startWorker } from '../../bridge/main/worker.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { type ApiClient, createApiClient } from '../../scripts/api-client.ts';
import { localWallets, type Wallets } from '../../scripts/day/wallets.ts';
import { type RunningChain, startLocalChain } from '../../scripts/local/chain.ts';
import { makeApiKey, seedLocalWorld, startLocalSigner } from '../../scripts/local/seed-world.ts';
import { createTestDatabase } from './postgres.ts';

/** A whole bridge in this process, on a database and a local chain of its own, with the small world in it. */
export type LocalBridge = Readonly<{
  bridge: Bridge;
  chain: RunningChain;
  url: string;
  databaseUrl: string;
  apiKey: string;
  client: ApiClient;
  wallets: Wallets;
  stop(): Promise<void>;
}>;

const STARTS_AT = new Date('2026-11-02T08:00:00Z');

/** Doubles nothing: real Postgres, real BullMQ, a real chain in its own process, HTTP on loopback. */
export async function startTestBridge(
  options: Readonly<{
    startsAt?: Date;
    issuerDeadlineMilliseconds?: number;
    apiRequestsAtOnce?: number;
    logLevel?: string;
    traces?: Readonly<{ endpoint: string; serviceName: string }>;
    /** Nobody works and nobody watches: the books change by requests alone. */
    apiOnly?: boolean;
  }> = {},
): Promise<LocalBridge> {
  const startsAt = options.startsAt ?? STARTS_AT;
  const folder = await mkdtemp(path.join(tmpdir(), 'specie-bridge-'));
  const { url: databaseUrl, drop } = await createTestDatabase({ poolSize: 2 });
  const chain = await startLocalChain(folder, { startsAt, blockMilliseconds: 100 });
  const { deployment } = await seedLocalWorld({ databaseUrl, rpcUrl: chain.url, clock: systemClock });
  const signer = await startLocalSigner(folder, chain.url, deployment);
  const bridge = await openBridge({
    databaseUrl,
    rpcUrl: chain.url,
    redisUrl: process.env.REDIS_URL,
    port: 0,
    logLevel: options.logLevel ?? 'silent',
    traces: options.traces,
    apiRequestsAtOnce: options.apiRequestsAtOnce,
    signerUrl: signer.environment.SIGNER_URL,
    signerSecret: signer.environment.SIGNER_SECRET,
    finalityDepth: 3,
    watchMilliseconds: 50,
    issuerDeadlineMilliseconds: options.issuerDeadlineMilliseconds ?? 300,
    databasePoolSize: 12,
    localClockStartsAt: startsAt,
    webhooksToLoopback: true,
    webhookDeadlineMilliseconds: 5_000,
  });
  const worker = options.apiOnly ? undefined : await startWorker(bridge);
  const watcher = options.apiOnly ? undefined : startWatcher(bridge);
  const listening = await listen(createApi(bridge), 0);
  const apiKey = await makeApiKey(databaseUrl, systemClock, 'test');
  return {
    bridge,
    chain,
    url: listening.url,
    databaseUrl,
    apiKey,
    client: createApiClient({ url: listening.url, apiKey }),
    wallets: localWallets(chain.url),
    stop: async () => {
      await bridge.eventStream.close();
      await listening.close();
      await watcher?.stop();
      await worker?.stop();
      await bridge.close();
      await signer.stop();
      await chain.stop();
      await drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
