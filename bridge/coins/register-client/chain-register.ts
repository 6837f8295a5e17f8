/** The register on its chain, by JSON-RPC: reads it to finality, through reorganisations, and brings what owners signed. */
import { decodeFunctionResult, erc20Abi, type Log, type PublicClient, type WalletClient } from 'viem';
import type { Chance } from '../../../ledger-service/vocabulary/time.ts';
import { coinRegisterAbi } from '../../chain/bindings/coin-register.ts';
import type { Address, Hex } from '../../chain/domain.ts';
import { type Coin, type CoinState, type Register, readOutcomes } from '../register/domain.ts';
import type { OwnedCoin } from '../security-element/ask-signer.ts';
import type { RegisterView } from '../security-element/decisions.ts';
import { type Place, placeKey, placesOfRequest, type SignedRequest, type Step } from '../security-element/domain.ts';
import type { OrderedSlot } from '../security-element/element.ts';
import { coinFailure } from '../security-element/failures.ts';
import { encodeBatch, encodeSingle, planCalls, type RegisterCall } from './batches.ts';
import type { CoinRegisterPort } from './port.ts';
import { StepIndex } from './step-index.ts';
import { stepsOfLogs } from './steps.ts';

/**
 * `sender` pays for gas and owns nothing here: anyone may bring what owners signed. `depth` says how far below the head
 * a block is final.
 */
export type ChainRegisterParts = Readonly<{
  client: PublicClient;
  sender: WalletClient;
  address: Address;
  depth: number;
  firstHeight: number;
  chance: Chance;
}>;

const STATES: readonly CoinState[] = ['free', 'active', 'locked'];
const BLOCKS_PER_QUERY = 1_000;
/** Gas beyond the estimate, for a coin that has moved on meanwhile. */
const GAS_MARGIN = 30_000n;

export class ChainRegister implements CoinRegisterPort {
  readonly register: Register;
  readonly #parts: ChainRegisterParts;
  readonly #index: StepIndex;
  #queue: Promise<unknown> = Promise.resolve();
  #isChainKnown = false;
  /** Chain transactions that carry a request, by the request's place and new owner. */
  readonly #carriers = new Map<string, Hex>();

  constructor(parts: ChainRegisterParts, register: Register) {
    this.#parts = parts;
    this.register = register;
    this.#index = new StepIndex(parts.firstHeight);
  }

  look(places: readonly Place[]): Promise<RegisterView> {
    return this.#oneAtATime(async () => {
      const { finalHeight } = await this.#follow();
      const steps = new Map<string, Step>();
      const latest = new Map<string, Step>();
      for (const key of places.map(placeKey)) {
        const found = this.#index.at(key);
        if (!found) continue;
        latest.set(key, found.step);
        if (found.height <= finalHeight) steps.set(key, found.step);
      }
      const { timestamp } = await this.#parts.client.getBlock({ blockNumber: BigInt(finalHeight) });
      return { steps, latest, finalTime: Number(timestamp) };
    });
  }

  word(coin: bigint): Promise<Coin> {
    return this.#oneAtATime(() => this.#word(coin));
  }

  owned(references: readonly Address[]): Promise<readonly OwnedCoin[]> {
    return this.#oneAtATime(async () => {
      const found = await this.#coinsOf(references);
      return found.flatMap(({ coin, word }) => {
        const isOurs = references.some((one) => isSame(one, word.owner));
        return word.state === 'active' && isOurs ? [{ coin, ...word }] : [];
      });
    });
  }

  lockedFor(references: readonly Address[]): Promise<readonly (OwnedCoin & { payee: Address })[]> {
    return this.#oneAtATime(async () => {
      const locked = (await this.#coinsOf(references)).filter(({ word }) => word.state === 'locked');
      const found = await Promise.all(
        locked.map(async ({ coin, word, blockNumber }) => {
          const call = { address: this.register.address, abi: coinRegisterAbi, functionName: 'lockOf' } as const;
          const [payee] = await this.#parts.client.readContract({ ...call, args: [coin], blockNumber });
          return { coin, ...word, payee };
        }),
      );
      // A coin that was locked for one of these before may be locked for somebody else by now.
      return found.filter(({ payee }) => references.some((one) => isSame(one, payee)));
    });
  }

  /** A freed one rather than a new one, which costs more gas. Errors: thrown COIN_REGISTER_UNAVAILABLE */
  freeSlot(): Promise<OrderedSlot> {
    return this.#oneAtATime(async () => {
      await this.#follow();
      const freed = [...this.#index.freed];
      for (;;) {
        const drawn = [...this.#parts.chance.bytes(5)].reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
        // Of two devices that look at the same time, most draw another one.
        const coin = freed.length > 0 ? freed[Number(drawn % BigInt(freed.length))]! : drawn;
        const word = await this.#word(coin);
        if (word.state === 'free') return { coin, sequence: word.sequence };
        if (freed.length > 0) freed.splice(freed.indexOf(coin), 1);
      }
    });
  }

  submit(requests: readonly SignedRequest[]): Promise<void> {
    return this.#oneAtATime(async () => {
      await this.#follow();
      const open: SignedRequest[] = [];
      for (const request of requests) if (await this.#isOpen(request)) open.push(request);
      for (const call of planCalls(open)) await this.#send(call);
    });
  }

  /** Units of the token in one coin, at most. */
  maximumAmount(): Promise<bigint> {
    const call = { address: this.register.address, abi: coinRegisterAbi } as const;
    return this.#oneAtATime(() => this.#parts.client.readContract({ ...call, functionName: 'maximumAmount' }));
  }

  /** Token units that really are at the register, by the token's own word. */
  tokensHeld(): Promise<bigint> {
    const { address } = this.register;
    return this.#oneAtATime(async () => {
      const token = await this.#parts.client.readContract({ address, abi: coinRegisterAbi, functionName: 'token' });
      const balance = { address: token, abi: erc20Abi, functionName: 'balanceOf', args: [address] } as const;
      return this.#parts.client.readContract(balance);
    });
  }

  /** Neither at the register, in whatever block, nor on its way there. */
  async #isOpen(request: SignedRequest): Promise<boolean> {
    if (placesOfRequest(request).some((place) => this.#index.at(placeKey(place)))) return false;
    const carrier = this.#carriers.get(carrierKey(request));
    if (!carrier) return true;
    const found = await this.#parts.client.getTransaction({ hash: carrier }).catch(() => undefined);
    // Mined, and nothing came of it, or dropped: it is brought again.
    return found === undefined || found.blockNumber !== null;
  }

  /** Asks the node first what would become of it, so that nobody pays for what the register would refuse. */
  async #send(call: RegisterCall): Promise<void> {
    const address = this.register.address;
    const { client, sender } = this.#parts;
    const account = sender.account!;
    let requests: readonly SignedRequest[];
    let data: Hex;
    if (call.kind === 'single') {
      requests = [call.request];
      data = encodeSingle(call.request);
      const isPossible = await client.call({ account, to: address, data }).then(
        () => true,
        (error: Error) => {
          if (isRevert(error)) return false;
          throw error;
        },
      );
      if (!isPossible) return;
    } else {
      const all = encodeBatch(call.curve, call.requests);
      const { data: answer = '0x' } = await client.call({ account, to: address, data: all });
      const functionName = call.curve === 'secp256k1' ? 'switchBatch' : 'switchBatchByP256';
      const bytes = decodeFunctionResult({ abi: coinRegisterAbi, functionName, data: answer });
      const outcomes = readOutcomes(bytes, call.requests.length);
      const possible = call.requests.filter((_, index) => outcomes[index] === 'executed');
      if (possible.length === 0) return;
      requests = possible;
      data = encodeBatch(call.curve, possible);
    }
    const gas = (await client.estimateGas({ account, to: address, data })) + GAS_MARGIN;
    const hash = await sender.sendTransaction({ account, chain: sender.chain ?? null, to: address, data, gas });
    for (const request of requests) this.#carriers.set(carrierKey(request), hash);
  }

  async #coinsOf(references: readonly Address[]) {
    const { finalHeight } = await this.#follow();
    const coins = [...new Set(references.flatMap((one) => this.#index.coinsOf(one)))];
    const blockNumber = BigInt(finalHeight);
    return Promise.all(coins.map(async (coin) => ({ coin, blockNumber, word: await this.#word(coin, blockNumber) })));
  }

  async #word(coin: bigint, blockNumber?: bigint): Promise<Coin> {
    await this.#requireChain();
    const { state, isFrozen, sequence, hops, amount, owner } = await this.#parts.client.readContract({
      address: this.register.address,
      abi: coinRegisterAbi,
      functionName: 'coins',
      args: [coin],
      ...(blockNumber === undefined ? {} : { blockNumber }),
    });
    const name = STATES[state];
    if (!name) throw coinFailure('COIN_REGISTER_UNAVAILABLE', `no state ${state} is known`);
    return { state: name, isFrozen, sequence, hops, amount, owner: owner.toLowerCase() as Address };
  }

  /** Reads what is new; where the chain has gone another way, what was read of the old one is given up. */
  async #follow(): Promise<Readonly<{ finalHeight: number }>> {
    const { client, depth } = this.#parts;
    await this.#requireChain();
    const head = Number(await client.getBlockNumber({ cacheTime: 0 }));
    const finalHeight = Math.max(0, head - depth);
    await this.#giveUpForked(head);
    while (this.#index.height < finalHeight) {
      const from = this.#index.height + 1;
      const to = Math.min(finalHeight, from + BLOCKS_PER_QUERY - 1);
      const logs = await client.getLogs({
        address: this.register.address,
        fromBlock: BigInt(from),
        toBlock: BigInt(to),
      });
      this.#index.addFinal(await this.#stepsByBlock(logs), to);
    }
    while (this.#index.height < head) {
      const block = await client.getBlock({ blockNumber: BigInt(this.#index.height + 1) });
      const last = this.#index.recent.at(-1);
      if (last && last.hash !== block.parentHash) {
        await this.#giveUpForked(head);
        continue;
      }
      const logs = await client.getLogs({ address: this.register.address, blockHash: block.hash });
      const height = Number(block.number);
      const indexed = { height, hash: block.hash, parentHash: block.parentHash, time: Number(block.timestamp) };
      this.#index.addBlock(indexed, stepsOfLogs(logs, indexed.time), finalHeight);
    }
    return { finalHeight };
  }

  /** A node of another chain would answer, too. */
  async #requireChain(): Promise<void> {
    if (this.#isChainKnown) return;
    const found = await this.#parts.client.getChainId();
    if (found !== this.register.chainId) throw new Error(`the node is on chain ${found}, not ${this.register.chainId}`);
    this.#isChainKnown = true;
  }

  async #giveUpForked(head: number): Promise<void> {
    for (const block of [...this.#index.recent].reverse()) {
      const found =
        block.height > head ? undefined : await this.#parts.client.getBlock({ blockNumber: BigInt(block.height) });
      if (found?.hash === block.hash) return;
      this.#index.giveUpAbove(block.height - 1);
    }
  }

  async #stepsByBlock(logs: readonly Log[]) {
    const byHeight = Map.groupBy(logs, ({ blockNumber }) => Number(blockNumber));
    const steps = [];
    for (const [height, those] of byHeight) {
      const { timestamp } = await this.#parts.client.getBlock({ blockNumber: BigInt(height) });
      steps.push(...stepsOfLogs(those, Number(timestamp)).map((found) => ({ ...found, height })));
    }
    return steps;
  }

  #oneAtATime<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#queue.then(work).catch((error: unknown) => {
      const message = error instanceof Error ? error.message.split('\n')[0]! : String(error);
      throw Object.assign(coinFailure('COIN_REGISTER_UNAVAILABLE', message.slice(0, 300)), { cause: error });
    });
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

function carrierKey(request: SignedRequest): string {
  const [{ coin, sequence, newOwner }] = placesOfRequest(request) as [Place & { newOwner: Address }];
  return `${coin}/${sequence}/${newOwner.toLowerCase()}`;
}

function isRevert(error: Error): boolean {
  return /revert/i.test(error.message);
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
