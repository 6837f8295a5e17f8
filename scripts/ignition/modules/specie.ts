import { buildModule } from '@nomicfoundation/hardhat-ignition/modules';

/**
 * The contracts that one installation needs, by their roles' addresses.
 *
 * With the strategy `create2` an address hangs on the code, the roles and the salt of hardhat.config.ts alone: whoever
 * deploys, with whatever nonce and on whatever chain, finds the contracts in the same place.
 */
export default buildModule('Specie', (module) => {
  const admin = module.getParameter<string>('admin');
  const operator = module.getParameter<string>('operator');
  const treasurer = module.getParameter<string>('treasurer');
  const pauser = module.getParameter<string>('pauser');
  return {
    escrow: module.contract('PaymentEscrow', [admin, operator, pauser]),
    wallet: module.contract('IntermediaryWallet', [admin, operator, treasurer, pauser]),
    deposits: module.contract('DepositAddresses', [admin, operator]),
  };
});
