import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorCatalogue } from '../../ledger-service/vocabulary/errors.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';

let local: LocalBridge;
beforeAll(async () => {
  local = await startTestBridge();
});
afterAll(async () => {
  await local?.stop();
});

test('the description names every address, with its key, its problems and its money headers', async () => {
  const response = await fetch(`${local.url}/openapi.json`);
  expect(response.status).toBe(200);
  const { openapi, paths } = (await response.json()) as {
    openapi: string;
    paths: Record<string, Record<string, { parameters?: { name: string }[]; responses: Record<string, unknown> }>>;
  };
  expect(openapi).toBe('3.1.0');
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      '/v1/quotes',
      '/v1/payments',
      '/v1/payouts',
      '/v1/settlement-windows',
      '/v1/ledger/entries',
    ]),
  );
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      expect(operation.responses, `${method} ${path}`).toHaveProperty('401');
      expect(operation.responses, `${method} ${path}`).toHaveProperty('403');
    }
  }
  const money = ['/v1/quotes', '/v1/payments', '/v1/payments/{paymentId}/captures', '/v1/payments/{paymentId}/refunds'];
  for (const path of money) {
    expect(paths[path]!.post!.parameters!.map(({ name }) => name.toLowerCase())).toContain('idempotency-key');
  }
});

test('every error has its place on the page that problems point to', async () => {
  const page = await (await fetch(`${local.url}/docs/errors`)).text();
  for (const code of Object.keys(errorCatalogue)) expect(page).toContain(`id="${code}"`);
});

test('the pages load nothing from anywhere else', async () => {
  for (const path of ['/', '/docs', '/docs/errors']) {
    const response = await fetch(`${local.url}${path}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(await response.text()).not.toMatch(/(?:src|href)="https?:/);
  }
  for (const asset of ['swagger-ui.css', 'swagger-ui-bundle.js', 'start.js', 'favicon-32x32.png']) {
    expect((await fetch(`${local.url}/docs/assets/${asset}`)).status).toBe(200);
  }
  expect((await fetch(`${local.url}/docs/assets/index.html`)).status).toBe(404);
});
