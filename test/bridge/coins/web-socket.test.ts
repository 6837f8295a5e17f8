import { expect, it } from 'vitest';
import { WebSocketTransport } from '../../../bridge/coins/terminal/web-socket.ts';
import { listenForCoins } from '../../../bridge/coins/terminal/web-socket-listener.ts';
import { type Party, spenders, stateOf, Table } from '../../support/coins/table.ts';

const handleOf = (party: Party) => async (bytes: Uint8Array) => {
  const handled = await party.terminal.handle(bytes);
  return 'answer' in handled ? handled.answer : undefined;
};

it('a coin and its receipt pass over a socket, and what does not arrive changes nothing', async () => {
  const table = new Table();
  const [anna, bela] = [await table.party('anna'), await table.party('bela')];
  const coin = await table.issue(anna, 5n);
  const bytes = await table.pay(anna, bela, coin);
  const answered = Promise.withResolvers<void>();
  const transport = new WebSocketTransport({
    urlOf: () => listener.url,
    handle: async (answer) => {
      await anna.terminal.handle(answer);
      answered.resolve();
      return undefined;
    },
  });
  const listener = await listenForCoins({ port: 0, handle: handleOf(bela) });
  try {
    expect(await transport.sendTo('ws://127.0.0.1:1/coins', bytes)).toBe(false);
    expect(stateOf(anna, coin)).toBe('inactive');
    await transport.send(bela.terminal.element.state.device, bytes);
    await answered.promise;
    expect(stateOf(anna, coin)).toBe('deleted');
    expect(spenders(table, 1n, [anna, bela])).toEqual(['bela']);
  } finally {
    transport.close();
    await listener.close();
  }
});

it('ten megabytes, text and bytes that are no message close the socket, and change nothing', async () => {
  const table = new Table();
  const bela = await table.party('bela');
  const before = JSON.stringify(bela.store);
  const listener = await listenForCoins({ port: 0, handle: handleOf(bela) });
  try {
    for (const [message, code] of [
      [new Uint8Array(10_000_000), 1009],
      ['a text', 1003],
      [new Uint8Array(100), 1008],
    ] as const) {
      const socket = new WebSocket(listener.url);
      await new Promise((resolve) => socket.addEventListener('open', resolve));
      socket.send(message);
      const closed = await new Promise<CloseEvent>((resolve) => socket.addEventListener('close', resolve));
      expect([1006, code]).toContain(closed.code);
    }
    expect(JSON.stringify(bela.store)).toBe(before);
  } finally {
    await listener.close();
  }
});
