import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Quadrant } from '../../../../bridge/core/payments/domain.ts';
import { BooksInMemory } from '../../../support/books.ts';
import { MONEY_BACK, renderMoneyBack, TOKEN, workedExample } from '../../../support/worked-example.ts';

type Name = keyof typeof MONEY_BACK;

/** What an example leaves on the accounts that it is about, after the example of its quadrant; credits less debits. */
const LEFT: Partial<Record<Name, readonly [quadrant: Quadrant, balances: Record<string, bigint>]>> = {
  'refund, fiat → fiat': ['fiatToFiat', { 'merchant/bakery/payable EUR': -10_000n, 'issuer/alba/position EUR': 0n }],
  'refund, crypto → crypto': [
    'cryptoToCrypto',
    { [`payers/onchain ${TOKEN}`]: 0n, [`merchant/arcade/onchain ${TOKEN}`]: -1_000_000n },
  ],
  'refund, crypto → fiat': [
    'cryptoToFiat',
    {
      'merchant/bakery/payable EUR': -9_150n,
      [`intermediary/chain ${TOKEN}`]: 0n,
      'intermediary/position EUR': 0n,
      [`intermediary/position ${TOKEN}`]: -500_000n,
      [`intermediary/spread ${TOKEN}`]: 500_000n,
    },
  ],
  'refund, fiat → crypto': [
    'fiatToCrypto',
    {
      [`merchant/arcade/receivable ${TOKEN}`]: -108_156_500n,
      [`intermediary/position ${TOKEN}`]: 0n,
      'intermediary/position EUR': -50n,
      'intermediary/spread EUR': 50n,
    },
  ],
  'chargeback, fiat → crypto, 20.000000 in the reserve': [
    'fiatToCrypto',
    {
      [`merchant/arcade/receivable ${TOKEN}`]: -88_156_500n,
      [`merchant/arcade/reserve ${TOKEN}`]: -20_000_000n,
      'issuer/alba/position EUR': 0n,
      'intermediary/position EUR': -50n,
    },
  ],
  'reversed late, fiat → crypto, borne by the merchant': [
    'fiatToCrypto',
    {
      [`merchant/arcade/receivable ${TOKEN}`]: -108_156_500n,
      'issuer/alba/position EUR': 0n,
      'intermediary/position EUR': -50n,
    },
  ],
  'reversed late, fiat → crypto, borne by the intermediary': [
    'fiatToCrypto',
    { [`intermediary/losses ${TOKEN}`]: -108_156_500n, [`intermediary/position ${TOKEN}`]: 0n },
  ],
  'chargeback, fiat → crypto, of a merchant who has left': [
    'fiatToCrypto',
    { [`merchant/arcade/receivable ${TOKEN}`]: 0n, [`intermediary/losses ${TOKEN}`]: -108_156_500n },
  ],
};

describe('the worked examples of money that comes back', () => {
  test.each(Object.keys(LEFT) as Name[])('%s leaves the documented balances', (name) => {
    const [quadrant, balances] = LEFT[name]!;
    const books = new BooksInMemory();
    for (const entry of [...workedExample(quadrant), ...MONEY_BACK[name]()]) books.post(entry);
    for (const [account, balance] of Object.entries(balances)) {
      expect([account, books.posted.get(account) ?? 0n]).toEqual([account, balance]);
    }
    expect([...books.pending.values()].every((held) => held === 0n)).toBe(true);
  });

  test('a dispute that was won leaves issuer, acquirer and merchant as they were before it', () => {
    const before = new BooksInMemory();
    const after = new BooksInMemory();
    for (const entry of workedExample('fiatToFiat')) {
      before.post(entry);
      after.post(entry);
    }
    for (const name of ['chargeback, fiat → fiat', 'won, fiat → fiat'] as const) {
      for (const entry of MONEY_BACK[name]()) after.post(entry);
    }
    expect(after.balances()).toEqual(before.balances());
  });

  test('what is netted and kept back of a payout stays in the wallet, and the hold is used up', () => {
    const books = new BooksInMemory();
    const name = 'a payout of 50.000000 to a merchant who owes 30.000000 and has a reserve of 10 %';
    for (const entry of MONEY_BACK[name]()) books.post(entry);
    expect(books.posted.get(`intermediary/chain ${TOKEN}`)).toBe(18_000_000n);
    expect(books.pending.get(`intermediary/chain ${TOKEN}`)).toBe(0n);
  });

  test('stand in docs/chart-of-accounts.md exactly as they are posted', () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../../../docs/chart-of-accounts.md'), 'utf8');
    expect(page).toContain(renderMoneyBack());
  });
});
