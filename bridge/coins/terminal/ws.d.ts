/** The part of the package `ws` that web-socket-listener.ts uses. */
declare module 'ws' {
  import type { Server } from 'node:http';

  export class WebSocket {
    on(event: 'message', listener: (data: Uint8Array, isBinary: boolean) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    send(data: Uint8Array): void;
    close(code?: number, reason?: string): void;
    terminate(): void;
  }

  export class WebSocketServer {
    constructor(options: { server: Server; path: string; maxPayload: number; perMessageDeflate: false });
    readonly clients: ReadonlySet<WebSocket>;
    on(event: 'connection', listener: (socket: WebSocket) => void): this;
    close(callback: (error?: Error) => void): void;
  }
}
