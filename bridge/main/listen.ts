import { type Server as HttpServer, Server } from 'node:http';
import { Server as SocketServer } from 'node:net';
import { serve } from '@hono/node-server';
import { createOuterApp, type Room } from '../../ledger-service/platform/http/room.ts';
import { systemTimers } from '../../ledger-service/platform/ports.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Drain } from '../platform/health.ts';
import { healthRoutes } from '../platform/health.ts';
import { observeProcess } from '../platform/metrics.ts';
import { createCollector, probesOf } from './figures.ts';
import type { Bridge } from './wiring.ts';

export type Listening = Readonly<{ url: string; close(): Promise<void> }>;

/** Whoever takes longer to send a request gives its place to others. */
const HEADERS_WITHIN_MILLISECONDS = 10_000;
const REQUEST_WITHIN_MILLISECONDS = 30_000;
/** A connection that is idle when the listener closes may have a request on its way: it has this long to arrive. */
const LAST_REQUEST_MILLISECONDS = 200;

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

/** Probes and metrics of a process that has no API, on a port of its own where one is set. */
export async function listenForOperators(bridge: Bridge, drain: Drain): Promise<Listening | undefined> {
  const { metricsPort } = bridge.configuration;
  if (metricsPort === undefined) return undefined;
  const app = createOuterApp(bridge);
  app.route('/', operatorRoutes(bridge, drain));
  return listen(app, metricsPort);
}

export function operatorRoutes(bridge: Bridge, drain: Drain): Room {
  const { metrics, timers, machineClock } = bridge;
  observeProcess(metrics);
  const probes = probesOf(bridge);
  return healthRoutes({ probes, drain, metrics, collect: createCollector(bridge), timers, machineClock });
}

function open(app: Room, hostname: string, port: number): Promise<Readonly<{ port: number; close(): Promise<void> }>> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname, port }, (address) => {
      resolve({ port: address.port, close: () => closeGently(server as HttpServer) });
    });
    if (server instanceof Server) {
      server.headersTimeout = HEADERS_WITHIN_MILLISECONDS;
      server.requestTimeout = REQUEST_WITHIN_MILLISECONDS;
    }
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new SettlementError('CONFIGURATION_INVALID', `port ${port} is taken`, { param: 'PORT' })
          : error,
      );
    });
  });
}

/** Takes no new connection, answers what is there, and then lets go of who is silent. */
async function closeGently(server: HttpServer): Promise<void> {
  // Not the HTTP server's own `close`, which cuts idle connections in the same breath: a request may be on its way there.
  const closed = new Promise<void>((resolve) => {
    SocketServer.prototype.close.call(server, () => resolve());
  });
  const settled = new AbortController();
  await Promise.race([closed, systemTimers.wait(LAST_REQUEST_MILLISECONDS, settled.signal).catch(() => {})]);
  settled.abort();
  // Connections that are kept alive without a request would hold the process.
  server.closeIdleConnections();
  await closed;
}
