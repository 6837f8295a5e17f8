import { timingSafeEqual } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { parseStrictJson } from '../../../ledger-service/platform/http/strict-json.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import { type ErrorDetails, SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Hex } from '../domain.ts';
import type { SignerEndpoint } from './endpoint.ts';
import { readLines } from './lines.ts';
import { requestSchema, type Signer, type SignerRequest } from './protocol.ts';

export type ListeningSigner = Readonly<{ endpoint: SignerEndpoint; close(): Promise<void> }>;

/**
 * Answers for a signer on a local socket.
 *
 * Effects: a socket's file is for its owner only; on a port every connection has to begin with the secret
 */
export async function listenForRequests(
  signer: Signer,
  endpoint: SignerEndpoint,
  logger: Logger,
): Promise<ListeningSigner> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    let isKnown = 'path' in endpoint;
    readLines(socket, (line) => {
      if (isKnown) void answer(signer, socket, line, logger);
      else if ('secret' in endpoint && isSame(line, endpoint.secret)) isKnown = true;
      else socket.destroy();
    });
  });
  // What an earlier signer left; one that is still there holds the store's lock, so this one would not be here.
  if ('path' in endpoint) rmSync(endpoint.path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if ('path' in endpoint) server.listen(endpoint.path, resolve);
    else server.listen(endpoint.port, endpoint.host, resolve);
  });
  if ('path' in endpoint) chmodSync(endpoint.path, 0o600);
  const address = server.address();
  const bound =
    'path' in endpoint || typeof address !== 'object' || !address ? endpoint : { ...endpoint, port: address.port };
  return {
    endpoint: bound,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function answer(signer: Signer, socket: Socket, line: string, logger: Logger): Promise<void> {
  let id: unknown = null;
  try {
    const message = readMessage(line);
    id = message.id;
    const result = await ask(signer, message.request);
    logRefusals(message.request, result, logger);
    write(socket, { id, result });
  } catch (error) {
    const known = error instanceof SettlementError;
    const code = known ? error.code : 'INTERNAL';
    logger.error({ event: 'signer.failed', code, ...(known ? { message: error.message } : { err: error }) });
    const details: ErrorDetails = known ? error.details : {};
    write(socket, { id, error: { code, message: known ? error.message : 'internal fault', details } });
  }
}

function readMessage(line: string): Readonly<{ id: number; request: SignerRequest }> {
  let json: unknown;
  try {
    json = parseStrictJson(line);
  } catch {
    throw new SettlementError('SIGNER_REQUEST_INVALID', 'not one JSON object in a line');
  }
  const { id, ...request } = (typeof json === 'object' && json !== null ? json : {}) as { id?: unknown };
  const parsed = requestSchema.safeParse(request);
  if (typeof id === 'number' && Number.isSafeInteger(id) && parsed.success) return { id, request: parsed.data };
  const issue = parsed.error?.issues[0];
  throw new SettlementError('SIGNER_REQUEST_INVALID', issue ? `${issue.path.join('.')}: ${issue.message}` : 'no id');
}

async function ask(signer: Signer, request: SignerRequest): Promise<unknown> {
  switch (request.kind) {
    case 'describe':
      return signer.describe();
    case 'payees':
      return signer.payees();
    case 'withdraw':
      return signer.withdraw(request.callId);
    case 'list':
      return signer.list(request.entry, request.signature as Hex);
    case 'sign': {
      const { maxFeePerGas, maxPriorityFeePerGas } = request.fees;
      return signer.sign({
        key: request.key,
        fees: { maxFeePerGas: BigInt(maxFeePerGas), maxPriorityFeePerGas: BigInt(maxPriorityFeePerGas) },
        replaces: request.replaces,
        calls: request.calls,
      });
    }
  }
}

function logRefusals(request: SignerRequest, result: unknown, logger: Logger): void {
  if (request.kind === 'list') logger.info({ event: 'signer.listed', ...request.entry });
  if (request.kind !== 'sign') return;
  for (const [index, one] of (result as Awaited<ReturnType<Signer['sign']>>).entries()) {
    if (one.outcome !== 'refused') continue;
    const { nonce, intent } = request.calls[index]!;
    logger.warn({ event: 'signer.refused', code: one.code, message: one.message, kind: intent.kind, nonce });
  }
}

function write(socket: Socket, message: unknown): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
}

function isSame(given: string, secret: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(secret)];
  return left.length === right.length && timingSafeEqual(left, right);
}
