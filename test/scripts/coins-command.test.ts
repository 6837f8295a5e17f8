import { spawn } from 'node:child_process';
import path from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addCoinCommands } from '../../scripts/command/coins.ts';
import { type CoinChain, startCoinChain } from '../support/coins/coin-chain.ts';

const FIRST_PORT = 19_745;
const RECIPIENT = '0x00000000000000000000000000000000000000aa';
let stage: CoinChain;

beforeAll(async () => {
  stage = await startCoinChain(FIRST_PORT);
}, 120_000);
afterAll(() => stage?.stop());

type Answer = Record<string, unknown> & { coins: Record<string, unknown>[] };

/** One `specie coins …` with `--json`; answers every object that it shows. */
async function runAll(...words: readonly string[]): Promise<Answer[]> {
  const shown: Answer[] = [];
  const program = new Command('specie').exitOverride().configureOutput({ writeErr: () => undefined });
  addCoinCommands(program, stage.folder, (_options, value) => shown.push(value as Answer));
  const node = words.includes('--rpc-url') ? [] : ['--rpc-url', stage.chain.url];
  await program.parseAsync(['coins', ...words, ...node, '--json'], { from: 'user' });
  return shown;
}

const run = async (...words: readonly string[]): Promise<Answer> => (await runAll(...words)).at(-1)!;

function amounts({ coins }: Answer): readonly unknown[] {
  return coins.filter(({ state }) => state === 'active').map(({ amount }) => amount);
}

it('a coin is issued, split, passed on, registered, merged, redeemed, audited, and its device restored', async () => {
  const { seed } = await run('new', 'anna', '--register', stage.register);
  await run('new', 'bela', '--register', stage.register);
  const issued = await run('issue', 'anna', '--amount', '500');
  expect(amounts(issued)).toEqual(['500']);
  const parts = await run('split', 'anna', '--coin', issued.coins[0]!.holding as string, '--amount', '200');
  expect(amounts(parts)).toEqual(['300', '200']);

  const { offer } = await run('receive', 'bela', '--amount', '200');
  const sent = await run('send', 'anna', '--offer', offer as string);
  const { answer } = await run('receive', 'bela', '--message', sent.message as string);
  expect(await run('send', 'anna', '--answer', answer as string)).toEqual({ outcome: 'deleted' });
  expect(amounts(await run('list', 'anna'))).toEqual(['300']);
  const registered = await run('sync', 'bela');
  expect(registered.coins).toMatchObject([{ amount: '200', state: 'active', hops: 0 }]);

  const more = await run('issue', 'bela', '--amount', '50');
  const merged = await run('merge', 'bela', '--coins', ...more.coins.map(({ holding }) => holding as string));
  expect(amounts(merged)).toEqual(['250']);
  const redeemed = await run('redeem', 'bela', '--coin', merged.coins[0]!.holding as string, '--to', RECIPIENT);
  expect(redeemed).toMatchObject({ spendable: '0', coins: [] });
  expect(await run('audit', 'bela')).toMatchObject({ outstanding: '300', tokensHeld: '300', isCovered: true });

  const words = ['--seed', seed as string, '--register', stage.register, '--nothing-under-way'];
  expect(amounts(await run('restore', 'found', ...words))).toEqual(['300']);
});

it('a coin goes over a socket to a device that waits for it', async () => {
  await run('new', 'cora', '--register', stage.register);
  await run('new', 'dora', '--register', stage.register);
  await run('issue', 'cora', '--amount', '7');
  const offered = Promise.withResolvers<Answer>();
  const program = new Command('specie').exitOverride();
  addCoinCommands(program, stage.folder, (_options, value) => offered.resolve(value as Answer));
  const words = ['coins', 'receive', 'dora', '--amount', '7', '--listen', '0', '--rpc-url', stage.chain.url, '--json'];
  const waiting = program.parseAsync(words, { from: 'user' });
  const { offer, url } = (await offered.promise) as Record<string, string> & Answer;
  expect(await run('send', 'cora', '--offer', offer!, '--to', url!)).toMatchObject({ outcome: 'deleted' });
  await waiting;
  expect(amounts(await run('list', 'dora'))).toEqual(['7']);
});

it('without a node a coin is taken from a trusted device, listed, and registered once there is a node', async () => {
  const offline = ['--rpc-url', 'http://127.0.0.1:1'];
  await run('new', 'fay', '--register', stage.register);
  await run('new', 'gus', '--register', stage.register);
  const { device } = await run('issue', 'fay', '--amount', '9');
  const { offer } = await run('receive', 'gus', '--amount', '9', ...offline);
  const { message } = await run('send', 'fay', '--offer', offer as string, ...offline);
  const taking = ['receive', 'gus', '--message', message as string];
  await expect(run(...taking, ...offline)).rejects.toMatchObject({ code: 'COIN_REGISTER_UNAVAILABLE' });
  const { answer } = await run(...taking, '--trust', device as string, ...offline);
  await run('send', 'fay', '--answer', answer as string, ...offline);
  expect((await run('list', 'gus', ...offline)).coins).toMatchObject([{ amount: '9', state: 'active', hops: 1 }]);
  expect((await run('sync', 'gus')).coins).toMatchObject([{ amount: '9', state: 'active', hops: 0 }]);
});

it.each([
  ['refused', ['list', 'nobody'], 1],
  ['wrong usage', ['split', 'anna', '--coin', '1/1/0', '--amount', 'x'], 2],
  ['unknown outcome', ['sync', 'emil', '--rpc-url', 'http://127.0.0.1:1'], 3],
] as const)('exit code: %s', async (_name, words, code) => {
  if (words[1] === 'emil') await run('new', 'emil', '--register', stage.register);
  const specie = path.resolve(import.meta.dirname, '../../scripts/specie.ts');
  const child = spawn(process.execPath, [specie, 'coins', ...words], {
    env: { ...process.env, SPECIE_FOLDER: stage.folder },
    stdio: 'ignore',
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(code);
});
