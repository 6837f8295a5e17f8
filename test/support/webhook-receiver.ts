import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';

export type Received = Readonly<{ at: number; path: string; headers: IncomingHttpHeaders; body: string }>;
export type Reply = Readonly<{ status: number; headers?: Record<string, string>; body?: string }>;
/** What the receiver does with a request; `undefined` leaves it without an answer. */
export type Conduct = (received: Received) => Reply | undefined | Promise<Reply | undefined>;

/** A receiver of webhooks: a real HTTP server on this machine, which answers as it is told to. */
export type WebhookReceiver = Readonly<{
  url: string;
  received: Received[];
  behave(conduct: Conduct): void;
  close(): Promise<void>;
}>;

export async function startReceiver(
  host = '127.0.0.1',
  secure?: Readonly<{ key: string; cert: string }>,
): Promise<WebhookReceiver> {
  const received: Received[] = [];
  const open = new Set<ServerResponse>();
  let conduct: Conduct = () => ({ status: 204 });
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    open.add(response);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const one: Received = { at: performance.now(), path: request.url ?? '', headers: request.headers, body };
      received.push(one);
      const reply = await conduct(one);
      if (!reply) return;
      response.writeHead(reply.status, reply.headers).end(reply.body);
      open.delete(response);
    });
  };
  const server = secure ? createSecureServer(secure, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}/hook`,
    received,
    behave: (next) => {
      conduct = next;
    },
    close: async () => {
      for (const response of open) response.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const TOLERANCE_SECONDS = 300;

/**
 * The verifier of a receiver, written from the text of Standard Webhooks and from nothing of ours: the content is
 * `id.timestamp.body`, the key what follows `whsec_` in base64, and one of the signatures with `v1` must be its HMAC.
 */
export function verifyWebhook(
  secret: string,
  message: Readonly<{ id: string; timestamp: string; signature: string; body: string }>,
  nowSeconds: number,
): boolean {
  if (!/^\d+$/.test(message.timestamp)) return false;
  if (Math.abs(nowSeconds - Number(message.timestamp)) > TOLERANCE_SECONDS) return false;
  const mac = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'));
  const expected = mac.update(`${message.id}.${message.timestamp}.${message.body}`).digest('base64');
  return message.signature.split(' ').some((part) => {
    const comma = part.indexOf(',');
    if (part.slice(0, comma) !== 'v1') return false;
    const given = Buffer.from(part.slice(comma + 1));
    return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
  });
}

export function messageOf({ headers, body }: Received) {
  return {
    id: String(headers['webhook-id']),
    timestamp: String(headers['webhook-timestamp']),
    signature: String(headers['webhook-signature']),
    body,
  };
}
