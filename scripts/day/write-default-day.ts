/** Writes the day that ships with Specie, `default-day.csv`: 1,000 payments, the same ones every time. */
import { writeFileSync } from 'node:fs';
import { DAY_COLUMNS } from './day-file.ts';

const DAY = '2026-11-02';
const PAYMENTS = 1_000;

/** A small generator with a fixed seed (Marsaglia, xorshift32): chance that is the same for everyone. */
let state = 20_261_102;
function below(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}
function pick<Item>(items: readonly Item[]): Item {
  return items[below(items.length)]!;
}

type Rail = Readonly<{ payer: string; instrument: string; symbol: string }>;
const card = (payer: string, symbol: string): Rail => ({ payer, instrument: `${payer}-card`, symbol });
const wallet = (payer: string, symbol: string): Rail => ({ payer, instrument: `${payer}-wallet`, symbol });
const EURO_CARDS = [card('ana', 'EUR'), card('dora', 'EUR'), card('emil', 'EUR')];
const DOLLAR_CARDS = [card('ben', 'USD'), card('hugo', 'USD')];
const HOLDERS = ['ana', 'chloe', 'hugo', 'ines'];
const TOKEN_WALLETS = HOLDERS.map((payer) => wallet(payer, 'USDL'));
const COIN_WALLETS = HOLDERS.map((payer) => wallet(payer, 'ETH'));

const ROUTES: readonly Readonly<{ rails: readonly Rail[]; merchants: readonly string[] }>[] = [
  { rails: EURO_CARDS, merchants: ['bakery'] },
  { rails: DOLLAR_CARDS, merchants: ['cinema'] },
  { rails: TOKEN_WALLETS, merchants: ['arcade'] },
  { rails: COIN_WALLETS, merchants: ['gallery'] },
  { rails: TOKEN_WALLETS, merchants: ['bakery', 'cinema'] },
  { rails: COIN_WALLETS, merchants: ['bakery', 'cinema'] },
  { rails: EURO_CARDS, merchants: ['arcade', 'gallery'] },
  { rails: DOLLAR_CARDS, merchants: ['arcade', 'gallery'] },
];
const DECIMALS: Readonly<Record<string, number>> = { EUR: 2, USD: 2, USDL: 2, ETH: 5 };

type Line = Record<(typeof DAY_COLUMNS)[number], string>;

function text(units: number, symbol: string): string {
  const decimals = DECIMALS[symbol] ?? 2;
  const digits = String(units).padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** In hundredths, or for the coin in hundred-thousandths, so that a price is between 3 and 90 in everyone's money. */
function price(symbol: string): number {
  return symbol === 'ETH' ? 120 + below(3_500) : 300 + below(8_700);
}

function life(units: number, symbol: string): Pick<Line, 'captures' | 'afterwards' | 'refund'> {
  const chance = below(100);
  const part = Math.floor((units * (40 + below(40))) / 100);
  if (chance < 62) return { captures: 'full', afterwards: '', refund: '' };
  if (chance < 68) return { captures: 'full', afterwards: '', refund: text(Math.floor(part / 2), symbol) };
  if (chance < 70) return { captures: 'full', afterwards: '', refund: text(units, symbol) };
  if (chance < 78) return { captures: text(part, symbol), afterwards: 'void', refund: '' };
  if (chance < 84) return { captures: text(part, symbol), afterwards: '', refund: '' };
  if (chance < 92) {
    const first = Math.floor(part / 2);
    return {
      captures: [first, part - first, units - part].map((amount) => text(amount, symbol)).join('+'),
      afterwards: '',
      refund: '',
    };
  }
  if (chance < 97) return { captures: '', afterwards: 'void', refund: '' };
  return { captures: '', afterwards: 'expire', refund: '' };
}

function timeOf(index: number): string {
  // A shop's day: from 06:00 to 23:00 UTC, at an even pace with a little chance in it.
  const seconds = 6 * 3_600 + Math.floor((index * 17 * 3_600) / PAYMENTS) + below(40);
  const time = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${DAY}T${time.map((part) => String(part).padStart(2, '0')).join(':')}Z`;
}

function usual(index: number): Line {
  const { rails, merchants } = ROUTES[index % ROUTES.length]!;
  const { payer, instrument, symbol } = pick(rails);
  const units = price(symbol);
  return {
    ...named(index),
    payer,
    instrument,
    merchant: pick(merchants),
    amount: text(units, symbol),
    asset: symbol,
    ...life(units, symbol),
  };
}

/** Payments that do not go as they should, on cards that are made for it. */
function unusual(index: number): Line | undefined {
  const full = { captures: 'full', afterwards: '', refund: '' };
  const amount = text(price('EUR'), 'EUR');
  const euro = { ...named(index), asset: 'EUR', ...full };
  if (index === 311) {
    const fay = { payer: 'fay', instrument: 'fay-card', merchant: 'cinema', amount: '260.00', asset: 'USD' };
    return { ...named(index), ...fay, ...full };
  }
  if (index === 612) {
    return { ...euro, payer: 'fay', instrument: 'fay-card-eur', merchant: 'arcade', amount: '180.00' };
  }
  if (index % 250 === 120) return { ...euro, payer: 'gus', instrument: 'gus-card', merchant: 'bakery', amount };
  if (index % 100 === 33) return { ...euro, payer: 'emil', instrument: 'emil-blocked', merchant: 'bakery', amount };
  if (index % 100 === 77) {
    const merchant = index % 200 === 77 ? 'bakery' : 'gallery';
    return { ...euro, payer: 'jo', instrument: 'jo-card', merchant, amount: text(600 + below(2_000), 'EUR') };
  }
  return undefined;
}

function named(index: number): Pick<Line, 'reference' | 'occurred_at'> {
  return { reference: `order-${String(1_001 + index)}`, occurred_at: timeOf(index) };
}

const lines = Array.from({ length: PAYMENTS }, (_, index) => unusual(index) ?? usual(index));
const rows = [DAY_COLUMNS.join(','), ...lines.map((line) => DAY_COLUMNS.map((column) => line[column]).join(','))];
writeFileSync(new URL('./default-day.csv', import.meta.url), `${rows.join('\n')}\n`);
