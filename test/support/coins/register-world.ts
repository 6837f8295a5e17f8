/** A chain whose only contract is the register's model: blocks, a pool, reorganisations; all from one seed. */
import { keccak256, stringToHex } from 'viem';
import type { Address } from '../../../bridge/chain/domain.ts';
import type { Coin, Register } from '../../../bridge/coins/register/domain.ts';
import {
  coinOf,
  decide,
  EMPTY_REGISTER,
  type RegisterCommand,
  type RegisterState,
} from '../../../bridge/coins/register/model.ts';
import { type CoinOperation, digestOf } from '../../../bridge/coins/register/signing.ts';
import type { CoinRegisterPort } from '../../../bridge/coins/register-client/port.ts';
import type { CoinCryptography } from '../../../bridge/coins/security-element/cryptography.ts';
import type { SignedRequest, Step } from '../../../bridge/coins/security-element/domain.ts';
import { placeKey, placesOfRequest } from '../../../bridge/coins/security-element/domain.ts';
import { coinFailure } from '../../../bridge/coins/security-element/failures.ts';
import { writePlain } from '../../../bridge/coins/security-element/journal.ts';
import type { SeededChance } from '../simulator/seeded-chance.ts';

export const REGISTER: Register = { chainId: 31_337, address: '0x00000000000000000000000000000000000c0117' };
export const FINALITY_BLOCKS = 3;
export const LIMITS = { maximumAmount: 1_000_000n, blockHops: 40 };

type Block = Readonly<{
  time: number;
  state: RegisterState;
  steps: ReadonlyMap<string, Step>;
  requests: readonly SignedRequest[];
}>;

export class RegisterWorld {
  readonly #chance: SeededChance;
  readonly #cryptography: CoinCryptography;
  readonly #blocks: Block[];
  #pool = new Map<string, SignedRequest>();
  #nextSlot = 1_000n;
  /** What was final once stays so, also while the chain is shorter than it has been. */
  #finalHeight = 0;

  constructor(chance: SeededChance, cryptography: CoinCryptography, time: number) {
    this.#chance = chance;
    this.#cryptography = cryptography;
    this.#blocks = [{ time, state: EMPTY_REGISTER, steps: new Map(), requests: [] }];
  }

  get head(): Block {
    return this.#blocks.at(-1)!;
  }

  get final(): Block {
    return this.#blocks[this.#finalHeight]!;
  }

  get height(): number {
    return this.#blocks.length - 1;
  }

  issue(coin: bigint, owner: Address, amount: bigint): void {
    const { state, ...block } = this.head;
    const head = { coin, sequence: coinOf(state, coin).sequence, owner };
    const decision = decide(state, { kind: 'Issue', head, amount }, LIMITS);
    if (decision.outcome !== 'executed') throw new Error(decision.outcome);
    const steps = new Map(block.steps).set(placeKey(head), { kind: 'Issue' as const, newOwner: owner, at: block.time });
    this.#push({ ...block, state: decision.state, steps, requests: [] });
  }

  #push(block: Block): void {
    this.#blocks.push(block);
    this.#finalHeight = Math.max(this.#finalHeight, this.height - FINALITY_BLOCKS);
  }

  /** Takes up some of the pool in an order of chance; `everything` leaves nothing out. */
  mine(time: number, everything = false): void {
    let { state, steps } = this.head;
    const taken: SignedRequest[] = [];
    const waiting = [...this.#pool.entries()];
    while (waiting.length > 0) {
      // Of one coin, an order that was signed first may still come last: it is skipped and brought again.
      const [[key, request]] = waiting.splice(everything ? 0 : this.#chance.below(waiting.length), 1) as [
        [string, SignedRequest],
      ];
      if (!everything && this.#chance.happens(0.2)) continue;
      this.#pool.delete(key);
      const decision = decide(state, this.#commandOf(request, time), LIMITS);
      if (decision.outcome !== 'executed') continue;
      state = decision.state;
      const { kind } = request.operation;
      steps = new Map<string, Step>([
        ...steps,
        ...placesOfRequest(request).map(
          ({ newOwner, ...place }) => [placeKey(place), { kind, newOwner, at: time }] as const,
        ),
      ]);
      taken.push(request);
    }
    this.#push({ time: Math.max(time, this.head.time), state, steps, requests: taken });
  }

  /** Gives up blocks that are not final; what was in them is in the pool again, or nowhere. */
  reorganise(depth: number): void {
    for (let index = 0; index < depth && this.height > this.#finalHeight; index += 1) {
      if (this.head.requests.length === 0 && this.head.steps.size !== (this.#blocks.at(-2)?.steps.size ?? 0)) return;
      const block = this.#blocks.pop()!;
      for (const request of block.requests) if (this.#chance.happens(0.5)) this.submit(request);
    }
  }

  submit(request: SignedRequest): void {
    this.#pool.set(keccak256(stringToHex(writePlain(request))), request);
  }

  #commandOf({ operation, signature }: SignedRequest, time: number): RegisterCommand {
    const signer = this.#cryptography.recover(digestOf(REGISTER, operation), signature);
    return { ...commandOf(operation), signer, now: BigInt(time) } as RegisterCommand;
  }

  /** The register as one device sees it; `isThere` and `losesAnswers` are asked each time. */
  port(faults: Readonly<{ isThere(): boolean; losesAnswers(): boolean; seesUnfinal?: boolean }>): CoinRegisterPort {
    const reading = <Value>(read: () => Value): Promise<Value> =>
      faults.isThere()
        ? Promise.resolve(read())
        : Promise.reject(coinFailure('COIN_REGISTER_UNAVAILABLE', 'the register is away'));
    const settled = () => (faults.seesUnfinal ? this.head : this.final);
    return {
      register: REGISTER,
      look: () => reading(() => ({ steps: settled().steps, latest: this.head.steps, finalTime: settled().time })),
      word: (coin) => reading(() => coinOf(this.head.state, coin)),
      owned: (references) => reading(() => owned(settled().state, references)),
      lockedFor: (references) =>
        reading(() =>
          [...settled().state.locks].flatMap(([coin, { payee }]) => {
            const word = coinOf(settled().state, coin);
            const isForUs = references.some((one) => isSame(one, payee));
            return word.state === 'locked' && isForUs ? [{ coin, ...word, payee }] : [];
          }),
        ),
      freeSlot: () =>
        reading(() => {
          this.#nextSlot += 1n;
          // Now and then two devices are told the same slot.
          const coin = this.#chance.happens(0.1) ? this.#nextSlot - 1n : this.#nextSlot;
          return { coin, sequence: coinOf(settled().state, coin).sequence };
        }),
      submit: async (requests) => {
        if (!faults.isThere()) throw coinFailure('COIN_REGISTER_UNAVAILABLE', 'the register is away');
        for (const request of requests) this.submit(request);
        if (faults.losesAnswers()) throw coinFailure('COIN_REGISTER_UNAVAILABLE', 'the answer got lost');
      },
    };
  }
}

function owned(state: RegisterState, references: readonly Address[]) {
  return [...state.coins].flatMap(([coin, word]: [bigint, Coin]) =>
    word.state === 'active' && references.some((one) => isSame(one, word.owner)) ? [{ coin, ...word }] : [],
  );
}

function commandOf(operation: CoinOperation): object {
  if (operation.kind === 'Move') throw new Error('devices do not move many coins at once');
  return operation;
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
