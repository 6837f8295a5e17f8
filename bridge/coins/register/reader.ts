/** Rebuilds the register, coins in slots and in pages, from what its events say: whoever has them can prove any coin. */
import { type Hex, hexToBigInt, hexToNumber, type Log, parseEventLogs, size, slice } from 'viem';
import { coinPagesAbi } from '../../chain/bindings/coin-pages.ts';
import { coinRegisterAbi } from '../../chain/bindings/coin-register.ts';
import type { Address } from '../../chain/domain.ts';
import type { Coin } from './domain.ts';
import { coinInPage, LAST_SEQUENCE, partsOf, readOutcomes, unpackHead, unpackHeads } from './domain.ts';
import { coinOf, type RegisterState } from './model.ts';

const EVENTS = [...coinRegisterAbi, ...coinPagesAbi].filter((part) => part.type === 'event');
type Head = Readonly<{ coin: bigint; sequence: number; hops: number; owner: Address }>;
type Event = Readonly<{ eventName: string; args: Readonly<Record<string, unknown>> }>;

const ISSUED_BYTES = 29;
const SWITCHED_BYTES = 21;
const MOVED_BYTES = 8;

/**
 * Goes on from a state with the logs of the register since, in the order of the chain.
 *
 * Shape:  state, logs of the register's address alone → state
 * Errors: none; logs that are no events of the register are passed over
 */
export function applyLogs(state: RegisterState, logs: readonly Log[]): RegisterState {
  const events = parseEventLogs({ abi: EVENTS, logs: [...logs] }) as unknown as readonly Event[];
  return events.reduce((current, event, index) => applyEvent(current, event, events[index + 1]), state);
}

/** `next` is looked at because a move that was refused in part says so in the event after it. */
function applyEvent(state: RegisterState, { eventName, args }: Event, next: Event | undefined): RegisterState {
  const change = (coin: bigint, changes: Partial<Coin>) => changed(state, [[coin, changes]]);
  const handOver = ({ coin, owner, hops }: Pick<Head, 'coin' | 'owner' | 'hops'>) =>
    change(coin, further(coinOf(state, coin), { owner, hops, state: 'active' }));
  const headOf = /InPages$|FromPage$/.test(eventName) ? anyHead : slotHead;
  switch (eventName) {
    case 'Issued': {
      const { coin, owner } = headOf(args.head);
      return issued(state, coin, owner, args.amount as bigint);
    }
    case 'Switched':
      return handOver(headOf(args.head));
    case 'SwitchedBatch':
      return handAllOver(state, unpackHeads(args.heads as Hex));
    case 'Moved': {
      const places = partsOf(args.moves as Hex, MOVED_BYTES);
      const refused = next?.eventName === 'MovesRefused' ? (next.args.outcomes as Hex) : '0x';
      const outcomes = readOutcomes(refused, places.length);
      const moved = places.filter((_, index) => outcomes[index] === 'executed');
      const owner = args.newOwner as Address;
      return handAllOver(
        state,
        moved.map((place) => ({ coin: hexToBigInt(slice(place, 0, 5)), owner, hops: 0 })),
      );
    }
    case 'PassedAdjacent': {
      const { coin, hops: count, owner } = headOf(args.row);
      return handAllOver(
        state,
        Array.from({ length: count }, (_, index) => ({ coin: coin + BigInt(index), owner, hops: 0 })),
      );
    }
    case 'Split':
    case 'SplitInPages': {
      const { rest, part } = { rest: headOf(args.rest), part: headOf(args.part) };
      const [coin, slot] = [coinOf(state, rest.coin), coinOf(state, part.coin)];
      const amount = args.partAmount as bigint;
      return changed(state, [
        [rest.coin, further(coin, { owner: rest.owner, amount: coin.amount - amount })],
        [part.coin, further(slot, { owner: part.owner, amount, hops: coin.hops, state: 'active' })],
      ]);
    }
    case 'Merged':
    case 'MergedInPages': {
      const { head, other } = { head: headOf(args.head), other: headOf(args.other) };
      const [coin, gone] = [coinOf(state, head.coin), coinOf(state, other.coin)];
      const amount = coin.amount + gone.amount;
      const hops = Math.max(coin.hops, gone.hops);
      return changed(state, [
        [head.coin, further(coin, { owner: head.owner, amount, hops })],
        [other.coin, freed(gone, gone.owner)],
      ]);
    }
    case 'Redeemed':
    case 'RedeemedFromPage': {
      const { coin, owner } = headOf(args.head);
      const outstanding = state.outstanding - coinOf(state, coin).amount;
      return { ...change(coin, freed(coinOf(state, coin), owner)), outstanding };
    }
    case 'Locked': {
      const { coin, owner: payee } = headOf(args.head);
      const locks = new Map(state.locks).set(coin, { payee, deadline: args.deadline as bigint });
      return { ...change(coin, further(coinOf(state, coin), { state: 'locked' })), locks };
    }
    case 'Claimed':
    case 'Reclaimed': {
      const { coin, owner } = headOf(args.head);
      return handOver({ coin, owner, hops: coinOf(state, coin).hops });
    }
    case 'FreezeChanged':
      return change(args.coin as bigint, { isFrozen: args.frozen as boolean });
    case 'PageIssued':
      return partsOf(args.leaves as Hex, ISSUED_BYTES).reduce((current, leaf) => {
        const coin = coinInPage(args.page as bigint, hexToNumber(slice(leaf, 0, 1)));
        return issued(current, coin, slice(leaf, 9, 29), hexToBigInt(slice(leaf, 1, 9)));
      }, state);
    case 'PageSwitched':
      return handAllOver(state, switchesOf(args.page as bigint, args.changes as Hex));
    case 'PageMoved': {
      const owner = args.newOwner as Address;
      const leaves = partsOf(args.leaves as Hex, 1).map((leaf) => hexToNumber(leaf));
      return handAllOver(
        state,
        leaves.map((leaf) => ({ coin: coinInPage(args.page as bigint, leaf), owner, hops: 0 })),
      );
    }
    default:
      return state;
  }
}

/** Of leaves that follow each other, the first 1, how many less one 1, and of each hops 1, new owner 20. */
function switchesOf(page: bigint, changes: Hex): readonly Pick<Head, 'coin' | 'owner' | 'hops'>[] {
  const switches: Pick<Head, 'coin' | 'owner' | 'hops'>[] = [];
  for (let start = 0; start < size(changes); ) {
    const first = hexToNumber(slice(changes, start, start + 1));
    const end = start + 2 + (hexToNumber(slice(changes, start + 1, start + 2)) + 1) * SWITCHED_BYTES;
    for (const [index, part] of partsOf(slice(changes, start + 2, end), SWITCHED_BYTES).entries()) {
      const coin = coinInPage(page, first + index);
      switches.push({ coin, hops: hexToNumber(slice(part, 0, 1)), owner: slice(part, 1, SWITCHED_BYTES) });
    }
    start = end;
  }
  return switches;
}

/** Above the 40 bits of a coin in a slot stands whatever the caller wrote there. */
function slotHead(word: unknown): Head {
  return unpackHead(slice(word as Hex, 3));
}

function anyHead(word: unknown): Head {
  return { ...slotHead(word), coin: hexToBigInt(slice(word as Hex, 0, 8)) };
}

function issued(state: RegisterState, coin: bigint, owner: Address, amount: bigint): RegisterState {
  const after = changed(state, [[coin, further(coinOf(state, coin), { state: 'active', hops: 0, amount, owner })]]);
  return { ...after, outstanding: state.outstanding + amount };
}

function handAllOver(state: RegisterState, heads: readonly Pick<Head, 'coin' | 'owner' | 'hops'>[]): RegisterState {
  // One after the other: a batch may have a chain of hops of one coin.
  const coins = new Map(state.coins);
  for (const { coin, owner, hops } of heads) {
    const before = coins.get(coin) ?? coinOf(state, coin);
    coins.set(coin, { ...before, ...further(before, { owner, hops, state: 'active' }) });
  }
  return { ...state, coins };
}

function further(before: Coin, changes: Partial<Coin>): Partial<Coin> {
  return { ...changes, sequence: before.sequence + 1 };
}

function freed(before: Coin, owner: Address): Coin {
  const sequence = Math.min(before.sequence + 1, LAST_SEQUENCE);
  return { state: 'free', isFrozen: false, sequence, hops: 0, amount: 0n, owner };
}

function changed(state: RegisterState, changes: readonly (readonly [bigint, Partial<Coin>])[]): RegisterState {
  const coins = new Map(state.coins);
  for (const [coin, change] of changes) coins.set(coin, { ...coinOf(state, coin), ...change });
  return { ...state, coins };
}
