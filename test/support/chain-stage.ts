import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PrivateKeyAccount } from 'viem/accounts';
import { CARE_POLICY, type CarePolicy } from '../../bridge/chain/care-policy.ts';
import type { Address, ChainCall, Deployment } from '../../bridge/chain/domain.ts';
import { type ChainNode, connectNode } from '../../bridge/chain/node.ts';
import { careForCalls } from '../../bridge/chain/operations/care-for-calls.ts';
import { observeChain } from '../../bridge/chain/operations/observe-chain.ts';
import { enqueueChainCalls, submitCalls } from '../../bridge/chain/operations/submit-calls.ts';
import { signWith } from '../../bridge/chain/signing.ts';
import { Outbox } from '../../bridge/platform/outbox.ts';
import { type Database, inDatabaseTransaction } from '../../ledger-service/platform/database.ts';
import { createLogger } from '../../ledger-service/platform/logging.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { uuidFromMeaning } from '../../ledger-service/vocabulary/identifiers.ts';
import { type RunningChain, startLocalChain } from '../../scripts/local/chain.ts';
import { eventually } from './eventually.ts';
import { createTestDatabase } from './postgres.ts';

const nobody: Address = `0x${'e'.repeat(40)}`;
const logger = createLogger('silent');
/** Behind the machine's clock, so that blocks need not wait for it. */
const STARTS_AT = new Date('2026-11-02T09:00:00Z');

/** A real chain and real books, with calls that go to nobody in particular; each step is taken by the test. */
export type ChainStage = Readonly<{
  chain: RunningChain;
  node: ChainNode;
  database: Database;
  outbox: Outbox;
  ask(name: string, change?: Partial<ChainCall>): Promise<string>;
  submit(operator: PrivateKeyAccount, policy?: Partial<CarePolicy>): Promise<number>;
  care(operator: PrivateKeyAccount, policy?: Partial<CarePolicy>): ReturnType<typeof careForCalls>;
  observe(): Promise<void>;
  call(callId: string): Promise<CallRow>;
  forms(callId: string): Promise<readonly FormRow[]>;
  /** Watches the chain until the call is in this state. */
  untilState(callId: string, state: string): Promise<CallRow>;
  stop(): Promise<void>;
}>;

export type CallRow = Readonly<{ state: string; nonce: number | null; final_hash: string | null; repairs: number }>;
export type FormRow = Readonly<{ chain_hash: string; attempt: number; refusals: number; refused_with: string | null }>;

export async function startChainStage(
  connect: (url: string, database: Database) => Promise<ChainNode> = (url) => connectNode(url),
): Promise<ChainStage> {
  const folder = await mkdtemp(path.join(tmpdir(), 'specie-stage-'));
  const { database, drop } = await createTestDatabase({ poolSize: 6 });
  const chain = await startLocalChain(folder, { startsAt: STARTS_AT, blockMilliseconds: 20, firstPort: 19_545 });
  const node = await connect(chain.url, database);
  const deployment: Deployment = {
    chainId: node.chainId,
    escrow: nobody,
    wallet: nobody,
    feeReceiver: nobody,
    deposits: nobody,
    depositInitCodeHash: `0x${'0'.repeat(64)}`,
    tokenDomains: {},
    firstHeight: 0,
    filledAtHeight: 0,
  };
  const clocks = { clock: systemClock, machineClock: systemClock };
  const subscriptions = { 'chainCall.reverted': () => ['somebody'] };
  const outbox = new Outbox({ database, ...clocks, ring: () => {}, logger, subscriptions });
  const read = async <Row>(statement: string, callId: string) =>
    (await database.client.unsafe(statement, [callId])) as unknown as readonly Row[];
  const stage: ChainStage = {
    chain,
    node,
    database,
    outbox,
    async ask(name, change = {}) {
      const callId = uuidFromMeaning('test', name);
      const call: ChainCall = {
        shard: 0,
        callId,
        kind: 'test',
        subject: name,
        sequence: 0,
        recipient: nobody,
        data: '0x',
        value: 0n,
        gasLimit: 50_000,
        ...change,
      };
      await inDatabaseTransaction(database, (transaction) => enqueueChainCalls(transaction, [call], systemClock.now()));
      return callId;
    },
    submit: (operator, policy = {}) => {
      const { maximumFeePerGas } = { ...CARE_POLICY, ...policy };
      const signer = signWith(operator, node.chainId);
      return submitCalls({ database, node, signer, outbox, ...clocks, logger, maximumFeePerGas });
    },
    care: (operator, policy = {}) =>
      careForCalls({
        database,
        node,
        signer: signWith(operator, node.chainId),
        ...clocks,
        outbox,
        logger,
        policy: { ...CARE_POLICY, stuckAfterMilliseconds: 0, ...policy },
      }),
    observe: async () => {
      await observeChain({ database, node, deployment, finality: { depth: 1 }, outbox, ...clocks, logger });
    },
    call: async (callId) => (await read<CallRow>('select * from bridge.chain_calls where call_id = $1', callId))[0]!,
    forms: (callId) =>
      read<FormRow>('select * from bridge.chain_submissions where call_id = $1 order by attempt', callId),
    untilState: (callId, state) =>
      eventually(
        async () => {
          await stage.observe();
          return stage.call(callId);
        },
        (row) => row.state === state,
      ),
    stop: async () => {
      await chain.stop();
      await drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return stage;
}
