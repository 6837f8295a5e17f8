/** Deploys the register of coins, at an address that depends on its token, roles and limits alone. */
import { concatHex, encodeAbiParameters, getContractAddress, type Hex } from 'viem';
import { coinRegisterAbi } from '../../bridge/chain/bindings/coin-register.ts';
import { compileAllContracts } from './compile.ts';
import { ensureFactory, FACTORY, openSender, SALT } from './deploy.ts';

export type CoinDeployOptions = Readonly<{
  rpcUrl: string;
  deployerPrivateKey: Hex;
  token: Hex;
  roles: Readonly<{ admin: Hex; issuer: Hex; freezer: Hex; pauser: Hex }>;
  /** Code of the register, never changed: units of the token in one coin; hops reported at which it warns and refuses. */
  limits: Readonly<{ maximumAmount: bigint; warnHops: bigint; blockHops: bigint }>;
}>;

/**
 * Shape:   token, roles and limits → where the register is
 * Effects: nothing is sent when it is there already
 * Errors:  thrown when the chain refuses, or does not take it up within two minutes
 */
export async function deployCoinRegister(options: CoinDeployOptions): Promise<Hex> {
  const { CoinRegister } = await compileAllContracts();
  const sender = await openSender(options.rpcUrl, options.deployerPrivateKey);
  await ensureFactory(sender);
  const creation = coinRegisterAbi.find((part) => part.type === 'constructor')!;
  const { token, roles, limits } = options;
  const initCode = concatHex([CoinRegister.bytecode, encodeAbiParameters(creation.inputs, [token, roles, limits])]);
  const address = getContractAddress({ from: FACTORY, opcode: 'CREATE2', salt: SALT, bytecode: initCode });
  if ((await sender.client.getCode({ address })) === undefined) {
    await sender.send([{ to: FACTORY, data: concatHex([SALT, initCode]), value: 0n }]);
  }
  return address.toLowerCase() as Hex;
}
