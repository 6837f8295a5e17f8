/** Compiles the contracts with Hardhat, once for each state of their sources. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Abi, Hex } from 'viem';

export type ContractArtifact = Readonly<{ abi: Abi; bytecode: Hex }>;
type CoinContractName = 'CoinRegister' | 'CoinPages';
export type ContractName =
  | 'PaymentEscrow'
  | 'IntermediaryWallet'
  | 'DepositAddresses'
  | CoinContractName
  | 'LocalDollar';
export type ContractArtifacts<Name extends ContractName = ContractName> = Readonly<Record<Name, ContractArtifact>>;
/** What a payment needs. The register of coins is compiled where it is deployed or measured: a start need not wait. */
export type PaymentContractName = Exclude<ContractName, CoinContractName>;

const root = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES: Readonly<Record<ContractName, string>> = {
  PaymentEscrow: 'contracts/PaymentEscrow.sol',
  IntermediaryWallet: 'contracts/IntermediaryWallet.sol',
  DepositAddresses: 'contracts/DepositAddresses.sol',
  CoinRegister: 'contracts/CoinRegister.sol',
  CoinPages: 'contracts/coins/CoinPages.sol',
  LocalDollar: 'contracts/doubles/LocalDollar.sol',
};
const PAYMENT_CONTRACTS = ['PaymentEscrow', 'IntermediaryWallet', 'DepositAddresses', 'LocalDollar'] as const;

/**
 * Shape:   → interface and creation code of every contract that a payment needs
 * Effects: `.specie/hardhat/`; nothing is compiled while sources, settings and compiler are the same
 */
export async function compileContracts(): Promise<ContractArtifacts<PaymentContractName>> {
  return compileTogether('compiled', PAYMENT_CONTRACTS);
}

/** The same with the register of coins. */
export async function compileAllContracts(): Promise<ContractArtifacts> {
  const payment = await compileContracts();
  return { ...payment, ...(await compileTogether('compiled-coins', ['CoinRegister', 'CoinPages'])) };
}

async function compileTogether<Name extends ContractName>(
  stampName: string,
  names: readonly Name[],
): Promise<ContractArtifacts<Name>> {
  const stamp = join(root, '.specie', 'hardhat', `${stampName}.digest`);
  const digest = digestOfSources();
  const files = names.map(artifactFile);
  const isFresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === digest && files.every(existsSync);
  if (!isFresh) {
    await buildQuietly(names);
    mkdirSync(join(root, '.specie', 'hardhat'), { recursive: true });
    writeFileSync(stamp, digest);
  }
  return Object.fromEntries(names.map((name) => [name, readArtifact(name)])) as ContractArtifacts<Name>;
}

/** What is deployed and nothing else: test doubles would take minutes, and nobody waits for them at a start. */
async function buildQuietly(names: readonly ContractName[]): Promise<void> {
  const { default: hardhat } = await import('hardhat');
  const { warn } = console;
  // The compiler warns of every use of transient storage, also of OpenZeppelin's guard, which clears it as it should.
  console.warn = (...text) => {
    if (!/EIP-1153/.test(String(text[0]))) warn(...text);
  };
  try {
    const files = names.map((name) => join(root, SOURCES[name]));
    await hardhat.tasks.getTask('build').run({ quiet: true, noTests: true, files });
  } finally {
    console.warn = warn;
  }
}

function readArtifact(name: ContractName): ContractArtifact {
  const { abi, bytecode } = JSON.parse(readFileSync(artifactFile(name), 'utf8')) as ContractArtifact;
  return { abi, bytecode };
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

// As a program: everything that tests deploy, so that none of them waits for the compiler.
if (import.meta.main) await compileAllContracts();
