/** Compiles the contracts with Hardhat, once for each state of their sources. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Abi, Hex } from 'viem';

export type ContractArtifact = Readonly<{ abi: Abi; bytecode: Hex }>;
export type ContractName = 'PaymentEscrow' | 'IntermediaryWallet' | 'DepositAddresses' | 'LocalDollar';
export type ContractArtifacts = Readonly<Record<ContractName, ContractArtifact>>;

const root = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES: Readonly<Record<ContractName, string>> = {
  PaymentEscrow: 'contracts/PaymentEscrow.sol',
  IntermediaryWallet: 'contracts/IntermediaryWallet.sol',
  DepositAddresses: 'contracts/DepositAddresses.sol',
  LocalDollar: 'contracts/doubles/LocalDollar.sol',
};

/**
 * Shape:   → interface and creation code of every contract that is deployed
 * Effects: `.specie/hardhat/`; nothing is compiled while sources, settings and compiler are the same
 */
export async function compileContracts(): Promise<ContractArtifacts> {
  const stamp = join(root, '.specie', 'hardhat', 'compiled.digest');
  const digest = digestOfSources();
  const isFresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === digest && artifactFiles().every(existsSync);
  if (!isFresh) {
    await buildQuietly();
    mkdirSync(join(root, '.specie', 'hardhat'), { recursive: true });
    writeFileSync(stamp, digest);
  }
  const artifacts = Object.keys(SOURCES).map((name) => [name, readArtifact(name as ContractName)] as const);
  return Object.fromEntries(artifacts) as ContractArtifacts;
}

/** What is deployed and nothing else: test doubles would take minutes, and nobody waits for them at a start. */
async function buildQuietly(): Promise<void> {
  const { default: hardhat } = await import('hardhat');
  const { warn } = console;
  // The compiler warns of every use of transient storage, also of OpenZeppelin's guard, which clears it as it should.
  console.warn = (...text) => {
    if (!/EIP-1153/.test(String(text[0]))) warn(...text);
  };
  try {
    const files = Object.values(SOURCES).map((file) => join(root, file));
    await hardhat.tasks.getTask('build').run({ quiet: true, noTests: true, files });
  } finally {
    console.warn = warn;
  }
}

function readArtifact(name: ContractName): ContractArtifact {
  const { abi, bytecode } = JSON.parse(readFileSync(artifactFile(name), 'utf8')) as ContractArtifact;
  return { abi, bytecode };
}

function artifactFiles(): string[] {
  return (Object.keys(SOURCES) as ContractName[]).map(artifactFile);
}

function artifactFile(name: ContractName): string {
  return join(root, '.specie', 'hardhat', 'artifacts', SOURCES[name], `${name}.json`);
}

function digestOfSources(): string {
  const files = [...globSync('contracts/**/*.sol', { cwd: root }), 'hardhat.config.ts', 'package-lock.json'].sort();
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}
