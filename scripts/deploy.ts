/** `npm run deploy`: puts the contracts on a chain, or says where they are; see `--help`. */
import { parseArgs } from 'node:util';
import { createPublicClient, type Hex, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { z } from 'zod';
import { developmentAccount, LOCAL_CHAIN_ID } from '../bridge/chain/keys.ts';
import { isLoopback } from '../bridge/platform/configuration.ts';
import { SettlementError } from '../ledger-service/vocabulary/errors.ts';
import type { DeployedContracts, DeployOptions } from './contracts/deploy.ts';
import type { CoinDeployOptions } from './contracts/deploy-coins.ts';
import { privateKeyOf } from './local/seed-world.ts';
import { LOCAL_COIN_ISSUER, localAccount } from './local/world.ts';

const HELP = `npm run deploy -- [options]

Deploys PaymentEscrow and IntermediaryWallet. Their addresses follow from their code and from who may do what, so doing
it again sends nothing and prints the same addresses.

  --local    on the local chain: its development accounts in every role, a dollar token, caps out of the way
  --coins    the register of coins for one token, instead of the contracts of payments
  --json     one JSON line instead of text
  --help     this text

Environment, without --local:
  RPC_URL                 the node, for example http://127.0.0.1:8545, which is also the default of --local
  DEPLOYER_PRIVATE_KEY    who pays for it
  ADMIN_ADDRESS  OPERATOR_ADDRESS  TREASURER_ADDRESS  PAUSER_ADDRESS  FEE_RECEIVER_ADDRESS
  TREASURER_PRIVATE_KEY  CAP_PER_CALL  CAP_PER_HOUR  CAP_PER_DAY
                          all four or none: the wallet's first caps for the chain's own coin, in its smallest unit
  with --coins, instead of roles and caps above:
  COIN_TOKEN_ADDRESS  ADMIN_ADDRESS  ISSUER_ADDRESS  FREEZER_ADDRESS  PAUSER_ADDRESS
  COIN_MAXIMUM_AMOUNT  COIN_WARN_HOPS  COIN_BLOCK_HOPS
                          limits are code and never change: units in one coin, reported hops that warn and that are refused
                          (with --local the token alone is needed)

The well-known development keys and addresses are taken on chain 31337 on loopback only.
Exit codes: 0 done · 1 refused · 2 wrong usage
`;

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, '0x and 40 hexadecimal digits')
  .transform((text) => text as Hex);
const privateKey = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/, '0x and 64 hexadecimal digits')
  .transform((text) => text as Hex);
const cap = z
  .string()
  .regex(/^[1-9]\d{0,37}$/, 'a whole number above zero')
  .transform(BigInt);
const rpcUrl = z.string().regex(/^https?:\/\//, 'a URL such as http://127.0.0.1:8545');
const environmentSchema = z.object({
  RPC_URL: rpcUrl,
  DEPLOYER_PRIVATE_KEY: privateKey,
  ADMIN_ADDRESS: address,
  OPERATOR_ADDRESS: address,
  TREASURER_ADDRESS: address,
  PAUSER_ADDRESS: address,
  FEE_RECEIVER_ADDRESS: address,
});
const capsSchema = z.object({
  TREASURER_PRIVATE_KEY: privateKey,
  CAP_PER_CALL: cap,
  CAP_PER_HOUR: cap,
  CAP_PER_DAY: cap,
});
const DEVELOPMENT_ACCOUNTS = 20;
const NO_CAPS = { perCall: 0n, perHour: 0n, perDay: 0n };
const LOCAL_CAPS = { perCall: 2n ** 100n, perHour: 2n ** 100n, perDay: 2n ** 100n };

const coinSchema = z.object({
  RPC_URL: rpcUrl,
  DEPLOYER_PRIVATE_KEY: privateKey,
  COIN_TOKEN_ADDRESS: address,
  ADMIN_ADDRESS: address,
  ISSUER_ADDRESS: address,
  FREEZER_ADDRESS: address,
  PAUSER_ADDRESS: address,
  COIN_MAXIMUM_AMOUNT: cap,
  COIN_WARN_HOPS: cap,
  COIN_BLOCK_HOPS: cap,
});

type Environment = Readonly<Record<string, string | undefined>>;

/** Errors: thrown CONFIGURATION_INVALID with the variable and what it should look like, never with its value */
export function readDeployOptions(environment: Environment): DeployOptions {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value));
  const roles = read(environmentSchema, set);
  const wantsCaps = Object.keys(capsSchema.shape).some((name) => set[name] !== undefined);
  const caps = wantsCaps ? read(capsSchema, set) : undefined;
  if (
    caps &&
    privateKeyToAccount(caps.TREASURER_PRIVATE_KEY).address.toLowerCase() !== roles.TREASURER_ADDRESS.toLowerCase()
  ) {
    throw invalid('TREASURER_PRIVATE_KEY', 'is not the key of TREASURER_ADDRESS');
  }
  return {
    rpcUrl: roles.RPC_URL,
    deployerPrivateKey: roles.DEPLOYER_PRIVATE_KEY,
    admin: roles.ADMIN_ADDRESS,
    operator: roles.OPERATOR_ADDRESS,
    treasurer: roles.TREASURER_ADDRESS,
    pauser: roles.PAUSER_ADDRESS,
    feeReceiver: roles.FEE_RECEIVER_ADDRESS,
    ...(caps ? { treasurerPrivateKey: caps.TREASURER_PRIVATE_KEY } : {}),
    caps: caps ? { perCall: caps.CAP_PER_CALL, perHour: caps.CAP_PER_HOUR, perDay: caps.CAP_PER_DAY } : NO_CAPS,
  };
}

/** Errors: thrown CONFIGURATION_INVALID with the variable and what it should look like */
export function readCoinDeployOptions(environment: Environment): CoinDeployOptions {
  const set = read(coinSchema, Object.fromEntries(Object.entries(environment).filter(([, value]) => value)));
  return {
    rpcUrl: set.RPC_URL,
    deployerPrivateKey: set.DEPLOYER_PRIVATE_KEY,
    token: set.COIN_TOKEN_ADDRESS,
    roles: {
      admin: set.ADMIN_ADDRESS,
      issuer: set.ISSUER_ADDRESS,
      freezer: set.FREEZER_ADDRESS,
      pauser: set.PAUSER_ADDRESS,
    },
    limits: {
      maximumAmount: set.COIN_MAXIMUM_AMOUNT,
      warnHops: set.COIN_WARN_HOPS,
      blockHops: set.COIN_BLOCK_HOPS,
    },
  };
}

/** Development accounts in every role, and limits that a local run does not meet. */
function localCoinEnvironment(environment: Environment): Environment {
  return {
    RPC_URL: localOptions(environment).rpcUrl,
    DEPLOYER_PRIVATE_KEY: privateKeyOf('deployer'),
    COIN_TOKEN_ADDRESS: environment.COIN_TOKEN_ADDRESS,
    ADMIN_ADDRESS: localAccount('deployer').address,
    // Not the bridge's operator: it counts the nonces of its own key.
    ISSUER_ADDRESS: developmentAccount(LOCAL_COIN_ISSUER).address,
    FREEZER_ADDRESS: localAccount('treasurer').address,
    PAUSER_ADDRESS: localAccount('pauser').address,
    COIN_MAXIMUM_AMOUNT: String(10n ** 12n),
    COIN_WARN_HOPS: '20',
    COIN_BLOCK_HOPS: '40',
  };
}

async function deployCoins(environment: Environment, isLocal: boolean): Promise<Readonly<{ coinRegister: Hex }>> {
  const options = readCoinDeployOptions(isLocal ? localCoinEnvironment(environment) : environment);
  const chain = { chainId: await chainIdOf(options.rpcUrl), isLoopback: isLoopback(options.rpcUrl) };
  refuseDevelopmentAccounts(
    [
      ['DEPLOYER_PRIVATE_KEY', privateKeyToAccount(options.deployerPrivateKey).address],
      ['ADMIN_ADDRESS', options.roles.admin],
      ['ISSUER_ADDRESS', options.roles.issuer],
      ['FREEZER_ADDRESS', options.roles.freezer],
      ['PAUSER_ADDRESS', options.roles.pauser],
    ],
    chain,
  );
  const { deployCoinRegister } = await import('./contracts/deploy-coins.ts');
  return { coinRegister: await deployCoinRegister(options) };
}

function localOptions(environment: Environment): DeployOptions {
  return {
    rpcUrl: read(z.object({ RPC_URL: rpcUrl.default('http://127.0.0.1:8545') }), environment).RPC_URL,
    deployerPrivateKey: privateKeyOf('deployer'),
    admin: localAccount('deployer').address,
    operator: localAccount('operator').address,
    treasurer: localAccount('treasurer').address,
    treasurerPrivateKey: privateKeyOf('treasurer'),
    pauser: localAccount('pauser').address,
    feeReceiver: localAccount('feeReceiver').address,
    localDollarMinter: localAccount('deployer').address,
    caps: LOCAL_CAPS,
  };
}

function read<Shape extends z.ZodType>(shape: Shape, environment: Environment): z.infer<Shape> {
  const parsed = shape.safeParse(environment);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const variable = String(issue?.path[0] ?? '');
  throw invalid(variable, environment[variable] === undefined ? 'is missing' : `must be ${issue?.message}`);
}

function invalid(variable: string, why: string): SettlementError {
  return new SettlementError('CONFIGURATION_INVALID', `${variable} ${why}`, { param: variable });
}

/**
 * Everyone has the keys of the development accounts: whatever is theirs on another chain is anybody's.
 *
 * Errors: thrown CONFIGURATION_INVALID unless the chain is 31337 on loopback, or none of them has a part in this
 */
export function refuseDevelopmentKeys(
  options: DeployOptions,
  chain: Readonly<{ chainId: number; isLoopback: boolean }>,
): void {
  refuseDevelopmentAccounts(
    [
      ['DEPLOYER_PRIVATE_KEY', privateKeyToAccount(options.deployerPrivateKey).address],
      ['ADMIN_ADDRESS', options.admin],
      ['OPERATOR_ADDRESS', options.operator],
      ['TREASURER_ADDRESS', options.treasurer],
      ['PAUSER_ADDRESS', options.pauser],
      ['FEE_RECEIVER_ADDRESS', options.feeReceiver],
    ],
    chain,
  );
}

function refuseDevelopmentAccounts(
  parts: readonly (readonly [variable: string, address: Hex])[],
  chain: Readonly<{ chainId: number; isLoopback: boolean }>,
): void {
  if (chain.chainId === LOCAL_CHAIN_ID && chain.isLoopback) return;
  const known = new Set(
    Array.from({ length: DEVELOPMENT_ACCOUNTS }, (_, index) => developmentAccount(index).address.toLowerCase()),
  );
  const found = parts.find(([, address]) => known.has(address.toLowerCase()));
  if (found)
    throw invalid(found[0], `is one of the well-known development accounts, and this is chain ${chain.chainId}`);
}

async function chainIdOf(url: string): Promise<number> {
  try {
    return await createPublicClient({ transport: http(url, { retryCount: 1 }) }).getChainId();
  } catch (error) {
    throw new SettlementError(
      'CHAIN_UNAVAILABLE',
      `no node answers at RPC_URL, ${new URL(url).origin}`,
      {},
      { cause: error },
    );
  }
}

function describe({ deployment, localDollar }: DeployedContracts): string {
  const lines = [
    ['chain', String(deployment.chainId)],
    ['PaymentEscrow', deployment.escrow],
    ['IntermediaryWallet', deployment.wallet],
    ['DepositAddresses', deployment.deposits],
    ...(localDollar ? [['LocalDollar', localDollar]] : []),
    ['fee receiver', deployment.feeReceiver],
    ['first height', String(deployment.firstHeight)],
  ];
  return lines.map(([name, value]) => `${name!.padEnd(20)}${value}`).join('\n');
}

async function main(): Promise<number> {
  let flags: { local?: boolean; coins?: boolean; json?: boolean; help?: boolean };
  try {
    flags = parseArgs({
      options: {
        local: { type: 'boolean' },
        coins: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    return 2;
  }
  if (flags.help) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    if (flags.coins) {
      const deployed = await deployCoins(process.env, flags.local ?? false);
      process.stdout.write(flags.json ? `${JSON.stringify(deployed)}\n` : `CoinRegister  ${deployed.coinRegister}\n`);
      return 0;
    }
    const options = flags.local ? localOptions(process.env) : readDeployOptions(process.env);
    const chainId = await chainIdOf(options.rpcUrl);
    refuseDevelopmentKeys(options, { chainId, isLoopback: isLoopback(options.rpcUrl) });
    // Loaded late: what is refused is refused before Hardhat is awake.
    const { deployContracts } = await import('./contracts/deploy.ts');
    const deployed = await deployContracts(options);
    process.stdout.write(`${flags.json ? JSON.stringify(deployed) : describe(deployed)}\n`);
    return 0;
  } catch (error) {
    const code = error instanceof SettlementError ? error.code : 'INTERNAL';
    const message = error instanceof Error ? error.message : String(error);
    if (flags.json) process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
    process.stderr.write(`✖ ${code}: ${message}\n`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main();
