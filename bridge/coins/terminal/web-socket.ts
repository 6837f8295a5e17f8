/** Coins over WebSocket: each message is one frame of bytes, and its answer comes back on the same socket. */
import type { Address } from '../../chain/domain.ts';
import type { CoinTransport } from './terminal.ts';

/** What a device does with bytes from another; bytes that it answers go back. Errors: an error closes the socket */
export type HandleBytes = (bytes: Uint8Array) => Promise<Uint8Array | undefined>;

/**
 * Sends to devices whose place is known. The same in Node and in a browser. Nobody is told when it does not arrive: the
 * terminal sends again.
 */
export class WebSocketTransport implements CoinTransport {
  readonly #urlOf: (device: Address) => string | undefined;
  readonly #handle: HandleBytes;
  readonly #open = new Map<string, WebSocket>();
  #pending: Promise<unknown> = Promise.resolve();

  constructor(options: Readonly<{ urlOf(device: Address): string | undefined; handle: HandleBytes }>) {
    this.#urlOf = options.urlOf;
    this.#handle = options.handle;
  }

  async send(to: Address, bytes: Uint8Array): Promise<void> {
    const url = this.#urlOf(to);
    if (url) await this.sendTo(url, bytes);
  }

  /** To whoever is there: an offer is asked for before its device is known. */
  async sendTo(url: string, bytes: Uint8Array): Promise<boolean> {
    const socket = this.#open.get(url) ?? this.#connect(url);
    const isThere = await opened(socket);
    if (isThere) socket.send(Uint8Array.from(bytes));
    return isThere;
  }

  /** Until everything that came so far was dealt with. */
  async settled(): Promise<void> {
    await this.#pending;
  }

  close(): void {
    for (const socket of this.#open.values()) socket.close();
    this.#open.clear();
  }

  #connect(url: string): WebSocket {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    this.#open.set(url, socket);
    const forget = () => this.#open.get(url) === socket && this.#open.delete(url);
    socket.addEventListener('close', forget);
    socket.addEventListener('error', forget);
    socket.addEventListener('message', ({ data }) => {
      const handled = this.#handle(new Uint8Array(data as ArrayBuffer)).then(
        (answer) => answer && socket.send(Uint8Array.from(answer)),
        // What is no answer to anything of ours changes nothing, and is nobody's concern.
        () => undefined,
      );
      this.#pending = Promise.all([this.#pending, handled]);
    });
    return socket;
  }
}

function opened(socket: WebSocket): Promise<boolean> {
  if (socket.readyState === WebSocket.OPEN) return Promise.resolve(true);
  if (socket.readyState !== WebSocket.CONNECTING) return Promise.resolve(false);
  return new Promise((resolve) => {
    socket.addEventListener('open', () => resolve(true), { once: true });
    socket.addEventListener('close', () => resolve(false), { once: true });
    socket.addEventListener('error', () => resolve(false), { once: true });
  });
}
