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
import { type Abi, decodeErrorResult, type Hex, numberToHex, parseEventLogs } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coinPagesAbi } from '../../bridge/chain/bindings/coin-pages.ts';
import { coinRegisterAbi } from '../../bridge/chain/bindings/coin-register.ts';
import type { Address } from '../../bridge/chain/domain.ts';
import {
  anyHeadWord,
  type Coin,
  type CoinHead,
  coinInPage,
  FIRST_PAGE_COIN,
  headWord,
  isInPage,
  OUTCOMES,
  type Outcome,
  PAGE_LEAVES,
  packHead,
  packMoves,
  packSignature,
  packSwitches,
  packWord,
  placeInPage,
  readOutcomes,
  rowWord,
  unpackHead,
  unpackHeads,
  unpackWord,
} from '../../bridge/coins/register/domain.ts';
import {
  coinOf,
  decide,
  decideAdjacent,
  decideMove,
  decideOnPage,
  decideSwitches,
  EMPTY_REGISTER,
  NOBODY,
  type RegisterCommand,
  type RegisterState,
} from '../../bridge/coins/register/model.ts';
import {
  packPageIssues,
  packPageMoveItems,
  packPageSwitches,
  proofOf,
  proofsOf,
  rootOf,
  wordsOf,
} from '../../bridge/coins/register/pages.ts';
import { applyLogs } from '../../bridge/coins/register/reader.ts';
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
const PAGE = 3n;
/** Six slots, and leaves in three groups of one page. */
const PLACES: readonly bigint[] = [
  ...Array.from({ length: Number(SLOTS) }, (_, slot) => BigInt(slot)),
  ...[0, 1, 17, 255].map((leaf) => coinInPage(PAGE, leaf)),
];
const LEAVES = PLACES.filter(isInPage);
const ABI = [...coinRegisterAbi, ...coinPagesAbi] as Abi;
const STATES = ['free', 'active', 'locked'] as const;

let scene: Scene;

beforeAll(async () => {
  scene = await openScene();
}, 600_000);
afterAll(() => scene.close());

/** One step of chance: which verb, on which slots, for whom, signed by whom, how far off its sequence. */
const step = fc.record({
  verb: fc.constantFrom(
    ...(['Issue', 'Switch', 'Redeem', 'Split', 'Merge', 'Lock', 'Claim', 'Reclaim', 'Freeze', 'Move'] as const),
    ...(['Pass', 'SwitchPage', 'MovePage', 'Issue', 'Switch'] as const),
  ),
  slot: fc.constantFrom(...PLACES),
  other: fc.constantFrom(...PLACES),
  /** How many states ago the sender last looked at the page. */
  behind: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, 2) }),
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
        const states = [state];
        for (const one of steps) {
          for (let time = 0; time < (one.again ? 2 : 1); time += 1) {
            // The same call again is made from what its sender knew.
            const told = states.at(-1 - one.behind - time) ?? EMPTY_REGISTER;
            const { expected, answer } = await play(register, state, told, one);
            expect({ step: one, outcomes: answer }).toEqual({ step: one, outcomes: expected.outcomes });
            for (const outcome of expected.outcomes) seen.add(outcome);
            state = expected.state;
            states.push(state);
          }
          for (const place of new Set([one.slot, one.other])) await expectAlike(register, state, place);
        }
        for (const place of PLACES) await expectAlike(register, state, place);
        await expectRebuilt(register, state);
        const supply = await scene.client.readContract({
          address: register,
          abi: coinRegisterAbi,
          functionName: 'supply',
        });
        expect(supply.outstanding).toBe(state.outstanding);
      }),
      { numRuns: Number(process.env.COIN_RUNS ?? 20), seed: 20_261_126, endOnFailure: !process.env.COIN_SHRINK },
    );
    // Chance has reached these, so that agreement says something about them.
    for (const outcome of [
      'executed',
      'alreadyDone',
      'frozen',
      'sequenceStale',
      'sequenceAhead',
      'notOwner',
      'proofStale',
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
    { kind: 'MoveInPage', page: PAGE, owner: head.owner, moves: [{ coin: coinInPage(PAGE, 9), sequence: 2 }] },
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

describe('a page', () => {
  it('is issued and switched whole, but for one that is named, and is rebuilt from its events', async () => {
    const address = await newRegister();
    const place = { chainId: scene.chainId, address };
    const page = 70_000n;
    const coins = Array.from({ length: PAGE_LEAVES }, (_, leaf) => coinInPage(page, leaf));
    const issues = coins.map((coin, leaf) => ({
      head: { coin, sequence: 0, owner: KEYS[leaf % 2]!.reference },
      amount: BigInt(leaf + 1),
    }));
    await scene.send('operator', address, {
      abi: ABI,
      functionName: 'issuePage',
      args: [page, packPageIssues(wordsOf(EMPTY_REGISTER, page), issues)],
    });
    const issued = await rebuilt(address);
    const switches = coins.map((coin, leaf) => {
      const head: CoinHead = { coin, sequence: 1, owner: KEYS[2 + (leaf % 2)]!.reference, hops: leaf === 77 ? 25 : 3 };
      const signer = leaf === 100 ? KEYS[1]! : KEYS[leaf % 2]!;
      return { head, signer: signer.reference, signature: signOperation(signer, place, { kind: 'Switch', head }) };
    });
    const items = await packPageSwitches(place, wordsOf(issued, page), switches);
    const receipt = await scene.send('stranger', address, {
      abi: ABI,
      functionName: 'switchPage',
      args: [page, items],
    });
    const events = parseEventLogs({ abi: [...coinRegisterAbi, ...coinPagesAbi], logs: receipt.logs });
    expect(events.map(({ eventName }) => eventName)).toEqual(['PageSwitched', 'HopsWarning']);
    expect(events[1]!.args).toMatchObject({ coin: coins[77]!, hops: 25n });
    const expected = decideSwitches(issued, switches, LIMITS);
    expect(expected.outcomes.filter((outcome) => outcome !== 'executed')).toEqual(['notOwner']);
    expect(readOutcomes((events[0]!.args as { outcomes: Hex }).outcomes, PAGE_LEAVES)).toEqual(expected.outcomes);
    const switched = await rebuilt(address);
    expect(wordsOf(switched, page)).toEqual(wordsOf(expected.state, page));
    expect(await rootOnChain(address, page)).toBe(rootOf(wordsOf(switched, page)));
  });

  it('has a place for every coin and no coin without one', () => {
    expect(placeInPage(coinInPage(2n ** 32n - 1n, 255))).toEqual({ page: 2n ** 32n - 1n, leaf: 255 });
    expect(() => coinInPage(2n ** 32n, 0)).toThrow('4294967296 is no place in a page');
    expect(() => coinInPage(0n, 256)).toThrow('256 is no place in a page');
    expect(() => placeInPage(7n)).toThrow('7 is no place in a page');
    const word = wordsOf(EMPTY_REGISTER, 0n);
    const twice = [0, 0].map(() => ({ head: { coin: coinInPage(0n, 4), sequence: 0, owner: NOBODY }, amount: 1n }));
    expect(() => packPageIssues(word, twice)).toThrow('4 is no place in a page');
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

async function play(register: Address, state: RegisterState, told: RegisterState, one: Step) {
  const now = await timeOf();
  const place = { chainId: scene.chainId, address: register };
  // Coins of pages are not locked, and verbs of slots alone take them for slots.
  const isOfSlots = ['Lock', 'Claim', 'Reclaim', 'Move', 'Pass'].includes(one.verb);
  const [slot, otherSlot] = [one.slot, one.other].map((coin) => (isOfSlots ? coin % SLOTS : coin)) as [bigint, bigint];
  const coin = coinOf(state, slot);
  const second = coinOf(state, otherSlot);
  const owner = one.owner < 0 ? NOBODY : KEYS[one.owner]!.reference;
  const sequence = Math.max(0, coin.sequence + one.offset);
  const head: CoinHead = { coin: slot, sequence, owner };
  const usual = one.verb === 'Claim' ? (state.locks.get(slot)?.payee ?? NOBODY) : coin.owner;
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
  const inPages = isInPage(slot) || ((one.verb === 'Split' || one.verb === 'Merge') && isInPage(otherSlot));
  /** Proofs as the register will ask for them: the second coin is shown after the first one's change. */
  const proofs = (command: RegisterCommand, coins: readonly [bigint] | readonly [bigint, bigint]) => {
    const after = decide(state, command, LIMITS).state;
    const afterFirst = { ...state, coins: new Map(state.coins).set(coins[0], coinOf(after, coins[0])) };
    return proofsOf(state, afterFirst, coins);
  };
  switch (one.verb) {
    case 'Issue':
      if (inPages) {
        const items = packPageIssues(wordsOf(state, PAGE), [{ head, amount: one.amount }]);
        return single({ kind: 'Issue', head, amount: one.amount }, 'operator', 'issuePage', [PAGE, items]);
      }
      return single({ kind: 'Issue', head, amount: one.amount }, 'operator', 'issueTo', [headWord(head), one.amount]);
    case 'Switch': {
      const hopped = { ...head, hops: one.hops };
      if (inPages) return switchAll([{ head: hopped, key }]);
      const words = wordsOfSignature(sign({ kind: 'Switch', head: hopped }));
      const name = words.length === 2 ? 'switchCoin' : 'switchCoinByP256';
      return single({ kind: 'Switch', head: hopped, signer, now }, 'stranger', name, [headWord(hopped), ...words]);
    }
    case 'Redeem':
    case 'Claim':
    case 'Reclaim': {
      const name = one.verb.toLowerCase();
      const args = [headWord({ ...head, coin: slot % FIRST_PAGE_COIN }), sign({ kind: one.verb, head })];
      if (inPages) {
        const command = { kind: one.verb, head, signer, now };
        const words = [anyHeadWord(head), args[1], proofs(command, [slot])];
        return single(command, 'stranger', 'redeemFromPage', words);
      }
      return single({ kind: one.verb, head, signer, now }, 'stranger', name, args);
    }
    case 'Lock': {
      const deadline = now + BigInt(one.amount % 5n) * 3n;
      const args = [headWord(head), deadline, sign({ kind: 'Lock', head, deadline })];
      return single({ kind: 'Lock', head, deadline, signer, now }, 'stranger', 'lock', args);
    }
    case 'Split': {
      const part: CoinHead = { coin: otherSlot, sequence: second.sequence, owner };
      const operation = { rest: head, part, partAmount: one.amount };
      if (inPages) {
        const command = { kind: 'Split', ...operation, signer } as const;
        const words = [anyHeadWord(head), anyHeadWord(part), one.amount, sign({ kind: 'Split', ...operation })];
        return single(command, 'stranger', 'splitInPages', [...words, proofs(command, [slot, otherSlot])]);
      }
      const args = [headWord(head), headWord(part), one.amount, sign({ kind: 'Split', ...operation })];
      return single({ kind: 'Split', ...operation, signer }, 'stranger', 'split', args);
    }
    case 'Merge': {
      const other = { coin: otherSlot, sequence: second.sequence };
      if (inPages) {
        const command = { kind: 'Merge', head, other, signer } as const;
        const words = [
          anyHeadWord(head),
          anyHeadWord({ ...other, owner: NOBODY }),
          sign({ kind: 'Merge', head, other }),
        ];
        return single(command, 'stranger', 'combineInPages', [...words, proofs(command, [slot, otherSlot])]);
      }
      const args = [headWord(head), headWord({ ...other, owner: NOBODY }), sign({ kind: 'Merge', head, other })];
      return single({ kind: 'Merge', head, other, signer }, 'stranger', 'combine', args);
    }
    case 'Freeze': {
      const isFrozen = one.amount % 2n === 0n;
      const command = { kind: 'Freeze', coin: slot, isFrozen } as const;
      if (!inPages) return single(command, 'treasurer', 'setFrozen', [slot, isFrozen]);
      return single(command, 'treasurer', 'setFrozenInPage', [slot, isFrozen, proofs(command, [slot])]);
    }
    case 'Move': {
      const moves = [
        { coin: slot, sequence },
        { coin: otherSlot, sequence: second.sequence },
      ];
      const words = wordsOfSignature(sign({ kind: 'Move', owner, moves }));
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
    case 'Pass': {
      const payer = KEYS.slice(0, 2).find(({ reference }) => reference === usual) ?? KEYS[0]!;
      const first = slot % (SLOTS - 1n);
      const moves = [first, first + 1n].map((each) => ({ coin: each, sequence: coinOf(state, each).sequence }));
      const isSigned = one.offset === 0;
      const shifted = moves.map((move) => ({ ...move, sequence: Math.max(0, move.sequence + one.offset) }));
      const signature = signOperation(payer, place, { kind: 'Move', owner, moves: isSigned ? moves : shifted });
      const words = [rowWord(first, 2, owner), ...wordsOfSignature(packSignature(signature))];
      const isReallySigned = isSigned || packMoves(moves) === packMoves(shifted);
      const row = { first, count: 2, owner, signer: payer.reference, isSigned: isReallySigned };
      const { outcome, state: after } = decideAdjacent(state, row);
      const answer = await attempt(register, 'passAdjacent', words);
      return {
        expected: { outcomes: [outcome === 'alreadyDone' ? 'executed' : outcome], state: after },
        answer: [answer],
      };
    }
    case 'SwitchPage':
      return switchAll(
        LEAVES.map((leaf, index) => ({
          head: {
            coin: leaf,
            sequence: Math.max(0, coinOf(told, leaf).sequence + (index === 1 ? one.offset : 0)),
            owner: KEYS[(one.hops + index) % 4]!.reference,
            hops: index === 2 ? one.hops : 0,
          },
          key: KEYS.find(({ reference }) => reference === coinOf(told, leaf).owner) ?? key,
        })),
      );
    case 'MovePage': {
      const payer = KEYS.find(({ reference }) => reference === coinOf(told, LEAVES[0]!).owner) ?? key;
      const moves = LEAVES.map((leaf) => ({ coin: leaf, sequence: coinOf(told, leaf).sequence }));
      const to = KEYS[Math.abs(one.owner)]!.reference;
      const signature = packSignature(
        signOperation(payer, place, { kind: 'MoveInPage', page: PAGE, owner: to, moves }),
      );
      const items = packPageMoveItems(wordsOf(told, PAGE), payer.reference, moves);
      const expected = decideOnPage(state, { coins: LEAVES, told }, (current) =>
        decideMove(current, { owner: to, moves, signer: payer.reference }),
      );
      const args = [PAGE, payer.reference, to, signature, items];
      return { expected, answer: await attemptOnPage(register, 'movePage', args, moves.length) };
    }
  }

  async function switchAll(asked: readonly Readonly<{ head: CoinHead; key: CoinKey }>[]) {
    const switches = asked.map((each) => ({
      head: each.head,
      signer: each.key.reference,
      signature: signOperation(each.key, place, { kind: 'Switch', head: each.head }),
    }));
    const items = await packPageSwitches(place, wordsOf(told, PAGE), switches);
    const expected = decideOnPage(state, { coins: LEAVES, told }, (current) =>
      decideSwitches(current, switches, LIMITS),
    );
    return { expected, answer: await attemptOnPage(register, 'switchPage', [PAGE, items], switches.length) };
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
  const call = { abi: ABI, functionName, args };
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

async function attemptOnPage(register: Address, functionName: string, args: readonly unknown[], count: number) {
  const receipt = await scene.send('stranger', register, { abi: ABI, functionName, args });
  const [event] = parseEventLogs({ abi: coinPagesAbi, logs: receipt.logs, eventName: ['PageSwitched', 'PageMoved'] });
  return readOutcomes(event!.args.outcomes, count);
}

/** Whoever has only the events has every coin, and the root that the register keeps. */
async function expectRebuilt(register: Address, state: RegisterState): Promise<void> {
  const known = await rebuilt(register);
  for (const place of PLACES) expect(lowerCase(coinOf(known, place))).toEqual(lowerCase(coinOf(state, place)));
  expect(known.outstanding).toBe(state.outstanding);
  expect(await rootOnChain(register, PAGE)).toBe(rootOf(wordsOf(known, PAGE)));
}

async function rebuilt(register: Address): Promise<RegisterState> {
  return applyLogs(EMPTY_REGISTER, await scene.client.getLogs({ address: register, fromBlock: 0n }));
}

async function rootOnChain(register: Address, page: bigint): Promise<Hex> {
  const call = { address: register, abi: coinPagesAbi, functionName: 'rootOf', args: [page] } as const;
  return scene.client.readContract(call);
}

async function expectAlike(register: Address, state: RegisterState, slot: bigint): Promise<void> {
  expect(await readCoin(register, state, slot)).toEqual(lowerCase(coinOf(state, slot)));
}

async function readCoin(register: Address, state: RegisterState, coin: bigint): Promise<Coin> {
  if (isInPage(coin)) {
    const proof = proofOf(wordsOf(state, PAGE), placeInPage(coin).leaf);
    const shown = await scene.client.readContract({
      address: register,
      abi: coinPagesAbi,
      functionName: 'coinInPage',
      args: [coin, proof],
    });
    return lowerCase({ ...shown, state: STATES[shown.state]! } as Coin);
  }
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

function wordsOfSignature(signature: Hex): readonly Hex[] {
  return signature
    .slice(2)
    .match(/.{64}/g)!
    .map((word): Hex => `0x${word}`);
}
