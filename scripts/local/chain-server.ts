/** JSON-RPC 2.0 over HTTP for the local chain, on loopback only. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { callMethod, RpcError } from './chain-methods.ts';
import type { LocalChain } from './chain-node.ts';

const MAXIMUM_BODY_BYTES = 8 * 1024 * 1024;
const MAXIMUM_BATCH = 1000;
const CLOSE_TIMEOUT_MILLISECONDS = 2000;
const PARSE_ERROR = -32_700;
const REQUEST_INVALID = -32_600;
const INTERNAL_ERROR = -32_603;
const RESOURCE_UNAVAILABLE = -32_002;
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

const call = z.object({
  jsonrpc: z.literal('2.0'),
  method: z.string(),
  params: z.array(z.unknown()).default([]),
  id: z.union([z.string(), z.number(), z.null()]).optional(),
});
type Reply = Readonly<{ jsonrpc: '2.0'; id: string | number | null; result?: unknown; error?: unknown }>;

/** `serve` gives it the chain to answer from; before that every call is told to come again. */
export type ChainServer = Readonly<{ port: number; serve(chain: LocalChain): void; close(): Promise<void> }>;

/** Errors: thrown with Node's own code, EADDRINUSE among them, when the port cannot be had. */
export async function listenForCalls(port: number): Promise<ChainServer> {
  let chain: LocalChain | undefined;
  const server = createServer((request, response) => {
    answer(request, response, chain).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send(response, 500, failure(null, error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: portOf(server),
    serve: (ready) => {
      chain = ready;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MILLISECONDS).unref();
      }),
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  chain: LocalChain | undefined,
): Promise<void> {
  // A page from elsewhere can make a browser call loopback, under a name of its own too: both are turned away.
  const origin = request.headers.origin;
  if (!LOOPBACK_HOST.test(request.headers.host ?? '') || (origin !== undefined && isForeign(origin))) {
    return send(response, 403, failure(null, new RpcError(REQUEST_INVALID, 'only pages and programs of this machine')));
  }
  if (origin !== undefined) response.setHeader('access-control-allow-origin', origin).setHeader('vary', 'origin');
  if (request.method === 'OPTIONS') {
    response.setHeader('access-control-allow-headers', 'content-type');
    response.setHeader('access-control-allow-methods', 'POST');
    response.writeHead(204).end();
    return;
  }
  if (request.method !== 'POST') {
    return send(response, 405, failure(null, new RpcError(REQUEST_INVALID, 'send JSON-RPC by POST')));
  }
  const body = await readBody(request);
  if (body === undefined) {
    const message = `the body is larger than ${MAXIMUM_BODY_BYTES} bytes`;
    response.setHeader('connection', 'close');
    return send(response, 413, failure(null, new RpcError(REQUEST_INVALID, message)));
  }
  if (!chain) {
    const message = 'the local chain is replaying its journal; ask again';
    return send(response, 503, failure(null, new RpcError(RESOURCE_UNAVAILABLE, message)));
  }
  const replies = await answerBody(body, chain);
  if (replies === undefined) response.writeHead(204).end();
  else send(response, 200, replies);
}

/** Wallets that live in a browser come with an origin of their own scheme; only web pages are judged by their host. */
function isForeign(origin: string): boolean {
  const web = /^https?:\/\/(.*)$/.exec(origin);
  return web ? !LOOPBACK_HOST.test(web[1]!) : origin === 'null';
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAXIMUM_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Shape: a call or a batch, as text → its reply or replies; `undefined` when all of it were notifications */
async function answerBody(body: string, chain: LocalChain): Promise<Reply | readonly Reply[] | undefined> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (error) {
    return failure(null, new RpcError(PARSE_ERROR, `not JSON: ${error instanceof Error ? error.message : error}`));
  }
  if (!Array.isArray(parsed)) return answerCall(parsed, chain);
  if (parsed.length === 0 || parsed.length > MAXIMUM_BATCH) {
    return failure(null, new RpcError(REQUEST_INVALID, `a batch holds 1 to ${MAXIMUM_BATCH} calls`));
  }
  const replies: Reply[] = [];
  // One after the other: a batch may hold transactions of one sender in the order of their nonces.
  for (const item of parsed) {
    const reply = await answerCall(item, chain);
    if (reply) replies.push(reply);
  }
  return replies.length > 0 ? replies : undefined;
}

async function answerCall(candidate: unknown, chain: LocalChain): Promise<Reply | undefined> {
  const read = call.safeParse(candidate);
  if (!read.success) return failure(null, new RpcError(REQUEST_INVALID, 'not a JSON-RPC 2.0 call'));
  const { id, method, params } = read.data;
  try {
    const result = await callMethod(chain, method, params);
    return id === undefined ? undefined : { jsonrpc: '2.0', id, result: result ?? null };
  } catch (error) {
    return id === undefined ? undefined : failure(id, error);
  }
}

function failure(id: string | number | null, error: unknown): Reply {
  const { code, data } = error as { code?: unknown; data?: unknown };
  const message = error instanceof Error ? error.message : String(error);
  return {
    jsonrpc: '2.0',
    id,
    error: {
      code: typeof code === 'number' ? code : INTERNAL_ERROR,
      message,
      // What a contract reverted with is read from here by every client.
      ...(typeof data === 'string' ? { data } : {}),
    },
  };
}

function send(response: ServerResponse, status: number, reply: Reply | readonly Reply[]): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
}
