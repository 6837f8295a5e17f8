/** What the verbs of the coin register cost. Slots are in use and their owners sign, unless the name says otherwise. */
import { type Abi, padHex, type TransactionReceipt } from 'viem';
import { coinPagesAbi } from '../../bridge/chain/bindings/coin-pages.ts';
import { coinRegisterAbi } from '../../bridge/chain/bindings/coin-register.ts';
import type { Address, Hex } from '../../bridge/chain/domain.ts';
import {
  anyHeadWord,
  type Coin,
  type CoinHead,
  type CoinMove,
  coinInPage,
  headWord,
  PAGE_LEAVES,
  packIssues,
  packMoves,
  packSignature,
  packSwitches,
  type Register,
  rowWord,
} from '../../bridge/coins/register/domain.ts';
import { EMPTY_REGISTER, type RegisterState } from '../../bridge/coins/register/model.ts';
import {
  packPageIssues,
  packPageMoveItems,
  packPageSwitches,
  proofsOf,
  wordsOf,
} from '../../bridge/coins/register/pages.ts';
import { type CoinKey, type CoinOperation, signOperation } from '../../bridge/coins/register/signing.ts';
import { coinKey, coinKeyP256, openRegister } from './coin-scene.ts';
import type { ActorName, Scene } from './scene.ts';

export type CoinStage = Readonly<{
  /** Has held the token before. */
  holder: Address;
  call(from: ActorName, functionName: string, args: readonly unknown[]): Promise<TransactionReceipt>;
  /** New coins in fresh slots; their identifiers are far enough up that their bytes cost what usual ones do. */
  issued(owner: CoinKey, count: number): Promise<readonly CoinMove[]>;
  /** Slots that had a coin before. */
  freed(count: number): Promise<readonly CoinMove[]>;
  register: Register;
  signed(key: CoinKey, operation: CoinOperation): Hex;
  switches(key: CoinKey, coins: readonly CoinMove[], owner: Address): Hex;
}>;
export type CoinCase = Readonly<{ name: string; limit?: number; measure: (stage: CoinStage) => Promise<number> }>;

const COIN_ABI = [...coinRegisterAbi, ...coinPagesAbi] as Abi;
const COIN: Coin = { state: 'active', isFrozen: false, sequence: 1, hops: 0, amount: 125_340_000n, owner: '0x' };
const AMOUNT = 125_340_000n;
const FIRST_COIN = 70_000n;
const alice = coinKey('alice');
const secureElement = coinKeyP256('secure element');
const payee = coinKey('payee').reference;

export const coinCases: readonly CoinCase[] = [
  { name: 'CoinRegister.switch', limit: 33_000, measure: (stage) => switchOne(stage, alice) },
  { name: 'CoinRegister.switch P-256', limit: 38_500, measure: (stage) => switchOne(stage, secureElement) },
  { name: 'CoinRegister.switch batch of 100, each', limit: 10_600, measure: (stage) => switchMany(stage, 100) },
  { name: 'CoinRegister.switch batch of 500, each', limit: 10_400, measure: (stage) => switchMany(stage, 500) },
  { name: 'CoinRegister.switch page of 256, each', limit: 5_500, measure: switchPage },
  {
    // In adjacent slots, as those are that were issued together. What bounds it: docs/contracts.md.
    name: 'CoinRegister.move 20 coins with one signature, each',
    limit: 6_600,
    measure: async (stage) => {
      const moves = await stage.issued(alice, 20);
      const { r, yParityAndS } = parts(stage.signed(alice, { kind: 'Move', owner: payee, moves }));
      const row = rowWord(moves[0]!.coin, moves.length, payee);
      return each(await gasOf(stage.call('stranger', 'passAdjacent', [row, r, yParityAndS])), 20);
    },
  },
  {
    name: 'CoinRegister.move 20 scattered coins with one signature, each',
    // Slot, intrinsic gas, signature, calldata and log alone are 6,414: see docs/contracts.md.
    limit: 6_800,
    measure: async (stage) => {
      const moves = (await stage.issued(alice, 39)).filter((_, index) => index % 2 === 0);
      const { r, yParityAndS } = parts(stage.signed(alice, { kind: 'Move', owner: payee, moves }));
      return each(await gasOf(stage.call('stranger', 'moveCoins', [payee, r, yParityAndS, packMoves(moves)])), 20);
    },
  },
  { name: 'CoinRegister.move 256 coins of a page with one signature, each', limit: 2_500, measure: movePage },
  {
    name: 'CoinRegister.issue page of 256, each',
    measure: async (stage) => each(await gasOf(issuePage(stage, 20n)), PAGE_LEAVES),
  },
  { name: 'CoinRegister.switch one of a page', measure: switchOneOfPage },
  { name: 'CoinRegister.redeem from a page', measure: redeemFromPage },
  { name: 'CoinRegister.split from a page, recycled', measure: splitFromPage },
  {
    name: 'CoinRegister.issue',
    limit: 54_000,
    measure: (stage) => gasOf(stage.call('operator', 'issueTo', [headWord(fresh(90_001n)), AMOUNT])),
  },
  {
    name: 'CoinRegister.issue recycled',
    limit: 37_000,
    measure: async (stage) => {
      const [slot] = await stage.freed(1);
      return gasOf(stage.call('operator', 'issueTo', [headWord({ ...slot!, owner: payee }), AMOUNT]));
    },
  },
  { name: 'CoinRegister.split', measure: (stage) => split(stage, fresh(90_002n)) },
  {
    name: 'CoinRegister.split recycled',
    limit: 46_000,
    measure: async (stage) => split(stage, { ...(await stage.freed(1))[0]!, owner: payee }),
  },
  {
    name: 'CoinRegister.merge',
    limit: 40_000,
    measure: async (stage) => {
      const [coin, other] = await stage.issued(alice, 2);
      const head = { ...coin!, owner: payee };
      const signature = stage.signed(alice, { kind: 'Merge', head, other: other! });
      const heads = [headWord(head), headWord({ ...other!, owner: NOBODY })];
      return gasOf(stage.call('stranger', 'combine', [...heads, signature]));
    },
  },
  { name: 'CoinRegister.redeem', measure: redeem },
  {
    name: 'CoinRegister.lock recycled',
    measure: async (stage) => {
      const [coin] = await stage.issued(alice, 1);
      await lock(stage, coin!);
      const back = { coin: coin!.coin, sequence: coin!.sequence + 1, owner: alice.reference };
      const claim = stage.signed(coinKey('payee'), { kind: 'Claim', head: back });
      await stage.call('stranger', 'claim', [headWord(back), claim]);
      return gasOf(lock(stage, { coin: coin!.coin, sequence: coin!.sequence + 2 }));
    },
  },
];

const NOBODY: Address = '0x0000000000000000000000000000000000000000';

/** A page with coins of alice's alone, at their first number. */
function pageOf(page: bigint): RegisterState {
  const coins = leaves(page).map(({ coin }) => [coin, { ...COIN, sequence: 1, owner: alice.reference }] as const);
  return { ...EMPTY_REGISTER, coins: new Map(coins) };
}

export async function setCoinStage(scene: Scene): Promise<CoinStage> {
  const address = await openRegister(scene);
  const register = { chainId: scene.chainId, address };
  let next = FIRST_COIN;
  const stage: CoinStage = {
    register,
    holder: scene.actors.receiver.address,
    call: (from, functionName, args) => scene.send(from, address, { abi: COIN_ABI, functionName, args }),
    async issued(owner, count) {
      const moves = Array.from({ length: count }, (_, index) => ({ coin: next + BigInt(index), sequence: 0 }));
      next += BigInt(count);
      const heads = moves.map((move) => ({ head: { ...move, owner: owner.reference }, amount: AMOUNT }));
      await stage.call('operator', 'issueBatch', [packIssues(heads)]);
      return moves.map(({ coin }) => ({ coin, sequence: 1 }));
    },
    async freed(count) {
      const coins = await stage.issued(alice, count);
      for (const coin of coins) {
        const head = { ...coin, owner: scene.actors.receiver.address };
        await stage.call('stranger', 'redeem', [headWord(head), stage.signed(alice, { kind: 'Redeem', head })]);
      }
      return coins.map(({ coin, sequence }) => ({ coin, sequence: sequence + 1 }));
    },
    signed: (key, operation) => packSignature(signOperation(key, register, operation)),
    switches: (key, coins, owner) =>
      packSwitches(
        coins.map((coin) => {
          const head: CoinHead = { ...coin, owner };
          return { head, signature: signOperation(key, register, { kind: 'Switch', head }) };
        }),
      ),
  };
  // Warm up: whoever is paid has held the token before.
  await stage.freed(1);
  return stage;
}

async function switchOne(stage: CoinStage, key: CoinKey): Promise<number> {
  const [coin] = await stage.issued(key, 1);
  const head = { ...coin!, owner: payee };
  const signature = stage.signed(key, { kind: 'Switch', head });
  const words = signature
    .slice(2)
    .match(/.{64}/g)!
    .map((word): Hex => `0x${word}`);
  return gasOf(
    stage.call('stranger', words.length === 2 ? 'switchCoin' : 'switchCoinByP256', [headWord(head), ...words]),
  );
}

async function switchMany(stage: CoinStage, count: number): Promise<number> {
  const coins = await stage.issued(alice, count);
  return each(await gasOf(stage.call('stranger', 'switchBatch', [stage.switches(alice, coins, payee)])), count);
}

function leaves(page: bigint): readonly CoinMove[] {
  return Array.from({ length: PAGE_LEAVES }, (_, leaf) => ({ coin: coinInPage(page, leaf), sequence: 1 }));
}

async function issuePage(stage: CoinStage, page: bigint): Promise<TransactionReceipt> {
  const issues = leaves(page).map(({ coin }) => ({
    head: { coin, sequence: 0, owner: alice.reference },
    amount: AMOUNT,
  }));
  return stage.call('operator', 'issuePage', [page, packPageIssues(wordsOf(EMPTY_REGISTER, page), issues)]);
}

async function switchPage(stage: CoinStage): Promise<number> {
  const page = 21n;
  await issuePage(stage, page);
  return each(
    await gasOf(stage.call('stranger', 'switchPage', [page, await pageSwitches(stage, page, PAGE_LEAVES)])),
    PAGE_LEAVES,
  );
}

async function switchOneOfPage(stage: CoinStage): Promise<number> {
  const page = 22n;
  await issuePage(stage, page);
  return gasOf(stage.call('stranger', 'switchPage', [page, await pageSwitches(stage, page, 1)]));
}

async function pageSwitches(stage: CoinStage, page: bigint, count: number): Promise<Hex> {
  const switches = leaves(page)
    .slice(0, count)
    .map((move) => {
      const head: CoinHead = { ...move, owner: payee };
      return { head, signature: signOperation(alice, stage.register, { kind: 'Switch', head }) };
    });
  return packPageSwitches(stage.register, wordsOf(pageOf(page), page), switches);
}

async function movePage(stage: CoinStage): Promise<number> {
  const page = 23n;
  await issuePage(stage, page);
  const moves = leaves(page);
  const signature = stage.signed(alice, { kind: 'MoveInPage', page, owner: payee, moves });
  const items = packPageMoveItems(wordsOf(pageOf(page), page), alice.reference, moves);
  return each(
    await gasOf(stage.call('stranger', 'movePage', [page, alice.reference, payee, signature, items])),
    PAGE_LEAVES,
  );
}

async function redeemFromPage(stage: CoinStage): Promise<number> {
  const page = 24n;
  await issuePage(stage, page);
  const head = { coin: coinInPage(page, 7), sequence: 1, owner: stage.holder };
  const signature = stage.signed(alice, { kind: 'Redeem', head });
  const proof = proofsOf(pageOf(page), pageOf(page), [head.coin]);
  return gasOf(stage.call('stranger', 'redeemFromPage', [anyHeadWord(head), signature, proof]));
}

async function splitFromPage(stage: CoinStage): Promise<number> {
  const page = 25n;
  await issuePage(stage, page);
  const rest = { coin: coinInPage(page, 7), sequence: 1, owner: alice.reference };
  const part = { ...(await stage.freed(1))[0]!, owner: payee };
  const signature = stage.signed(alice, { kind: 'Split', rest, part, partAmount: AMOUNT / 3n });
  const proof = proofsOf(pageOf(page), pageOf(page), [rest.coin]);
  const heads = [anyHeadWord(rest), anyHeadWord(part)];
  return gasOf(stage.call('stranger', 'splitInPages', [...heads, AMOUNT / 3n, signature, proof]));
}

async function split(stage: CoinStage, part: CoinHead): Promise<number> {
  const [coin] = await stage.issued(alice, 1);
  const rest = { ...coin!, owner: alice.reference };
  const signature = stage.signed(alice, { kind: 'Split', rest, part, partAmount: AMOUNT / 3n });
  return gasOf(stage.call('stranger', 'split', [headWord(rest), headWord(part), AMOUNT / 3n, signature]));
}

async function redeem(stage: CoinStage): Promise<number> {
  const [coin] = await stage.issued(alice, 1);
  const head = { ...coin!, owner: stage.holder };
  const signature = stage.signed(alice, { kind: 'Redeem', head });
  return gasOf(stage.call('stranger', 'redeem', [headWord(head), signature]));
}

function lock(stage: CoinStage, coin: CoinMove): Promise<TransactionReceipt> {
  const head = { ...coin, owner: payee };
  const deadline = 2_000_000_000n;
  const signature = stage.signed(alice, { kind: 'Lock', head, deadline });
  return stage.call('stranger', 'lock', [headWord(head), deadline, signature]);
}

function fresh(coin: bigint): CoinHead {
  return { coin, sequence: 0, owner: payee };
}

function parts(signature: Hex): Readonly<{ r: Hex; yParityAndS: Hex }> {
  return { r: `0x${signature.slice(2, 66)}`, yParityAndS: padHex(`0x${signature.slice(66)}`, { size: 32 }) };
}

async function gasOf(receipt: Promise<TransactionReceipt>): Promise<number> {
  return Number((await receipt).gasUsed);
}

function each(gas: number, count: number): number {
  return Math.ceil(gas / count);
}
