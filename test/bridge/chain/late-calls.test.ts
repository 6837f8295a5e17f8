import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Hex } from '../../../bridge/chain/domain.ts';
import type { ChainNode } from '../../../bridge/chain/node.ts';
import { concludeLateCalls } from '../../../bridge/chain/operations/conclude-calls.ts';
import { subscriptions } from '../../../bridge/main/subscriptions.ts';
import { Outbox } from '../../../bridge/platform/outbox.ts';
import { chainBlocks, chainCalls, chainSubmissions } from '../../../bridge/schema/chain.ts';
import { outbox as outboxRows } from '../../../bridge/schema/platform.ts';
import type { Database } from '../../../ledger-service/platform/database.ts';
import { createLogger } from '../../../ledger-service/platform/logging.ts';
import { createTestDatabase } from '../../support/postgres.ts';

const CHAIN_ID = 31_337;
const NOW = new Date('2026-11-02T08:00:00Z');
const clock = { now: () => NOW };
const logger = createLogger('silent');
/** All that is asked of it here. */
const node = { chainId: CHAIN_ID, revertReason: async () => 'PaymentUnknown' } as unknown as ChainNode;
let database: Database;
let drop: () => Promise<void>;
let outbox: Outbox;

beforeAll(async () => {
  ({ database, drop } = await createTestDatabase({ poolSize: 2 }));
  outbox = new Outbox({
    database,
    clock,
    machineClock: clock,
    ring: () => {},
    logger,
    subscriptions,
  });
});
afterAll(() => drop?.());

const hash = (name: string): Hex => `0x${Buffer.from(name).toString('hex').padEnd(64, '0')}`;

/** A block that was gone through, and a call of it that came into the books after that. */
async function write(
  name: string,
  block: Readonly<{ final: boolean; canonical: boolean }>,
  height: number,
): Promise<void> {
  await database.drizzle.insert(chainBlocks).values({
    shard: 0,
    chainId: CHAIN_ID,
    blockHash: hash(`block ${name}`),
    height,
    parentHash: hash('before'),
    minedAt: NOW,
    chainHashes: [hash(name)],
    ...block,
  });
  await database.drizzle.insert(chainCalls).values({
    shard: 0,
    callId: name,
    kind: 'authorize',
    subject: `pay ${name}`,
    sequence: 0,
    recipient: '0x',
    data: '0x',
    value: 0n,
    gasLimit: 1,
    state: 'signed',
    signer: '0x',
    nonce: height,
    recordedAt: NOW,
  });
  await database.drizzle
    .insert(chainSubmissions)
    .values({ shard: 0, chainHash: hash(name), callId: name, raw: '0x', signedAt: NOW });
}

const receiptOf = (name: string, succeeded: boolean, height: number) =>
  [hash(name), { succeeded, blockHash: hash(`block ${name}`), height, gasUsed: 21_000 }] as const;

test('a signed call whose block was final before is concluded; one whose block is not, is left to the watcher', async () => {
  await write('done', { final: true, canonical: true }, 1);
  await write('refused', { final: true, canonical: true }, 2);
  await write('young', { final: false, canonical: true }, 3);
  await write('lost', { final: true, canonical: false }, 4);
  const receipts = new Map([
    receiptOf('done', true, 1),
    receiptOf('refused', false, 2),
    receiptOf('young', true, 3),
    receiptOf('lost', true, 4),
  ]);
  for (const _ of ['once', 'again'])
    await concludeLateCalls({ database, outbox, node, clock, machineClock: clock, logger }, receipts);
  const calls = await database.drizzle.select().from(chainCalls).orderBy(chainCalls.nonce);
  expect(calls.map(({ callId, state, finalHash }) => [callId, state, finalHash])).toEqual([
    ['done', 'final', hash('done')],
    ['refused', 'reverted', hash('refused')],
    ['young', 'signed', null],
    ['lost', 'signed', null],
  ]);
  const events = await database.drizzle.select().from(outboxRows);
  expect(events.map(({ topic, subject }) => [topic, subject])).toEqual([['chainCall.reverted', 'pay refused']]);
});
