/** Issues a coin as the register's issuer; on the local chain it makes the tokens first. */
import { createPublicClient, createWalletClient, encodeFunctionData, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { coinRegisterAbi } from '../../bridge/chain/bindings/coin-register.ts';
import { localDollarAbi } from '../../bridge/chain/bindings/local-dollar.ts';
import type { Address, Hex } from '../../bridge/chain/domain.ts';
import { LOCAL_CHAIN_ID } from '../../bridge/chain/keys.ts';
import { headWord } from '../../bridge/coins/register/domain.ts';
import type { ChainRegister } from '../../bridge/coins/register-client/chain-register.ts';
import { coinFailure } from '../../bridge/coins/security-element/failures.ts';
import { isLoopback } from '../../bridge/platform/configuration.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { developmentPrivateKey, LOCAL_ACCOUNTS, LOCAL_COIN_ISSUER } from '../local/world.ts';

const POLLING_MILLISECONDS = 100;

export type IssueOrder = Readonly<{ rpcUrl: string; register: ChainRegister; owner: Address; amount: bigint }>;

/**
 * Shape:  an owner's key and an amount → the coin's number
 * Errors: thrown COIN_AMOUNT_ZERO · COIN_REFUSED when the reserve does not cover it · CONFIGURATION_INVALID without an
 *         issuer's key elsewhere than on the local chain
 */
export async function issueCoin(order: IssueOrder): Promise<bigint> {
  const { rpcUrl, register, owner, amount } = order;
  if (amount === 0n) throw coinFailure('COIN_AMOUNT_ZERO', 'a coin of nothing');
  const { address, chainId } = register.register;
  const isLocal = chainId === LOCAL_CHAIN_ID && isLoopback(rpcUrl);
  const given = process.env.COIN_ISSUER_PRIVATE_KEY as Hex | undefined;
  if (!given && !isLocal) {
    const variable = 'COIN_ISSUER_PRIVATE_KEY';
    throw new SettlementError('CONFIGURATION_INVALID', `${variable} is missing`, { param: variable });
  }
  const send = senderOf(rpcUrl);
  if (isLocal) await coverOnLocalChain(order, send);
  const slot = await register.freeSlot();
  const data = encodeFunctionData({
    abi: coinRegisterAbi,
    functionName: 'issueTo',
    args: [headWord({ ...slot, owner }), amount],
  });
  await send(given ?? developmentPrivateKey(LOCAL_COIN_ISSUER), address, data);
  return slot.coin;
}

async function coverOnLocalChain({ register, amount, rpcUrl }: IssueOrder, send: Send): Promise<void> {
  const { address } = register.register;
  const client = createPublicClient({ transport: http(rpcUrl), cacheTime: 0 });
  const { reserve, outstanding } = await client.readContract({
    address,
    abi: coinRegisterAbi,
    functionName: 'supply',
  });
  if (reserve - outstanding >= amount) return;
  const token = await client.readContract({ address, abi: coinRegisterAbi, functionName: 'token' });
  const mint = encodeFunctionData({ abi: localDollarAbi, functionName: 'mint', args: [address, amount] });
  await send(developmentPrivateKey(LOCAL_ACCOUNTS.deployer), token, mint);
  const count = encodeFunctionData({ abi: coinRegisterAbi, functionName: 'countReserve' });
  await send(developmentPrivateKey(LOCAL_COIN_ISSUER), address, count);
}

type Send = (privateKey: Hex, to: Address, data: Hex) => Promise<void>;

/** Errors: thrown COIN_REFUSED with the register's words · COIN_REGISTER_UNAVAILABLE */
function senderOf(rpcUrl: string): Send {
  const client = createPublicClient({ transport: http(rpcUrl), cacheTime: 0, pollingInterval: POLLING_MILLISECONDS });
  return async (privateKey, to, data) => {
    const account = privateKeyToAccount(privateKey);
    const gas = await client.estimateGas({ account, to, data }).catch((error: Error) => {
      throw coinFailure('COIN_REFUSED', error.message.split('\n')[0]!);
    });
    try {
      const wallet = createWalletClient({ account, transport: http(rpcUrl) });
      const hash = await wallet.sendTransaction({ chain: null, to, data, gas: gas + 20_000n });
      await client.waitForTransactionReceipt({ hash });
    } catch (error) {
      const message = error instanceof Error ? error.message.split('\n')[0]! : String(error);
      throw coinFailure('COIN_REGISTER_UNAVAILABLE', message);
    }
  };
}
