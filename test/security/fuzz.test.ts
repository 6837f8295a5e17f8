import { Agent, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ErrorCode, errorCatalogue } from '../../ledger-service/vocabulary/errors.ts';
import type { Payment } from '../../scripts/day/line.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';
import { stateOf } from '../support/state.ts';

/** 20,000 in CI. The same seed makes the same requests. */
const MUTATIONS = Number(process.env.API_MUTATIONS ?? 3_000);
const SEED = Number(process.env.API_SEED ?? 20_261_126);
const AT_ONCE = 25;
/** Once it was used, everything else would be refused for that alone. */
const STOPS_EVERYTHING = '/v1/kill-switch';
const TALKS_STREAM = 'text/event-stream';

type Schema = Readonly<{
  $ref?: string;
  type?: string | readonly string[];
  anyOf?: readonly Schema[];
  properties?: Record<string, Schema>;
  required?: readonly string[];
  items?: Schema;
  enum?: readonly unknown[];
}>;
type Operation = Readonly<{
  parameters?: readonly Readonly<{ name: string; in: string }>[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
}>;
type Description = Readonly<{
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}>;

type Asked = { method: string; path: string; headers: Record<string, string>; body?: string | Buffer };
type Answer = Readonly<{ status: number; type: string; text: string }>;

let local: LocalBridge;
let description: Description;
let state = SEED;
const known: Record<string, unknown> = {};
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
beforeAll(async () => {
  local = await startTestBridge({ apiOnly: true });
  description = (await (await fetch(`${local.url}/openapi.json`)).json()) as Description;
  const amount = { minorUnits: '5000', asset: 'EUR' };
  const order = { merchantId: 'bakery', instrumentId: 'ana-card', amount };
  const payment = await local.client.post<Payment>('/v1/payments', order, 'known');
  const { endpoint } = await local.client.post<{ endpoint: { endpointId: string } }>('/v1/webhook-endpoints', {
    url: 'http://127.0.0.1:9/nobody',
  });
  Object.assign(known, {
    paymentId: payment.paymentId,
    endpointId: endpoint.endpointId,
    merchantId: 'bakery',
    instrumentId: 'ana-card',
    asset: 'EUR',
    targetAsset: 'USD',
    sourceAsset: 'USD',
    minorUnits: '100',
    url: 'http://127.0.0.1:9/nobody',
    eventTypes: [],
    signature: `0x${'1b'.repeat(65)}`,
    now: '2026-11-02T09:00:00.000Z',
    from: '2026-11-02T09:00:00.000Z',
    to: '2026-11-02T10:00:00.000Z',
    quantity: 2,
    enabled: true,
    authorizationExpiresAt: '2026-11-05T09:00:00.000Z',
    limit: '5',
    shard: '0',
    'idempotency-key': 'fuzz',
  });
});
afterAll(async () => {
  agent.destroy();
  await local?.stop();
});

/** xorshift: small, and the same everywhere. */
function below(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}
const oneOf = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;

function sample(schema: Schema, name = ''): unknown {
  const reference = schema.$ref?.split('/').at(-1);
  if (reference) return sample(description.components.schemas[reference]!, name);
  if (schema.anyOf) return sample(oneOf(schema.anyOf), name);
  if (schema.properties) {
    const names = Object.keys(schema.properties).filter((key) => schema.required?.includes(key) || below(2) === 0);
    return Object.fromEntries(names.map((key) => [key, sample(schema.properties![key]!, key)]));
  }
  if (name in known) return known[name];
  if (schema.enum) return oneOf(schema.enum);
  if (schema.items) return [sample(schema.items)];
  return { integer: 1, number: 1, boolean: true }[String(schema.type)] ?? 'text';
}

function valid(): Asked {
  const [template, methods] = oneOf(Object.entries(description.paths).filter(([path]) => path !== STOPS_EVERYTHING));
  const [method, operation] = oneOf(Object.entries(methods));
  const query = (operation.parameters ?? []).filter((one) => one.in === 'query' && below(3) === 0);
  const search = query.map(({ name }) => `${name}=${encodeURIComponent(String(known[name] ?? 'x'))}`).join('&');
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(known[name] ?? known.paymentId));
  const schema = operation.requestBody?.content['application/json'].schema;
  return {
    method: method.toUpperCase(),
    path: search ? `${path}?${search}` : path,
    headers: {
      authorization: `Bearer ${local.apiKey}`,
      accept: 'application/json',
      'idempotency-key': `fuzz-${below(2 ** 31)}`,
      ...(schema ? { 'content-type': 'application/json' } : {}),
    },
    ...(schema ? { body: JSON.stringify(sample(schema)) } : {}),
  };
}

const ODD_VALUES: readonly unknown[] = [
  ...[null, true, -1, 0, 1.5, 1e308, 2 ** 53, '', ' ', '0', '-1', '1.0', '1e3', '0x10', '١٢', 'NaN'],
  ...['9'.repeat(200), 'x'.repeat(20_000), '\u202e', 'a\u0000b', '\ud800', '__proto__', [], {}, [[[]]], { a: 1 }],
  ...[
    "'; drop table bridge.payments; --",
    '../../etc/passwd',
    '$' + '{jndi:ldap://x}',
    '<script>',
    '%00',
    'pay_',
    'eip155:1/slip44:60',
  ],
];

type Mutation = (asked: Asked) => void;

function readObject(text: Asked['body']): Record<string, unknown> | undefined {
  try {
    const read = JSON.parse(String(text ?? '{}')) as unknown;
    return read !== null && typeof read === 'object' ? (read as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Changes one value, wherever in the body it stands. */
function changeValue(asked: Asked): void {
  const body = readObject(asked.body);
  // A change before this one has left no object.
  if (!body) return;
  let at: Record<string, unknown> = body;
  for (;;) {
    const keys = Object.keys(at);
    const key = keys.length === 0 ? 'added' : oneOf(keys);
    const inner = at[key];
    if (inner !== null && typeof inner === 'object' && Object.keys(inner).length > 0 && below(3) > 0) {
      at = inner as Record<string, unknown>;
      continue;
    }
    const what = below(4);
    if (what === 0) delete at[key];
    else if (what === 1) at[oneOf(['added', 'constructor', 'toString', 'minorUnits'])] = oneOf(ODD_VALUES);
    else at[key] = oneOf(ODD_VALUES);
    break;
  }
  asked.body = JSON.stringify(body);
}

const inText =
  (change: (text: string) => string): Mutation =>
  (asked) => {
    asked.body = change(String(asked.body ?? '{}'));
  };

const inPath =
  (change: (path: string) => string): Mutation =>
  (asked) => {
    asked.path = change(asked.path);
  };

const header =
  (name: string, ...values: readonly string[]): Mutation =>
  (asked) => {
    asked.headers[name] = oneOf(values);
  };

const MUTATIONS_OF_REQUESTS: readonly Mutation[] = [
  changeValue,
  changeValue,
  changeValue,
  inText((text) => text.replace('{', '{"merchantId":"bakery","merchantId":"cinema",')),
  inText((text) => text.slice(0, below(text.length + 1))),
  inText((text) => text.replace(/"[^"]*"/, '"\\u0000"')),
  inText((text) => text.replace(/"[^"]*"/, '"\\ud800"')),
  inText((text) => text.replace(/"[^"]*"$/, `${'9'.repeat(400)}`)),
  inText(() => '['.repeat(below(5_000)) + ']'.repeat(below(5_000))),
  inText(() => `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`),
  inText((text) => `\ufeff${text}`),
  inText((text) => `${text}${text}`),
  inText(() => oneOf(['null', '1', '"x"', '[]', 'true', 'NaN', '-0', '{}', ' ', '{"__proto__":{"a":1}}'])),
  (asked) => {
    asked.body = Buffer.concat([Buffer.from('{"merchantId":"'), Buffer.from([0xff, 0xc0, 0x80]), Buffer.from('"}')]);
  },
  (asked) => {
    asked.body = JSON.stringify({ merchantId: 'x'.repeat(1_000_001) });
  },
  inPath((path) =>
    path.replace('/v1', oneOf(['//v1', '/v1/', '/v1/.', '/V1', '/v1%2f', '/%2e%2e/v1', '/v1/..//v1', '/v1;a=b'])),
  ),
  inPath(
    (path) =>
      path +
      oneOf(['.', '/', '/.', '%00', '%', '%zz', '%2f', '%ff', ';x=1', '//', '/..', '%e2%80%ae', '?', '??a', '#x']),
  ),
  inPath((path) =>
    path.replace(
      /[a-z]{3}_00\w+/,
      oneOf(['pay_', 'x', '0', 'pay_zz', '%20', 'a'.repeat(5_000), 'pay_00%00', '..', '__proto__', '%F0%28%8C%28']),
    ),
  ),
  inPath(
    (path) =>
      `${path.split('?')[0]}?${oneOf(['limit=0', 'limit=1e9', 'limit=-1', 'limit=5&limit=6', 'cursor=x', 'cursor=%00', 'cursor=', 'shard=9999', 'shard=x', 'prefix=%00', 'after=-1', 'subject=%ff', 'merchantId=%00', 'merchantId[]=a', 'state=none', '='.repeat(50)])}`,
  ),
  header(
    'content-type',
    'text/plain',
    'application/json; charset=utf-16',
    'application/xml',
    'multipart/form-data',
    'APPLICATION/JSON',
    '',
    'application/jsonx',
    'x'.repeat(2_000),
  ),
  header('idempotency-key', '', ' ', 'x'.repeat(256), 'x'.repeat(255), 'tab\there', '\u00e9', 'known'),
  header(
    'authorization',
    'Bearer',
    'Bearer x',
    'Basic dGVzdA==',
    'Bearer test.',
    'Bearer .',
    `Bearer ${'x'.repeat(200)}`,
    'Bearer a.b.c',
    '',
  ),
  header('accept', '*/*', 'text/html', 'x', '', 'application/json;q=0', 'image/png'),
  header('last-event-id', '-1', 'x', '1'.repeat(30), '\u00e9'),
  header('content-encoding', 'gzip', 'br', 'identity, gzip'),
  header('x-http-method-override', 'DELETE'),
  header('traceparent', 'x', '00-0-0-0', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`, 'x'.repeat(3_000)),
  header('host', 'evil.example', 'localhost:1', ''),
  header('origin', 'null', 'https://evil.example'),
  (asked) => {
    asked.method = oneOf(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'POST', 'GET']);
  },
];

function send({ method, path, headers, body }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(local.url);
    // Without it Node writes the body of a DELETE behind the request, where it is read as the next one.
    const length = { 'content-length': String(Buffer.byteLength(body ?? '')) };
    const sent = request(
      { hostname, port, method, path, headers: { ...headers, ...length }, agent, setHost: headers.host === undefined },
      (answer) => {
        const type = String(answer.headers['content-type'] ?? '');
        const done = (text: string) => resolve({ status: answer.statusCode ?? 0, type, text });
        if (type.startsWith(TALKS_STREAM)) {
          sent.destroy();
          done('');
          return;
        }
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => done(Buffer.concat(chunks).toString('utf8')));
        answer.on('error', reject);
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // Refused while it was still being sent: the answer is lost with the connection, and nothing was read.
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve({ status: 0, type: '', text: error.code });
      else reject(error);
    });
    sent.end(body);
  });
}

test('thousands of wrong requests: never a 500, each refusal a problem with a known code, and no change', {
  timeout: 300_000,
}, async () => {
  const wrong: string[] = [];
  const codes = new Map<string, number>();
  let before = await stateOf(local.bridge.database);
  for (let from = 0; from < MUTATIONS; from += AT_ONCE) {
    const asked = Array.from({ length: AT_ONCE }, () => {
      const one = valid();
      for (let count = 1 + below(2); count > 0; count -= 1) oneOf(MUTATIONS_OF_REQUESTS)(one);
      return one;
    });
    const answers = await Promise.all(
      asked.map((one) =>
        // What cannot be written into a request never leaves the caller.
        send(one).catch(
          (error: NodeJS.ErrnoException): Answer => ({ status: 0, type: '', text: error.code ?? error.message }),
        ),
      ),
    );
    for (const [index, { status, type, text }] of answers.entries()) {
      const { method, path, headers, body } = asked[index]!;
      const shown = `${method} ${path.slice(0, 100)} ${JSON.stringify(headers).slice(0, 300)} ${String(body).slice(0, 200)}`;
      // 0: not sent; below 400: a mutation that changed nothing that matters.
      if (status < 400) continue;
      if (method === 'HEAD') continue;
      const code = type.startsWith('application/problem+json')
        ? String((JSON.parse(text) as { code: string }).code)
        : '';
      // A request that is no HTTP is answered below the API, by status alone.
      const isBelow = type === '' && (status === 400 || status === 431) && text === '';
      codes.set(code, (codes.get(code) ?? 0) + 1);
      // The switch that stops payments works, and the chain is not observed here.
      const isAway = status === 503 && code in errorCatalogue && errorCatalogue[code as ErrorCode].retryable;
      if ((status >= 500 && !isAway) || (!isBelow && !(code in errorCatalogue)))
        wrong.push(`${status} ${code || text.slice(0, 100)}: ${shown}`);
    }
    const after = await stateOf(local.bridge.database);
    const isAllRefused = answers.every(
      ({ status }, index) => status >= 400 || asked[index]!.method === 'GET' || status === 0,
    );
    const moved = Object.keys(after).filter((table) => after[table] !== before[table]);
    if (isAllRefused && moved.length > 0) {
      const told = answers.map(
        ({ status }, index) => `${status} ${asked[index]!.method} ${asked[index]!.path.slice(0, 90)}`,
      );
      wrong.push(`${moved.join(', ')} moved, and all of these were refused: ${told.join('; ')}`);
    }
    before = after;
    if (wrong.length > 20) break;
  }
  expect(wrong).toEqual([]);
  // It tried many different things.
  expect(codes.size).toBeGreaterThan(15);
});
