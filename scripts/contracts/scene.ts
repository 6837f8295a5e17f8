/** A chain of its own in this process, with the contracts on it and a cast of known accounts, for figures and tests. */
import {
  type Abi,
  createPublicClient,
  createWalletClient,
  custom,
  defineChain,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  keccak256,
  type PublicClient,
  stringToHex,
  type TransactionReceipt,
  type WalletClient,
} from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import type { Address, Hex } from '../../bridge/chain/domain.ts';
import { authorizationTypedData, type PaymentTerms } from '../../bridge/chain/escrow.ts';
import {
  type ContractArtifact,
  type ContractArtifacts,
  compileContracts,
  type PaymentContractName,
} from './compile.ts';

export type Provider = Readonly<{
  request(call: Readonly<{ method: string; params?: readonly unknown[] }>): Promise<unknown>;
}>;
export type ActorName =
  | 'admin'
  | 'operator'
  | 'treasurer'
  | 'pauser'
  | 'minter'
  | 'payer'
  | 'receiver'
  | 'feeReceiver'
  | 'stranger';
export type Call = Readonly<{ abi: Abi; functionName: string; args: readonly unknown[] }>;

export type Scene = Readonly<{
  chainId: number;
  provider: Provider;
  client: PublicClient;
  artifacts: ContractArtifacts<PaymentContractName>;
  actors: Readonly<Record<ActorName, PrivateKeyAccount>>;
  token: Address;
  escrow: Address;
  wallet: Address;
  /** A chain transaction; it must succeed unless `mayRevert`. */
  send(
    from: ActorName,
    recipient: Address,
    call: Call,
    options?: Readonly<{ value?: bigint; mayRevert?: boolean }>,
  ): Promise<TransactionReceipt>;
  deploy(artifact: ContractArtifact, args: readonly unknown[]): Promise<Address>;
  /** The payer's ERC-3009 signature over these terms. */
  signAuthorization(terms: PaymentTerms, signer?: ActorName): Promise<Hex>;
  close(): Promise<void>;
}>;

/** 2026-11-02T12:00:00Z, in the middle of a day, so that no hour or day ends while figures are taken. */
export const SCENE_TIME = 1_793_620_800n;
const ACTORS: readonly ActorName[] = [
  ...(['admin', 'operator', 'treasurer', 'pauser', 'minter'] as const),
  ...(['payer', 'receiver', 'feeReceiver', 'stranger'] as const),
];
const ONE_THOUSAND_COINS = `0x${(1_000n * 10n ** 18n).toString(16)}`;

export async function openScene(): Promise<Scene> {
  const artifacts = await compileContracts();
  const { default: hardhat } = await import('hardhat');
  const connection = await hardhat.network.create({
    network: 'local',
    override: { initialDate: new Date(Number(SCENE_TIME) * 1000) },
  });
  const provider = connection.provider as Provider;
  const chainId = Number(await provider.request({ method: 'eth_chainId' }));
  const chain = defineChain({
    id: chainId,
    name: 'scene',
    nativeCurrency: { name: 'coin', symbol: 'COIN', decimals: 18 },
    rpcUrls: { default: { http: [] } },
  });
  const transport = custom(provider);
  const client = createPublicClient({ chain, transport, cacheTime: 0, pollingInterval: 5 }) as PublicClient;
  const actors = Object.fromEntries(
    ACTORS.map((name) => [name, privateKeyToAccount(privateKeyOf(name))]),
  ) as Scene['actors'];
  const wallets = new Map<ActorName, WalletClient>();
  for (const name of ACTORS) {
    wallets.set(name, createWalletClient({ account: actors[name], chain, transport }));
    await provider.request({ method: 'hardhat_setBalance', params: [actors[name].address, ONE_THOUSAND_COINS] });
  }
  const broadcast = async (from: ActorName, request: object, mayRevert: boolean): Promise<TransactionReceipt> => {
    const hash = await wallets.get(from)!.sendTransaction({
      ...(request as { data: Hex }),
      account: actors[from],
      chain,
      type: 'eip1559',
      gas: 16_000_000n,
      maxFeePerGas: 10n ** 10n,
      maxPriorityFeePerGas: 1n,
    });
    const receipt = await client.getTransactionReceipt({ hash });
    if (receipt.status !== 'success' && !mayRevert) throw new Error(`a chain transaction of ${from} reverted: ${hash}`);
    return receipt;
  };
  const deploy = async (artifact: ContractArtifact, args: readonly unknown[]): Promise<Address> => {
    const nonce = BigInt(await client.getTransactionCount({ address: actors.admin.address }));
    const data = encodeDeployData({ abi: artifact.abi, bytecode: artifact.bytecode, args });
    await broadcast('admin', { data }, false);
    return getContractAddress({ from: actors.admin.address, nonce });
  };
  const { admin, operator, treasurer, pauser, minter } = actors;
  const token = await deploy(artifacts.LocalDollar, [minter.address]);
  const escrow = await deploy(artifacts.PaymentEscrow, [admin.address, operator.address, pauser.address]);
  const wallet = await deploy(artifacts.IntermediaryWallet, [
    ...[admin.address, operator.address, treasurer.address, pauser.address],
  ]);
  const deployment = {
    chainId,
    escrow,
    wallet,
    feeReceiver: actors.feeReceiver.address,
    tokenDomains: { [token.toLowerCase()]: { name: 'Local Dollar', version: '1' } },
    firstHeight: 0,
  };
  return {
    chainId,
    provider,
    client,
    artifacts,
    actors,
    token,
    escrow,
    wallet,
    deploy,
    send: (from, recipient, call, { value = 0n, mayRevert = false } = {}) =>
      broadcast(from, { to: recipient, data: encodeFunctionData(call), value }, mayRevert),
    signAuthorization: (terms, signer = 'payer') => {
      const { domain, types, primaryType, message } = authorizationTypedData(deployment, terms);
      return actors[signer].signTypedData({ domain, types, primaryType, message: message as never });
    },
    close: () => connection.close(),
  };
}

/** Known to everyone who reads this: for chains in a process alone. */
export function privateKeyOf(name: ActorName): Hex {
  return keccak256(stringToHex(`a key of the scene: ${name}`));
}
