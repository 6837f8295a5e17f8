import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric of the bridge, declared in one place; units stand in the names. docs/operating.md says what to watch. */
export type Metrics = Readonly<{
  registry: Registry;
  requests: Counter<'method' | 'route' | 'status'>;
  requestDuration: Histogram<'method' | 'route'>;
  requestsUnderWay: Gauge;
  requestsShed: Counter;
  jobDuration: Histogram<'consumer'>;
  outboxBacklog: Gauge<'consumer'>;
  outboxOldestAge: Gauge;
  observedHeight: Gauge;
  stuckCalls: Gauge;
  poorKeys: Gauge;
  chainRepairs: Counter<'kind'>;
  nodeDissents: Counter<'node' | 'question'>;
  exposure: Gauge<'asset'>;
  exposureLimit: Gauge<'asset'>;
  freeInventory: Gauge<'asset'>;
  observationLag: Gauge;
  payments: Gauge<'quadrant' | 'phase'>;
  oldestUnknownPaymentAge: Gauge;
  chainCalls: Gauge<'state'>;
  oldestChainCallAge: Gauge<'state'>;
  openBreaks: Gauge;
  reconciledAt: Gauge;
  databaseConnections: Gauge<'state'>;
  databasePoolSize: Gauge;
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
    requestsUnderWay: new Gauge({
      name: 'http_requests_under_way',
      help: 'Requests of the API that are worked on now',
      registers,
    }),
    requestsShed: new Counter({
      name: 'http_requests_shed_total',
      help: 'Requests refused with OVERLOADED',
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
    outboxOldestAge: new Gauge({
      name: 'outbox_oldest_event_age_milliseconds',
      help: 'How long the oldest waiting event has waited, by the clock of the books',
      registers,
    }),
    observedHeight: new Gauge({ name: 'chain_observed_height', help: 'The newest block that was read', registers }),
    observationLag: new Gauge({
      name: 'chain_observation_lag_blocks',
      help: 'How many blocks the node is ahead of what was read',
      registers,
    }),
    payments: new Gauge({
      name: 'payments_count',
      help: 'Payments by quadrant and phase',
      labelNames: ['quadrant', 'phase'],
      registers,
    }),
    oldestUnknownPaymentAge: new Gauge({
      name: 'payment_oldest_unknown_age_milliseconds',
      help: 'How long the oldest payment has waited for an answer of its issuer or the chain; 0 where none waits',
      registers,
    }),
    chainCalls: new Gauge({
      name: 'chain_calls_count',
      help: 'Calls to the chain that are not final, by state',
      labelNames: ['state'],
      registers,
    }),
    oldestChainCallAge: new Gauge({
      name: 'chain_call_oldest_age_milliseconds',
      help: 'How long the oldest call of each state has waited, by the clock of the books; 0 where none waits',
      labelNames: ['state'],
      registers,
    }),
    openBreaks: new Gauge({
      name: 'reconciliation_open_breaks',
      help: 'Breaks between books, chain and windows when they were last compared by this process',
      registers,
    }),
    reconciledAt: new Gauge({
      name: 'reconciliation_last_run_timestamp_seconds',
      help: 'When this process last compared books, chain and windows',
      registers,
    }),
    databaseConnections: new Gauge({
      name: 'database_connections',
      help: 'Connections of all processes to these books, by state as Postgres has it',
      labelNames: ['state'],
      registers,
    }),
    databasePoolSize: new Gauge({
      name: 'database_pool_size_connections',
      help: 'The most connections that this process opens for its own statements',
      registers,
    }),
  };
}

/** The process itself: memory, processor time, delay of the event loop, collections of garbage. */
export function observeProcess({ registry }: Metrics): void {
  collectDefaultMetrics({ register: registry });
}
