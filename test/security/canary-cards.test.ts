import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BridgeProcess, startBridge } from '../../scripts/local/bridge-process.ts';
import { openStage } from '../support/bridge-processes.ts';

/** Every canary begins with these ten digits, so that one search finds all of them and their fields. */
const MARK = '4539718302';
/** This one is no card number, is stored, and has to be found: a search that finds nothing proves nothing. */
const CONTROL = '4539718399';

let stage: Awaited<ReturnType<typeof openStage>>;
let bridge: BridgeProcess;
let paymentId: string;
beforeAll(async () => {
  stage = await openStage();
  bridge = await startBridge(stage.folder, { ...stage.environment, LOG_LEVEL: 'trace' });
  const made = await ask('POST', '/v1/payments', {
    body: JSON.stringify({ ...PAYMENT, merchantReference: `order ${CONTROL}` }),
    headers: { 'Idempotency-Key': 'control' },
  });
  expect(made.status).toBe(201);
  paymentId = made.body.paymentId as string;
});
afterAll(async () => {
  await bridge?.stop();
  await stage?.close();
});

const PAYMENT = { merchantId: 'bakery', instrumentId: 'ana-card', amount: { minorUnits: '100', asset: 'EUR' } };
let made = 0;

/** A card number of its own for each place, in one of the ways people write it. */
function canary(): string {
  made += 1;
  const body = `${MARK}${String(made).padStart(5, '0')}`;
  let sum = 0;
  for (let place = 0; place < body.length; place += 1) {
    const digit = Number(body[body.length - 1 - place]);
    sum += place % 2 === 1 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  const number = `${body}${(10 - (sum % 10)) % 10}`;
  const groups = number.match(/\d{4}/g)!;
  return [number, groups.join(' '), groups.join('-'), `card ${number}.`][made % 4]!;
}

type Asked = Readonly<{ body?: string; headers?: Record<string, string> }>;
type Answer = Readonly<{ status: number; code: unknown; body: Record<string, unknown> }>;

async function ask(method: string, to: string, { body, headers }: Asked = {}): Promise<Answer> {
  const response = await fetch(`${bridge.url}${to}`, {
    method,
    headers: {
      Authorization: `Bearer ${stage.apiKey}`,
      Accept: 'application/json',
      'Idempotency-Key': `canary-${made}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const read = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: response.status, code: read.code, body: read };
}

type Schema = Readonly<{
  $ref?: string;
  type?: string | readonly string[];
  anyOf?: readonly Schema[];
  properties?: Record<string, Schema>;
  items?: Schema;
  enum?: readonly unknown[];
  example?: unknown;
}>;
type Operation = Readonly<{
  parameters?: readonly Readonly<{ name: string; in: string }>[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
}>;
type Description = Readonly<{
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}>;

/** Every place of a body where a text can stand, as a path of keys. Amounts are amounts, whatever they look like. */
function placesOf(description: Description, schema: Schema, at: readonly string[] = []): (readonly string[])[] {
  const name = schema.$ref?.split('/').at(-1);
  if (name) return placesOf(description, description.components.schemas[name]!, at);
  if (schema.anyOf) return schema.anyOf.flatMap((one) => placesOf(description, one, at));
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([key, one]) =>
      key === 'minorUnits' ? [] : placesOf(description, one, [...at, key]),
    );
  }
  if (schema.items) return placesOf(description, schema.items, [...at, '0']);
  return [at];
}

function bodyWith(place: readonly string[], text: string): unknown {
  return place.reduceRight<unknown>((inner, key) => (key === '0' ? [inner] : { [key]: inner }), text);
}

test('a card number in any field, path, query or header of any address is refused before anything else is', async () => {
  const description = (await (await fetch(`${bridge.url}/openapi.json`)).json()) as Description;
  const wrong: string[] = [];
  let asked = 0;
  const refused = async (place: string, answer: Promise<Answer>) => {
    asked += 1;
    const { status, code } = await answer;
    if (code !== 'CARD_NUMBER_REFUSED') wrong.push(`${place}: ${status} ${code}`);
  };
  for (const [template, methods] of Object.entries(description.paths)) {
    for (const [name, operation] of Object.entries(methods)) {
      const method = name.toUpperCase();
      const to = template.replaceAll(/\{\w+\}/g, paymentId);
      const schema = operation.requestBody?.content['application/json'].schema;
      const places = schema ? placesOf(description, schema) : [];
      for (const place of places) {
        const body = JSON.stringify(bodyWith(place, canary()));
        await refused(`${method} ${template} body ${place.join('.')}`, ask(method, to, { body }));
      }
      if (schema) {
        const key = JSON.stringify({ [canary()]: 'x' });
        await refused(`${method} ${template} a key`, ask(method, to, { body: key }));
      }
      for (const param of operation.parameters ?? []) {
        const encoded = encodeURIComponent(canary());
        const place = `${method} ${template} ${param.in} ${param.name}`;
        if (param.in === 'path') await refused(place, ask(method, template.replace(`{${param.name}}`, encoded)));
        if (param.in === 'query') await refused(place, ask(method, `${to}?${param.name}=${encoded}`));
        if (param.in === 'header') await refused(place, ask(method, to, { headers: { [param.name]: canary() } }));
      }
      await refused(`${method} ${template} unknown query`, ask(method, `${to}?pan=${encodeURIComponent(canary())}`));
    }
  }
  expect(wrong).toEqual([]);
  expect(asked).toBeGreaterThan(100);
  const body = { ...PAYMENT, lineItems: [{ name: 'bread', quantity: 4_111_111_111_111_111 }] };
  expect((await ask('POST', '/v1/payments', { body: JSON.stringify(body) })).code).toBe('CARD_NUMBER_REFUSED');
  const escaped = canary().replaceAll(/\d/g, (digit) => `\\u003${digit}`);
  const hidden = `{"merchantId":"${escaped}"}`;
  expect((await ask('POST', '/v1/payments', { body: hidden })).code).toBe('CARD_NUMBER_REFUSED');
});

test('amounts of any digits pass, and so do references that are no card numbers', async () => {
  for (const minorUnits of ['4111111111111111', '5555555555554444', '378282246310005']) {
    const quote = { source: { minorUnits, asset: 'EUR' }, targetAsset: 'USD' };
    const { code } = await ask('POST', '/v1/quotes', { body: JSON.stringify(quote) });
    expect([minorUnits, code]).not.toEqual([minorUnits, 'CARD_NUMBER_REFUSED']);
  }
  const reference = { ...PAYMENT, merchantReference: '2026112600012345' };
  expect(
    (
      await ask('POST', '/v1/payments', {
        body: JSON.stringify(reference),
        headers: { 'Idempotency-Key': 'reference' },
      })
    ).status,
  ).toBe(201);
});

test('after every error and a crash nothing of it is in logs, tables, data folder or write-ahead log', async () => {
  const wrongs: readonly (() => Promise<Answer>)[] = [
    () => ask('POST', '/v1/payments', { body: `{"merchantId": ${canary()} nonsense` }),
    () => ask('POST', '/v1/payments', { body: `"${canary()}` }),
    () => ask('POST', '/v1/payments', { body: canary(), headers: { 'Content-Type': 'text/plain' } }),
    () => ask('POST', '/v1/payments', { body: `{"a":1,"a":"${canary()}"}` }),
    () => ask('POST', '/v1/payments', { body: `{"a":"\\u0000${canary()}"}` }),
    () => ask('POST', '/v1/payments', { body: JSON.stringify({ a: canary().repeat(60_000) }) }),
    () =>
      ask('POST', '/v1/payments', { body: '{}', headers: { Authorization: `Bearer ${canary().replaceAll(' ', '')}` } }),
    () => ask('POST', '/v1/payments', { body: '{}', headers: { 'User-Agent': canary(), 'X-Request-Id': canary() } }),
    () => ask('GET', `/nowhere/${encodeURIComponent(canary())}`),
    () => ask('GET', `/v1/nowhere?card=${encodeURIComponent(canary())}`),
    () => ask('DELETE', `/v1/payments/${encodeURIComponent(canary())}`),
  ];
  for (const wrong of wrongs) expect((await wrong()).status).toBeGreaterThanOrEqual(400);
  // The database goes away in the middle: the fault is logged, with whatever the driver says of it.
  await stage.database.client.unsafe(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  const underWay = Array.from({ length: 20 }, () =>
    ask('POST', '/v1/payments', { body: JSON.stringify({ ...PAYMENT, merchantReference: canary() }) }).catch(
      () => undefined,
    ),
  );
  bridge.process.kill('SIGKILL');
  await Promise.all(underWay);
  await bridge.ended;

  const tables = await stage.database.client.unsafe(
    `select schemaname || '.' || quote_ident(tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  let dump = '';
  for (const { name } of tables) {
    const rows = await stage.database.client.unsafe(`select row_to_json(t)::text as row from ${name} t`);
    dump += rows.map(({ row }) => row).join('\n');
  }
  await stage.database.client.unsafe('checkpoint');
  const [{ folder }] = (await stage.database.client.unsafe(
    `select current_setting('data_directory') as folder`,
  )) as unknown as [{ folder: string }];
  const own = (await stage.database.client.unsafe(
    'select oid::text as oid from pg_database where datname = current_database()',
  )) as unknown as [{ oid: string }];

  const places: (readonly [place: string, content: Buffer])[] = [['dump', Buffer.from(dump)]];
  for (const file of filesOf(stage.folder)) places.push([file, readFileSync(file)]);
  for (const file of filesOf(path.join(folder, 'base', own[0].oid))) places.push([file, readFileSync(file)]);
  for (const file of filesOf(path.join(folder, 'pg_wal'))) places.push([file, readFileSync(file)]);
  expect(places.some(([place]) => place.endsWith('bridge.log'))).toBe(true);

  const found = places.flatMap(([place, content]) =>
    formsOf(MARK).flatMap(([form, bytes]) => (content.includes(bytes) ? [`${place}: ${form}`] : [])),
  );
  expect(found).toEqual([]);
  const control = places.filter(([, content]) => content.includes(CONTROL)).map(([place]) => place);
  expect(control).toContain('dump');
  expect(control.some((place) => place.includes('/base/'))).toBe(true);
  expect(control.some((place) => place.includes('pg_wal'))).toBe(true);
});

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
}

/** The mark as it would look in any of the ways in which a text is written down. */
function formsOf(mark: string): readonly (readonly [form: string, bytes: Buffer])[] {
  const grouped = (separator: string) => Buffer.from(mark.replaceAll(/(\d{4})(?=\d)/g, `$1${separator}`));
  const wide = Buffer.from(mark, 'utf16le');
  // Three places where it may begin within base64; what its neighbours decide is left out.
  const base64 = [0, 1, 2].map((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), Buffer.from(mark)]).toString('base64');
    return [
      `base64 ${shift}`,
      Buffer.from(whole.slice(Math.ceil((shift * 4) / 3), Math.floor(((shift + mark.length) * 4) / 3) - 1)),
    ] as const;
  });
  return [
    ['plain', Buffer.from(mark)],
    ['spaces', grouped(' ')],
    ['dashes', grouped('-')],
    ['hex', Buffer.from(Buffer.from(mark).toString('hex'))],
    ['percent', Buffer.from(grouped(' ').toString().replaceAll(' ', '%20'))],
    ['UTF-16 little end', wide],
    ['UTF-16 big end', Buffer.from(wide).swap16()],
    ...base64,
  ];
}
