import type { Address } from '../../chain/domain.ts';
import type { Coin, Register } from '../register/domain.ts';
import type { OwnedCoin } from '../security-element/ask-signer.ts';
import type { RegisterView } from '../security-element/decisions.ts';
import type { Place, SignedRequest } from '../security-element/domain.ts';
import type { OrderedSlot } from '../security-element/element.ts';

/**
 * The register, as a device sees it. Reading and asking are repeated at will: what has been done is not done again.
 *
 * Errors: thrown by every one of these COIN_REGISTER_UNAVAILABLE, when it may be there or not
 */
export interface CoinRegisterPort {
  readonly register: Register;
  /** What happened at these places. */
  look(places: readonly Place[]): Promise<RegisterView>;
  /** The coin as it stands in the newest block. */
  word(coin: bigint): Promise<Coin>;
  /** Coins that finally belong to these keys. */
  owned(references: readonly Address[]): Promise<readonly OwnedCoin[]>;
  /** Coins that are finally locked for these keys. */
  lockedFor(references: readonly Address[]): Promise<readonly (OwnedCoin & { payee: Address })[]>;
  /** A slot for a part. */
  freeSlot(): Promise<OrderedSlot>;
  /** Brings what owners have signed; what cannot be done is left, and nothing else is kept back by it. */
  submit(requests: readonly SignedRequest[]): Promise<void>;
}
