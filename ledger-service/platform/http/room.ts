import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { SettlementError } from '../../vocabulary/errors.ts';
import type { IdentifierSource } from '../../vocabulary/identifiers.ts';
import type { Viewer } from '../../vocabulary/viewers.ts';
import { PROBLEM_CONTENT_TYPE, problemOf } from './problem.ts';
import { parseStrictJson } from './strict-json.ts';

/** Who is calling, once their key was checked. */
export type Caller = Viewer &
  Readonly<{
    callerId: string;
    scopes: readonly string[];
  }>;
export type RoomVariables = { requestIdentifier: string; caller: Caller; body: unknown };
export type RoomEnvironment = { Variables: RoomVariables };
export type Room = OpenAPIHono<RoomEnvironment>;

/** What is not to be had now may be asked for again after this. */
const RETRY_AFTER_SECONDS = 1;

export const MAXIMUM_BODY_BYTES = 1_000_000;

/** A small app for one room's routes; a body or parameter that does not fit its schema is FIELD_INVALID. */
export function createRoom(): Room {
  return new OpenAPIHono<RoomEnvironment>({
    defaultHook: (result) => {
      if (!result.success) throw fieldError(result.error);
    },
  });
}

function fieldError(error: z.ZodError): SettlementError {
  const issue = error.issues[0];
  const param = issue?.path.map(String).join('.') ?? '';
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : '';
  return new SettlementError('FIELD_INVALID', issue?.message ?? 'a field is invalid', { param: param || unknown });
}

/** The outer app: request identifiers, problems, strict bodies; rooms are mounted into it. */
export function createOuterApp(dependencies: Readonly<{ identifiers: IdentifierSource; logger: Logger }>): Room {
  const app = createRoom();
  app.use(async (context, next) => {
    const requestIdentifier = dependencies.identifiers.next('req', 0);
    context.set('requestIdentifier', requestIdentifier);
    context.header('Request-Id', requestIdentifier);
    await next();
  });
  app.onError((thrown, context) => {
    const error = malformedOr(thrown);
    const requestIdentifier = context.get('requestIdentifier');
    const isOurs = error instanceof SettlementError;
    if (!isOurs || error.status >= 500) {
      dependencies.logger.error({ event: 'request.failed', requestIdentifier, path: context.req.path, err: error });
    }
    return sendProblem(context, error);
  });
  app.notFound((context) =>
    sendProblem(context, new SettlementError('ROUTE_UNKNOWN', `nothing answers at ${context.req.path}`)),
  );
  return app;
}

/** Hono says so of a body that should be JSON and is empty, in an error of its own. */
function malformedOr(error: unknown): unknown {
  if (!(error instanceof HTTPException) || error.status !== 400) return error;
  return new SettlementError('BODY_MALFORMED', 'the body is not JSON');
}

/** Errors: thrown SCOPE_MISSING. */
export function requireScope<Scope extends string>(context: Context<RoomEnvironment>, scope: Scope): Caller {
  const caller = context.get('caller');
  if (!caller?.scopes.includes(scope)) {
    throw new SettlementError('SCOPE_MISSING', `this address needs the scope ${scope}`, { scope });
  }
  return caller;
}

export function sendProblem(context: Context<RoomEnvironment>, error: unknown): Response {
  const problem = problemOf(error, context.get('requestIdentifier'));
  return context.body(JSON.stringify(problem), problem.status as ContentfulStatusCode, {
    'Content-Type': PROBLEM_CONTENT_TYPE,
    'Request-Id': problem.requestId,
    ...(problem.status === 503 ? { 'Retry-After': String(RETRY_AFTER_SECONDS) } : {}),
  });
}

/**
 * Reads the body before anyone else does: at most 1 MB, declared as JSON, and strict.
 *
 * Errors: thrown BODY_TOO_LARGE, CONTENT_TYPE_UNSUPPORTED, BODY_MALFORMED.
 */
export const strictBody: MiddlewareHandler<RoomEnvironment> = async (context, next) => {
  if (context.req.method === 'POST' || context.req.method === 'PUT' || context.req.method === 'PATCH') {
    const text = await readBody(context.req.raw);
    if (text !== '') {
      const type = context.req.header('content-type') ?? '';
      if (!/^application\/json\s*(;|$)/i.test(type)) {
        throw new SettlementError('CONTENT_TYPE_UNSUPPORTED', `the body is declared as ${JSON.stringify(type)}`);
      }
      context.set('body', parseStrictJson(text));
    }
    // Whoever reads the body later reads this text.
    context.req.bodyCache.text = Promise.resolve(text) as never;
  }
  await next();
};

async function readBody(request: Request): Promise<string> {
  const tooLarge = () =>
    new SettlementError('BODY_TOO_LARGE', `the body is larger than ${MAXIMUM_BODY_BYTES} bytes`, {
      maximumBytes: MAXIMUM_BODY_BYTES,
    });
  if (Number(request.headers.get('content-length') ?? 0) > MAXIMUM_BODY_BYTES) throw tooLarge();
  if (!request.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  // The declared length is only a claim, so what arrives is counted.
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > MAXIMUM_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new SettlementError('BODY_MALFORMED', 'the body is not UTF-8');
  }
}
