import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Call = Readonly<{ id: unknown; method: string; params?: readonly unknown[] }>;
/** Gets what the real node said; what it gives is said instead. Undefined: silence. */
export type Alter = (call: Call, said: unknown) => unknown;

/** A node in front of a real one, which says what the test wants. */
export type AlteredNode = Readonly<{
  url: string;
  /** Until it is called again; without an argument it says what the real one says. */
  alter(change?: Alter): void;
  close(): Promise<void>;
}>;

export async function startAlteredNode(target: string): Promise<AlteredNode> {
  let alter: Alter = (_, said) => said;
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const asked = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Call | Call[];
      const answered = await fetch(target, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(asked),
      });
      const replies = (await answered.json()) as Record<string, unknown> | Record<string, unknown>[];
      const altered = [asked].flat().map((call, index) => {
        const reply = [replies].flat()[index]!;
        const said = 'result' in reply ? alter(call, reply.result) : reply.error && alter(call, undefined);
        if (said === undefined) return 'error' in reply ? reply : undefined;
        return { jsonrpc: '2.0', id: call.id, result: said };
      });
      if (altered.includes(undefined)) {
        response.destroy();
        return;
      }
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(Array.isArray(asked) ? altered : altered[0]));
    })().catch(() => response.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    alter: (change = (_, said) => said) => {
      alter = change;
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
