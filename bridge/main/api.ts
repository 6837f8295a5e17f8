import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import { ledgerRoutes } from '../../ledger-service/http/ledger-routes.ts';
import { createOuterApp, type Room, strictBody } from '../../ledger-service/platform/http/room.ts';
import { strictAddress } from '../../ledger-service/platform/http/strict-address.ts';
import { inSpan } from '../../ledger-service/platform/tracing.ts';
import { nameOfNode } from '../chain/connect.ts';
import { chainRoutes } from '../chain/http.ts';
import { setLocalChainClock } from '../chain/local-clock.ts';
import { majorityOf } from '../chain/quorum.ts';
import { assetSwitchRoutes } from '../core/controls/asset-switches/http.ts';
import { exposureRoutes } from '../core/controls/exposure/http.ts';
import { depositRoutes } from '../core/deposits/http.ts';
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
import { createAdmission, REQUESTS_AT_ONCE } from '../platform/admission.ts';
import { authenticate, type KindOf } from '../platform/authentication.ts';
import { refuseCardNumbersInAddress, refuseCardNumbersInBody } from '../platform/card-numbers.ts';
import { clockRoutes } from '../platform/clock-routes.ts';
import { configurationOfProcess } from '../platform/configuration.ts';
import type { Drain } from '../platform/health.ts';
import { pageRoutes } from '../platform/pages.ts';
import { webhookRoutes } from '../platform/webhooks/http.ts';
import { describeWebhooks } from '../platform/webhooks/openapi.ts';
import { listen, operatorRoutes } from './listen.ts';
import { keepToOwnAddresses } from './owner-rules.ts';
import { drained, runAsProcess } from './process.ts';
import { type Bridge, depositsOf, openBridge } from './wiring.ts';
import { priceSourcesOf, quotePolicyOf } from './world.ts';

/** The path as it was declared, without what was filled in. */
function routeOf(context: Context): string {
  return matchedRoutes(context).findLast(({ method }) => method !== 'ALL')?.path ?? 'unknown';
}

/** The whole API as one app of small apps. */
export function createApi(bridge: Bridge, drain: Drain = { isDraining: false }): Room {
  const { database, assets, clock, machineClock, identifiers, outbox, deployment, node, logger, world, metrics } =
    bridge;
  const app = createOuterApp({ identifiers, logger });
  app.use(async (context, next) => {
    const started = machineClock.now().getTime();
    const { method } = context.req;
    const parent = context.req.header('traceparent');
    const span = { name: `${method} ${routeOf(context)}`, kind: 'server' as const, parent };
    await inSpan({ ...span, attributes: { requestIdentifier: context.get('requestIdentifier') } }, next);
    // Who is told so opens its next connection elsewhere, and none is cut with a request on its way.
    if (drain.isDraining) context.header('Connection', 'close');
    const labels = { method: context.req.method, route: context.req.routePath };
    const durationMilliseconds = machineClock.now().getTime() - started;
    metrics.requests.inc({ ...labels, status: String(context.res.status) });
    metrics.requestDuration.observe(labels, durationMilliseconds);
    if (logger.isLevelEnabled('debug')) {
      // The path as it was declared: what was filled in stands beside it, where it is an identifier of ours.
      const about = { requestIdentifier: context.get('requestIdentifier'), ...context.req.param() };
      logger.debug({
        event: 'request.answered',
        ...labels,
        status: context.res.status,
        durationMilliseconds,
        ...about,
      });
    }
  });
  app.use(strictAddress, refuseCardNumbersInAddress);
  const admit = createAdmission({
    atOnce: bridge.configuration.apiRequestsAtOnce ?? REQUESTS_AT_ONCE,
    machineClock,
    shed: () => metrics.requestsShed.inc(),
    underWay: (count) => metrics.requestsUnderWay.set(count),
  });
  const kindOf: KindOf = (shard, participantId) => kindOfParticipant(database, shard, participantId);
  app.use(
    '/v1/*',
    admit,
    authenticate({ database, machineClock, kindOf }),
    keepToOwnAddresses,
    strictBody,
    refuseCardNumbersInBody,
  );
  const moved = async (time: Date) => {
    if (bridge.isLocal) await setLocalChainClock(bridge.configuration.rpcUrl, time);
  };
  const rpcUrls = (bridge.configuration.rpcUrls ?? [bridge.configuration.rpcUrl]).filter((url) => url !== '');
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
    chainRoutes({
      database,
      chainId: deployment.chainId,
      nodes: rpcUrls.map(nameOfNode),
      quorum: bridge.configuration.rpcQuorum ?? majorityOf(rpcUrls.length),
    }),
    assetSwitchRoutes(bridge.payments),
    exposureRoutes(bridge.payments),
    depositRoutes(depositsOf(bridge)),
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
  app.route('/', operatorRoutes(bridge, drain));
  app.route('/', pageRoutes({ title: 'Specie', chainId: deployment.chainId, describe }));
  return app;
}

if (import.meta.main) {
  await runAsProcess('api', async () => {
    const bridge = await openBridge(configurationOfProcess());
    const drain: Drain = { isDraining: false };
    await bridge.doorbells.start({});
    const listening = await listen(createApi(bridge, drain), bridge.configuration.port);
    process.stdout.write(`${JSON.stringify({ event: 'api.ready', url: listening.url })}\n`);
    return async () => {
      await drained(bridge, drain);
      // Streams end of themselves never, and would hold the listener.
      await bridge.eventStream.close();
      await listening.close();
      await bridge.close();
    };
  });
}
