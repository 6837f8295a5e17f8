import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Address, Deployment } from '../../../../bridge/chain/domain.ts';
import { submitCalls } from '../../../../bridge/chain/operations/submit-calls.ts';
import { SignerCore } from '../../../../bridge/chain/signer/core.ts';
import { openRecordFile } from '../../../../bridge/chain/signer/log-file.ts';
import { signThrough } from '../../../../bridge/chain/signing.ts';
import { applyWalletEvents, batchPayouts } from '../../../../bridge/core/payouts/operations.ts';
import { subscriptions, WALLET_EVENTS } from '../../../../bridge/main/subscriptions.ts';
import { Outbox } from '../../../../bridge/platform/outbox.ts';
import { chainCalls } from '../../../../bridge/schema/chain.ts';
import { chainPayouts } from '../../../../bridge/schema/settlement.ts';
import { createLogger } from '../../../../ledger-service/platform/logging.ts';
import { createIdentifierSource, systemChance, systemClock } from '../../../../ledger-service/platform/ports.ts';
import { type ChainStage, startChainStage } from '../../../support/chain-stage.ts';
import {
  CHAIN,
  keyOf,
  listEntry,
  MERCHANT,
  OPERATOR,
  policyWith,
  STRANGER,
  signEntry,
  TOKEN,
} from '../../../support/signer-stage.ts';

const NOW = new Date('2026-11-02T08:00:00Z');
const clock = { now: () => NOW };
const logger = createLogger('silent');
const deployment: Deployment = {
  ...CHAIN,
  ...{ deposits: CHAIN.escrow, depositInitCodeHash: `0x${'0'.repeat(64)}` as const },
  ...{ tokenDomains: {}, firstHeight: 0, filledAtHeight: 0 },
};
const asset = `eip155:${CHAIN.chainId}/erc20:${TOKEN}`;

let folder: string;
let stage: ChainStage;
let outbox: Outbox;
let core: SignerCore;
let machineTime = systemClock.now().getTime();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'specie-apart-'));
  stage = await startChainStage();
  const { database } = stage;
  outbox = new Outbox({ database, clock, machineClock: systemClock, ring: () => {}, logger, subscriptions });
  core = new SignerCore({
    policy: policyWith(),
    file: openRecordFile(join(folder, 'records')),
    keys: [keyOf(OPERATOR)],
    chain: {
      spentNonces: async () => 0,
      finalNonces: async () => 0,
      captured: async () => 0n,
      isSwept: async () => false,
      holdsRole: async () => true,
    },
    clock,
  });
  const entry = listEntry();
  await core.list(entry, await signEntry(entry));
});
afterAll(async () => {
  core?.close();
  await stage?.stop();
  await rm(folder, { recursive: true, force: true });
});

const payouts = () => ({
  database: stage.database,
  clock,
  machineClock: systemClock,
  identifiers: createIdentifierSource(clock, systemChance),
  outbox,
  deployment,
});

function submit(): Promise<number> {
  const { database, node } = stage;
  const machineClock = { now: () => new Date(machineTime) };
  const signer = signThrough(core);
  return submitCalls({ database, node, signer, outbox, clock, machineClock, logger, maximumFeePerGas: 10n ** 12n });
}

async function owe(paymentId: string, payee: Address): Promise<void> {
  await stage.database.drizzle.insert(chainPayouts).values({
    shard: 0,
    paymentId,
    sequence: 1,
    payoutId: `pot ${paymentId}`,
    purpose: 'merchantPayout',
    state: 'due',
    asset,
    payee,
    amount: 10n,
    recordedAt: NOW,
  });
}

const calls = () => stage.database.drizzle.select().from(chainCalls).orderBy(chainCalls.nonce, chainCalls.callId);
const items = () => stage.database.drizzle.select().from(chainPayouts).orderBy(chainPayouts.paymentId);

test('a batch with a payee who is not listed is taken apart: the others are paid, and he waits alone until he is listed', async () => {
  await owe('one', MERCHANT);
  await owe('stranger', STRANGER);
  await owe('two', MERCHANT);
  expect(await batchPayouts(payouts())).toBe(3);
  await submit();
  expect((await calls()).map(({ state, refusedWith }) => [state, refusedWith])).toEqual([
    ['withdrawn', 'SIGNER_PAYEE_NOT_LISTED'],
  ]);
  const [withdrawn] = await calls();
  expect(await core.withdraw(withdrawn!.callId)).toEqual({});

  await outbox.drain(WALLET_EVENTS, async (transaction, due) => {
    await applyWalletEvents(payouts(), transaction, due);
  });
  expect((await items()).map(({ state, alone }) => [state, alone])).toEqual([
    ['due', false],
    ['due', true],
    ['due', false],
  ]);
  await batchPayouts(payouts());
  await submit();
  const told = (await calls()).map(({ state, nonce, refusedWith }) => `${state} ${nonce} ${refusedWith}`);
  expect(told.sort()).toEqual([
    'due null SIGNER_PAYEE_NOT_LISTED',
    'signed 0 null',
    'withdrawn null SIGNER_PAYEE_NOT_LISTED',
  ]);
  const entry = listEntry({ payee: STRANGER });
  await core.list(entry, await signEntry(entry));
  await submit();
  expect((await calls()).filter(({ state }) => state === 'signed')).toHaveLength(1);
  machineTime += 60_000;
  await submit();
  expect((await calls()).filter(({ state }) => state === 'signed').map(({ nonce }) => nonce)).toEqual([0, 1]);
});
