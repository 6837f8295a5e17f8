/** The register in plain words: what the contract must do, and what a device can work out before it sends anything. */
import type { Address } from '../../chain/domain.ts';
import type { Coin, CoinHead, CoinMove, CoinState, Outcome } from './domain.ts';
import { LAST_SEQUENCE, packWord } from './domain.ts';

export type RegisterLimits = Readonly<{ maximumAmount: bigint; blockHops: number }>;
export type CoinLock = Readonly<{ payee: Address; deadline: bigint }>;
/** Coins by their identifier; one that is not there is free at sequence 0. `outstanding` is the sum of all. */
export type RegisterState = Readonly<{
  coins: ReadonlyMap<bigint, Coin>;
  locks: ReadonlyMap<bigint, CoinLock>;
  outstanding: bigint;
}>;

/** What is asked of the register. `signer` is the reference of the key that signed it; `now` in seconds since 1970. */
export type RegisterCommand =
  | Readonly<{ kind: 'Issue'; head: CoinHead; amount: bigint }>
  | Readonly<{ kind: 'Switch' | 'Redeem' | 'Reclaim' | 'Claim'; head: CoinHead; signer: Address; now: bigint }>
  | Readonly<{ kind: 'Lock'; head: CoinHead; deadline: bigint; signer: Address; now: bigint }>
  | Readonly<{ kind: 'Split'; rest: CoinHead; part: CoinHead; partAmount: bigint; signer: Address }>
  | Readonly<{ kind: 'Merge'; head: CoinHead; other: CoinMove; signer: Address }>
  | Readonly<{ kind: 'Freeze'; coin: bigint; isFrozen: boolean }>;

export type Decision = Readonly<{ outcome: Outcome; state: RegisterState }>;

export const EMPTY_REGISTER: RegisterState = { coins: new Map(), locks: new Map(), outstanding: 0n };
export const NOBODY: Address = '0x0000000000000000000000000000000000000000';
const FREE: Coin = { state: 'free', isFrozen: false, sequence: 0, hops: 0, amount: 0n, owner: NOBODY };

export function coinOf(state: RegisterState, coin: bigint): Coin {
  return state.coins.get(coin) ?? FREE;
}

/** Pure: what the register answers, and how it stands afterwards; only `executed` changes anything. */
export function decide(state: RegisterState, command: RegisterCommand, limits: RegisterLimits): Decision {
  const done = (outcome: Outcome): Decision => ({ outcome, state });
  switch (command.kind) {
    case 'Issue': {
      const { head, amount } = command;
      const coin = coinOf(state, head.coin);
      if (isHandedOver(coin, head) && coin.amount === amount) return done('alreadyDone');
      if (amount === 0n) return done('amountZero');
      if (amount > limits.maximumAmount) return done('amountAboveMaximum');
      const hindrance = hindranceOf(coin, head, head.owner, 'free');
      if (hindrance) return done(hindrance);
      return executed(state, [[head.coin, active(coin, head.owner, amount, 0)]], amount);
    }
    case 'Switch': {
      const { head, signer } = command;
      const coin = coinOf(state, head.coin);
      const hops = head.hops ?? 0;
      if (isHandedOver(coin, head) && coin.hops === hops) return done('alreadyDone');
      const hindrance = hindranceOf(coin, head, head.owner, 'active');
      if (hindrance) return done(hindrance);
      if (hops > limits.blockHops) return done('hopsAboveLimit');
      if (!isSame(signer, coin.owner)) return done('notOwner');
      return executed(state, [[head.coin, active(coin, head.owner, coin.amount, hops)]]);
    }
    case 'Redeem': {
      const { head, signer } = command;
      const coin = coinOf(state, head.coin);
      const isDone = coin.state === 'free' && coin.sequence === head.sequence + 1 && isSame(coin.owner, head.owner);
      if (isDone) return done('alreadyDone');
      const hindrance = hindranceOf(coin, head, head.owner, 'active');
      if (hindrance && hindrance !== 'sequenceExhausted') return done(hindrance);
      if (!isSame(signer, coin.owner)) return done('notOwner');
      return executed(state, [[head.coin, freed(coin, head.owner)]], -coin.amount);
    }
    case 'Lock':
      return lock(state, command);
    case 'Claim':
    case 'Reclaim': {
      const { head, signer, now } = command;
      const coin = coinOf(state, head.coin);
      if (isHandedOver(coin, head)) return done('alreadyDone');
      const hindrance = hindranceOf(coin, head, head.owner, 'locked');
      if (hindrance) return done(hindrance);
      const { payee, deadline } = state.locks.get(head.coin)!;
      const isClaim = command.kind === 'Claim';
      if (isClaim && now >= deadline) return done('tooLate');
      if (!isClaim && now < deadline) return done('tooEarly');
      if (!isSame(signer, isClaim ? payee : coin.owner)) return done('notOwner');
      return executed(state, [[head.coin, active(coin, head.owner, coin.amount, coin.hops)]]);
    }
    case 'Split':
      return split(state, command);
    case 'Merge':
      return merge(state, command, limits);
    case 'Freeze': {
      const coin = coinOf(state, command.coin);
      if (coin.state === 'free') return done('notInState');
      return executed(state, [[command.coin, { ...coin, isFrozen: command.isFrozen }]]);
    }
  }
}

/** Each coin of a move by itself: one that cannot go keeps no other back. */
export function decideMove(
  state: RegisterState,
  move: Readonly<{ owner: Address; moves: readonly CoinMove[]; signer: Address }>,
): Readonly<{ outcomes: readonly Outcome[]; state: RegisterState }> {
  let current = state;
  const outcomes = move.moves.map((place): Outcome => {
    const coin = coinOf(current, place.coin);
    if (isHandedOver(coin, { ...place, owner: move.owner })) return 'alreadyDone';
    const hindrance = hindranceOf(coin, place, move.owner, 'active');
    if (hindrance) return hindrance;
    if (!isSame(move.signer, coin.owner)) return 'notOwner';
    current = executed(current, [[place.coin, active(coin, move.owner, coin.amount, 0)]]).state;
    return 'executed';
  });
  return { outcomes, state: current };
}

/**
 * Coins whose slots are adjacent, all of them or none. Signed is what `decideMove` asks for, with the sequences that the
 * coins have; `isSigned` says whether `signer` has signed that.
 */
export function decideAdjacent(
  state: RegisterState,
  row: Readonly<{ first: bigint; count: number; owner: Address; signer: Address; isSigned: boolean }>,
): Decision {
  const { owner, signer } = row;
  const moves = Array.from({ length: row.count }, (_, index) => {
    const coin = row.first + BigInt(index);
    return { coin, sequence: coinOf(state, coin).sequence };
  });
  if (isSame(owner, NOBODY)) return { outcome: 'ownerZero', state };
  const told = decideMove(state, { owner, moves, signer });
  if (row.isSigned && told.outcomes.every((outcome) => outcome === 'executed')) {
    return { outcome: 'executed', state: told.state };
  }
  const areThere = moves.every(({ coin }) => {
    const { state: coinState, isFrozen, owner: holder } = coinOf(state, coin);
    return coinState === 'active' && !isFrozen && isSame(holder, owner);
  });
  return { outcome: areThere ? 'alreadyDone' : 'notOwner', state };
}

type Outcomes = Readonly<{ outcomes: readonly Outcome[]; state: RegisterState }>;

/**
 * What becomes of a call on a page: as `decideAll` says, where the page stands as it is told; nothing, where it stands as
 * the call would leave it; or else nothing of it can be told.
 *
 * Shape: state, the coins of one page and the state that the call was made from, what is asked → outcomes, state
 */
export function decideOnPage(
  state: RegisterState,
  page: Readonly<{ coins: readonly bigint[]; told: RegisterState }>,
  decideAll: (state: RegisterState) => Outcomes,
): Outcomes {
  const told = { ...state, coins: withCoinsOf(state, page.told, page.coins) };
  const decided = decideAll(told);
  if (areAlike(state, told, page.coins)) return decided;
  const isDone = areAlike(state, decided.state, page.coins);
  const outcomes = decided.outcomes.map((outcome): Outcome => {
    if (!isDone) return 'proofStale';
    return outcome === 'executed' ? 'alreadyDone' : outcome;
  });
  return { outcomes, state };
}

/** Each switch by itself. */
export function decideSwitches(
  state: RegisterState,
  switches: readonly Readonly<{ head: CoinHead; signer: Address }>[],
  limits: RegisterLimits,
): Outcomes {
  let current = state;
  const outcomes = switches.map(({ head, signer }) => {
    const decision = decide(current, { kind: 'Switch', head, signer, now: 0n }, limits);
    current = decision.state;
    return decision.outcome;
  });
  return { outcomes, state: current };
}

function withCoinsOf(state: RegisterState, other: RegisterState, coins: readonly bigint[]): ReadonlyMap<bigint, Coin> {
  return new Map([...state.coins, ...coins.map((coin) => [coin, coinOf(other, coin)] as const)]);
}

function areAlike(one: RegisterState, other: RegisterState, coins: readonly bigint[]): boolean {
  return coins.every((coin) => packWord(coinOf(one, coin)) === packWord(coinOf(other, coin)));
}

function lock(state: RegisterState, command: Extract<RegisterCommand, { kind: 'Lock' }>): Decision {
  const { head, deadline, signer, now } = command;
  const done = (outcome: Outcome): Decision => ({ outcome, state });
  const coin = coinOf(state, head.coin);
  const before = state.locks.get(head.coin);
  const isLocked = coin.state === 'locked' && !coin.isFrozen && coin.sequence === head.sequence + 1;
  if (isLocked && before && isSame(before.payee, head.owner) && before.deadline === deadline) {
    return done('alreadyDone');
  }
  const hindrance = hindranceOf(coin, head, head.owner, 'active');
  if (hindrance) return done(hindrance);
  if (deadline <= now) return done('tooLate');
  if (!isSame(signer, coin.owner)) return done('notOwner');
  const after = executed(state, [[head.coin, { ...coin, state: 'locked', sequence: coin.sequence + 1 }]]).state;
  const locks = new Map(state.locks).set(head.coin, { payee: head.owner, deadline });
  return { outcome: 'executed', state: { ...after, locks } };
}

function split(state: RegisterState, command: Extract<RegisterCommand, { kind: 'Split' }>): Decision {
  const { rest, part, partAmount, signer } = command;
  const done = (outcome: Outcome): Decision => ({ outcome, state });
  const coin = coinOf(state, rest.coin);
  const slot = coinOf(state, part.coin);
  if (isHandedOver(coin, rest) && isHandedOver(slot, part) && slot.amount === partAmount) return done('alreadyDone');
  const hindrance = hindranceOf(coin, rest, rest.owner, 'active');
  if (hindrance) return done(hindrance);
  if (rest.coin === part.coin) return done('duplicateCoin');
  if (partAmount === 0n) return done('amountZero');
  if (partAmount >= coin.amount) return done('amountAboveCoin');
  if (slot.state !== 'free') return done('slotTaken');
  const slotHindrance = hindranceOf(slot, part, part.owner, 'free');
  if (slotHindrance) return done(slotHindrance);
  if (!isSame(signer, coin.owner)) return done('notOwner');
  return executed(state, [
    [rest.coin, active(coin, rest.owner, coin.amount - partAmount, coin.hops)],
    [part.coin, active(slot, part.owner, partAmount, coin.hops)],
  ]);
}

function merge(
  state: RegisterState,
  command: Extract<RegisterCommand, { kind: 'Merge' }>,
  limits: RegisterLimits,
): Decision {
  const { head, other, signer } = command;
  const done = (outcome: Outcome): Decision => ({ outcome, state });
  const coin = coinOf(state, head.coin);
  const gone = coinOf(state, other.coin);
  if (head.coin === other.coin) return done('duplicateCoin');
  if (isHandedOver(coin, head) && gone.state === 'free' && gone.sequence === other.sequence + 1) {
    return done('alreadyDone');
  }
  const hindrance = hindranceOf(coin, head, head.owner, 'active') ?? hindranceOf(gone, other, head.owner, 'active');
  if (hindrance) return done(hindrance);
  if (!isSame(gone.owner, coin.owner)) return done('notOwner');
  const amount = coin.amount + gone.amount;
  if (amount > limits.maximumAmount) return done('amountAboveMaximum');
  if (!isSame(signer, coin.owner)) return done('notOwner');
  return executed(state, [
    [head.coin, active(coin, head.owner, amount, Math.max(coin.hops, gone.hops))],
    [other.coin, freed(gone, gone.owner)],
  ]);
}

function hindranceOf(coin: Coin, place: CoinMove, newOwner: Address, state: CoinState): Outcome | undefined {
  if (coin.isFrozen) return 'frozen';
  if (coin.sequence > place.sequence) return 'sequenceStale';
  if (coin.sequence < place.sequence) return 'sequenceAhead';
  if (coin.state !== state) return 'notInState';
  if (isSame(newOwner, NOBODY)) return 'ownerZero';
  return place.sequence === LAST_SEQUENCE ? 'sequenceExhausted' : undefined;
}

function isHandedOver(coin: Coin, head: CoinHead): boolean {
  const isThere = coin.state === 'active' && !coin.isFrozen && coin.sequence === head.sequence + 1;
  return isThere && isSame(coin.owner, head.owner);
}

function active(before: Coin, owner: Address, amount: bigint, hops: number): Coin {
  return { state: 'active', isFrozen: false, sequence: before.sequence + 1, hops, amount, owner };
}

function freed(before: Coin, owner: Address): Coin {
  const sequence = Math.min(before.sequence + 1, LAST_SEQUENCE);
  return { ...FREE, sequence, owner };
}

function executed(state: RegisterState, changes: readonly (readonly [bigint, Coin])[], issued = 0n): Decision {
  const coins = new Map([...state.coins, ...changes]);
  return { outcome: 'executed', state: { ...state, coins, outstanding: state.outstanding + issued } };
}

function isSame(one: Address, other: Address): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
