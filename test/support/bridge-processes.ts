import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { startLocalChain } from '../../scripts/local/chain.ts';
import { makeApiKey, seedLocalWorld, startLocalSigner } from '../../scripts/local/seed-world.ts';
import { createTestDatabase } from './postgres.ts';

/** A world with nobody in charge of it yet: a database, a chain, and what processes of the bridge need to know. */
export async function openStage() {
  const folder = await mkdtemp(path.join(tmpdir(), 'specie-stage-'));
  const { url: databaseUrl, database, drop } = await createTestDatabase({ poolSize: 4 });
  const startsAt = new Date('2026-11-02T08:00:00Z');
  const chain = await startLocalChain(folder, { startsAt, blockMilliseconds: 100 });
  const { deployment } = await seedLocalWorld({ databaseUrl, rpcUrl: chain.url, clock: systemClock });
  const signer = await startLocalSigner(folder, chain.url, deployment);
  const apiKey = await makeApiKey(databaseUrl, systemClock, 'test');
  return {
    folder,
    database,
    databaseUrl,
    chain,
    apiKey,
    signer,
    environment: {
      DATABASE_URL: databaseUrl,
      RPC_URL: chain.url,
      PORT: '0',
      ...signer.environment,
      LOCAL_CLOCK_STARTS_AT: startsAt.toISOString(),
      WATCH_MILLISECONDS: '50',
      ISSUER_DEADLINE_MILLISECONDS: '300',
      DATABASE_POOL_SIZE: '12',
      LOG_LEVEL: 'info',
      WEBHOOKS_TO_LOOPBACK: 'true',
    } as Readonly<Record<string, string>>,
    close: async () => {
      await signer.stop();
      await chain.stop();
      await drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
