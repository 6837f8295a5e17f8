import { fileURLToPath } from 'node:url';
import hardhatEthers from '@nomicfoundation/hardhat-ethers';
import hardhatToolboxViem from '@nomicfoundation/hardhat-toolbox-viem';
import { defineConfig } from 'hardhat/config';

/** The compiler comes from npm (`solc`), so that a build needs no download; the path must be absolute. */
const compilerPath = fileURLToPath(import.meta.resolve('solc/soljson.js'));

export default defineConfig({
  plugins: [hardhatToolboxViem, hardhatEthers],
  paths: {
    sources: './contracts',
    tests: { solidity: './test/contracts', nodejs: './test/none' },
    cache: './.specie/hardhat/cache',
    artifacts: './.specie/hardhat/artifacts',
  },
  solidity: {
    version: '0.8.37',
    path: compilerPath,
    settings: {
      evmVersion: 'cancun',
      optimizer: { enabled: true, runs: 1_000_000 },
      viaIR: true,
    },
  },
  networks: {
    local: { type: 'edr-simulated', chainType: 'l1', hardfork: 'osaka', chainId: 31337 },
  },
});
