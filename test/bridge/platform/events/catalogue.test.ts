import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { subscriptions } from '../../../../bridge/main/subscriptions.ts';
import { EVENT_TYPES, eventCatalogue } from '../../../../bridge/platform/events/catalogue.ts';
import { secretFrom, shownSecret, signedHeaders } from '../../../../bridge/platform/webhooks/domain/signatures.ts';

const page = readFileSync(new URL('../../../../docs/webhooks.md', import.meta.url), 'utf8');

test('docs/webhooks.md lists every type of event with what the catalogue says of it', () => {
  const rows = page.slice(page.indexOf('## Catalogue')).matchAll(/^\| `([^`]+)` \| (.+) \|$/gm);
  const documented = [...rows].map(([, type, happens]) => [type, happens]);
  expect(documented).toEqual(EVENT_TYPES.map((type) => [type, eventCatalogue[type].happens]));
});

test('every type is a topic of the outbox', () => {
  for (const type of EVENT_TYPES) expect(Object.keys(subscriptions)).toContain(type);
});

test('the verifier of docs/webhooks.md takes what we sign and nothing else', async () => {
  const code = /```js\n([\s\S]+?)```/.exec(page)?.[1] ?? '';
  const { isGenuine } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    isGenuine(secret: string, headers: Record<string, string>, body: string, nowSeconds: number): boolean;
  };
  const [newer, older] = [secretFrom(Buffer.alloc(32, 1)), secretFrom(Buffer.alloc(32, 2))];
  const body = '{"type":"payment.captured"}';
  const headers = signedHeaders({ id: 'an-id', timestampSeconds: 1_000_000, body }, [newer, older]);
  for (const secret of [newer, older]) {
    expect(isGenuine(shownSecret(secret), headers, body, 1_000_200)).toBe(true);
    expect(isGenuine(shownSecret(secret), headers, `${body} `, 1_000_200)).toBe(false);
    expect(isGenuine(shownSecret(secret), headers, body, 1_000_301)).toBe(false);
    expect(isGenuine(shownSecret(secret), { ...headers, 'webhook-id': 'another' }, body, 1_000_200)).toBe(false);
  }
  expect(isGenuine(shownSecret(secretFrom(Buffer.alloc(32, 3))), headers, body, 1_000_200)).toBe(false);
});
