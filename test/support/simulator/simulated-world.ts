import { privateKeyToAccount } from 'viem/accounts';
import type { Address, Deployment, Hex } from '../../../bridge/chain/domain.ts';
import { NATIVE_TOKEN } from '../../../bridge/chain/escrow.ts';
import { openExposure } from '../../../bridge/core/controls/exposure/operations.ts';
import { registerInstrument } from '../../../bridge/core/instruments/operations.ts';
import { registerParticipant } from '../../../bridge/core/participants/operations.ts';
import { assetsOf, type World, writeWorld } from '../../../bridge/main/world.ts';
import { postEntries } from '../../../ledger-service/journal/operations/post-entries.ts';
import { setNetDebitCap } from '../../../ledger-service/journal/operations/set-net-debit-cap.ts';
import { type Database, inDatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import { AssetRegistry } from '../../../ledger-service/vocabulary/assets.ts';
import { uuidFromMeaning } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import { COIN, localWorld, TOKEN } from '../../../scripts/local/world.ts';

const account = (digit: string) => privateKeyToAccount(`0x${digit.repeat(64)}`);
const address = (digit: string): Address => `0x${digit.repeat(40)}`;

export const CHAIN_ID = 31_337;
export const OPERATOR_KEY: Hex = `0x${'7'.repeat(64)}`;
export const OPERATOR = privateKeyToAccount(OPERATOR_KEY);
export const PAYERS = { ana: account('1'), ben: account('2') } as const;
export type PayerName = keyof typeof PAYERS;
/** Whose signature puts payees on the signer's list. */
export const TREASURER = account('4');
export const MERCHANT_WALLET = account('3').address;

const tokenAddress = address('a');
export const DEPLOYMENT: Deployment = {
  chainId: CHAIN_ID,
  escrow: address('b'),
  wallet: address('c'),
  feeReceiver: address('d'),
  deposits: address('e'),
  depositInitCodeHash: `0x${'e'.repeat(64)}`,
  tokenDomains: { [tokenAddress]: { name: 'Local Dollar', version: '1' } },
  firstHeight: 0,
  filledAtHeight: 0,
};
export const TOKEN_ASSET = TOKEN(CHAIN_ID, tokenAddress);
export const COIN_ASSET = COIN(CHAIN_ID);
export const WORLD: World = localWorld(DEPLOYMENT as World['deployment'], tokenAddress);

export const CARD_BALANCE = 30_000n;
export const ISSUER_CAP = 10_000_000n;
const WALLET_TOKENS = 2_000_000_000n;
const PAYER_TOKENS = 1_000_000_000n;
const PAYER_COINS = 10n ** 21n;
/**
 * In cents: what the wallet holds, at the mark, and so little more that a seed's payments can reach it; 300 dollars of
 * the token, 0.3 of the coin at 2,503 dollars.
 */
export const TOKEN_EXPOSURE = 200_000n + 30_000n;
export const COIN_EXPOSURE = 250_300_000n + 75_090n;
/** What one payer may have open. */
export const PAYER_EXPOSURE = 25_000n;

/** Who holds what on chain to begin with; the books say the same of the wallet. */
export const HOLDERS = [
  { token: tokenAddress, owner: DEPLOYMENT.wallet, amount: WALLET_TOKENS },
  { token: NATIVE_TOKEN, owner: DEPLOYMENT.wallet, amount: PAYER_COINS },
  ...Object.values(PAYERS).flatMap((payer) => [
    { token: tokenAddress, owner: payer.address, amount: PAYER_TOKENS },
    { token: NATIVE_TOKEN, owner: payer.address, amount: PAYER_COINS },
  ]),
  { token: tokenAddress, owner: MERCHANT_WALLET, amount: 0n },
];

/** Fills emptied tables: everyone who takes part, the caps, and what the wallet has. */
export async function fillWorld(database: Database, clock: Clock): Promise<void> {
  const directory = { database, clock, assets: new AssetRegistry(assetsOf(WORLD)) };
  const shard = 0;
  const named = (participantId: string) => ({ shard, participantId, displayName: participantId });
  await writeWorld(database, WORLD);
  await registerParticipant(directory, { kind: 'issuer', ...named('alba') });
  await setNetDebitCap(
    database,
    { shard, path: 'issuer/alba/position' },
    { minorUnits: ISSUER_CAP, asset: 'EUR' },
    { now: clock.now() },
  );
  await registerParticipant(directory, { kind: 'acquirer', ...named('porto') });
  await registerParticipant(directory, {
    kind: 'merchant',
    ...named('bakery'),
    payoutAsset: 'EUR',
    acquirerId: 'porto',
    merchantFeeBasisPoints: 100,
  });
  await registerParticipant(directory, {
    kind: 'merchant',
    ...named('arcade'),
    payoutAsset: TOKEN_ASSET,
    address: MERCHANT_WALLET,
    merchantFeeBasisPoints: 100,
  });
  for (const [payer, { address: wallet }] of Object.entries(PAYERS)) {
    await registerParticipant(directory, { kind: 'payer', ...named(payer) });
    const instrument = { shard, participantId: payer };
    await registerInstrument(directory, {
      kind: 'card',
      ...instrument,
      instrumentId: `${payer}-card`,
      issuerId: 'alba',
      asset: 'EUR',
    });
    await registerInstrument(directory, {
      kind: 'wallet',
      ...instrument,
      instrumentId: `${payer}-wallet`,
      address: wallet,
    });
  }
  const token = { maximum: TOKEN_EXPOSURE, counterpartyMaximum: PAYER_EXPOSURE, minimumInventory: WALLET_TOKENS };
  await openExposure(database, { shard, asset: TOKEN_ASSET, ...token });
  await openExposure(database, { shard, asset: COIN_ASSET, maximum: COIN_EXPOSURE });
  await inDatabaseTransaction(database, (transaction) =>
    postEntries(
      transaction,
      [
        {
          shard,
          entryIdentifier: uuidFromMeaning('treasury', 'opening'),
          kind: 'treasury.deposit',
          subject: 'opening',
          eventAt: clock.now(),
          transfers: [
            { asset: TOKEN_ASSET, minorUnits: WALLET_TOKENS },
            { asset: COIN_ASSET, minorUnits: PAYER_COINS },
          ].map((amount) => ({
            transferIdentifier: uuidFromMeaning('treasury', 'opening', amount.asset),
            kind: 'post' as const,
            debit: 'intermediary/chain',
            credit: 'intermediary/treasury',
            amount,
          })),
        },
      ],
      { now: clock.now() },
    ),
  );
}
