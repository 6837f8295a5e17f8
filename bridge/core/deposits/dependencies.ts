import type { AssetCode } from '../../../ledger-service/vocabulary/assets.ts';
import type { Address } from '../../chain/domain.ts';
import { tokenOf } from '../../chain/escrow.ts';
import type { ChainNode } from '../../chain/node.ts';
import type { PaymentDependencies } from '../payments/dependencies.ts';

export type DepositDependencies = Pick<
  PaymentDependencies,
  'database' | 'clock' | 'machineClock' | 'identifiers' | 'assets' | 'outbox' | 'deployment' | 'logger'
> &
  Readonly<{
    node: Pick<ChainNode, 'chainId' | 'coinsAt'>;
    /** What is less than this, in minor units, is not sent back; an asset that is not named always is. */
    leastReturns: ReadonlyMap<AssetCode, bigint>;
  }>;

/** Who acts on transfers and sweeps; who looks for what is due back; who looks at the balances of coins without logs. */
export const DEPOSITS = 'deposits';
export const DEPOSIT_RETURNS = 'deposit-returns';
export const DEPOSIT_BALANCES = 'deposit-balances';

/** The prefix of a return out of the wallet, by which its logs are known. */
export const SUSPENSE_RETURN = 'spr';

/** The asset behind a token, if it is one that these books know. */
export function knownAsset({ assets }: Pick<DepositDependencies, 'assets'>, token: Address): AssetCode | undefined {
  return assets.onChainAssets().find(({ code }) => tokenOf(code) === token.toLowerCase())?.code;
}

/** A name for any token; one that these books do not know has no account in them. */
export function nameOfToken({ deployment }: Pick<DepositDependencies, 'deployment'>, token: Address): string {
  return `eip155:${deployment.chainId}/erc20:${token.toLowerCase()}`;
}
