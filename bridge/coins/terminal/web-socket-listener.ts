/** Waits for coins at a WebSocket, in Node; what a page needs to send them is in web-socket.ts. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { MAXIMUM_MESSAGE_BYTES } from '../security-element/messages.ts';
import type { HandleBytes } from './web-socket.ts';

export const COIN_PATH = '/coins';

export type CoinListener = Readonly<{ url: string; close(): Promise<void> }>;

/**
 * Listens for other devices on loopback, or where `host` says.
 *
 * Effects: a server; larger messages than any device makes, and text, close their socket
 */
export async function listenForCoins(
  options: Readonly<{ port: number; host?: string; handle: HandleBytes }>,
): Promise<CoinListener> {
  const { handle, host = '127.0.0.1' } = options;
  const server = createServer((_request, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({
    server,
    path: COIN_PATH,
    maxPayload: MAXIMUM_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data, isBinary) => {
      if (!isBinary) return socket.close(1003, 'bytes, not text');
      handle(Uint8Array.from(data)).then(
        (answer) => answer && socket.send(answer),
        (error: { code?: string }) => socket.close(1008, error.code ?? 'INTERNAL'),
      );
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://${host}:${port}${COIN_PATH}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate();
        sockets.close(() => server.close(() => resolve()));
      }),
  };
}
