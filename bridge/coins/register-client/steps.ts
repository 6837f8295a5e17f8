/** What the register's logs say: at which number of its sequence which coin went to whom. */
import { hexToBytes, type Log, parseEventLogs, slice } from 'viem';
import { coinPagesAbi } from '../../chain/bindings/coin-pages.ts';
import { coinRegisterAbi } from '../../chain/bindings/coin-register.ts';
import type { Address, Hex } from '../../chain/domain.ts';
import { type CoinMove, readOutcomes, unpackHead, unpackHeads } from '../register/domain.ts';
import { NOBODY } from '../register/model.ts';
import type { Step } from '../security-element/domain.ts';

/** Without a sequence, the coin's next one. */
export type FoundStep = Readonly<{ coin: bigint; sequence?: number; step: Step }>;

const EVENTS = [...coinRegisterAbi, ...coinPagesAbi];

const MOVE_BYTES = 8;

/** Steps that one block's logs tell of coins in slots, in their order. `at`: the block's time, seconds since 1970. */
export function stepsOfLogs(logs: readonly Log[], at: number): readonly FoundStep[] {
  const parsed = parseEventLogs({ abi: EVENTS, logs: [...logs], strict: true });
  return parsed.flatMap((log, index): FoundStep[] => {
    const chainHash = log.transactionHash as Hex;
    const found = (kind: Step['kind'], { coin, sequence }: CoinMove, newOwner: Address): FoundStep => ({
      coin,
      sequence,
      step: { kind, newOwner, at, chainHash },
    });
    const one = (kind: Step['kind'], word: Hex): FoundStep => {
      const head = readHead(word);
      return found(kind, head, head.owner);
    };
    switch (log.eventName) {
      case 'Issued':
        return [one('Issue', log.args.head)];
      case 'Switched':
        return [one('Switch', log.args.head)];
      case 'SwitchedBatch':
        return unpackHeads(log.args.heads).map((head) => found('Switch', head, head.owner));
      case 'Moved': {
        const next = parsed[index + 1];
        const refused = next?.eventName === 'MovesRefused' && next.transactionHash === chainHash ? next : undefined;
        const moves = readMoves(log.args.moves);
        const outcomes = readOutcomes(refused?.args.outcomes ?? '0x', moves.length);
        const executed = moves.filter((_, place) => outcomes[place] === 'executed');
        return executed.map((place) => found('Move', place, log.args.newOwner));
      }
      case 'Split':
        return [one('Split', log.args.rest), one('Split', log.args.part)];
      case 'Merged':
        return [one('Merge', log.args.head), found('Merge', readHead(log.args.other), NOBODY)];
      case 'SplitInPages':
        return inSlots([one('Split', log.args.rest), one('Split', log.args.part)], [log.args.rest, log.args.part]);
      case 'MergedInPages': {
        const { head, other } = log.args;
        return inSlots([one('Merge', head), found('Merge', readHead(other), NOBODY)], [head, other]);
      }
      case 'PassedAdjacent': {
        const { coin, hops: count, owner } = readHead(log.args.row);
        return Array.from({ length: count }, (_, index) => ({
          coin: coin + BigInt(index),
          step: { kind: 'Move', newOwner: owner, at, chainHash },
        }));
      }
      case 'Redeemed':
        return [one('Redeem', log.args.head)];
      case 'Locked':
        return [one('Lock', log.args.head)];
      case 'Claimed':
        return [one('Claim', log.args.head)];
      case 'Reclaimed':
        return [one('Reclaim', log.args.head)];
      default:
        return [];
    }
  });
}

/** Coins of pages have numbers that do not fit into a slot's, and devices keep none of them. */
function inSlots(steps: readonly FoundStep[], heads: readonly Hex[]): FoundStep[] {
  return steps.filter((_, index) => BigInt(slice(heads[index]!, 0, 3)) === 0n);
}

/** A head stands at the right of its word. */
function readHead(word: Hex) {
  return unpackHead(slice(word, 3));
}

function readMoves(moves: Hex): readonly CoinMove[] {
  const count = hexToBytes(moves).length / MOVE_BYTES;
  return Array.from({ length: count }, (_, index) => {
    const move = BigInt(slice(moves, index * MOVE_BYTES, (index + 1) * MOVE_BYTES));
    return { coin: move >> 24n, sequence: Number(move & 0xffffffn) };
  });
}
