import {
  AbiCoder,
  BrowserProvider,
  Contract,
  computeAddress,
  type Eip1193Provider,
  getAddress,
  SigningKey,
  TypedDataEncoder,
  Wallet,
} from 'ethers';
import fc from 'fast-check';
import { decodeErrorResult, type Hex, numberToHex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coinRegisterAbi } from '../../bridge/chain/bindings/coin-register.ts';
import type { Address } from '../../bridge/chain/domain.ts';
import {
  type Coin,
  type CoinHead,
  headWord,
  OUTCOMES,
  type Outcome,
  packHead,
  packMoves,
  packSignature,
  packSwitches,
  packWord,
  readOutcomes,
  unpackHead,
  unpackHeads,
  unpackWord,
} from '../../bridge/coins/register/domain.ts';
import {
  coinOf,
  decide,
  decideMove,
  EMPTY_REGISTER,
  NOBODY,
  type RegisterCommand,
  type RegisterState,
} from '../../bridge/coins/register/model.ts';
import {
  type CoinKey,
  type CoinOperation,
  digestOf,
  signOperation,
  typedDataOf,
} from '../../bridge/coins/register/signing.ts';
import { COIN_LIMITS, coinKey, coinKeyP256, openRegister } from '../../scripts/contracts/coin-scene.ts';
import { openScene, privateKeyOf, SCENE_TIME, type Scene } from '../../scripts/contracts/scene.ts';

const LIMITS = { maximumAmount: COIN_LIMITS.maximumAmount, blockHops: Number(COIN_LIMITS.blockHops) };
const KEYS: readonly CoinKey[] = [coinKey('one'), coinKey('two'), coinKeyP256('three'), coinKeyP256('four')];
const SLOTS = 6n;
const STATES = ['free', 'active', 'locked'] as const;

let scene: Scene;

beforeAll(async () => {
  scene = await openScene();
}, 600_000);
afterAll(() => scene.close());

/** One step of chance: which verb, on which slots, for whom, signed by whom, how far off its sequence. */
const step = fc.record({
  verb: fc.constantFrom('Issue', 'Switch', 'Redeem', 'Split', 'Merge', 'Lock', 'Claim', 'Reclaim', 'Freeze', 'Move'),
  slot: fc.bigInt(0n, SLOTS - 1n),
  other: fc.bigInt(0n, SLOTS - 1n),
  owner: fc.integer({ min: -1, max: 3 }),
  signer: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 5 }),
  offset: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1) }),
  amount: fc.bigInt(0n, 1_000n),
  hops: fc.constantFrom(0, 0, 0, 3, 40, 41),
  again: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

describe('the register and its model', () => {
  it('answer every random history alike, coin for coin', async () => {
    const seen = new Set<Outcome>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 40 }), async (steps) => {
        const register = await newRegister();
        let state: RegisterState = EMPTY_REGISTER;
        for (const one of steps) {
          for (let time = 0; time < (one.again ? 2 : 1); time += 1) {
            const { expected, answer } = await play(register, state, one);
            expect({ step: one, outcomes: answer }).toEqual({ step: one, outcomes: expected.outcomes });
            for (const outcome of expected.outcomes) seen.add(outcome);
            state = expected.state;
          }
          for (const slot of new Set([one.slot, one.other])) await expectAlike(register, state, slot);
        }
        for (let slot = 0n; slot < SLOTS; slot += 1n) await expectAlike(register, state, slot);
        const supply = await scene.client.readContract({
          address: register,
          abi: coinRegisterAbi,
          functionName: 'supply',
        });
        expect(supply.outstanding).toBe(state.outstanding);
      }),
      { numRuns: Number(process.env.COIN_RUNS ?? 20), seed: 20_261_126 },
    );
    // Chance has reached these, so that agreement says something about them.
    for (const outcome of [
      'executed',
      'alreadyDone',
      'frozen',
      'sequenceStale',
      'sequenceAhead',
      'notOwner',
    ] as const) {
      expect([...seen]).toContain(outcome);
    }
  }, 600_000);
});

describe('packing', () => {
  it('gives back every head and every word that it is given', () => {
    const address = fc.bigInt(0n, 2n ** 160n - 1n).map((value) => numberToHex(value, { size: 20 }));
    fc.assert(
      fc.property(
        fc.bigInt(0n, 2n ** 40n - 1n),
        fc.integer({ min: 0, max: 2 ** 24 - 1 }),
        fc.integer({ min: 0, max: 255 }),
        fc.bigInt(0n, 2n ** 60n - 1n),
        address,
        fc.boolean(),
        fc.constantFrom(...STATES),
        (coin, sequence, hops, amount, owner, isFrozen, state) => {
          const head = { coin, sequence, hops, owner };
          expect(unpackHead(packHead(head))).toEqual(head);
          const whole: Coin = { state, isFrozen, sequence, hops, amount, owner };
          expect(unpackWord(packWord(whole))).toEqual(whole);
        },
      ),
    );
  });

  it('cuts nothing off: what does not fit is refused by its field', () => {
    const head: CoinHead = { coin: 1n, sequence: 1, owner: NOBODY };
    expect(() => packHead({ ...head, coin: 2n ** 40n })).toThrow('coin 1099511627776 does not fit into 40 bits');
    expect(() => packHead({ ...head, sequence: 2 ** 24 })).toThrow('sequence');
    expect(() => packHead({ ...head, hops: -1 })).toThrow('hops');
    expect(() => packMoves([{ coin: -1n, sequence: 0 }])).toThrow('coin');
    expect(() => readOutcomes('0x00', 2)).toThrow('outcomes');
    expect(() => readOutcomes('0xff', 1)).toThrow('outcome');
  });
});

describe('ethers, reading independently', () => {
  const register = { chainId: 31_337, address: '0x1111111111111111111111111111111111111111' } as const;
  const head: CoinHead = { coin: 77n, sequence: 5, owner: KEYS[1]!.reference, hops: 2 };
  const operations: readonly CoinOperation[] = [
    { kind: 'Switch', head },
    { kind: 'Redeem', head },
    { kind: 'Claim', head },
    { kind: 'Reclaim', head },
    { kind: 'Move', owner: head.owner, moves: [{ coin: 1n, sequence: 2 }] },
    { kind: 'Split', rest: head, part: { ...head, coin: 78n }, partAmount: 9n },
    { kind: 'Merge', head, other: { coin: 78n, sequence: 3 } },
    { kind: 'Lock', head, deadline: 99n },
  ];

  it.each(operations)('signs the same digest: $kind', (operation) => {
    const { domain, types, message } = typedDataOf(register, operation);
    const own = Object.fromEntries(Object.entries(types).map(([name, fields]) => [name, [...fields]]));
    expect(TypedDataEncoder.hash(domain, own, message)).toBe(digestOf(register, operation));
    const signature = signOperation(KEYS[0]!, register, operation);
    const recovered = SigningKey.recoverPublicKey(digestOf(register, operation), packSignature(signature));
    expect(computeAddress(recovered)).toBe(getAddress(KEYS[0]!.reference));
  });

  it('sends a batch and reads what became of it from the log', async () => {
    const address = await newRegister();
    const place = { chainId: scene.chainId, address };
    const owner = KEYS[1]!.reference;
    const provider = new BrowserProvider(scene.provider as unknown as Eip1193Provider, undefined, { cacheTimeout: -1 });
    const issuer = new Contract(address, coinRegisterAbi as never, new Wallet(privateKeyOf('operator'), provider));
    const coins = [0n, 1n, 2n];
    for (const coin of coins) {
      const issued = { coin, sequence: 0, owner: KEYS[0]!.reference };
      await (await issuer.getFunction('issueTo')(headWord(issued), 5n)).wait();
    }
    const switches = coins.map((coin) => {
      const switched = { coin, sequence: 1, owner };
      const signature = signOperation(KEYS[coin === 1n ? 1 : 0]!, place, { kind: 'Switch', head: switched });
      return { head: switched, signature };
    });
    const sent = await issuer.getFunction('switchBatch')(packSwitches(switches));
    const receipt = await sent.wait();
    const [heads, outcomes] = AbiCoder.defaultAbiCoder().decode(['bytes', 'bytes'], receipt.logs[0].data);
    expect(readOutcomes(outcomes, 3)).toEqual(['executed', 'notOwner', 'executed']);
    expect(unpackHeads(heads).map((head) => head.coin)).toEqual([0n, 2n]);
    const { owner: kept } = await issuer.getFunction('coins')(1n);
    expect(kept).toBe(getAddress(KEYS[0]!.reference));
  });
});

describe('P-256', () => {
  it('refuses a high s, another key and a signature of zeros, by name', async () => {
    const address = await newRegister();
    const key = KEYS[2]!;
    await issueTo(address, { coin: 0n, sequence: 0, owner: key.reference }, 5n);
    const head = { coin: 0n, sequence: 1, owner: KEYS[0]!.reference };
    const signature = signOperation(key, { chainId: scene.chainId, address }, { kind: 'Switch', head });
    if (signature.curve !== 'P-256') throw new Error('a key of P-256 signs on P-256');
    const { r, s, x, y } = signature;
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const args = (words: readonly Hex[]) => [headWord(head), ...words];
    const zero = numberToHex(0, { size: 32 });
    const high = numberToHex(order - BigInt(s), { size: 32 });
    expect(await attempt(address, 'switchCoinByP256', args([r, high, x, y]))).toBe('signatureHighS');
    expect(await attempt(address, 'switchCoinByP256', args([zero, zero, x, y]))).toBe('notOwner');
    expect(await attempt(address, 'switchCoinByP256', args([r, s, y, x]))).toBe('notOwner');
    expect(await attempt(address, 'switchCoinByP256', args([s, r, x, y]))).not.toBe('executed');
    expect(await attempt(address, 'switchCoinByP256', args([r, s, x, y]))).toBe('executed');
  });
});

async function newRegister(): Promise<Address> {
  return openRegister(scene);
}

async function play(register: Address, state: RegisterState, one: Step) {
  const now = await timeOf();
  const place = { chainId: scene.chainId, address: register };
  const coin = coinOf(state, one.slot);
  const second = coinOf(state, one.other);
  const owner = one.owner < 0 ? NOBODY : KEYS[one.owner]!.reference;
  const sequence = Math.max(0, coin.sequence + one.offset);
  const head: CoinHead = { coin: one.slot, sequence, owner };
  const usual = one.verb === 'Claim' ? (state.locks.get(one.slot)?.payee ?? NOBODY) : coin.owner;
  const key = one.signer === null ? (KEYS.find(({ reference }) => reference === usual) ?? KEYS[0]!) : KEYS[one.signer]!;
  const sign = (operation: CoinOperation) => packSignature(signOperation(key, place, operation));
  const signer = key.reference;
  const single = async (
    command: RegisterCommand,
    from: 'operator' | 'treasurer' | 'stranger',
    name: string,
    args: readonly unknown[],
  ) => {
    const { outcome, state: after } = decide(state, command, LIMITS);
    const answer = await attempt(register, name, args, from);
    // A single call that is done already says nothing.
    return {
      expected: { outcomes: [outcome === 'alreadyDone' ? 'executed' : outcome], state: after },
      answer: [answer],
    };
  };
  switch (one.verb) {
    case 'Issue':
      return single({ kind: 'Issue', head, amount: one.amount }, 'operator', 'issueTo', [headWord(head), one.amount]);
    case 'Switch': {
      const hopped = { ...head, hops: one.hops };
      const words = wordsOf(sign({ kind: 'Switch', head: hopped }));
      const name = words.length === 2 ? 'switchCoin' : 'switchCoinByP256';
      return single({ kind: 'Switch', head: hopped, signer, now }, 'stranger', name, [headWord(hopped), ...words]);
    }
    case 'Redeem':
    case 'Claim':
    case 'Reclaim': {
      const name = one.verb.toLowerCase();
      const args = [headWord(head), sign({ kind: one.verb, head })];
      return single({ kind: one.verb, head, signer, now }, 'stranger', name, args);
    }
    case 'Lock': {
      const deadline = now + BigInt(one.amount % 5n) * 3n;
      const args = [headWord(head), deadline, sign({ kind: 'Lock', head, deadline })];
      return single({ kind: 'Lock', head, deadline, signer, now }, 'stranger', 'lock', args);
    }
    case 'Split': {
      const part: CoinHead = { coin: one.other, sequence: second.sequence, owner };
      const operation = { rest: head, part, partAmount: one.amount };
      const args = [headWord(head), headWord(part), one.amount, sign({ kind: 'Split', ...operation })];
      return single({ kind: 'Split', ...operation, signer }, 'stranger', 'split', args);
    }
    case 'Merge': {
      const other = { coin: one.other, sequence: second.sequence };
      const args = [headWord(head), headWord({ ...other, owner: NOBODY }), sign({ kind: 'Merge', head, other })];
      return single({ kind: 'Merge', head, other, signer }, 'stranger', 'combine', args);
    }
    case 'Freeze': {
      const isFrozen = one.amount % 2n === 0n;
      return single({ kind: 'Freeze', coin: one.slot, isFrozen }, 'treasurer', 'setFrozen', [one.slot, isFrozen]);
    }
    case 'Move': {
      const moves = [
        { coin: one.slot, sequence },
        { coin: one.other, sequence: second.sequence },
      ];
      const words = wordsOf(sign({ kind: 'Move', owner, moves }));
      const name = words.length === 2 ? 'moveCoins' : 'moveCoinsByP256';
      const args = [owner, ...words, packMoves(moves)];
      if (owner === NOBODY) {
        const answer = await attempt(register, name, args);
        return { expected: { outcomes: ['ownerZero' as Outcome], state }, answer: [answer] };
      }
      const { outcomes, state: after } = decideMove(state, { owner, moves, signer });
      const answer = await attemptMany(register, name, args, moves.length);
      return { expected: { outcomes, state: after }, answer };
    }
  }
}

/** The next block's second, so that the model's clock is the contract's. */
async function timeOf(): Promise<bigint> {
  const { timestamp } = await scene.client.getBlock();
  const next = timestamp + 1n > SCENE_TIME ? timestamp + 1n : SCENE_TIME;
  await scene.provider.request({ method: 'evm_setNextBlockTimestamp', params: [numberToHex(next)] });
  return next;
}

async function attempt(
  register: Address,
  functionName: string,
  args: readonly unknown[],
  from: 'operator' | 'treasurer' | 'stranger' = 'stranger',
): Promise<Outcome> {
  const call = { abi: coinRegisterAbi, functionName, args };
  // The node answers a reverted chain transaction with an error that holds what the contract said.
  const error = await scene.send(from, register, call as never).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) return 'executed';
  const bytes = revertDataOf(error);
  if (!bytes) throw error;
  const { errorName, args: values } = decodeErrorResult({ abi: coinRegisterAbi, data: bytes });
  if (errorName !== 'Refused') throw new Error(`${functionName}: ${errorName}`);
  return OUTCOMES[(values as readonly [bigint, number])[1]]!;
}

function revertDataOf(error: unknown): Hex | undefined {
  const { data, cause } = error as { data?: unknown; cause?: unknown };
  if (typeof data === 'string' && data.startsWith('0x')) return data as Hex;
  return cause ? revertDataOf(cause) : undefined;
}

async function attemptMany(register: Address, functionName: string, args: readonly unknown[], count: number) {
  const receipt = await scene.send('stranger', register, { abi: coinRegisterAbi, functionName, args } as never);
  const [, refused] = receipt.logs;
  if (!refused) return readOutcomes('0x', count);
  const [outcomes] = AbiCoder.defaultAbiCoder().decode(['bytes'], refused.data);
  return readOutcomes(outcomes as Hex, count);
}

async function expectAlike(register: Address, state: RegisterState, slot: bigint): Promise<void> {
  expect(await readCoin(register, slot)).toEqual(lowerCase(coinOf(state, slot)));
}

async function readCoin(register: Address, coin: bigint): Promise<Coin> {
  const found = await scene.client.readContract({
    address: register,
    abi: coinRegisterAbi,
    functionName: 'coins',
    args: [coin],
  });
  return lowerCase({ ...found, state: STATES[found.state]! } as Coin);
}

async function issueTo(register: Address, head: CoinHead, amount: bigint): Promise<void> {
  await scene.send('operator', register, {
    abi: coinRegisterAbi,
    functionName: 'issueTo',
    args: [headWord(head), amount],
  } as never);
}

function lowerCase(coin: Coin): Coin {
  return { ...coin, owner: coin.owner.toLowerCase() as Address };
}

function wordsOf(signature: Hex): readonly Hex[] {
  return signature
    .slice(2)
    .match(/.{64}/g)!
    .map((word): Hex => `0x${word}`);
}
