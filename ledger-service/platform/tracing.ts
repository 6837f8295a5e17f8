import { AsyncLocalStorage } from 'node:async_hooks';

/** A trace as it travels in a header or beside a row: W3C `traceparent`. */
export type TraceContext = string;

export type SpanDescription = Readonly<{
  name: string;
  kind?: 'server' | 'client' | 'internal' | 'consumer';
  attributes?: Readonly<Record<string, string | number>>;
  /** Of which trace it is a part; none: of the one that is under way here. */
  parent?: TraceContext | undefined;
  /** What it is about: events of the same subject go on with its trace. */
  subject?: string;
}>;

/** Whoever records spans. There is one for a process, or none: then work runs as if this file were not there. */
export interface Tracer {
  start(description: SpanDescription, parent: TraceContext | undefined): Span;
  close(): Promise<void>;
}
export type Span = Readonly<{ context: TraceContext; end(error?: unknown): void }>;

type UnderWay = Readonly<{ context: TraceContext; ofSubject: ReadonlyMap<string, TraceContext> }>;

const underWay = new AsyncLocalStorage<UnderWay>();
let tracer: Tracer | undefined;

/** Called once, when the process starts. */
export function traceWith(chosen: Tracer | undefined): void {
  tracer = chosen;
}

export function isTracing(): boolean {
  return tracer !== undefined;
}

/** The trace that is under way here; of what happened to `subject`, its own. */
export function traceContext(subject?: string): TraceContext | null {
  const here = tracer && underWay.getStore();
  if (!here) return null;
  return (subject === undefined ? undefined : here.ofSubject.get(subject)) ?? here.context;
}

/** Runs work as a span; work that is started within belongs to it. */
export function inSpan<Result>(description: SpanDescription, work: () => Promise<Result>): Promise<Result> {
  return tracer ? inSpans([description], work) : work();
}

/** The same for work that serves several traces at once: it is a span of each, and goes on in the first. */
export async function inSpans<Result>(
  descriptions: readonly SpanDescription[],
  work: () => Promise<Result>,
): Promise<Result> {
  if (!tracer || descriptions.length === 0) return work();
  const recorder = tracer;
  const outer = underWay.getStore();
  const spans = descriptions.map((one) => recorder.start(one, one.parent ?? outer?.context));
  const ofSubject = new Map(outer?.ofSubject);
  for (const [index, { subject }] of descriptions.entries()) {
    if (subject !== undefined) ofSubject.set(subject, spans[index]!.context);
  }
  try {
    const result = await underWay.run({ context: spans[0]!.context, ofSubject }, work);
    for (const span of spans) span.end();
    return result;
  } catch (error) {
    for (const span of spans) span.end(error);
    throw error;
  }
}

/** Has work that is done later, on somebody else's turn, go on in the trace that is under way now. */
export function keepingTrace<Result>(): ((work: () => Result) => Result) | undefined {
  return tracer && underWay.getStore() ? AsyncLocalStorage.snapshot() : undefined;
}
