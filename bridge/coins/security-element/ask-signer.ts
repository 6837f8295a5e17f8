/** Signs what a device says of its coins and asks of the register. */
import { keccak256, stringToHex } from 'viem';
import type { Address, Hex } from '../../chain/domain.ts';
import type { CoinSignature, Register } from '../register/domain.ts';
import { digestOf } from '../register/signing.ts';
import type { CoinCryptography } from './cryptography.ts';
import type { Ask, AskPurpose, DeviceOperation, Holding, KeyPlace, SignedRequest } from './domain.ts';
import { holdingOf, ownPlace } from './domain.ts';
import { writePlain } from './journal.ts';
import type { KeyRing } from './keys.ts';
import { sealSecret } from './keys.ts';
import type { CoinBase } from './messages.ts';
import { switchDigest, transferIdOf } from './messages.ts';

/** Coins of an owner that the register has, for adopting and restoring. */
export type OwnedCoin = Readonly<{ coin: bigint; sequence: number; amount: bigint; owner: Address }>;

/** An ask before it has its number. */
export type AskDraft = Omit<Ask, 'askId'>;

export class AskSigner {
  readonly #register: Register;
  readonly #keys: KeyRing;
  readonly #cryptography: CoinCryptography;

  constructor(parts: Readonly<{ register: Register; keys: KeyRing; cryptography: CoinCryptography }>) {
    this.#register = parts.register;
    this.#keys = parts.keys;
    this.#cryptography = parts.cryptography;
  }

  /** A coin that the register has for the device's key number `index`. */
  holdingOf(found: OwnedCoin, index: number): Holding {
    const { coin, sequence, amount, owner } = found;
    const base: CoinBase = { register: this.#register, coin, sequence, amount, owner, form: 'secret' };
    return holdingOf(base, [], { kind: 'derived', index });
  }

  /** Errors: thrown COIN_FORM_UNSUPPORTED by hardware · COIN_KEY_WRONG */
  secretOf({ key, base, history }: Holding): Hex {
    if (key.kind === 'derived') return this.#keys.secret(key.index);
    const last = history.at(-1)!;
    const transferId = transferIdOf(base, history.slice(0, -1), last);
    return sealSecret(key.sealed, this.#keys.agree(transferId, last.signature), transferId);
  }

  /** The register's switch that passes a coin on, in form `switches`. */
  async signHop(holding: Holding, base: CoinBase, newOwner: Address): Promise<CoinSignature> {
    return this.#signDigest(holding.key, switchDigest(base, holding.history.length, newOwner), holding);
  }

  async sign(key: KeyPlace, operation: DeviceOperation, holding?: Holding): Promise<SignedRequest> {
    return { operation, signature: await this.#signDigest(key, digestOf(this.#register, operation), holding) };
  }

  async #signDigest(key: KeyPlace, digest: Hex, holding: Holding | undefined): Promise<CoinSignature> {
    if (key.kind === 'derived') return this.#keys.sign(key.index, digest);
    return this.#cryptography.sign(this.secretOf(holding!), 'secp256k1', digest);
  }

  /**
   * The way that the register has not seen, and then to the fresh key number `nextKey`, unless the coin is this device's
   * own by then.
   */
  async switchAsk(purpose: AskPurpose, holding: Holding, nextKey: number): Promise<Ask> {
    const { base, history, key } = holding;
    const place = ownPlace(holding);
    const way = wayOf(holding);
    const inputs = [holding.id];
    if (way.length > 0 && purpose === 'takeOver' && key.kind === 'derived') {
      const owner = history.at(-1)!.newOwner;
      const results = [this.holdingOf({ ...base, ...place, owner }, key.index)];
      return askOf({ purpose, requests: way, inputs, results, keysUsed: 0 });
    }
    const head = { ...place, owner: await this.#keys.reference(nextKey), hops: history.length };
    const results = [this.holdingOf({ ...base, ...head, sequence: place.sequence + 1 }, nextKey)];
    const last = await this.sign(key, { kind: 'Switch', head }, holding);
    return askOf({ purpose, requests: [...way, last], inputs, results, keysUsed: 1 });
  }
}

function wayOf({ base, history }: Holding): readonly SignedRequest[] {
  if (base.form !== 'switches') return [];
  return history.map((hop, index): SignedRequest => {
    const head = { coin: base.coin, sequence: base.sequence + index, owner: hop.newOwner, hops: index + 1 };
    return { operation: { kind: 'Switch', head }, signature: hop.switchSignature! };
  });
}

/** Its number comes from what is asked. */
export function askOf(draft: AskDraft): Ask {
  return { askId: keccak256(stringToHex(`${draft.purpose} ${writePlain(draft.requests)}`)), ...draft };
}
