import currencyCodes from 'currency-codes';
import { SettlementError } from './errors.ts';

/** An ISO 4217 code (`EUR`) or a CAIP-19 name (`eip155:31337/erc20:0x…`, `eip155:31337/slip44:60`). */
export type AssetCode = string;

export type AssetKind = 'fiat' | 'token' | 'coin';

/** `scale` is the number of decimals: 12345 minor units at scale 2 are 123.45. */
export type Asset = Readonly<{ code: AssetCode; kind: AssetKind; symbol: string; scale: number }>;

const CAIP_19_TOKEN = /^eip155:[1-9]\d{0,31}\/erc20:0x[0-9a-f]{40}$/;
const CAIP_19_COIN = /^eip155:[1-9]\d{0,31}\/slip44:\d{1,10}$/;
const MAXIMUM_SCALE = 36;

/**
 * The assets a running system knows: every current ISO 4217 currency, plus the tokens and coins that were registered.
 *
 * Lookups are exact: codes are case-sensitive and CAIP-19 addresses are lower case, so that one asset has one name.
 */
export class AssetRegistry {
  readonly #onChain = new Map<AssetCode, Asset>();

  constructor(onChainAssets: Iterable<Asset> = []) {
    for (const asset of onChainAssets) this.#onChain.set(asset.code, validateOnChainAsset(asset));
  }

  /** Errors: thrown ASSET_UNKNOWN. */
  get(code: AssetCode): Asset {
    const asset = this.find(code);
    if (!asset)
      throw new SettlementError('ASSET_UNKNOWN', `${JSON.stringify(code)} is not a known asset`, { asset: code });
    return asset;
  }

  find(code: AssetCode): Asset | undefined {
    return this.#onChain.get(code) ?? fiatAsset(code);
  }

  /** The registered tokens and coins, in the order they were given. */
  onChainAssets(): readonly Asset[] {
    return [...this.#onChain.values()];
  }
}

function fiatAsset(code: AssetCode): Asset | undefined {
  // currency-codes folds case; a code in lower case is another string and not a second name for the same asset.
  if (!/^[A-Z]{3}$/.test(code)) return undefined;
  const currency = currencyCodes.code(code);
  return currency ? { code, kind: 'fiat', symbol: code, scale: currency.digits } : undefined;
}

function validateOnChainAsset(asset: Asset): Asset {
  const pattern = asset.kind === 'token' ? CAIP_19_TOKEN : CAIP_19_COIN;
  if (asset.kind === 'fiat' || !pattern.test(asset.code)) {
    throw new SettlementError('ASSET_UNKNOWN', `${JSON.stringify(asset.code)} is not a CAIP-19 name in lower case`, {
      asset: asset.code,
    });
  }
  if (!Number.isInteger(asset.scale) || asset.scale < 0 || asset.scale > MAXIMUM_SCALE) {
    throw new SettlementError(
      'ASSET_UNKNOWN',
      `scale ${asset.scale} is not a whole number from 0 to ${MAXIMUM_SCALE}`,
      {
        asset: asset.code,
        scale: asset.scale,
      },
    );
  }
  return asset;
}
