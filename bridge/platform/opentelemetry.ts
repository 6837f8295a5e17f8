import type { Span as ApiSpan, Context } from '@opentelemetry/api';
import type { SpanDescription, TraceContext, Tracer } from '../../ledger-service/platform/tracing.ts';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const NOTHING = /^0+$/;

/**
 * Records spans and sends them, in batches, by OTLP over HTTP. Nothing of OpenTelemetry is loaded before this is called.
 *
 * Effects: requests to the endpoint; one that does not answer costs spans, never work
 */
export async function openTracer({
  endpoint,
  serviceName,
}: Readonly<{ endpoint: string; serviceName: string }>): Promise<Tracer> {
  const [api, sdk, exporter] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const { resourceFromAttributes } = await import('@opentelemetry/resources');
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`;
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: new exporter.OTLPTraceExporter({ url }) })],
  });
  const tracer = provider.getTracer('specie');
  const kinds = {
    server: api.SpanKind.SERVER,
    client: api.SpanKind.CLIENT,
    internal: api.SpanKind.INTERNAL,
    consumer: api.SpanKind.CONSUMER,
  };
  const contextOf = (parent: TraceContext | undefined): Context => {
    const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(parent ?? '') ?? [];
    if (!traceId || NOTHING.test(traceId) || NOTHING.test(spanId)) return api.ROOT_CONTEXT;
    const remote = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
    return api.trace.setSpanContext(api.ROOT_CONTEXT, remote);
  };
  return {
    start({ name, kind = 'internal', attributes = {} }: SpanDescription, parent) {
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, contextOf(parent));
      return {
        context: contextText(span),
        end: (error) => {
          // The class says what went wrong; a message may repeat values.
          if (error instanceof Error) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error.name });
          span.end();
        },
      };
    },
    close: () => provider.shutdown(),
  };
}

function contextText(span: ApiSpan): TraceContext {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
