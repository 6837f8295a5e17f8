import { createHash, timingSafeEqual } from 'node:crypto';
import { serve } from '@hono/node-server';
import { ledgerRoutes } from './http/ledger-routes.ts';
import { ledgerConfigurationOfProcess } from './platform/configuration.ts';
import { openDatabase } from './platform/database.ts';
import { createOuterApp, type Room } from './platform/http/room.ts';
import { strictAddress } from './platform/http/strict-address.ts';
import { createLogger } from './platform/logging.ts';
import { createIdentifierSource, systemChance, systemClock } from './platform/ports.ts';
import { SettlementError } from './vocabulary/errors.ts';

/**
 * The books alone, to be read by issuers and auditors: no payments, no queue, no chain.
 *
 * Environment: DATABASE_URL, LEDGER_READ_TOKEN (at least 32 characters; readers send it as a bearer token), PORT (4100)
 */
export function createLedgerService(options: Readonly<{ databaseUrl: string; readToken: string; logLevel: string }>): {
  app: Room;
  close(): Promise<void>;
} {
  const database = openDatabase(options.databaseUrl, { poolSize: 8 });
  const app = createOuterApp({
    identifiers: createIdentifierSource(systemClock, systemChance),
    logger: createLogger(options.logLevel),
  });
  app.use(strictAddress);
  const expected = digestOf(`Bearer ${options.readToken}`);
  app.use('/v1/*', async (context, next) => {
    if (!timingSafeEqual(digestOf(context.req.header('authorization') ?? ''), expected)) {
      throw new SettlementError('UNAUTHENTICATED', 'the request carries no valid token');
    }
    context.set('caller', { callerId: 'reader', scopes: ['ledger:read'] });
    await next();
  });
  app.route('/', ledgerRoutes({ database }));
  return { app, close: () => database.close() };
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

if (import.meta.main) {
  const configuration = ledgerConfigurationOfProcess();
  const service = createLedgerService(configuration);
  const server = serve({ fetch: service.app.fetch, hostname: '127.0.0.1', port: configuration.port }, ({ port }) => {
    process.stdout.write(`${JSON.stringify({ event: 'ledger.ready', url: `http://127.0.0.1:${port}` })}\n`);
  });
  process.on('SIGTERM', () => {
    server.close();
    void service.close().then(() => process.exit(0));
  });
}
