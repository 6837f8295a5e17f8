/** Fills new books and a new chain with the small world of a local run. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createPublicClient, encodeFunctionData, erc20Abi, http, maxUint256 } from 'viem';
import { localDollarAbi } from '../../bridge/chain/bindings/local-dollar.ts';
import type { Deployment } from '../../bridge/chain/domain.ts';
import { openCardAccount } from '../../bridge/core/authorization/local-issuer-host.ts';
import { openExposure } from '../../bridge/core/controls/exposure/operations.ts';
import { registerInstrument } from '../../bridge/core/instruments/operations.ts';
import { registerParticipant } from '../../bridge/core/participants/operations.ts';
import { assetsOf, deploymentOf, hasWorld, readWorld, type World, writeWorld } from '../../bridge/main/world.ts';
import { SCOPES, type Scope, storeApiKey } from '../../bridge/platform/authentication.ts';
import { postEntries } from '../../ledger-service/journal/operations/post-entries.ts';
import { setNetDebitCap } from '../../ledger-service/journal/operations/set-net-debit-cap.ts';
import { type Database, inDatabaseTransaction, openDatabase } from '../../ledger-service/platform/database.ts';
import { AssetRegistry } from '../../ledger-service/vocabulary/assets.ts';
import { uuidFromMeaning } from '../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../ledger-service/vocabulary/time.ts';
import { type Call, type DeployedContracts, deployContracts, openSender } from '../contracts/deploy.ts';
import { listLocalPayee, localPolicy, prepareSigner, type SignerProcess, startSigner } from './signer-process.ts';
import {
  ACQUIRERS,
  COIN,
  developmentPrivateKey,
  ISSUERS,
  LOCAL_ACCOUNTS,
  type LocalAccountName,
  localAccount,
  localWorld,
  MERCHANTS,
  PAYERS,
  STOCKS,
  TOKEN,
} from './world.ts';

type Hex = `0x${string}`;
const SHARD = 0;
const CAPS = { perCall: 2n ** 100n, perHour: 2n ** 100n, perDay: 2n ** 100n };
/** In cents: what the wallet begins with, and as much again that it may promise. */
const COIN_EXPOSURE = 250_000_000n;
const TOKEN_EXPOSURE = 1_000_000_000n;
/** Below a tenth of what the wallet begins with somebody should look. */
const LOW_TENTHS = 10n;

/**
 * Deploys the contracts, funds wallets, registers everyone and opens their accounts.
 *
 * Shape:   → where the contracts are, and whether any of this was still to be done
 * Effects: the books' world is written last, so that a seeding that was stopped is done again from the beginning;
 *          every step of it can be done twice
 */
export async function seedLocalWorld(
  options: Readonly<{ databaseUrl: string; rpcUrl: string; clock: Clock; onStep?: (step: string) => void }>,
): Promise<Readonly<{ seeded: boolean; deployment: Deployment }>> {
  const database = openDatabase(options.databaseUrl, { poolSize: 4 });
  try {
    if (await hasWorld(database)) return { seeded: false, deployment: deploymentOf(await readWorld(database)) };
    options.onStep?.('deploying contracts');
    const deployed = await deployContracts({
      rpcUrl: options.rpcUrl,
      deployerPrivateKey: privateKeyOf('deployer'),
      admin: localAccount('deployer').address,
      operator: localAccount('operator').address,
      treasurer: localAccount('treasurer').address,
      treasurerPrivateKey: privateKeyOf('treasurer'),
      pauser: localAccount('pauser').address,
      feeReceiver: localAccount('feeReceiver').address,
      localDollarMinter: localAccount('deployer').address,
      caps: CAPS,
    });
    const token = deployed.localDollar;
    if (!token) throw new Error('a local run has its own dollar token');
    options.onStep?.('funding wallets');
    const filledAtHeight = await fundWallets(options.rpcUrl, deployed, token);
    const world = localWorld({ ...deployed.deployment, filledAtHeight } as World['deployment'], token);
    options.onStep?.('registering participants');
    await registerEveryone(database, options.clock, world, token);
    await writeWorld(database, world);
    return { seeded: true, deployment: deployed.deployment };
  } finally {
    await database.close();
  }
}

/** Makes a new key for the API and returns it: only its hash is stored. */
export async function makeApiKey(
  databaseUrl: string,
  clock: Clock,
  name: string,
  scopes: readonly Scope[] = SCOPES,
  participantId?: string,
): Promise<string> {
  const database = openDatabase(databaseUrl, { poolSize: 1 });
  try {
    const secret = randomBytes(32).toString('base64url');
    const key = { keyId: name, secret, displayName: name, scopes, ...(participantId ? { participantId } : {}) };
    await storeApiKey(database, clock, key);
    return `${name}.${secret}`;
  } finally {
    await database.close();
  }
}

export function privateKeyOf(name: LocalAccountName): Hex {
  return developmentPrivateKey(LOCAL_ACCOUNTS[name]);
}

/** → the block up to which the wallet is filled. */
async function fundWallets(rpcUrl: string, { deployment }: DeployedContracts, token: Hex): Promise<number> {
  const client = createPublicClient({ transport: http(rpcUrl), cacheTime: 0 });
  const balanceOf = (address: Hex) =>
    client.readContract({ address: token, abi: erc20Abi, functionName: 'balanceOf', args: [address] });
  const holders: readonly (readonly [address: Hex, stock: bigint])[] = [
    [deployment.wallet, STOCKS.walletTokens],
    ...PAYERS.flatMap(({ wallet }) =>
      wallet ? [[localAccount(wallet.account).address, STOCKS.payerTokens] as const] : [],
    ),
    [localAccount('arcade').address, STOCKS.merchantTokens],
  ];
  const calls: Call[] = [];
  for (const [address, stock] of holders) {
    const missing = stock - (await balanceOf(address));
    if (missing <= 0n) continue;
    const data = encodeFunctionData({ abi: localDollarAbi, functionName: 'mint', args: [address, missing] });
    calls.push({ to: token, data, value: 0n });
  }
  const missingCoins = STOCKS.walletCoins - (await client.getBalance({ address: deployment.wallet }));
  if (missingCoins > 0n) calls.push({ to: deployment.wallet, data: '0x', value: missingCoins });
  const deployer = await openSender(rpcUrl, privateKeyOf('deployer'));
  await deployer.send(calls);
  // A refund on chain is taken from the merchant's wallet, which allows it to the escrow.
  const allow = encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: [deployment.escrow, maxUint256] });
  const merchant = await openSender(rpcUrl, privateKeyOf('arcade'));
  await merchant.send([{ to: token, data: allow, value: 0n }]);
  return Number(await client.getBlockNumber());
}

async function registerEveryone(database: Database, clock: Clock, world: World, token: Hex): Promise<void> {
  const { chainId } = world.deployment;
  const assets = new AssetRegistry(assetsOf(world));
  const codeOf = (symbol: string) =>
    symbol === 'USDL' ? TOKEN(chainId, token) : symbol === 'ETH' ? COIN(chainId) : symbol;
  const directory = { database, clock, assets };
  for (const { participantId, displayName, caps } of ISSUERS) {
    await registerParticipant(directory, { kind: 'issuer', shard: SHARD, participantId, displayName });
    for (const [asset, minorUnits] of Object.entries(caps)) {
      await setNetDebitCap(
        database,
        { shard: SHARD, path: `issuer/${participantId}/position` },
        { minorUnits, asset },
        { now: clock.now() },
      );
    }
  }
  for (const acquirer of ACQUIRERS)
    await registerParticipant(directory, { kind: 'acquirer', shard: SHARD, ...acquirer });
  for (const { paidIn, account, acquirerId, ...merchant } of MERCHANTS) {
    await registerParticipant(directory, {
      kind: 'merchant',
      shard: SHARD,
      ...merchant,
      payoutAsset: codeOf(paidIn),
      ...(acquirerId ? { acquirerId } : {}),
      ...(account ? { address: localAccount(account).address } : {}),
    });
  }
  for (const { participantId, displayName, cards, wallet } of PAYERS) {
    await registerParticipant(directory, { kind: 'payer', shard: SHARD, participantId, displayName });
    for (const { instrumentId, issuerId, currency, balance, conduct } of cards) {
      await registerInstrument(directory, {
        kind: 'card',
        shard: SHARD,
        instrumentId,
        participantId,
        issuerId,
        asset: currency,
      });
      await openCardAccount(database, { instrumentToken: instrumentId, issuerId, currency, balance, conduct });
    }
    if (wallet) {
      await registerInstrument(directory, {
        kind: 'wallet',
        shard: SHARD,
        instrumentId: wallet.instrumentId,
        participantId,
        address: localAccount(wallet.account).address,
      });
    }
  }
  const limits = [
    { asset: TOKEN(chainId, token), maximum: TOKEN_EXPOSURE, minimumInventory: STOCKS.walletTokens / LOW_TENTHS },
    { asset: COIN(chainId), maximum: COIN_EXPOSURE, minimumInventory: STOCKS.walletCoins / LOW_TENTHS },
  ];
  for (const limit of limits) await openExposure(database, { shard: SHARD, ...limit });
  await postTreasury(database, clock, [
    { minorUnits: STOCKS.walletTokens, asset: TOKEN(chainId, token) },
    { minorUnits: STOCKS.walletCoins, asset: COIN(chainId) },
  ]);
}

/** What the intermediary puts into its wallet to begin with. */
async function postTreasury(
  database: Database,
  clock: Clock,
  stocks: readonly Readonly<{ minorUnits: bigint; asset: string }>[],
): Promise<void> {
  await inDatabaseTransaction(database, async (transaction) => {
    const now = clock.now();
    const entry = {
      shard: SHARD,
      entryIdentifier: uuidFromMeaning('treasury', 'opening'),
      kind: 'treasury.deposit',
      subject: 'opening',
      eventAt: new Date(0),
      transfers: stocks.map((amount) => ({
        transferIdentifier: uuidFromMeaning('treasury', 'opening', amount.asset),
        kind: 'post' as const,
        debit: 'intermediary/chain',
        credit: 'intermediary/treasury',
        amount,
      })),
    };
    const [result] = await postEntries(transaction, [entry], { now });
    if (result?.outcome === 'refused') throw new Error(`the books refused the treasury: ${JSON.stringify(result)}`);
  });
}

/**
 * Starts the signer of a small world, in a folder of its own, with every merchant that is paid in crypto on its list.
 *
 * Effects: the well-known development key is in its keystore, and the well-known treasurer signs the list
 */
export async function startLocalSigner(folder: string, rpcUrl: string, deployment: Deployment): Promise<SignerProcess> {
  const signerFolder = join(folder, 'signer');
  const treasurer = localAccount('treasurer').address;
  const policy = localPolicy(signerFolder, { deployment, rpcUrl, treasurer });
  prepareSigner(signerFolder, policy, privateKeyOf('operator'));
  const signer = await startSigner(signerFolder);
  for (const { account, displayName } of MERCHANTS) {
    if (!account) continue;
    const { address } = localAccount(account);
    await listLocalPayee(signer.client, privateKeyOf('treasurer'), { address, name: displayName });
  }
  return signer;
}
