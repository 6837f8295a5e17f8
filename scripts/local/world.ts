/** The small world of a local run: who is in it, what it costs, and what everyone has to begin with. */
import { developmentAccount } from '../../bridge/chain/keys.ts';
import type { CardConduct } from '../../bridge/core/authorization/local-issuer-host.ts';
import type { World } from '../../bridge/main/world.ts';

export const COIN = (chainId: number) => `eip155:${chainId}/slip44:60`;
export const TOKEN = (chainId: number, address: string) => `eip155:${chainId}/erc20:${address.toLowerCase()}`;

/** Which of the well-known development accounts does what. They are worth nothing anywhere else. */
export const LOCAL_ACCOUNTS = {
  deployer: 0,
  operator: 1,
  treasurer: 2,
  pauser: 3,
  feeReceiver: 4,
  arcade: 5,
  gallery: 6,
  ana: 10,
  chloe: 11,
  hugo: 12,
  ines: 13,
} as const;
/** Development accounts that issue coins, and that pay for the gas of devices; the bridge uses neither. */
export const LOCAL_COIN_ISSUER = 7;
export const LOCAL_COIN_SPONSOR = 8;
export type LocalAccountName = keyof typeof LOCAL_ACCOUNTS;

export function localAccount(name: LocalAccountName) {
  return developmentAccount(LOCAL_ACCOUNTS[name]);
}

export function developmentPrivateKey(index: number): `0x${string}` {
  const { privateKey } = developmentAccount(index).getHdKey();
  if (!privateKey) throw new Error(`no private key for development account ${index}`);
  return `0x${Buffer.from(privateKey).toString('hex')}`;
}

export const ISSUERS = [
  { participantId: 'alba', displayName: 'Banca Alba', caps: { EUR: 50_000_000n, USD: 50_000_000n } },
  { participantId: 'norte', displayName: 'Norte Card Bank', caps: { EUR: 50_000_000n, USD: 50_000_000n } },
] as const;

export const ACQUIRERS = [
  { participantId: 'porto', displayName: 'Porto Acquiring' },
  { participantId: 'harbor', displayName: 'Harbor Merchant Services' },
] as const;

export type LocalMerchant = Readonly<{
  participantId: string;
  displayName: string;
  paidIn: 'EUR' | 'USD' | 'USDL' | 'ETH';
  acquirerId?: string;
  account?: LocalAccountName;
  merchantFeeBasisPoints: number;
}>;

export const MERCHANTS: readonly LocalMerchant[] = [
  {
    participantId: 'bakery',
    displayName: 'Corner Bakery',
    paidIn: 'EUR',
    acquirerId: 'porto',
    merchantFeeBasisPoints: 100,
  },
  {
    participantId: 'cinema',
    displayName: 'Harbor Cinema',
    paidIn: 'USD',
    acquirerId: 'harbor',
    merchantFeeBasisPoints: 120,
  },
  {
    participantId: 'arcade',
    displayName: 'Pixel Arcade',
    paidIn: 'USDL',
    account: 'arcade',
    merchantFeeBasisPoints: 100,
  },
  {
    participantId: 'gallery',
    displayName: 'Print Gallery',
    paidIn: 'ETH',
    account: 'gallery',
    merchantFeeBasisPoints: 80,
  },
];

export type LocalCard = Readonly<{
  instrumentId: string;
  issuerId: string;
  currency: 'EUR' | 'USD';
  balance: bigint;
  conduct: CardConduct;
}>;

/** Payers with cards, with wallets and with both; some cards are there to be declined, or never answered. */
export const PAYERS: readonly Readonly<{
  participantId: string;
  displayName: string;
  cards: readonly LocalCard[];
  wallet?: Readonly<{ instrumentId: string; account: LocalAccountName }>;
}>[] = [
  {
    participantId: 'ana',
    displayName: 'Ana Ribeiro',
    cards: [card('ana-card', 'alba', 'EUR', 5_000_000n)],
    wallet: { instrumentId: 'ana-wallet', account: 'ana' },
  },
  { participantId: 'ben', displayName: 'Ben Carter', cards: [card('ben-card', 'norte', 'USD', 5_000_000n)] },
  {
    participantId: 'chloe',
    displayName: 'Chloe Martin',
    cards: [],
    wallet: { instrumentId: 'chloe-wallet', account: 'chloe' },
  },
  { participantId: 'dora', displayName: 'Dora Nagy', cards: [card('dora-card', 'norte', 'EUR', 5_000_000n)] },
  {
    participantId: 'emil',
    displayName: 'Emil Berg',
    cards: [card('emil-card', 'alba', 'EUR', 4_000_000n), card('emil-blocked', 'alba', 'EUR', 4_000_000n, 'blocked')],
  },
  {
    participantId: 'fay',
    displayName: 'Fay Okoro',
    // Approves what is there and no more: each payment above it is approved in part.
    cards: [
      card('fay-card', 'norte', 'USD', 20_000n, 'partial'),
      card('fay-card-eur', 'norte', 'EUR', 15_000n, 'partial'),
    ],
  },
  { participantId: 'gus', displayName: 'Gus Lind', cards: [card('gus-card', 'alba', 'EUR', 4_000_000n, 'silent')] },
  {
    participantId: 'hugo',
    displayName: 'Hugo Salas',
    cards: [card('hugo-card', 'alba', 'USD', 5_000_000n)],
    wallet: { instrumentId: 'hugo-wallet', account: 'hugo' },
  },
  {
    participantId: 'ines',
    displayName: 'Ines Costa',
    cards: [],
    wallet: { instrumentId: 'ines-wallet', account: 'ines' },
  },
  { participantId: 'jo', displayName: 'Jo Short', cards: [card('jo-card', 'norte', 'EUR', 500n)] },
];

function card(
  instrumentId: string,
  issuerId: string,
  currency: 'EUR' | 'USD',
  balance: bigint,
  conduct: CardConduct = 'usual',
): LocalCard {
  return { instrumentId, issuerId, currency, balance, conduct };
}

/** What the wallet begins with, what payers begin with, and how far the wallet may go. Minor units. */
export const STOCKS = {
  walletTokens: 5_000_000_000_000n,
  walletCoins: 500n * 10n ** 18n,
  payerTokens: 1_000_000_000_000n,
  merchantTokens: 1_000_000_000n,
} as const;

/** Fixed prices of a local run, in US dollars for one whole unit; the two desks lie a little apart. */
export function localWorld(deployment: World['deployment'], token: `0x${string}`): World {
  const { chainId } = deployment;
  const prices = (coin: string, euro: string) => ({
    USD: { numerator: '1', denominator: '1', scale: 2 },
    EUR: { numerator: euro, denominator: '10000', scale: 2 },
    [TOKEN(chainId, token)]: { numerator: '1', denominator: '1', scale: 6 },
    [COIN(chainId)]: { numerator: coin, denominator: '1', scale: 18 },
  });
  return {
    deployment,
    assets: [
      { code: TOKEN(chainId, token), kind: 'token', symbol: 'USDL', scale: 6 },
      { code: COIN(chainId), kind: 'coin', symbol: 'ETH', scale: 18 },
    ],
    networkFees: { interchangeBasisPoints: 20, schemeFeeBasisPoints: 5 },
    quotePolicy: {
      maximumAgeMilliseconds: 30_000,
      maximumDeviationBasisPoints: '50',
      minimumSources: 2,
      spreadBasisPoints: '50',
      validForMilliseconds: 300_000,
    },
    prices: { 'desk-east': prices('2500', '10870'), 'desk-west': prices('2503', '10874') },
    exposureCurrency: 'USD',
    // A cent of the token; what a transfer costs of the coin.
    leastReturns: { [TOKEN(chainId, token)]: '10000', [COIN(chainId)]: (10n ** 13n).toString() },
    paymentLimits: {
      EUR: '2500000',
      USD: '2500000',
      [TOKEN(chainId, token)]: '25000000000',
      [COIN(chainId)]: (10n * 10n ** 18n).toString(),
    },
    lateReversalsBorneBy: 'merchant',
    calendar: 'daily',
  };
}
