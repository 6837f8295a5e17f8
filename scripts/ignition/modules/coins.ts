import { buildModule } from '@nomicfoundation/hardhat-ignition/modules';

/** The register of coins for one token, by its roles' addresses and its limits, which are code and never change. */
export default buildModule('Coins', (module) => ({
  register: module.contract('CoinRegister', [
    module.getParameter<string>('token'),
    {
      admin: module.getParameter<string>('admin'),
      issuer: module.getParameter<string>('issuer'),
      freezer: module.getParameter<string>('freezer'),
      pauser: module.getParameter<string>('pauser'),
    },
    {
      maximumAmount: module.getParameter<bigint>('maximumAmount'),
      warnHops: module.getParameter<bigint>('warnHops'),
      blockHops: module.getParameter<bigint>('blockHops'),
    },
  ]),
}));
