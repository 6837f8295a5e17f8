import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric of the bridge, declared in one place; units stand in the names. */
export type Metrics = Readonly<{
  registry: Registry;
  requests: Counter<'method' | 'route' | 'status'>;
  requestDuration: Histogram<'method' | 'route'>;
  jobDuration: Histogram<'consumer'>;
  outboxBacklog: Gauge<'consumer'>;
  observedHeight: Gauge;
  stuckCalls: Gauge;
  poorKeys: Gauge;
  chainRepairs: Counter<'kind'>;
  nodeDissents: Counter<'node' | 'question'>;
  exposure: Gauge<'asset'>;
  exposureLimit: Gauge<'asset'>;
  freeInventory: Gauge<'asset'>;
}>;

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    requests: new Counter({
      name: 'http_requests_total',
      help: 'Requests answered',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    requestDuration: new Histogram({
      name: 'http_request_duration_milliseconds',
      help: 'From the first byte of a request to its answer',
      labelNames: ['method', 'route'],
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000],
      registers,
    }),
    jobDuration: new Histogram({
      name: 'job_duration_milliseconds',
      help: 'How long a consumer worked after it was rung',
      labelNames: ['consumer'],
      buckets: [1, 5, 10, 50, 100, 500, 1_000, 5_000, 30_000],
      registers,
    }),
    outboxBacklog: new Gauge({
      name: 'outbox_waiting_events',
      help: 'Events that wait for a consumer',
      labelNames: ['consumer'],
      registers,
    }),
    stuckCalls: new Gauge({
      name: 'chain_stuck_calls',
      help: 'Calls that were handed to a node longer ago than they should be and are not final, or are refused',
      registers,
    }),
    poorKeys: new Gauge({
      name: 'chain_keys_without_funds',
      help: 'Signing keys that cannot pay for their calls',
      registers,
    }),
    chainRepairs: new Counter({
      name: 'chain_repairs_total',
      help: 'Calls replaced, given up or due again, and nonces filled',
      labelNames: ['kind'],
      registers,
    }),
    nodeDissents: new Counter({
      name: 'chain_node_dissents_total',
      help: 'What a node said that the quorum did not',
      labelNames: ['node', 'question'],
      registers,
    }),
    exposure: new Gauge({
      name: 'exposure_minor_units',
      help: "What promises and inventory are worth, in minor units of the mark's currency",
      labelNames: ['asset'],
      registers,
    }),
    exposureLimit: new Gauge({
      name: 'exposure_limit_minor_units',
      help: 'What they may be worth',
      labelNames: ['asset'],
      registers,
    }),
    freeInventory: new Gauge({
      name: 'inventory_free_minor_units',
      help: 'What the wallet holds and has not promised, in minor units of the asset',
      labelNames: ['asset'],
      registers,
    }),
    observedHeight: new Gauge({ name: 'chain_observed_height', help: 'The newest block that was read', registers }),
  };
}
