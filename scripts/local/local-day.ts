/** A whole local run: parts up, contracts deployed, a world seeded, a day settled, reports written. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createPublicClient, http } from 'viem';
import { migrateAll } from '../../bridge/main/wiring.ts';
import { assetsOf } from '../../bridge/main/world.ts';
import { isLoopback } from '../../bridge/platform/configuration.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { AssetRegistry } from '../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { createApiClient } from '../api-client.ts';
import { compileContracts } from '../contracts/compile.ts';
import { type KnownWorld, readDayFile } from '../day/day-file.ts';
import { isReconciled, renderTable, summarize, writeReports } from '../day/reports.ts';
import { type DayProgress, type DayResult, runDay } from '../day/run-day.ts';
import { localWallets } from '../day/wallets.ts';
import { startBridge } from './bridge-process.ts';
import { startLocalChain } from './chain.ts';
import { checkBooksFitChain } from './fit.ts';
import { nextFreePort } from './ports.ts';
import { startLocalPostgres } from './postgres.ts';
import { takeRunLock } from './run-lock.ts';
import { makeApiKey, seedLocalWorld, startLocalSigner } from './seed-world.ts';
import { Steps } from './steps.ts';
import { localWorld, MERCHANTS, PAYERS } from './world.ts';

export type LocalDayOptions = Readonly<{
  folder: string;
  text: string;
  fileName: string;
  once: boolean;
  json: boolean;
  port: number;
  environment: Readonly<Record<string, string | undefined>>;
}>;

const HOUR_MILLISECONDS = 3_600_000;

/**
 * Runs a day and, unless it is asked to do it once, stays up until it is told to stop.
 *
 * Shape:   → the exit code: 0 when everything reconciled, else 1
 * Errors:  thrown DayFileError, RunIsUpError, JOURNAL_MISMATCH, CHAIN_MISMATCH, and whatever a part says when it does not start
 * Effects: `.specie/`; every process that was started is stopped again
 */
export async function startLocalDay(options: LocalDayOptions): Promise<number> {
  const { folder, environment } = options;
  // What cannot be read as a whole is refused before anything is started.
  const startsAt = startOfDay(options.text);
  const steps = new Steps(options.json);
  const lock = await takeRunLock(folder);
  const cleanups: (() => Promise<void> | void)[] = [() => lock.release()];
  const stopAll = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  const told = whenToldToStop();
  const parts: Promise<string>[] = [];
  try {
    const work = async (): Promise<number> => {
      // The compiler has a process of its own and takes longest; Postgres and the chain come up beside it.
      const compiled = compileContracts();
      compiled.catch(() => {});
      const databaseUrl = await steps.run('Postgres', async (step) => {
        if (environment.DATABASE_URL) {
          await migrateAll(environment.DATABASE_URL);
          return step.done('your own, migrated', environment.DATABASE_URL);
        }
        const postgres = await startLocalPostgres(folder);
        cleanups.push(() => postgres.stop());
        parts.push(postgres.ended.then(() => 'Postgres'));
        step.say('migrating');
        await migrateAll(postgres.url);
        return step.done(`18 on port ${postgres.port}, migrated`, postgres.url);
      });
      const rpcUrl = await steps.run('Chain', async (step) => {
        if (environment.RPC_URL) return step.done('your own', ownChain(environment.RPC_URL));
        const chain = await startLocalChain(folder, {
          startsAt,
          onProgress: ({ done, total }) => step.say(`replaying block ${done} of ${total}`),
        });
        cleanups.push(() => chain.stop());
        parts.push(chain.ended.then(() => 'the chain'));
        lock.remember('chain', chain.pid);
        const { replayed, headHash } = chain;
        const head = `${headHash.slice(0, 10)}…`;
        return step.done(
          replayed > 0 ? `31337 · replayed ${replayed} blocks, head ${head} as before` : `31337 · new, head ${head}`,
          chain.url,
        );
      });
      await steps.run('Contracts', async (step) => {
        step.say('compiling');
        await compiled;
        return step.done('compiled', undefined);
      });
      await checkBooksFitChain(databaseUrl, rpcUrl);
      const deployment = await steps.run('World', async (step) => {
        const { seeded, deployment } = await seedLocalWorld({
          databaseUrl,
          rpcUrl,
          clock: systemClock,
          onStep: step.say,
        });
        return step.done(seeded ? 'seeded: 2 issuers, 2 acquirers, 4 merchants' : 'as it was', deployment);
      });
      const apiKey = await apiKeyOf(folder, databaseUrl);
      const signer = await steps.run('Signer', async (step) => {
        const running = await startLocalSigner(folder, rpcUrl, deployment);
        cleanups.push(() => running.stop());
        parts.push(running.ended.then(() => `the signer (its log: ${join(folder, 'signer', 'signer.log')})`));
        lock.remember('signer', running.process.pid);
        return step.done('confined, one key in a keystore', running);
      });
      const bridge = await steps.run('Bridge', async (step) => {
        const port = await nextFreePort(options.port);
        if (port !== options.port) step.say(`port ${options.port} is taken`);
        const running = await startBridge(folder, {
          DATABASE_URL: databaseUrl,
          RPC_URL: rpcUrl,
          PORT: String(port),
          ...signer.environment,
          LOCAL_CLOCK_STARTS_AT: startsAt.toISOString(),
          ISSUER_DEADLINE_MILLISECONDS: '800',
          WEBHOOKS_TO_LOOPBACK: 'true',
          LOG_LEVEL: environment.LOG_LEVEL ?? 'info',
        });
        cleanups.push(() => running.stop());
        parts.push(running.ended.then(() => `the bridge (its log: ${join(folder, 'bridge.log')})`));
        lock.remember('bridge', running.process.pid);
        const taken = port === options.port ? '' : ` (port ${options.port} is taken)`;
        return step.done(`${running.url}${taken}`, running);
      });
      writeFileSync(join(folder, 'api.url'), `${bridge.url}\n`);
      const client = createApiClient({ url: bridge.url, apiKey });
      const lost = Promise.race(parts).then((part): never => {
        throw new SettlementError('INTERNAL', `${part} has ended; start again, and the day goes on where it was`);
      });
      const result = await steps.run(`Day ${options.fileName}`, async (step) => {
        const day = runDay({
          client,
          wallets: localWallets(rpcUrl),
          text: options.text,
          now: systemClock.now(),
          onProgress: (progress) => step.progress(describeProgress(progress)),
        });
        const settled = await Promise.race([day, lost]);
        const { lines, skipped, failed } = settled;
        const notes = [`${lines.length - failed.length} settled`];
        if (skipped.length > 0) notes.push(`${skipped.length} skipped`);
        if (failed.length > 0) notes.push(`${failed.length} failed`);
        return step.done(notes.join(', '), settled);
      });
      const head = await createPublicClient({ transport: http(rpcUrl), cacheTime: 0 }).getBlock();
      const summary = summarize(result, { headHash: head.hash, height: Number(head.number) });
      const out = join(folder, 'out');
      await writeReports(out, result, summary, client);
      const reconciled = isReconciled(summary);
      if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
      else
        print(
          options,
          result,
          renderTable(summary, result.directory),
          summary.reconciliation.breaks,
          bridge.url,
          apiKey,
        );
      if (options.json) reportLines(result, process.stderr);
      if (!options.once) await Promise.race([told.promise, lost]);
      lost.catch(() => {});
      return reconciled ? 0 : 1;
    };
    // Whoever presses Ctrl-C in the middle of a day wants it stopped; what was settled stays settled.
    return await Promise.race([work(), told.promise.then(() => 1)]);
  } finally {
    steps.close();
    await stopAll();
    told.forget();
  }
}

function startOfDay(text: string): Date {
  const assumed = localWorld(
    {
      chainId: 31_337,
      ...{ escrow: '', wallet: '', feeReceiver: '', deposits: '', depositInitCodeHash: '' },
      ...{ tokenDomains: {}, firstHeight: 0, filledAtHeight: 0 },
    },
    '0x0000000000000000000000000000000000000001',
  );
  const assets = new AssetRegistry(assetsOf(assumed));
  const fiat = ['EUR', 'USD'].map((code) => assets.get(code));
  const world: KnownWorld = {
    assetsBySymbol: new Map([...assets.onChainAssets(), ...fiat].map((asset) => [asset.symbol, asset])),
    instruments: new Map(
      PAYERS.map(({ participantId, cards, wallet }) => [
        participantId,
        new Map([
          ...cards.map(({ instrumentId, currency }) => [instrumentId, currency as string] as const),
          ...(wallet ? [[wallet.instrumentId, 'wallet'] as const] : []),
        ]),
      ]),
    ),
    merchants: new Map(MERCHANTS.map(({ participantId, paidIn }) => [participantId, paidIn])),
  };
  const { lines } = readDayFile(text, world, systemClock.now());
  const first = lines[0]?.occurredAt ?? systemClock.now();
  return new Date(Math.floor(first.getTime() / HOUR_MILLISECONDS) * HOUR_MILLISECONDS - HOUR_MILLISECONDS);
}

function ownChain(rpcUrl: string): string {
  if (isLoopback(rpcUrl)) return rpcUrl;
  throw new SettlementError(
    'CONFIGURATION_INVALID',
    'npm start settles with development keys, so RPC_URL must be a chain on this machine',
    { param: 'RPC_URL' },
  );
}

/** One key for a local folder, kept where only its owner can read it. */
async function apiKeyOf(folder: string, databaseUrl: string): Promise<string> {
  const file = join(folder, 'api.key');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const key = await makeApiKey(databaseUrl, systemClock, 'local');
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  return key;
}

function describeProgress(progress: DayProgress): string {
  const { stage, done, total, perSecond, secondsLeft, byQuadrant } = progress;
  if (stage !== 'settling') return `${stage} ${done}/${total}`;
  const bar = '█'.repeat(Math.round((done / total) * 15)).padEnd(15, '░');
  const kinds = Object.entries(byQuadrant).map(([quadrant, count]) => `${quadrant} ${count}`);
  return `${bar} ${done}/${total}   ${perSecond.toFixed(0)}/s   ${Math.ceil(secondsLeft)} s left   ${kinds.join(' · ')}`;
}

function print(
  options: LocalDayOptions,
  result: DayResult,
  table: string,
  breaks: number,
  url: string,
  apiKey: string,
): void {
  const out = (text: string) => process.stdout.write(`${text}\n`);
  reportLines(result, process.stdout);
  out(`\n${table}\n`);
  const { ledger, matched } = result.reconciliation;
  out(
    `books ${ledger.balanced ? 'balanced' : 'NOT BALANCED'}, ${ledger.entries} entries · chain ${matched.chainLines} lines and ${matched.chainBalances} balances match · windows ${matched.windowLines} lines match · ${breaks} breaks`,
  );
  for (const { between, kind, key } of result.reconciliation.breaks.slice(0, 20))
    out(`  break: ${between}, ${kind}: ${key}`);
  out(`reports: ${relative(process.cwd(), join(options.folder, 'out'))}/`);
  if (options.once) return;
  out(`\nAPI ${url} · docs ${url}/docs · errors ${url}/docs/errors`);
  out(`try:  curl -H 'Authorization: Bearer ${apiKey}' '${url}/v1/payments?limit=1'`);
  out('look: npm run specie -- payments list    stop: Ctrl-C    wipe: npm run reset');
}

function reportLines({ skipped, failed }: DayResult, stream: NodeJS.WritableStream): void {
  for (const { lineNumber, column, value, code, reason } of skipped) {
    const where = column === '' ? '' : `${column} `;
    stream.write(`line ${lineNumber} skipped: ${where}${JSON.stringify(value)}: ${reason} (${code})\n`);
  }
  for (const { line, reason } of failed) stream.write(`line ${line.lineNumber} failed: ${line.reference}: ${reason}\n`);
}

function whenToldToStop(): Readonly<{ promise: Promise<void>; forget(): void }> {
  let stop = () => {};
  const promise = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  return {
    promise,
    forget: () => {
      for (const signal of signals) process.off(signal, stop);
    },
  };
}
