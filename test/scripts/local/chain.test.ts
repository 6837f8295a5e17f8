import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPublicClient, type Hex, http, parseGwei } from 'viem';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { developmentAccount } from '../../../bridge/chain/keys.ts';
import { type RunningChain, type StartLocalChain, startLocalChain } from '../../../scripts/local/chain.ts';
import { ChainClock } from '../../../scripts/local/chain-clock.ts';

const STARTS_AT = new Date('2026-11-02T09:00:00Z');
const rich = developmentAccount(0);
/** Creation code of a contract whose code is one byte, STOP. */
const SMALL_CONTRACT = '0x60006000526001601ff3';

let folder: string;
let running: RunningChain[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'specie-chain-'));
});
afterEach(async () => {
  await Promise.all(running.map((chain) => chain.stop()));
  running = [];
  rmSync(folder, { recursive: true, force: true });
});

const journal = () => join(folder, 'chain.ndjson');
const journalLines = () => readFileSync(journal(), 'utf8').trimEnd().split('\n');

async function start(options: StartLocalChain = {}): Promise<RunningChain> {
  const chain = await startLocalChain(folder, {
    startsAt: STARTS_AT,
    blockMilliseconds: 20,
    firstPort: 18_545,
    ...options,
  });
  running.push(chain);
  return chain;
}

function clientOf(chain: RunningChain) {
  return createPublicClient({
    transport: http(chain.url, { batch: { batchSize: 100, wait: 1 }, retryCount: 0 }),
    pollingInterval: 20,
    cacheTime: 0,
  });
}

/** The answer as it came, errors included. */
async function ask(chain: RunningChain, method: string, params: readonly unknown[] = []) {
  const [reply] = await post(chain, [{ jsonrpc: '2.0', id: 1, method, params }]);
  return reply!;
}

async function post(chain: RunningChain, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(chain.url, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  return (await response.json()) as { result?: unknown; error?: { code: number; message: string } }[];
}

function signed(nonce: number, change: Readonly<{ to?: Hex; data?: Hex }> = { to: rich.address }): Promise<Hex> {
  const fees = { maxFeePerGas: parseGwei('20'), maxPriorityFeePerGas: parseGwei('1') };
  return rich.signTransaction({
    chainId: 31_337,
    type: 'eip1559',
    nonce,
    gas: 100_000n,
    value: 0n,
    ...fees,
    ...change,
  });
}

/** Sends transactions of one sender, every tenth of them a contract creation, in one batch; answers their hashes. */
async function sendBurst(chain: RunningChain, firstNonce: number, count: number): Promise<Hex[]> {
  const raws = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      signed(firstNonce + index, index % 10 === 9 ? { data: SMALL_CONTRACT } : { to: rich.address }),
    ),
  );
  const replies = await post(
    chain,
    raws.map((raw, id) => ({ jsonrpc: '2.0', id, method: 'eth_sendRawTransaction', params: [raw] })),
  );
  return replies.map((reply) => {
    if (reply.error) throw new Error(reply.error.message);
    return reply.result as Hex;
  });
}

/** Waits until the chain rests: the last block with transactions, and the empty ones due after it. */
async function untilResting(chain: RunningChain, lastHash: Hex, confirmations = 3): Promise<Hex> {
  const client = clientOf(chain);
  const receipt = await client.waitForTransactionReceipt({ hash: lastHash, confirmations: confirmations + 1 });
  const head = await client.getBlock({ blockNumber: receipt.blockNumber + BigInt(confirmations) });
  return head.hash!;
}

describe('a chain that is kept', () => {
  test('restart: replays to the same head, with many transactions in a block and contract creations', async () => {
    const first = await start();
    const hashes = await sendBurst(first, 0, 100);
    const headHash = await untilResting(first, hashes.at(-1)!);
    const created = await clientOf(first).getTransactionReceipt({ hash: hashes[9]! });
    await first.stop();
    const fullest = Math.max(
      ...journalLines()
        .slice(1)
        .map((line) => JSON.parse(line).transactions.length),
    );
    expect(fullest).toBeGreaterThan(10);

    const progress: unknown[] = [];
    const second = await start({ startsAt: new Date('2020-01-01'), onProgress: (step) => progress.push(step) });
    const total = journalLines().length - 1;
    expect(second).toMatchObject({ headHash, height: total, replayed: total });
    expect(progress.at(-1)).toEqual({ done: total, total });
    expect(await clientOf(second).getCode({ address: created.contractAddress! })).toBe('0x00');
    expect(await clientOf(second).getTransactionCount({ address: rich.address })).toBe(100);
    // And it goes on.
    const [next] = await sendBurst(second, 100, 1);
    await untilResting(second, next!);
  });

  test('kill: after SIGKILL in the middle of a burst every block that anyone saw is there', async () => {
    const first = await start({ blockMilliseconds: 1 });
    const client = clientOf(first);
    const seen = new Map<number, Hex>();
    let nonce = 0;
    while (seen.size < 8) {
      const burst = sendBurst(first, nonce, 20);
      nonce += 20;
      const block = await client.getBlock();
      if (block.number! > 0n) seen.set(Number(block.number), block.hash!);
      await burst;
    }
    // More is under way when the blow falls, and more is seen until then.
    const underWay = sendBurst(first, nonce, 100).catch(() => []);
    const watching = (async () => {
      for (;;) {
        const block = await client.getBlock();
        seen.set(Number(block.number), block.hash!);
        if (seen.size >= 12) process.kill(first.pid!, 'SIGKILL');
      }
    })().catch(() => undefined);
    await Promise.all([watching, underWay, first.ended]);

    const second = await start();
    expect(second.height).toBeGreaterThanOrEqual(Math.max(...seen.keys()));
    for (const [height, hash] of seen) {
      expect((await clientOf(second).getBlock({ blockNumber: BigInt(height) })).hash).toBe(hash);
    }
  });

  test('torn: a last line that a crash cut off is removed, and the chain goes on before it', async () => {
    const first = await start({ confirmations: 0 });
    const [one] = await sendBurst(first, 0, 1);
    await untilResting(first, one!, 0);
    const [two] = await sendBurst(first, 1, 1);
    await untilResting(first, two!, 0);
    await first.stop();
    const whole = journalLines();
    truncateSync(journal(), Buffer.byteLength(readFileSync(journal())) - 20);

    const second = await start({ confirmations: 0 });
    expect(second.height).toBe(1);
    expect(readFileSync(journal(), 'utf8')).toBe(`${whole.slice(0, 2).join('\n')}\n`);
    const [again] = await sendBurst(second, 1, 1);
    expect(again).toBe(two);
    await untilResting(second, again!, 0);
    expect(journalLines()).toHaveLength(3);
  });

  test('damage: a journal with one changed byte is a mismatch, and stays as it is', async () => {
    const first = await start({ confirmations: 1 });
    const hashes = await sendBurst(first, 0, 10);
    await untilResting(first, hashes.at(-1)!, 1);
    await first.stop();
    const sound = readFileSync(journal());
    const text = sound.toString('utf8');
    const places = {
      'genesis hash': text.indexOf('genesisHash":"0x') + 20,
      'a signature': text.indexOf('"],"hash"') - 3,
      'a timestamp': text.indexOf('"timestamp":') + 20,
      'a block hash': text.indexOf('"hash":"0x') + 20,
      'the shape of a line': text.indexOf('"transactions"'),
      'the end of the last line': sound.length - 1,
    };
    for (const [place, offset] of Object.entries(places)) {
      const damaged = Buffer.from(sound);
      // Another digit where a digit stands, so that the line can still be read.
      damaged[offset] = damaged[offset] === 0x31 ? 0x32 : 0x31;
      writeFileSync(journal(), damaged);
      await expect(start(), place).rejects.toMatchObject({ name: 'SettlementError', code: 'JOURNAL_MISMATCH' });
      expect(readFileSync(journal()).equals(damaged), place).toBe(true);
    }
    writeFileSync(
      journal(),
      text.replace(/("hash":"0x)(.)/, (_, name, digit) => `${name}${digit === '1' ? '2' : '1'}`),
    );
    const error = await start().catch((thrown) => thrown);
    const { hash } = JSON.parse(text.split('\n')[1]!);
    expect(error.details).toMatchObject({ height: 1, replayedHash: hash, journalHash: expect.stringMatching(/^0x/) });
  });

  test('one at a time: a second process on the same folder is refused', async () => {
    const first = await start();
    await expect(start()).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      details: { pid: first.pid, port: first.port },
    });
  });
});

test('orphaned: the chain ends when the process that started it is killed', async () => {
  const module = new URL('../../../scripts/local/chain.ts', import.meta.url).href;
  const code = `const { startLocalChain } = await import('${module}');
    const chain = await startLocalChain(process.argv[1], { firstPort: 18_545 });
    console.log(chain.url);`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', code, folder]);
  const url = await new Promise<string>((resolve) =>
    parent.stdout.once('data', (line) => resolve(String(line).trim())),
  );
  const asked = () => fetch(url, { method: 'OPTIONS' }).then((response) => response.status);
  expect(await asked()).toBe(204);
  parent.kill('SIGKILL');
  await expect.poll(() => asked().catch(() => 'gone'), { timeout: 10_000 }).toBe('gone');
  await expect.poll(() => existsSync(join(folder, 'chain.lock'))).toBe(false);
});

describe('what may be asked', () => {
  test('refused: what would change the chain outside its journal', async () => {
    const chain = await start();
    for (const method of [
      'hardhat_reset',
      'hardhat_setBalance',
      'hardhat_setCode',
      'hardhat_impersonateAccount',
      'evm_revert',
      'evm_snapshot',
      'evm_increaseTime',
      'evm_setAutomine',
      'evm_setNextBlockTimestamp',
      'eth_sendTransaction',
      'eth_sign',
      'toString',
    ]) {
      expect((await ask(chain, method, [])).error, method).toMatchObject({
        code: -32_004,
        message: expect.stringContaining(method),
      });
    }
  });

  test('malformed: each fault has its own answer, and the chain goes on', async () => {
    const chain = await start();
    expect(await post(chain, '{"jsonrpc":')).toMatchObject({ error: { code: -32_700 } });
    expect(await post(chain, '[]')).toMatchObject({ error: { code: -32_600 } });
    expect(await post(chain, [1, { jsonrpc: '2.0', id: 7, method: 'eth_chainId' }])).toMatchObject([
      { id: null, error: { code: -32_600 } },
      { id: 7, result: '0x7a69' },
    ]);
    expect((await ask(chain, 'eth_sendRawTransaction', ['0x1234'])).error).toBeDefined();
    const large = await fetch(chain.url, { method: 'POST', body: ' '.repeat(9 * 1024 * 1024) }).catch(() => undefined);
    // Some clients see the connection close before they have sent all of it.
    if (large) expect(large.status).toBe(413);
    expect(await post(chain, '{}', { origin: 'https://elsewhere.example' })).toMatchObject({
      error: { code: -32_600 },
    });
    expect((await ask(chain, 'eth_blockNumber')).result).toBe('0x0');
  });

  test('mined by a caller: such blocks are in the journal too', async () => {
    const chain = await start();
    await ask(chain, 'evm_mine');
    await ask(chain, 'hardhat_mine', ['0x3']);
    expect((await ask(chain, 'eth_blockNumber')).result).toBe('0x4');
    expect(journalLines()).toHaveLength(5);
    expect((await ask(chain, 'evm_mine', [1_900_000_000])).error).toMatchObject({ code: -32_602 });
  });

  test('rest: an idle chain does not grow, nor does one whose pool holds only what cannot be mined', async () => {
    const chain = await start();
    const [hash] = await sendBurst(chain, 0, 1);
    await untilResting(chain, hash!);
    await sendBurst(chain, 5, 1);
    const height = (await ask(chain, 'eth_blockNumber')).result;
    const before = journalLines().length;
    // Forty more questions take the chain through several of its ticks.
    for (let question = 0; question < 40; question += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      expect((await ask(chain, 'eth_blockNumber')).result).toBe(height);
    }
    expect(journalLines()).toHaveLength(before);
    expect(height).toBe('0x4');
  });
});

describe('the clock of the chain', () => {
  test('set: blocks follow it, it never goes back and never passes the wall clock', async () => {
    const chain = await start();
    const client = clientOf(chain);
    const timestampOfNext = async () => {
      await ask(chain, 'evm_mine');
      return Number((await client.getBlock()).timestamp);
    };
    const start0 = STARTS_AT.getTime() / 1000;
    expect(await timestampOfNext()).toBeLessThan(start0 + 60);

    const noon = '2026-11-02T12:00:00.000Z';
    expect((await ask(chain, 'specie_setClock', [noon])).result).toBe(noon);
    expect(await timestampOfNext()).toBe(Date.parse(noon) / 1000);
    const back = (await ask(chain, 'specie_setClock', ['2026-11-02T10:00:00Z'])).result as string;
    expect(Date.parse(back)).toBeGreaterThanOrEqual(Date.parse(noon));

    const far = (await ask(chain, 'specie_setClock', ['2099-01-01T00:00:00Z'])).result as string;
    expect(Date.parse(far)).toBeLessThanOrEqual(Date.now());
    // At the wall clock a block waits for its second.
    for (let block = 0; block < 3; block += 1) {
      expect(await timestampOfNext()).toBeLessThanOrEqual(Date.now() / 1000);
    }
    expect((await ask(chain, 'specie_setClock', ['tomorrow'])).error).toMatchObject({ code: -32_602 });
  });

  test('ticks: at the rate of the machine, up to the machine, and waits there', () => {
    let machine = 100_000;
    const clock = new ChainClock(() => machine, 40_500);
    machine += 2000;
    expect(clock.now()).toBe(42_500);
    expect(clock.nextTimestamp(40)).toEqual({ timestamp: 42, waitMilliseconds: 0 });
    expect(clock.nextTimestamp(50)).toEqual({ timestamp: 51, waitMilliseconds: 0 });
    expect(clock.moveTo(500_000)).toBe(102_000);
    expect(clock.nextTimestamp(102)).toEqual({ timestamp: 103, waitMilliseconds: 1000 });
    machine -= 5000;
    expect(clock.now()).toBe(machine);
  });

  test('future: a new chain cannot begin after the wall clock', async () => {
    await expect(start({ startsAt: new Date(Date.now() + 86_400_000) })).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
    });
  });
});
