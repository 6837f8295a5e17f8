/** Who promised a coin to this device and let another have it: what the payer signed, for anyone to check. */
import type { Address } from '../../chain/domain.ts';
import type { CoinCryptography } from './cryptography.ts';
import type { ElementState, Evidence } from './domain.ts';
import type { CoinMessage } from './messages.ts';
import { isSame, transferIdsOf, verifyHops } from './messages.ts';

/** Everything that this device can show. */
export function evidenceOf(state: ElementState): readonly Evidence[] {
  const lost = [...state.holdings.values()].flatMap(({ base, history, ending }): Evidence[] =>
    ending?.why === 'lost' && history.length > 0 ? [{ base, hops: history, step: ending.step }] : [],
  );
  return [...state.evidence, ...lost];
}

/**
 * `payer` is who gave the coin to whoever shows this, `payers` all through whose hands it went, the first one first.
 * `promiseBroken`: the coin went elsewhere before the payer was free to take it back. `deadlinePassed`: after it.
 *
 * One such paper says what its payer promised; only the register's own record, or a second paper (`doubleSpender`),
 * says who took the coin: a payee who knows a coin's secret could have taken it himself.
 */
export type Judgement = Readonly<{
  payer: Address;
  payers: readonly Address[];
  verdict: 'promiseBroken' | 'deadlinePassed';
}>;

/** Errors: thrown COIN_KEY_WRONG and the like when a payer has not signed this */
export function judgeEvidence(cryptography: CoinCryptography, { base, hops, step }: Evidence): Judgement {
  verifyHops(cryptography, base, hops);
  const last = hops.at(-1)!;
  const verdict = step.at < last.reclaimableAfter ? 'promiseBroken' : 'deadlinePassed';
  return { payer: last.payer, payers: hops.map(({ payer }) => payer), verdict };
}

/**
 * Proof that needs no register: two ways of one coin that part at a payer who signed both.
 *
 * Errors: thrown as of `verifyHops`
 */
export function doubleSpender(
  cryptography: CoinCryptography,
  one: Pick<CoinMessage, 'base' | 'hops'>,
  other: Pick<CoinMessage, 'base' | 'hops'>,
): Address | undefined {
  for (const { base, hops } of [one, other]) verifyHops(cryptography, base, hops);
  const isOneCoin = one.base.coin === other.base.coin && one.base.sequence === other.base.sequence;
  if (!isOneCoin) return undefined;
  const others = transferIdsOf(other.base, other.hops);
  const parting = transferIdsOf(one.base, one.hops).findIndex((transferId, index) => transferId !== others[index]);
  const [left, right] = [one.hops[parting], other.hops[parting]];
  return left && right && isSame(left.payer, right.payer) ? left.payer : undefined;
}
