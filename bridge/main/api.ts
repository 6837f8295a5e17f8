import { serve } from '@hono/node-server';
import { ledgerRoutes } from '../../ledger-service/http/ledger-routes.ts';
import { createOuterApp, type Room, strictBody } from '../../ledger-service/platform/http/room.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { setLocalChainClock } from '../chain/local-clock.ts';
import { disputeRoutes } from '../core/disputes/http.ts';
import { instrumentRoutes } from '../core/instruments/http.ts';
import { participantRoutes } from '../core/participants/http.ts';
import { kindOfParticipant } from '../core/participants/operations.ts';
import { paymentEventRoutes } from '../core/payments/events-http.ts';
import { paymentRoutes } from '../core/payments/http.ts';
import { payoutRoutes } from '../core/payouts/http.ts';
import { quoteRoutes } from '../core/quotes/http.ts';
import { reconciliationRoutes } from '../core/reconciliation/http.ts';
import { underWayRoutes } from '../core/reconciliation/under-way.ts';
import { settlementRoutes } from '../core/settlement/http.ts';
import { authenticate, type KindOf } from '../platform/authentication.ts';
import { clockRoutes } from '../platform/clock-routes.ts';
import { configurationOfProcess } from '../platform/configuration.ts';
import { healthRoutes } from '../platform/health.ts';
import { pageRoutes } from '../platform/pages.ts';
import { webhookRoutes } from '../platform/webhooks/http.ts';
import { describeWebhooks } from '../platform/webhooks/openapi.ts';
import { keepToOwnAddresses } from './owner-rules.ts';
import { runAsProcess } from './process.ts';
import { type Bridge, openBridge } from './wiring.ts';
import { priceSourcesOf, quotePolicyOf } from './world.ts';

/** The whole API as one app of small apps. */
export function createApi(bridge: Bridge): Room {
  const { database, assets, clock, machineClock, identifiers, outbox, deployment, node, logger, world, metrics } =
    bridge;
  const app = createOuterApp({ identifiers, logger });
  app.use(async (context, next) => {
    const started = machineClock.now().getTime();
    await next();
    const labels = { method: context.req.method, route: context.req.routePath };
    metrics.requests.inc({ ...labels, status: String(context.res.status) });
    metrics.requestDuration.observe(labels, machineClock.now().getTime() - started);
  });
  const kindOf: KindOf = (shard, participantId) => kindOfParticipant(database, shard, participantId);
  app.use('/v1/*', authenticate({ database, machineClock, kindOf }), keepToOwnAddresses, strictBody);
  const moved = async (time: Date) => {
    if (bridge.isLocal) await setLocalChainClock(bridge.configuration.rpcUrl, time);
  };
  const rooms = [
    quoteRoutes({
      database,
      clock,
      identifiers,
      assets,
      priceSources: priceSourcesOf(world),
      quotePolicy: quotePolicyOf(world),
    }),
    paymentRoutes(bridge.payments),
    paymentEventRoutes({ ...bridge.payments, eventStream: bridge.eventStream }),
    webhookRoutes(bridge.webhooks),
    payoutRoutes({ database }),
    settlementRoutes({ database, clock, machineClock, outbox, identifiers }),
    disputeRoutes({ database, clock, identifiers, outbox, assets }),
    reconciliationRoutes({ database, node, deployment, assets, clock }),
    underWayRoutes({ database, deployment, outbox, clock }),
    ledgerRoutes({ database }),
    participantRoutes({ database, assets }),
    instrumentRoutes({ database }),
    clockRoutes({ clock, moved }),
  ];
  for (const room of rooms) app.route('/', room);
  describeWebhooks(app);
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', { type: 'http', scheme: 'bearer' });
  const describe = () =>
    app.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'Specie',
        version: '1',
        description:
          'Settles payments between whoever pays and whoever is paid. Amounts are whole minor units in strings; every POST that moves or promises money takes an Idempotency-Key.',
      },
      security: [{ apiKey: [] }],
    }) as unknown as Record<string, unknown>;
  app.route('/', healthRoutes({ database, node, outbox, metrics, timers: bridge.timers }));
  app.route('/', pageRoutes({ title: 'Specie', chainId: deployment.chainId, describe }));
  return app;
}

export type Listening = Readonly<{ url: string; close(): Promise<void> }>;

/**
 * Listens on loopback, by both of its addresses where the machine has both.
 *
 * Errors: thrown CONFIGURATION_INVALID when the port is taken.
 */
export async function listen(app: Room, port: number): Promise<Listening> {
  const first = await open(app, '127.0.0.1', port);
  const bound = first.port;
  const second = await open(app, '::1', bound).catch(() => undefined);
  return {
    url: `http://localhost:${bound}`,
    close: async () => {
      await Promise.all([first.close(), second?.close()]);
    },
  };
}

function open(app: Room, hostname: string, port: number): Promise<Readonly<{ port: number; close(): Promise<void> }>> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname, port }, (address) => {
      resolve({
        port: address.port,
        close: () =>
          new Promise<void>((closed) => {
            server.close(() => closed());
            // Connections that are kept alive without a request would hold the process.
            if ('closeIdleConnections' in server) server.closeIdleConnections();
          }),
      });
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new SettlementError('CONFIGURATION_INVALID', `port ${port} is taken`, { param: 'PORT' })
          : error,
      );
    });
  });
}

if (import.meta.main) {
  await runAsProcess('api', async () => {
    const bridge = await openBridge(configurationOfProcess());
    await bridge.doorbells.start({});
    const listening = await listen(createApi(bridge), bridge.configuration.port);
    process.stdout.write(`${JSON.stringify({ event: 'api.ready', url: listening.url })}\n`);
    return async () => {
      await bridge.eventStream.close();
      await listening.close();
      await bridge.close();
    };
  });
}
