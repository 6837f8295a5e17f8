/** What payers and merchants do with wallets of their own: sign typed data, send chain transactions. */
import { createPublicClient, http, keccak256, type PublicClient } from 'viem';
import { developmentAccount, LOCAL_CHAIN_ID } from '../../bridge/chain/keys.ts';
import { LOCAL_ACCOUNTS } from '../local/world.ts';

type Hex = `0x${string}`;
export type SendRequest = Readonly<{ to: string; data: string; value: string }>;

export type Wallets = Readonly<{
  sign(address: string, typedData: Readonly<Record<string, unknown>>): Promise<Hex>;
  /** Sends, unless it would revert by now, which it does when it was sent before. */
  send(address: string, request: SendRequest): Promise<Hex | undefined>;
}>;

const GAS = 300_000n;

/** The local world's wallets; each sends one chain transaction at a time, so that its nonces never collide. */
export function localWallets(rpcUrl: string): Wallets {
  const client = createPublicClient({ transport: http(rpcUrl), cacheTime: 0 });
  const accounts = new Map(
    Object.values(LOCAL_ACCOUNTS).map((index) => {
      const account = developmentAccount(index);
      return [account.address.toLowerCase(), account] as const;
    }),
  );
  const queues = new Map<string, Promise<unknown>>();
  const accountOf = (address: string) => {
    const account = accounts.get(address.toLowerCase());
    if (!account) throw new Error(`nobody here has the key of ${address}`);
    return account;
  };
  return {
    sign: (address, typedData) =>
      accountOf(address).signTypedData(typedData as Parameters<ReturnType<typeof accountOf>['signTypedData']>[0]),
    send(address, request) {
      const account = accountOf(address);
      const before = queues.get(address) ?? Promise.resolve();
      const sending = before.catch(() => {}).then(() => sendOne(client, account, request));
      queues.set(address, sending);
      return sending;
    },
  };
}

async function sendOne(
  client: PublicClient,
  account: ReturnType<typeof developmentAccount>,
  { to, data, value }: SendRequest,
): Promise<Hex | undefined> {
  const call = { account: account.address, to: to as Hex, data: data as Hex, value: BigInt(value) };
  try {
    await client.call(call);
  } catch (error) {
    if (isRevert(error)) return undefined;
    throw error;
  }
  const [nonce, gasPrice] = await Promise.all([
    client.getTransactionCount({ address: account.address, blockTag: 'pending' }),
    client.getGasPrice(),
  ]);
  const raw = await account.signTransaction({
    type: 'eip1559',
    chainId: LOCAL_CHAIN_ID,
    nonce,
    to: call.to,
    data: call.data,
    value: call.value,
    gas: GAS,
    maxFeePerGas: gasPrice * 4n,
    maxPriorityFeePerGas: 1_000_000_000n < gasPrice * 4n ? 1_000_000_000n : gasPrice * 4n,
  });
  await client.sendRawTransaction({ serializedTransaction: raw });
  return keccak256(raw);
}

function isRevert(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (/revert/i.test(cause.message)) return true;
  }
  return false;
}
