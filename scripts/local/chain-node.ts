/**
 * The local chain: Hardhat's engine, its journal and its clock behind one door.
 *
 * All work goes through in order, one piece at a time. So nobody sees a block before its line is on disk: killed between
 * mining and writing, the block never existed for anyone, and its transactions are sent again by their senders.
 */
import { join } from 'node:path';
import type { Hex } from 'viem';
import { LOCAL_CHAIN_ID } from '../../bridge/chain/keys.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { ChainClock } from './chain-clock.ts';
import { type ChainEngine, createChainEngine, type EngineBlock, LOCAL_HARDFORK } from './chain-engine.ts';
import { type JournalBlock, JournalWriter, readJournal } from './chain-journal.ts';

export type ReplayProgress = Readonly<{ done: number; total: number }>;
export type LocalChainOptions = Readonly<{
  folder: string;
  /** Where the clock of a new chain begins, a whole second; a chain that was kept goes on from its last block. */
  startsAt?: Date | undefined;
  /** Empty blocks mined after one with transactions, so that it can be seen to become final. */
  confirmations: number;
  machineClock: () => number;
  onProgress: (progress: ReplayProgress) => void;
}>;

const PROGRESS_EVERY_BLOCKS = 200;

export class LocalChain {
  /** How many blocks were replayed at start. */
  readonly replayed: number;
  readonly #engine: ChainEngine;
  readonly #journal: JournalWriter;
  readonly #clock: ChainClock;
  readonly #confirmations: number;
  /** The raw form of every transaction the engine took and no block holds yet; the engine gives none back. */
  readonly #unmined = new Map<string, Hex>();
  #head: EngineBlock;
  #emptyBlocksDue: number;
  #last: Promise<unknown> = Promise.resolve();
  #fault: unknown;

  private constructor(parts: {
    engine: ChainEngine;
    journal: JournalWriter;
    clock: ChainClock;
    confirmations: number;
    head: EngineBlock;
    blocks: readonly JournalBlock[];
  }) {
    this.#engine = parts.engine;
    this.#journal = parts.journal;
    this.#clock = parts.clock;
    this.#confirmations = parts.confirmations;
    this.#head = parts.head;
    this.replayed = parts.blocks.length;
    const lastFull = parts.blocks.findLastIndex((block) => block.transactions.length > 0);
    const emptyAfter = parts.blocks.length - 1 - lastFull;
    this.#emptyBlocksDue = lastFull === -1 ? 0 : Math.max(0, parts.confirmations - emptyAfter);
  }

  /**
   * Opens the chain that `chain.ndjson` in the folder tells of, or begins one.
   *
   * Errors: thrown JOURNAL_MISMATCH when the journal is damaged or replays to other blocks; CONFIGURATION_INVALID when
   *         a new chain is to begin after the machine's clock
   */
  static async open(options: LocalChainOptions): Promise<LocalChain> {
    const file = join(options.folder, 'chain.ndjson');
    const content = await readJournal(file);
    const initialDate = content?.header.initialDate ?? firstDate(options);
    const engine = await createChainEngine(initialDate);
    const genesis = await engine.head();
    const header = {
      journal: 'specie-chain',
      version: 1,
      chainId: LOCAL_CHAIN_ID,
      initialDate,
      hardfork: LOCAL_HARDFORK,
      genesisHash: genesis.hash,
    } as const;
    if (content && (content.header.chainId !== LOCAL_CHAIN_ID || content.header.hardfork !== LOCAL_HARDFORK)) {
      const { chainId, hardfork } = content.header;
      throw new SettlementError('JOURNAL_MISMATCH', `the journal is of chain ${chainId} under ${hardfork}`, {
        chainId,
        hardfork,
      });
    }
    if (content) requireSame(0, content.header.genesisHash, genesis.hash);
    const blocks = content?.blocks ?? [];
    const head = await replay(engine, blocks, genesis, options.onProgress);
    const journal = content ? await JournalWriter.resume(file, content) : await JournalWriter.create(file, header);
    const clock = new ChainClock(options.machineClock, head.timestamp * 1000);
    return new LocalChain({ engine, journal, clock, confirmations: options.confirmations, head, blocks });
  }

  get head(): EngineBlock {
    return this.#head;
  }

  /** Passes a request on to the engine. What is asked about the next block is answered at the chain's own time. */
  request(method: string, params: readonly unknown[]): Promise<unknown> {
    return this.#inOrder(async () => {
      if (method === 'eth_estimateGas' || params.includes('pending')) await this.#setNextTimestamp();
      return this.#engine.request(method, params);
    });
  }

  /** Takes a signed transaction into the pool, or throws what the engine says against it; answers its hash. */
  submit(raw: Hex): Promise<Hex> {
    return this.#inOrder(async () => {
      const hash = (await this.#engine.request('eth_sendRawTransaction', [raw])) as Hex;
      this.#unmined.set(hash, raw.toLowerCase() as Hex);
      return hash;
    });
  }

  /** Mines one block, with or without transactions, as soon as its timestamp does not pass the machine's clock. */
  async mine(): Promise<void> {
    for (;;) {
      const wait = await this.#inOrder(() => this.#mineUnlessEarly());
      if (wait === 0) return;
      // In the meantime others are served.
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** Mines one block if there is a reason to: something to put in, or an empty one still due after one that was full. */
  tick(): Promise<void> {
    return this.#inOrder(async () => {
      if (this.#unmined.size === 0 && this.#emptyBlocksDue === 0) return;
      if ((await this.#hasMineable()) || this.#emptyBlocksDue > 0) await this.#mineUnlessEarly();
    });
  }

  /** Moves the clock; units: milliseconds since 1970, in and out. */
  setClock(time: number): Promise<number> {
    return this.#inOrder(async () => this.#clock.moveTo(time));
  }

  /** Ends after the work under way. */
  close(): Promise<void> {
    const closed = this.#last.then(async () => {
      this.#fault ??= new Error('the local chain was closed');
      await this.#journal.close();
      await this.#engine.close();
    });
    this.#last = closed.catch(() => undefined);
    return closed;
  }

  #inOrder<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    const answer = this.#last.then(() => {
      if (this.#fault) throw this.#fault;
      return work();
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async #hasMineable(): Promise<boolean> {
    if (this.#unmined.size === 0) return false;
    // Counts what the next block would hold: neither nonces ahead of their turn nor fees below the base fee.
    if (Number(await this.#engine.request('eth_getBlockTransactionCountByNumber', ['pending'])) > 0) return true;
    const pooled = (await this.#engine.request('eth_pendingTransactions')) as unknown[];
    if (pooled.length === 0) this.#unmined.clear();
    return false;
  }

  async #setNextTimestamp(): Promise<Readonly<{ timestamp: number; waitMilliseconds: number }>> {
    const next = this.#clock.nextTimestamp(this.#head.timestamp);
    await this.#engine.request('evm_setNextBlockTimestamp', [next.timestamp]);
    return next;
  }

  /** Answers how many milliseconds are missing, or 0 when a block was mined and its line is on disk. */
  async #mineUnlessEarly(): Promise<number> {
    const { timestamp, waitMilliseconds } = await this.#setNextTimestamp();
    if (waitMilliseconds > 0) return waitMilliseconds;
    try {
      await this.#engine.request('evm_mine');
      const block = await this.#engine.head();
      const transactions = block.chainHashes.map((hash) => {
        const raw = this.#unmined.get(hash);
        if (!raw) throw new Error(`block ${block.height} holds ${hash}, which never came through the pool`);
        return raw;
      });
      await this.#journal.append({ height: block.height, timestamp, transactions, hash: block.hash });
      for (const hash of block.chainHashes) this.#unmined.delete(hash);
      this.#head = block;
      this.#emptyBlocksDue = transactions.length > 0 ? this.#confirmations : Math.max(0, this.#emptyBlocksDue - 1);
      this.#clock.moveTo(timestamp * 1000);
      return 0;
    } catch (error) {
      // The engine now holds a block that no line tells of: from here on nobody may be answered.
      this.#fault = error;
      throw error;
    }
  }

  /** What stopped this chain for good, if anything has. */
  get fault(): unknown {
    return this.#fault;
  }
}

function firstDate({ startsAt, machineClock }: LocalChainOptions): string {
  const seconds = Math.floor((startsAt?.getTime() ?? machineClock()) / 1000);
  if (seconds * 1000 > machineClock()) {
    throw new SettlementError('CONFIGURATION_INVALID', 'the chain cannot begin after the machine’s clock', {
      startsAt: new Date(seconds * 1000).toISOString(),
    });
  }
  return new Date(seconds * 1000).toISOString();
}

async function replay(
  engine: ChainEngine,
  blocks: readonly JournalBlock[],
  genesis: EngineBlock,
  onProgress: LocalChainOptions['onProgress'],
): Promise<EngineBlock> {
  let head = genesis;
  for (const [index, block] of blocks.entries()) {
    if (index % PROGRESS_EVERY_BLOCKS === 0) onProgress({ done: index, total: blocks.length });
    head = await replayBlock(engine, block);
    requireSame(block.height, block.hash, head.hash);
  }
  if (blocks.length > 0) onProgress({ done: blocks.length, total: blocks.length });
  return head;
}

async function replayBlock(engine: ChainEngine, block: JournalBlock): Promise<EngineBlock> {
  try {
    for (const raw of block.transactions) await engine.request('eth_sendRawTransaction', [raw]);
    await engine.request('evm_setNextBlockTimestamp', [block.timestamp]);
    await engine.request('evm_mine');
    return await engine.head();
  } catch (error) {
    throw new SettlementError(
      'JOURNAL_MISMATCH',
      `block ${block.height} of the chain journal, ${block.hash}, cannot be replayed: ${error instanceof Error ? error.message : error}`,
      { height: block.height, journalHash: block.hash, replayedHash: null },
      { cause: error },
    );
  }
}

function requireSame(height: number, journalHash: Hex, replayedHash: Hex): void {
  if (journalHash === replayedHash) return;
  throw new SettlementError(
    'JOURNAL_MISMATCH',
    `block ${height} is ${journalHash} in the chain journal and ${replayedHash} when replayed`,
    { height, journalHash, replayedHash },
  );
}
