import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Payment } from '../../scripts/day/line.ts';
import { eventually } from '../support/eventually.ts';
import { type LocalBridge, startTestBridge } from '../support/local-bridge.ts';

type Span = Readonly<{
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: readonly Readonly<{ key: string; value: { stringValue?: string } }>[];
}>;
type Export = Readonly<{ resourceSpans: readonly { scopeSpans: readonly { spans: readonly Span[] }[] }[] }>;

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const AMOUNT = { minorUnits: '1000', asset: 'EUR' };

let collector: Server;
const spans: Span[] = [];
let local: LocalBridge;
beforeAll(async () => {
  collector = createServer(async (request, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Export;
    for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
    answer.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const address = collector.address();
  const endpoint = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  local = await startTestBridge({
    issuerDeadlineMilliseconds: 5_000,
    traces: { endpoint, serviceName: 'specie-test' },
  });
});
afterAll(async () => {
  collector?.close();
});

test('one trace leads from a request through its database transaction and jobs to the signed and sent chain transaction', async () => {
  const { assets } = await local.client.get<{ assets: { code: string; symbol: string }[] }>('/v1/assets');
  const token = assets.find(({ symbol }) => symbol === 'USDL')!.code;
  const asked = { source: AMOUNT, targetAsset: token };
  const { quoteId } = await local.client.post<{ quoteId: string }>('/v1/quotes', asked, 'quote');
  const order = { merchantId: 'arcade', instrumentId: 'ana-card', amount: AMOUNT, quoteId };
  const { paymentId } = await local.client.post<Payment>('/v1/payments', order, 'payment');
  const captured = await fetch(`${local.url}/v1/payments/${paymentId}/captures`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${local.apiKey}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': 'capture',
      traceparent: `00-${TRACE}-${CALLER}-01`,
    },
    body: JSON.stringify({ amount: AMOUNT }),
  });
  expect(captured.status).toBe(201);
  await eventually(
    () => local.client.get<{ payouts: { state: string }[] }>('/v1/payouts'),
    ({ payouts }) => payouts[0]?.state === 'final',
  );
  await local.stop();

  const ofTrace = spans.filter(({ traceId }) => traceId === TRACE);
  const named = (name: string) => ofTrace.filter((span) => span.name === name);
  const [request] = named('POST /v1/payments/:paymentId/captures');
  expect(request?.parentSpanId).toBe(CALLER);
  expect(named('database transaction').map(({ parentSpanId }) => parentSpanId)).toContain(request?.spanId);
  const [job] = named('payouts payment.captured');
  expect(ofTrace.map(({ spanId }) => spanId)).toContain(job?.parentSpanId);
  expect(named('issuer-advice payment.captured')).toHaveLength(1);
  expect(named('batch payouts')).toHaveLength(1);
  const [signed] = named('sign chain call');
  const [sent] = named('send chain call');
  const attributeOf = (span: Span | undefined, key: string) =>
    span?.attributes.find((one) => one.key === key)?.value.stringValue;
  expect(attributeOf(signed, 'callId')).toBe(attributeOf(sent, 'callId'));
  expect(attributeOf(sent, 'chainHash')).toMatch(/^0x[0-9a-f]{64}$/);

  // Other requests are other traces, and no span tells a value.
  const others = new Set(spans.filter(({ name }) => name === 'POST /v1/payments').map(({ traceId }) => traceId));
  expect(others.has(TRACE)).toBe(false);
  expect(others.size).toBe(1);
  expect(JSON.stringify(spans)).not.toContain(local.apiKey.split('.')[1]);
});
