/** Deploys the contracts, each at an address that depends on what it is and not on who deployed what before. */
import { setTimeout as wait } from 'node:timers/promises';
import {
  concatHex,
  createPublicClient,
  encodeAbiParameters,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  http,
  keccak256,
  type PublicClient,
  stringToHex,
} from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { depositAddressesAbi } from '../../bridge/chain/bindings/deposit-addresses.ts';
import { intermediaryWalletAbi } from '../../bridge/chain/bindings/intermediary-wallet.ts';
import { type DepositTerms, depositAddressOf } from '../../bridge/chain/deposits.ts';
import type { Deployment } from '../../bridge/chain/domain.ts';
import { compileContracts, type PaymentContractName } from './compile.ts';

export type DeployOptions = Readonly<{
  rpcUrl: string;
  deployerPrivateKey: Hex;
  admin: Hex;
  operator: Hex;
  treasurer: Hex;
  /** Sets the wallet's first caps; without it they are left for the treasurer to set. */
  treasurerPrivateKey?: Hex;
  pauser: Hex;
  feeReceiver: Hex;
  /** Only for local runs: who may make the local dollar. Without it no such token is deployed. */
  localDollarMinter?: Hex;
  /** Units of any token, and of the chain's own coin, that may leave the wallet in a call, an hour and a day. */
  caps: Readonly<{ perCall: bigint; perHour: bigint; perDay: bigint }>;
}>;

export type DeployedContracts = Readonly<{ deployment: Deployment; localDollar?: Hex }>;

/**
 * The deterministic deployment proxy (Arachnid/deterministic-deployment-proxy): one contract that many chains have at
 * the same address, put there by a chain transaction that nobody has the key of.
 */
export const FACTORY: Hex = '0x4e59b44847b379578588920ca78fbf26c0b4956c';
const FACTORY_SIGNER: Hex = '0x3fab184622dc19b6109349b94811493bf2a45362';
const FACTORY_COST_WEI = 10n ** 16n;
const FACTORY_TRANSACTION: Hex =
  '0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222222222222222222222222222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222';
export const SALT = keccak256(stringToHex('specie 1'));
const NATIVE_TOKEN: Hex = '0x0000000000000000000000000000000000000000';
const POLL_MILLISECONDS = 100;
const PATIENCE_MILLISECONDS = 120_000;

/**
 * Shape:   who may do what → where everything is
 * Effects: only what is not there yet is sent, so that doing it twice is doing it once
 * Errors:  thrown when the chain refuses, or does not take a deployment up within two minutes
 */
export async function deployContracts(options: DeployOptions): Promise<DeployedContracts> {
  const artifacts = await compileContracts();
  const sender = await openSender(options.rpcUrl, options.deployerPrivateKey);
  const heightBefore = Number(await sender.client.getBlockNumber());
  await ensureFactory(sender);
  const place = (name: PaymentContractName, constructorArguments: readonly Hex[]) => {
    const parameters = constructorArguments.map(() => ({ type: 'address' }) as const);
    const initCode = concatHex([artifacts[name].bytecode, encodeAbiParameters(parameters, [...constructorArguments])]);
    return {
      initCode,
      address: getContractAddress({ from: FACTORY, opcode: 'CREATE2', salt: SALT, bytecode: initCode }),
    };
  };
  const { admin, operator, treasurer, pauser, localDollarMinter } = options;
  const escrow = place('PaymentEscrow', [admin, operator, pauser]);
  const wallet = place('IntermediaryWallet', [admin, operator, treasurer, pauser]);
  const deposits = place('DepositAddresses', [admin, operator]);
  const dollar = localDollarMinter && place('LocalDollar', [localDollarMinter]);
  const calls: Call[] = [];
  const places = [escrow, wallet, deposits, ...(dollar ? [dollar] : [])];
  for (const { address, initCode } of places) {
    if ((await sender.client.getCode({ address })) === undefined) {
      calls.push({ to: FACTORY, data: concatHex([SALT, initCode]), value: 0n });
    }
  }
  // Contracts of an earlier deployment may have logs at any height.
  const firstHeight = calls.length === places.length ? heightBefore : 0;
  await sender.send(calls);
  const localDollar = dollar ? lowerCase(dollar.address) : undefined;
  await setFirstCaps(options, wallet.address, [NATIVE_TOKEN, ...(localDollar ? [localDollar] : [])]);
  return {
    ...(localDollar ? { localDollar } : {}),
    deployment: {
      chainId: await sender.client.getChainId(),
      escrow: lowerCase(escrow.address),
      wallet: lowerCase(wallet.address),
      feeReceiver: lowerCase(options.feeReceiver),
      deposits: lowerCase(deposits.address),
      depositInitCodeHash: await depositInitCodeHashOf(sender.client, deposits.address),
      tokenDomains: localDollar ? { [localDollar]: { name: 'Local Dollar', version: '1' } } : {},
      firstHeight,
      filledAtHeight: firstHeight,
    },
  };
}

/**
 * The hash of the code that every deposit address is made with. The contract keeps it in its own code, as a constant of
 * 32 bytes that nothing reads out; the one is taken with which the contract's addresses can be foretold.
 */
async function depositInitCodeHashOf(client: PublicClient, deposits: Hex): Promise<Hex> {
  const sample: DepositTerms = {
    destination: deposits,
    token: NATIVE_TOKEN,
    amount: 1n,
    expiresAt: 1,
    returnTo: deposits,
    paymentHash: SALT,
    salt: SALT,
  };
  const [code, expected] = await Promise.all([
    client.getCode({ address: deposits }),
    client.readContract({
      address: deposits,
      abi: depositAddressesAbi,
      functionName: 'depositAddressOf',
      args: [sample],
    }),
  ]);
  const constants = [...(code ?? '').matchAll(/7f(?=([0-9a-f]{64}))/g)].map(([, word]): Hex => `0x${word!}`);
  const fits = (depositInitCodeHash: Hex) =>
    depositAddressOf({ deposits, depositInitCodeHash }, sample) === lowerCase(expected);
  const found = constants.find(fits);
  if (found) return found;
  throw new Error(`the addresses that ${deposits} makes cannot be foretold`);
}

export async function ensureFactory(sender: Sender): Promise<void> {
  const { client } = sender;
  if ((await client.getCode({ address: FACTORY })) !== undefined) return;
  const missing = FACTORY_COST_WEI - (await client.getBalance({ address: FACTORY_SIGNER }));
  if (missing > 0n) await sender.send([{ to: FACTORY_SIGNER, data: '0x', value: missing }]);
  await client.sendRawTransaction({ serializedTransaction: FACTORY_TRANSACTION });
  await untilMined(client, keccak256(FACTORY_TRANSACTION));
}

async function setFirstCaps(options: DeployOptions, wallet: Hex, tokens: readonly Hex[]): Promise<void> {
  if (!options.treasurerPrivateKey) return;
  const treasurer = await openSender(options.rpcUrl, options.treasurerPrivateKey);
  const calls: Call[] = [];
  for (const token of tokens) {
    const [perCall] = await treasurer.client.readContract({
      address: wallet,
      abi: intermediaryWalletAbi,
      functionName: 'capsOf',
      args: [token],
    });
    if (perCall > 0n) continue;
    const data = encodeFunctionData({
      abi: intermediaryWalletAbi,
      functionName: 'setCaps',
      args: [token, options.caps],
    });
    calls.push({ to: wallet, data, value: 0n });
  }
  await treasurer.send(calls);
}

export type Call = Readonly<{ to: Hex; data: Hex; value: bigint }>;

/** One account that sends: calls go out in order, and the last one is waited for. */
export type Sender = Readonly<{
  client: PublicClient;
  account: PrivateKeyAccount;
  send(calls: readonly Call[]): Promise<void>;
}>;

export async function openSender(rpcUrl: string, privateKey: Hex): Promise<Sender> {
  const client = createPublicClient({ transport: http(rpcUrl), cacheTime: 0 });
  const account = privateKeyToAccount(privateKey);
  const chainId = await client.getChainId();
  return {
    client,
    account,
    async send(calls) {
      const hashes: Hex[] = [];
      const firstNonce = await client.getTransactionCount({ address: account.address, blockTag: 'pending' });
      for (const [index, call] of calls.entries()) {
        // The base fee at most doubles within six full blocks: four times the price of now outlives this.
        const gasPrice = await client.getGasPrice();
        const gas = await client.estimateGas({ account: account.address, ...call });
        const raw = await account.signTransaction({
          type: 'eip1559',
          chainId,
          nonce: firstNonce + index,
          ...call,
          gas: (gas * 12n) / 10n,
          maxFeePerGas: gasPrice * 4n,
          maxPriorityFeePerGas: gasPrice < 10n ** 9n ? gasPrice : 10n ** 9n,
        });
        hashes.push(await client.sendRawTransaction({ serializedTransaction: raw }));
      }
      for (const hash of hashes) await untilMined(client, hash);
    },
  };
}

async function untilMined(client: PublicClient, hash: Hex): Promise<void> {
  const deadline = performance.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    const receipt = await client.getTransactionReceipt({ hash }).catch(() => undefined);
    if (receipt?.status === 'success') return;
    if (receipt) throw new Error(`the chain refused ${hash}`);
    if (performance.now() > deadline) throw new Error(`${hash} was not mined within two minutes`);
    await wait(POLL_MILLISECONDS);
  }
}

function lowerCase(address: Hex): Hex {
  return address.toLowerCase() as Hex;
}
