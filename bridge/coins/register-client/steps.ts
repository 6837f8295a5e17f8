/** What the register's logs say: at which number of its sequence which coin went to whom. */
import { hexToBytes, type Log, parseEventLogs, slice } from 'viem';
import { coinRegisterAbi } from '../../chain/bindings/coin-register.ts';
import type { Address, Hex } from '../../chain/domain.ts';
import { type CoinMove, readOutcomes, unpackHead, unpackHeads } from '../register/domain.ts';
import { NOBODY } from '../register/model.ts';
import type { Place, Step } from '../security-element/domain.ts';

export type FoundStep = Readonly<{ place: Place; step: Step }>;

const MOVE_BYTES = 8;

/** Steps of one block's logs, in their order. `at`: the block's time, seconds since 1970. */
export function stepsOfLogs(logs: readonly Log[], at: number): readonly FoundStep[] {
  const parsed = parseEventLogs({ abi: coinRegisterAbi, logs: [...logs], strict: true });
  return parsed.flatMap((log, index): FoundStep[] => {
    const chainHash = log.transactionHash as Hex;
    const found = (kind: Step['kind'], place: Place, newOwner: Address): FoundStep => ({
      place: { coin: place.coin, sequence: place.sequence },
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
