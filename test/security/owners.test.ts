import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ownerRules } from '../../bridge/main/owner-rules.ts';
import { SCOPES, type Scope } from '../../bridge/platform/authentication.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import type { ParticipantKind } from '../../ledger-service/vocabulary/viewers.ts';
import type { Payment } from '../../scripts/day/line.ts';
import { makeApiKey } from '../../scripts/local/seed-world.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';

/** Who takes part in the payments below, and who of the same kind does not. */
const OWN: Readonly<Record<ParticipantKind, string>> = {
  merchant: 'bakery',
  payer: 'ana',
  issuer: 'alba',
  acquirer: 'porto',
};
const FOREIGN: Readonly<Record<ParticipantKind, string>> = {
  merchant: 'cinema',
  payer: 'ben',
  issuer: 'norte',
  acquirer: 'harbor',
};
const KINDS: readonly ParticipantKind[] = ['merchant', 'payer', 'issuer', 'acquirer'];
const EUROS = { minorUnits: '100', asset: 'EUR' };

type Asked = Readonly<{ path: string; body?: unknown }>;
type Cell = number | string;
/**
 * What one address answers to whom: a status, or the code of a refusal. A kind that is not named is refused with
 * ROLE_UNSUITABLE. `shows` is what its own participant finds in a list, and a foreign one does not.
 */
type Row = Readonly<{
  ask(): Promise<Asked> | Asked;
  scope: Scope;
  operator: number;
  own: Partial<Record<ParticipantKind, number>>;
  foreign: Cell;
  shows?: (kind: ParticipantKind) => string;
  /** Who takes part in this one, where it is somebody else than {@link OWN} says. */
  owners?: Partial<Record<ParticipantKind, string>>;
}>;

let local: LocalBridge;
let paymentId: string;
let quoteId: string;
let windowId: string;
let coinPaymentId: string;
let token: string;
let endpointId: string;
let payoutId: string;
let lastDispute: string | undefined;
let disputedPayment: string | undefined;
const keys = new Map<string, string>();
let counter = 0;

async function pay(merchantId: string, instrumentId: string, extra: object = {}): Promise<string> {
  counter += 1;
  const made = await local.client.post<Payment>(
    '/v1/payments',
    { merchantId, instrumentId, amount: EUROS, ...extra },
    `pay-${counter}`,
  );
  return made.paymentId;
}

async function captured(): Promise<string> {
  const fresh = await pay('bakery', 'ana-card');
  await local.client.post(`/v1/payments/${fresh}/captures`, { amount: EUROS }, `${fresh}-capture`);
  return fresh;
}

/** One that nobody has answered yet: the one before, while it is still so. */
async function disputed(): Promise<string> {
  if (lastDispute !== undefined) {
    const { state } = await local.client.get<{ state: string }>(`/v1/disputes/${lastDispute}`);
    if (state === 'opened') return lastDispute;
  }
  const amount = { ...EUROS, minorUnits: '1' };
  const body = { paymentId: await disputable(), reasonCode: 'fraud', amount };
  const made = await local.client.post<{ disputeId: string }>('/v1/disputes', body, `dispute-${++counter}`);
  lastDispute = made.disputeId;
  return lastDispute;
}

/** A captured payment of which every dispute takes one cent. */
async function disputable(): Promise<string> {
  disputedPayment ??= await captured();
  return disputedPayment;
}

async function unsigned(): Promise<Asked> {
  const amount = { minorUnits: '1000000', asset: token };
  const { quoteId: promised } = await local.client.post<{ quoteId: string }>(
    '/v1/quotes',
    { source: amount, targetAsset: 'EUR' },
    `quote-${++counter}`,
  );
  const made = await local.client.post<Payment>(
    '/v1/payments',
    { merchantId: 'bakery', instrumentId: 'ana-wallet', amount, quoteId: promised },
    `pay-${++counter}`,
  );
  const { typedData } = made.action as { typedData: Parameters<typeof local.wallets.sign>[1] };
  const { instruments } = await local.client.get<{ instruments: { instrumentId: string; address: string }[] }>(
    '/v1/instruments',
  );
  const address = instruments.find(({ instrumentId }) => instrumentId === 'ana-wallet')!.address as `0x${string}`;
  const signature = await local.wallets.sign(address, typedData);
  return { path: `/v1/payments/${made.paymentId}/signature`, body: { signature } };
}

async function freshEndpoint(): Promise<string> {
  const made = await local.client.post<{ endpoint: { endpointId: string } }>('/v1/webhook-endpoints', {
    url: 'http://127.0.0.1:9/nobody',
    merchantId: 'bakery',
    eventTypes: ['payout.paid'],
  });
  await local.bridge.database.client.unsafe(
    `update bridge.webhook_endpoints set state = 'deleted' where endpoint_id not in ('${endpointId}', '${made.endpoint.endpointId}')`,
  );
  return `/v1/webhook-endpoints/${made.endpoint.endpointId}`;
}

const everyKind = (status: number) => ({ merchant: status, payer: status, issuer: status, acquirer: status });
const withAccounts = (status: number) => ({ merchant: status, issuer: status, acquirer: status });
const ofPayment = (path: string) => () => ({ path: `/v1/payments/${paymentId}${path}` });
const ofEndpoint = (path: string, body?: unknown) => async () => ({ path: (await freshEndpoint()) + path, body });
const NOBODY: Row['own'] = {};
const ofOperator = (path: string, scope: Scope, body: () => unknown = () => undefined, operator = 200): Row => ({
  ask: () => ({ path, body: body() }),
  scope,
  operator,
  own: NOBODY,
  foreign: 403,
});

/** Every address of the API. One that is not here fails the test by its name. */
const rows: Readonly<Record<string, Row>> = {
  'POST /v1/quotes': {
    ask: () => ({ path: '/v1/quotes', body: { source: EUROS, targetAsset: token } }),
    scope: 'payments:write',
    operator: 201,
    own: { merchant: 201, payer: 201 },
    // A promise is made to whoever asks.
    foreign: 201,
  },
  'GET /v1/quotes/{quoteId}': {
    ask: () => ({ path: `/v1/quotes/${quoteId}` }),
    scope: 'payments:read',
    operator: 200,
    own: { merchant: 200, payer: 404 },
    foreign: 'QUOTE_UNKNOWN',
  },
  'POST /v1/payments': {
    ask: () => ({ path: '/v1/payments', body: { merchantId: 'bakery', instrumentId: 'ana-card', amount: EUROS } }),
    scope: 'payments:write',
    operator: 201,
    own: { merchant: 201, payer: 201 },
    foreign: 404,
  },
  'GET /v1/payments': {
    ask: () => ({ path: '/v1/payments?limit=200' }),
    scope: 'payments:read',
    operator: 200,
    own: everyKind(200),
    foreign: 200,
    shows: () => paymentId,
  },
  'GET /v1/payments/{paymentId}': {
    ask: ofPayment(''),
    scope: 'payments:read',
    operator: 200,
    own: everyKind(200),
    foreign: 'PAYMENT_UNKNOWN',
  },
  // Which worker took what, and how often it failed, is the operator's to see.
  'GET /v1/payments/{paymentId}/life': {
    ask: ofPayment('/life'),
    scope: 'payments:read',
    operator: 200,
    own: NOBODY,
    foreign: 403,
  },
  'GET /v1/payments/{paymentId}/events': {
    ask: ofPayment('/events'),
    scope: 'events:read',
    operator: 200,
    own: everyKind(200),
    foreign: 'PAYMENT_UNKNOWN',
  },
  'POST /v1/payments/{paymentId}/signature': {
    ask: unsigned,
    scope: 'payments:write',
    operator: 200,
    own: { merchant: 200, payer: 200 },
    foreign: 'PAYMENT_UNKNOWN',
  },
  'POST /v1/payments/{paymentId}/captures': {
    ask: async () => ({ path: `/v1/payments/${await pay('bakery', 'ana-card')}/captures`, body: { amount: EUROS } }),
    scope: 'payments:write',
    operator: 201,
    own: { merchant: 201 },
    foreign: 'PAYMENT_UNKNOWN',
  },
  'POST /v1/payments/{paymentId}/void': {
    ask: async () => ({ path: `/v1/payments/${await pay('bakery', 'ana-card')}/void` }),
    scope: 'payments:write',
    operator: 201,
    own: { merchant: 201 },
    foreign: 'PAYMENT_UNKNOWN',
  },
  'POST /v1/payments/{paymentId}/refunds': {
    ask: async () => ({ path: `/v1/payments/${await captured()}/refunds`, body: { amount: EUROS } }),
    scope: 'payments:write',
    operator: 201,
    own: { merchant: 201 },
    foreign: 'PAYMENT_UNKNOWN',
  },
  'POST /v1/payments/{paymentId}/late-reversal': {
    ask: async () => ({ path: `/v1/payments/${await disputable()}/late-reversal` }),
    scope: 'payments:write',
    operator: 422,
    own: { issuer: 422 },
    foreign: 'PAYMENT_UNKNOWN',
  },
  'GET /v1/payouts': {
    ask: () => ({ path: '/v1/payouts' }),
    scope: 'settlement:read',
    operator: 200,
    own: { merchant: 200, payer: 200 },
    foreign: 200,
    shows: () => payoutId,
    owners: { merchant: 'arcade' },
  },
  'POST /v1/disputes': {
    ask: async () => ({
      path: '/v1/disputes',
      body: { paymentId: await disputable(), reasonCode: 'fraud', amount: { ...EUROS, minorUnits: '1' } },
    }),
    scope: 'disputes:write',
    operator: 201,
    own: { issuer: 201 },
    foreign: 'PAYMENT_UNKNOWN',
  },
  'GET /v1/disputes': {
    ask: async () => {
      await disputed();
      return { path: '/v1/disputes' };
    },
    scope: 'disputes:read',
    operator: 200,
    own: withAccounts(200),
    foreign: 200,
    shows: () => lastDispute ?? '',
  },
  'GET /v1/disputes/{disputeId}': {
    ask: async () => ({ path: `/v1/disputes/${await disputed()}` }),
    scope: 'disputes:read',
    operator: 200,
    own: withAccounts(200),
    foreign: 'DISPUTE_UNKNOWN',
  },
  'POST /v1/disputes/{disputeId}/evidence': {
    ask: async () => ({ path: `/v1/disputes/${await disputed()}/evidence`, body: { statement: 'Delivered.' } }),
    scope: 'disputes:write',
    operator: 201,
    own: { merchant: 201 },
    foreign: 'DISPUTE_UNKNOWN',
  },
  'POST /v1/disputes/{disputeId}/accept': {
    ask: async () => ({ path: `/v1/disputes/${await disputed()}/accept` }),
    scope: 'disputes:write',
    operator: 201,
    own: { merchant: 201 },
    foreign: 'DISPUTE_UNKNOWN',
  },
  'POST /v1/disputes/{disputeId}/decide': {
    ask: async () => ({ path: `/v1/disputes/${await disputed()}/decide`, body: { outcome: 'won' } }),
    scope: 'disputes:write',
    operator: 201,
    own: { issuer: 201 },
    foreign: 'DISPUTE_UNKNOWN',
  },
  'GET /v1/merchants/{merchantId}/standing': {
    ask: () => ({ path: '/v1/merchants/bakery/standing' }),
    scope: 'settlement:read',
    operator: 200,
    own: { merchant: 200 },
    foreign: 'PARTICIPANT_UNKNOWN',
  },
  'PUT /v1/merchants/{merchantId}/reserve-policy': {
    ask: () => ({ path: '/v1/merchants/cinema/reserve-policy', body: { basisPoints: 0, days: 0 } }),
    scope: 'settlement:write',
    operator: 200,
    own: NOBODY,
    foreign: 403,
  },
  'POST /v1/merchants/{merchantId}/departure': {
    ask: () => ({ path: '/v1/merchants/cinema/departure' }),
    scope: 'settlement:write',
    operator: 200,
    own: NOBODY,
    foreign: 403,
  },
  'GET /v1/settlement-windows': {
    ask: () => ({ path: '/v1/settlement-windows' }),
    scope: 'settlement:read',
    operator: 200,
    own: withAccounts(200),
    foreign: 200,
    shows: () => '"presentments":1',
  },
  'GET /v1/settlement-windows/{windowId}': {
    ask: () => ({ path: `/v1/settlement-windows/${windowId}` }),
    scope: 'settlement:read',
    operator: 200,
    own: withAccounts(200),
    foreign: 200,
    shows: () => '"presentments":1',
  },
  'POST /v1/settlement-windows/{windowId}/close': {
    ask: () => ({ path: `/v1/settlement-windows/${windowId.slice(0, -4)}zzzz/close` }),
    scope: 'settlement:write',
    operator: 404,
    own: NOBODY,
    foreign: 403,
  },
  'GET /v1/reconciliation': {
    ask: () => ({ path: '/v1/reconciliation' }),
    scope: 'settlement:read',
    operator: 200,
    own: NOBODY,
    foreign: 403,
  },
  'GET /v1/chain/nodes': ofOperator('/v1/chain/nodes', 'settlement:read'),
  'GET /v1/asset-switches': ofOperator('/v1/asset-switches', 'settlement:read'),
  'POST /v1/asset-switches': ofOperator('/v1/asset-switches', 'settlement:write', () => ({
    asset: token,
    paused: false,
    reason: 'matrix',
  })),
  'GET /v1/deposits': ofOperator('/v1/deposits', 'settlement:read'),
  'GET /v1/deposits/{paymentId}': {
    ...ofOperator('', 'settlement:read', undefined, 404),
    ask: () => ({ path: `/v1/deposits/${paymentId}` }),
  },
  'GET /v1/suspense': ofOperator('/v1/suspense', 'settlement:read'),
  'POST /v1/suspense/{itemId}/attribute': ofOperator(
    '/v1/suspense/nothing/attribute',
    'settlement:write',
    () => ({ reason: 'drill' }),
    404,
  ),
  'POST /v1/suspense/{itemId}/return': ofOperator(
    '/v1/suspense/nothing/return',
    'settlement:write',
    () => ({ recipient: `0x${'1'.repeat(40)}`, reason: 'drill' }),
    404,
  ),
  'GET /v1/exposures': ofOperator('/v1/exposures', 'settlement:read'),
  'GET /v1/operator-actions': ofOperator('/v1/operator-actions', 'settlement:read'),
  'POST /v1/exposures/limits': ofOperator('/v1/exposures/limits', 'settlement:write', () => ({
    asset: token,
    maximum: '1000000000',
  })),
  'POST /v1/exposures/counterparty-limits': ofOperator('/v1/exposures/counterparty-limits', 'settlement:write', () => ({
    asset: token,
    counterparty: 'jo',
    maximum: '1000000000',
  })),
  'POST /v1/kill-switch': ofOperator('/v1/kill-switch', 'settlement:write', () => ({
    stopped: false,
    reason: 'drill',
  })),
  'GET /v1/under-way': {
    ask: () => ({ path: '/v1/under-way' }),
    scope: 'settlement:read',
    operator: 200,
    own: NOBODY,
    foreign: 403,
  },
  'GET /v1/ledger/accounts': {
    ask: () => ({ path: '/v1/ledger/accounts' }),
    scope: 'ledger:read',
    operator: 200,
    own: withAccounts(200),
    foreign: 200,
    shows: (kind) => `"path":"${kind}/${OWN[kind]}/`,
  },
  'GET /v1/ledger/entries': {
    ask: () => ({ path: '/v1/ledger/entries?limit=200' }),
    scope: 'ledger:read',
    operator: 200,
    own: withAccounts(200),
    foreign: 200,
    shows: () => paymentId,
  },
  'GET /v1/ledger/trial-balance': {
    ask: () => ({ path: '/v1/ledger/trial-balance' }),
    scope: 'ledger:read',
    operator: 200,
    own: NOBODY,
    foreign: 403,
  },
  'GET /v1/participants': {
    ask: () => ({ path: '/v1/participants' }),
    scope: 'payments:read',
    operator: 200,
    own: everyKind(200),
    foreign: 200,
  },
  'GET /v1/assets': {
    ask: () => ({ path: '/v1/assets' }),
    scope: 'payments:read',
    operator: 200,
    own: everyKind(200),
    foreign: 200,
  },
  'GET /v1/instruments': {
    ask: () => ({ path: '/v1/instruments' }),
    scope: 'payments:read',
    operator: 200,
    own: { payer: 200, issuer: 200 },
    foreign: 200,
    shows: () => '"ana-card"',
  },
  'GET /v1/clock': {
    ask: () => ({ path: '/v1/clock' }),
    scope: 'payments:read',
    operator: 200,
    own: everyKind(200),
    foreign: 200,
  },
  'PUT /v1/clock': {
    ask: () => ({ path: '/v1/clock', body: { now: '2000-01-01T00:00:00.000Z' } }),
    scope: 'clock:write',
    operator: 422,
    own: NOBODY,
    foreign: 403,
  },
  'GET /v1/event-types': {
    ask: () => ({ path: '/v1/event-types' }),
    scope: 'webhooks:read',
    operator: 200,
    own: everyKind(200),
    foreign: 200,
  },
  'POST /v1/webhook-endpoints': {
    ask: () => ({
      path: '/v1/webhook-endpoints',
      body: { url: 'http://127.0.0.1:9/nobody', merchantId: 'bakery', eventTypes: ['payout.paid'] },
    }),
    scope: 'webhooks:write',
    operator: 201,
    own: { merchant: 201 },
    foreign: 'PARTICIPANT_UNKNOWN',
  },
  'GET /v1/webhook-endpoints': {
    ask: () => ({ path: '/v1/webhook-endpoints' }),
    scope: 'webhooks:read',
    operator: 200,
    own: { merchant: 200 },
    foreign: 200,
    shows: () => endpointId,
  },
  'GET /v1/webhook-endpoints/{endpointId}': {
    ask: () => ({ path: `/v1/webhook-endpoints/${endpointId}` }),
    scope: 'webhooks:read',
    operator: 200,
    own: { merchant: 200 },
    foreign: 'WEBHOOK_ENDPOINT_UNKNOWN',
  },
  'PATCH /v1/webhook-endpoints/{endpointId}': {
    ask: ofEndpoint('', { enabled: false }),
    scope: 'webhooks:write',
    operator: 200,
    own: { merchant: 200 },
    foreign: 'WEBHOOK_ENDPOINT_UNKNOWN',
  },
  'DELETE /v1/webhook-endpoints/{endpointId}': {
    ask: ofEndpoint(''),
    scope: 'webhooks:write',
    operator: 204,
    own: { merchant: 204 },
    foreign: 'WEBHOOK_ENDPOINT_UNKNOWN',
  },
  'POST /v1/webhook-endpoints/{endpointId}/rotate-secret': {
    ask: ofEndpoint('/rotate-secret', {}),
    scope: 'webhooks:write',
    operator: 200,
    own: { merchant: 200 },
    foreign: 'WEBHOOK_ENDPOINT_UNKNOWN',
  },
  'GET /v1/webhook-endpoints/{endpointId}/deliveries': {
    ask: () => ({ path: `/v1/webhook-endpoints/${endpointId}/deliveries` }),
    scope: 'webhooks:read',
    operator: 200,
    own: { merchant: 200 },
    foreign: 'WEBHOOK_ENDPOINT_UNKNOWN',
  },
  'POST /v1/webhook-endpoints/{endpointId}/redeliver': {
    ask: ofEndpoint('/redeliver', { from: '2026-01-01T00:00:00.000Z', to: '2026-01-02T00:00:00.000Z' }),
    scope: 'webhooks:write',
    operator: 202,
    own: { merchant: 202 },
    foreign: 'WEBHOOK_ENDPOINT_UNKNOWN',
  },
};

beforeAll(async () => {
  local = await startTestBridge();
  const { assets } = await local.client.get<{ assets: { code: string; symbol: string }[] }>('/v1/assets');
  token = assets.find(({ symbol }) => symbol === 'USDL')!.code;
  const key = (name: string, scopes: readonly Scope[], participantId?: string) =>
    makeApiKey(local.databaseUrl, systemClock, name, scopes, participantId).then((made) => keys.set(name, made));
  const participants = SCOPES.filter((scope) => scope !== 'settlement:write' && scope !== 'clock:write');
  const names = [...new Set([...Object.values(OWN), ...Object.values(FOREIGN), 'arcade', 'stranger'])];
  await key('operator', SCOPES);
  await key(
    'auditor',
    SCOPES.filter((scope) => scope.endsWith(':read')),
  );
  await key('no-scope', []);
  for (const name of names) await key(name, participants, name);

  const { quoteId: promised } = await local.client.post<{ quoteId: string }>(
    '/v1/quotes',
    { source: EUROS, targetAsset: token },
    'coin-quote',
  );
  coinPaymentId = await pay('arcade', 'ana-card', { quoteId: promised });
  await local.client.post(`/v1/payments/${coinPaymentId}/captures`, { amount: EUROS }, 'coin-capture');
  const payouts = await eventually(
    () => local.client.get<{ payouts: { payoutId: string }[] }>('/v1/payouts'),
    ({ payouts: found }) => found.length === 1,
  );
  payoutId = payouts.payouts[0]!.payoutId;
  // That payment's window is closed, so that the next one holds the bakery's payment and nothing else.
  const open = () =>
    local.client.get<{ windows: { windowId: string; presentments: number }[] }>('/v1/settlement-windows');
  const first = await eventually(open, ({ windows }) => windows[0]?.presentments === 1);
  await local.client.post(`/v1/settlement-windows/${first.windows[0]!.windowId}/close`, {});
  paymentId = await captured();
  const second = await eventually(open, ({ windows }) => windows.length === 2);
  windowId = second.windows[0]!.windowId;
  await local.client.post(`/v1/settlement-windows/${windowId}/close`, {});
  endpointId = '';
  endpointId = (await freshEndpoint()).split('/').at(-1)!;
  const quoted = await send('bakery', 'POST', { path: '/v1/quotes', body: { source: EUROS, targetAsset: token } });
  quoteId = quoted.body.quoteId as string;
});
afterAll(async () => {
  await local?.stop();
});

type Answer = Readonly<{ status: number; code: string | undefined; text: string; body: Record<string, unknown> }>;

async function send(who: string, method: string, { path, body }: Asked): Promise<Answer> {
  counter += 1;
  const apiKey = keys.get(who);
  const response = await fetch(`${local.url}${path}`, {
    method,
    headers: {
      ...(apiKey ? { Authorization: `Bearer ${apiKey}` } : {}),
      Accept: 'application/json',
      'Idempotency-Key': `cell-${counter}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const read = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { status: response.status, code: read.code as string | undefined, text, body: read };
}

/** Everything that a refused request could have moved. What workers still do to other payments is not in it. */
async function fingerprint(): Promise<string> {
  const [row] = await local.bridge.database.client.unsafe(`
    select md5(concat(
      (select string_agg(concat_ws(' ', payment_id, sequence, captured, voided, refunded, signed_at), ',' order by payment_id) from bridge.payments),
      (select count(*) from bridge.payment_movements), (select count(*) from bridge.quotes),
      (select string_agg(concat_ws(' ', endpoint_id, state, url), ',' order by endpoint_id) from bridge.webhook_endpoints),
      (select count(*) from bridge.webhook_secrets), (select count(*) from bridge.once_keys),
      (select string_agg(concat_ws(' ', window_id, state), ',' order by window_id) from bridge.settlement_windows where state <> 'OPEN')))`);
  return String(row!.md5);
}

type Address = Readonly<{ name: string; method: string }>;

async function addresses(): Promise<readonly Address[]> {
  const description = (await (await fetch(`${local.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase() })),
  );
}

/** What each caller has to be answered at an address. */
function cellsOf(
  row: Row,
): readonly Readonly<{ who: string; label: string; expected: Cell; isOwn?: boolean; kind?: ParticipantKind }>[] {
  const participant = (label: string, kind: ParticipantKind, who: string, expected: Cell) => ({
    who,
    label: `${label} ${kind}`,
    expected: row.own[kind] === undefined ? 'ROLE_UNSUITABLE' : expected,
    isOwn: label === 'own',
    kind,
  });
  return [
    { who: 'operator', label: 'operator', expected: row.operator },
    { who: 'auditor', label: 'auditor', expected: row.scope.endsWith(':read') ? row.operator : 'SCOPE_MISSING' },
    { who: 'no-scope', label: 'no scope', expected: 'SCOPE_MISSING' },
    { who: 'nobody', label: 'no key', expected: 'UNAUTHENTICATED' },
    { who: 'stranger', label: 'a key of nobody registered', expected: 'ROLE_UNSUITABLE' },
    ...KINDS.flatMap((kind) => [
      participant('own', kind, row.owners?.[kind] ?? OWN[kind], row.own[kind] ?? 0),
      participant('foreign', kind, FOREIGN[kind], row.foreign),
    ]),
  ];
}

test('every address of the API has a row in the matrix, and every row an address', async () => {
  const named = (await addresses()).map(({ name }) => name);
  expect(named.filter((name) => !rows[name])).toEqual([]);
  expect(Object.keys(rows).filter((name) => !named.includes(name))).toEqual([]);
  expect(Object.keys(ownerRules).filter((name) => !named.includes(name))).toEqual([]);
});

test('docs/security.md says for every address what the rules say', () => {
  const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const told = [...page.matchAll(/^\| `([^`]+)` \| ([^|]+) \|$/gm)].map(([, name, kinds]) => [name, kinds]);
  expect(told).toEqual(Object.entries(ownerRules).map(([name, kinds]) => [name, kinds.join(', ')]));
});

test('role × address × owner: every cell is answered as the matrix says, and what is refused moves nothing', async () => {
  const wrong: string[] = [];
  let cells = 0;
  for (const { name, method } of await addresses()) {
    const row = rows[name];
    if (!row) continue;
    for (const { who, label, expected, isOwn, kind } of cellsOf(row)) {
      cells += 1;
      const asked = await row.ask();
      const before = await fingerprint();
      const answer = await send(who, method, asked);
      const got = typeof expected === 'number' ? answer.status : answer.code;
      const cell = `${name}, ${label}`;
      if (got !== expected) wrong.push(`${cell}: ${expected} expected, ${answer.status} ${answer.code} given`);
      if (answer.status >= 400 && (await fingerprint()) !== before) wrong.push(`${cell}: refused, and moved something`);
      if (!row.shows || answer.status !== 200 || isOwn === undefined || !kind) continue;
      if (answer.text.includes(row.shows(kind)) !== isOwn) {
        wrong.push(`${cell}: ${isOwn ? 'does not see its own' : 'sees what is not its own'}`);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(cells).toBeGreaterThan(Object.keys(rows).length * 12);
});

test('a foreign object is answered exactly like one that does not exist', async () => {
  const without = ({ requestId: _, detail: __, ...rest }: Record<string, unknown>) => {
    const { paymentId: ___, quoteId: ____, endpointId: _____, ...same } = rest;
    return same;
  };
  const places = [
    ['GET', (id: string) => `/v1/payments/${id}`, paymentId, 'payment'],
    ['GET', (id: string) => `/v1/payments/${id}/events`, paymentId, 'payment'],
    ['POST', (id: string) => `/v1/payments/${id}/captures`, paymentId, 'payment'],
    ['POST', (id: string) => `/v1/payments/${id}/void`, paymentId, 'payment'],
    ['GET', (id: string) => `/v1/quotes/${id}`, quoteId, 'quote'],
    ['GET', (id: string) => `/v1/webhook-endpoints/${id}`, endpointId, 'endpoint'],
  ] as const;
  for (const [method, path, id] of places) {
    const body = path(id).endsWith('captures') ? { amount: EUROS } : undefined;
    const foreign = await send('cinema', method, { path: path(id), body });
    const absent = await send('cinema', method, { path: path(`${id.slice(0, -4)}zzzz`), body });
    expect([path(id), foreign.status, without(foreign.body)]).toEqual([path(id), absent.status, without(absent.body)]);
    expect(foreign.status).toBe(404);
  }
});

test('a payment is for its merchant to ask for, with a quote that was made for one of its sides', async () => {
  const amount = EUROS;
  const asked = (who: string, body: object) => send(who, 'POST', { path: '/v1/payments', body: { amount, ...body } });
  expect((await asked('cinema', { merchantId: 'bakery', instrumentId: 'ana-card' })).code).toBe('PARTICIPANT_UNKNOWN');
  expect((await asked('ben', { merchantId: 'bakery', instrumentId: 'ana-card' })).code).toBe('INSTRUMENT_UNKNOWN');
  // The quote is the bakery's, and so no use to the arcade.
  const foreign = { merchantId: 'arcade', instrumentId: 'ana-card', quoteId };
  expect((await asked('arcade', foreign)).code).toBe('QUOTE_UNKNOWN');
  const quoted = await send('ana', 'POST', { path: '/v1/quotes', body: { source: EUROS, targetAsset: token } });
  const own = { merchantId: 'arcade', instrumentId: 'ana-card', quoteId: quoted.body.quoteId };
  expect((await asked('arcade', own)).status).toBe(201);
});
