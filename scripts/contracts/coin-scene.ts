/** A scene with a register of coins on its chain, whose reserve holds tokens. */
import { keccak256, stringToHex } from 'viem';
import { coinRegisterAbi } from '../../bridge/chain/bindings/coin-register.ts';
import { localDollarAbi } from '../../bridge/chain/bindings/local-dollar.ts';
import type { Address, Hex } from '../../bridge/chain/domain.ts';
import { type CoinKey, p256Key, secp256k1Key } from '../../bridge/coins/register/signing.ts';
import { compileAllContracts } from './compile.ts';
import type { Scene } from './scene.ts';

/** The scene's admin, operator (who issues) and pauser have the roles; the treasurer freezes. */
export async function openRegister(scene: Scene, limits = COIN_LIMITS): Promise<Address> {
  const { CoinRegister } = await compileAllContracts();
  const { admin, operator, treasurer, pauser } = scene.actors;
  const roles = {
    admin: admin.address,
    issuer: operator.address,
    freezer: treasurer.address,
    pauser: pauser.address,
  };
  const register = await scene.deploy(CoinRegister, [scene.token, roles, limits]);
  const mint = { abi: localDollarAbi, functionName: 'mint', args: [register, 10n ** 15n] };
  await scene.send('minter', scene.token, mint);
  await scene.send('stranger', register, { abi: coinRegisterAbi, functionName: 'countReserve', args: [] });
  return register;
}

export const COIN_LIMITS = { maximumAmount: 10n ** 12n, warnHops: 20n, blockHops: 40n } as const;

/** Keys that everyone who reads this knows. */
export function coinKey(name: string): CoinKey {
  return secp256k1Key(secretOf(name));
}

export function coinKeyP256(name: string): CoinKey {
  return p256Key(secretOf(name));
}

function secretOf(name: string): Hex {
  return keccak256(stringToHex(`a key of a coin: ${name}`));
}
