import { fileURLToPath } from 'node:url';
import hardhatEthers from '@nomicfoundation/hardhat-ethers';
import hardhatToolboxViem from '@nomicfoundation/hardhat-toolbox-viem';
import { defineConfig } from 'hardhat/config';

/** The compiler comes from npm (`solc`), so that a build needs no download; the path must be absolute. */
const compilerPath = fileURLToPath(import.meta.resolve('solc/soljson.js'));

/** Runs of each fuzzed property, and of each invariant; the full check asks for more by FUZZ_RUNS and INVARIANT_RUNS. */
const fuzzRuns = Number(process.env.FUZZ_RUNS ?? 256);
const invariantRuns = Number(process.env.INVARIANT_RUNS ?? 8);

/** Whoever compiles beside others has a folder of its own, since nobody may read what is being written. */
const folder = process.env.SPECIE_HARDHAT_FOLDER ?? './.specie/hardhat';

export default defineConfig({
  plugins: [hardhatToolboxViem, hardhatEthers],
  paths: {
    sources: './contracts',
    tests: { solidity: './test/contracts', nodejs: './test/none' },
    cache: `${folder}/cache`,
    artifacts: `${folder}/artifacts`,
    ignition: './scripts/ignition',
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
  ignition: {
    // keccak256('specie 1'). It names no deployer, so the addresses are the same for all.
    strategyConfig: { create2: { salt: '0xce9b2679c541e61ea8623c54d66474a868f7a4f618f3e1a12c2f2a2dde13b526' } },
  },
  test: {
    solidity: {
      blockTimestamp: 1_793_620_800n,
      fuzz: { runs: fuzzRuns, maxTestRejects: 1_000_000 },
      // 200 calls deep; handlers refuse what makes no sense themselves, so a revert is a finding.
      invariant: { runs: invariantRuns, depth: 200, failOnRevert: true },
    },
  },
  networks: {
    local: { type: 'edr-simulated', chainType: 'l1', hardfork: 'osaka', chainId: 31337 },
  },
});
