import { parseEther } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectChain, nameOfNode } from '../../../bridge/chain/connect.ts';
import { developmentAccount, LOCAL_CHAIN_ID } from '../../../bridge/chain/keys.ts';
import { connectNode } from '../../../bridge/chain/node.ts';
import { createVoteRecorder, listNodeVotes } from '../../../bridge/chain/operations/record-votes.ts';
import { createLogger } from '../../../ledger-service/platform/logging.ts';
import { systemClock } from '../../../ledger-service/platform/ports.ts';
import { privateKeyOf } from '../../../scripts/local/seed-world.ts';
import { type AlteredNode, startAlteredNode } from '../../support/altered-node.ts';
import { type ChainStage, startChainStage } from '../../support/chain-stage.ts';
import { eventually } from '../../support/eventually.ts';

const operator = privateKeyToAccount(privateKeyOf('operator'));
const nodes: AlteredNode[] = [];
let stage: ChainStage;

beforeAll(async () => {
  stage = await startChainStage(async (url, database) => {
    for (let index = 0; index < 3; index += 1) nodes.push(await startAlteredNode(url));
    const onDissent = createVoteRecorder({
      database,
      chainId: LOCAL_CHAIN_ID,
      machineClock: systemClock,
      logger: createLogger('silent'),
      onDissent: () => {},
    });
    return connectChain(
      nodes.map((node) => node.url),
      { chainId: LOCAL_CHAIN_ID, onDissent },
    );
  });
  const callId = await stage.ask('the first');
  await stage.submit(operator);
  await stage.untilState(callId, 'final');
});
afterEach(() => {
  for (const node of nodes) node.alter();
});
afterAll(async () => {
  await stage.stop();
  await Promise.all(nodes.map((node) => node.close()));
});

/** What is kept of one node's dissent about one question. */
function dissentOf(node: AlteredNode, question: string) {
  return eventually(
    async () => {
      const votes = await listNodeVotes(stage.database, LOCAL_CHAIN_ID, 100);
      return votes.find((vote) => vote.node === nameOfNode(node.url) && vote.question === question);
    },
    (vote) => vote !== undefined,
  );
}

const silent = () => undefined;
const otherHash = `0x${'1'.repeat(64)}`;

describe('three nodes', () => {
  test('go on when one lags, and tell of it', async () => {
    const head = await stage.node.head();
    nodes[1]!.alter(({ method }, said) => (method === 'eth_blockNumber' ? '0x0' : said));
    expect(await stage.node.head()).toBe(head);
    expect(await dissentOf(nodes[1]!, 'head')).toMatchObject({ said: '0', quorumSaid: String(head) });
  });

  test('are not drawn ahead by one', async () => {
    const head = await stage.node.head();
    nodes[0]!.alter(({ method }, said) => (method === 'eth_blockNumber' ? '0xfffff' : said));
    expect(await stage.node.head()).toBe(head);
  });

  test('outvote one that is on another branch', async () => {
    const real = await (await connectNode(stage.chain.url)).block(1);
    nodes[2]!.alter(({ method }, said) =>
      method === 'eth_getBlockByNumber' ? { ...(said as object), hash: otherHash } : said,
    );
    expect(await stage.node.block(1)).toEqual(real);
    const dissent = await dissentOf(nodes[2]!, 'block');
    expect(dissent).toMatchObject({ subject: '1', times: 1 });
    expect(dissent!.said).toContain(otherHash);
    await stage.node.block(1);
    await eventually(
      () => dissentOf(nodes[2]!, 'block'),
      (vote) => vote!.times === 2,
    );
  });

  test('outvote one that says a call failed, or took place', async () => {
    const callId = await stage.ask('lied about');
    nodes[0]!.alter(({ method }, said) =>
      method === 'eth_getTransactionReceipt' && said ? { ...(said as object), status: '0x0' } : said,
    );
    await stage.submit(operator);
    expect(await stage.untilState(callId, 'final')).toMatchObject({ state: 'final' });
    expect(await dissentOf(nodes[0]!, 'receipt')).toBeDefined();
  });

  test('outvote one that lies about a balance', async () => {
    nodes[1]!.alter(({ method }, said) => (method === 'eth_getBalance' ? '0x1' : said));
    const zero = `0x${'0'.repeat(40)}` as const;
    expect(await stage.node.balance(zero, developmentAccount(9).address, 1)).toBe(parseEther('10000'));
    expect(await dissentOf(nodes[1]!, 'balance')).toMatchObject({ said: '"1"' });
  });

  test('take a call that only one of them passes on', async () => {
    const swallow = ({ method }: Readonly<{ method: string }>, said: unknown) =>
      method === 'eth_sendRawTransaction' ? undefined : said;
    nodes[0]!.alter(swallow);
    nodes[1]!.alter(swallow);
    const callId = await stage.ask('passed on by one');
    await stage.submit(operator);
    await stage.untilState(callId, 'final');
  });

  test('conclude nothing while too few answer, and go on when they do', async () => {
    const callId = await stage.ask('waits for the quorum');
    await stage.submit(operator);
    nodes[0]!.alter(silent);
    nodes[1]!.alter(silent);
    await expect(stage.observe()).rejects.toMatchObject({ code: 'CHAIN_QUORUM_MISSING', retryable: true });
    expect(await stage.call(callId)).toMatchObject({ state: 'signed' });
    nodes[0]!.alter();
    await stage.untilState(callId, 'final');
  });

  test('conclude nothing while each says something else', async () => {
    nodes[0]!.alter(({ method }, said) =>
      method === 'eth_getBlockByNumber' ? { ...(said as object), hash: otherHash } : said,
    );
    nodes[1]!.alter(silent);
    await expect(stage.node.block(1)).rejects.toMatchObject({ code: 'CHAIN_QUORUM_MISSING' });
  });
});

describe('a quorum', () => {
  test('starts without a node that is down, and asks it again', async () => {
    const late = await startAlteredNode(stage.chain.url);
    late.alter(silent);
    const urls = [nodes[0]!.url, nodes[1]!.url, late.url];
    const node = await connectChain(urls, { chainId: LOCAL_CHAIN_ID, onDissent: () => {} });
    late.alter();
    nodes[0]!.alter(silent);
    expect(await node.head()).toBeGreaterThan(0);
    await late.close();
  });

  test.each([1, 4])('of %i among three is refused', async (quorum) => {
    const urls = nodes.map(({ url }) => url);
    await expect(connectChain(urls, { chainId: LOCAL_CHAIN_ID, quorum, onDissent: () => {} })).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      details: { param: 'RPC_QUORUM' },
    });
  });

  test('counts a node of another chain as silent', async () => {
    nodes[2]!.alter(({ method }, said) => (method === 'eth_chainId' ? '0x1' : said));
    const urls = nodes.map(({ url }) => url);
    const node = await connectChain(urls, { chainId: LOCAL_CHAIN_ID, onDissent: () => {} });
    nodes[0]!.alter(silent);
    await expect(node.block(1)).rejects.toMatchObject({ code: 'CHAIN_QUORUM_MISSING' });
  });
});
