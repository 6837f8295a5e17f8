import { describe, expect, test } from 'vitest';
import { AssetRegistry } from '../../../ledger-service/vocabulary/assets.ts';
import { DAY_COLUMNS, DayFileError, type KnownWorld, readDayFile } from '../../../scripts/day/day-file.ts';

const registry = new AssetRegistry();
const USDC = { code: `eip155:31337/erc20:0x${'aa'.repeat(20)}`, kind: 'token' as const, symbol: 'USDC', scale: 6 };
const world: KnownWorld = {
  assetsBySymbol: new Map([
    ['EUR', registry.get('EUR')],
    ['USD', registry.get('USD')],
    ['USDC', USDC],
  ]),
  instruments: new Map([
    [
      'ana',
      new Map([
        ['card', 'EUR'],
        ['wallet', 'wallet'],
      ]),
    ],
    ['ben', new Map([['card', 'USD']])],
  ]),
  merchants: new Map([
    ['bakery', 'EUR'],
    ['studio', 'USDC'],
  ]),
};
const NOW = new Date('2026-11-03T00:00:00Z');
const HEADER = DAY_COLUMNS.join(',');
const GOOD = 'ord-1,2026-11-02T09:30:00Z,ana,card,bakery,12.34,EUR,full,,';
const read = (...lines: string[]) => readDayFile([HEADER, ...lines].join('\n'), world, NOW);

describe('a day file', () => {
  test('gives its lines in order of time, amounts in minor units', () => {
    const { lines, skipped } = read('ord-2,2026-11-02T10:00:00Z,ana,wallet,bakery,5,USDC,2.5+1.25,void,0.5', GOOD);
    expect(skipped).toEqual([]);
    expect(lines.map((line) => [line.reference, line.amount])).toEqual([
      ['ord-1', 1234n],
      ['ord-2', 5_000_000n],
    ]);
    expect(lines[1]).toMatchObject({ captures: [2_500_000n, 1_250_000n], afterwards: 'void', refund: 500_000n });
  });

  test.each([
    ['9rd,2026-11-02T09:30:00Z,ana,card,bakery,1,EUR,full,,', 'reference', 'REFERENCE_INVALID'],
    ['o,2026-02-31T09:30:00Z,ana,card,bakery,1,EUR,full,,', 'occurred_at', 'TIME_INVALID'],
    ['o,2026-11-02 09:30,ana,card,bakery,1,EUR,full,,', 'occurred_at', 'TIME_INVALID'],
    ['o,2026-11-04T09:30:00Z,ana,card,bakery,1,EUR,full,,', 'occurred_at', 'TIME_IN_FUTURE'],
    ['o,2026-11-02T09:30:00Z,eve,card,bakery,1,EUR,full,,', 'payer', 'PAYER_UNKNOWN'],
    ['o,2026-11-02T09:30:00Z,ben,wallet,bakery,1,EUR,full,,', 'instrument', 'INSTRUMENT_UNKNOWN'],
    ['o,2026-11-02T09:30:00Z,ana,card,bank,1,EUR,full,,', 'merchant', 'MERCHANT_UNKNOWN'],
    ['o,2026-11-02T09:30:00Z,ana,card,bakery,12.345,EUR,full,,', 'amount', 'AMOUNT_TOO_PRECISE'],
    ['o,2026-11-02T09:30:00Z,ana,card,bakery,0,EUR,full,,', 'amount', 'AMOUNT_NOT_POSITIVE'],
    ['o,2026-11-02T09:30:00Z,ana,card,bakery,-1,EUR,full,,', 'amount', 'AMOUNT_INVALID'],
    ['o,2026-11-02T09:30:00Z,ana,card,bakery,1e3,EUR,full,,', 'amount', 'AMOUNT_INVALID'],
    ['o,2026-11-02T09:30:00Z,ana,card,bakery,1,XXX,full,,', 'asset', 'ASSET_UNKNOWN'],
    ['o,2026-11-02T09:30:00Z,ana,card,bakery,1,USD,full,,', 'asset', 'ASSET_NOT_OF_INSTRUMENT'],
    ['o,2026-11-02T09:30:00Z,ben,card,bakery,1,USD,full,,', 'asset', 'CURRENCIES_DIFFER'],
    ['o,2026-11-02T09:30:00Z,ana,card,bakery,10,EUR,6+5,,', 'captures', 'CAPTURES_EXCEED_AMOUNT'],
    ['o,2026-11-02T09:30:00Z,ana,card,bakery,10,EUR,6,,7', 'refund', 'REFUND_EXCEEDS_CAPTURED'],
    ['o,2026-11-02T09:30:00Z,ana,card,bakery,10,EUR,6,later,', 'afterwards', 'AFTERWARDS_UNKNOWN'],
    ['ord-1,2026-11-02T09:30:00Z,ana,card,bakery,10,EUR,6,,', 'reference', 'REFERENCE_REPEATED'],
    ['o,2026-11-02T09:30:00Z,ana', '', 'FIELD_COUNT_WRONG'],
  ])('skips %j for its %s and keeps the rest', (line, column, code) => {
    const { lines, skipped } = read(GOOD, line);
    expect(lines.map(({ reference }) => reference)).toEqual(['ord-1']);
    expect(skipped).toMatchObject([{ lineNumber: 3, column, code }]);
  });

  test('is refused as a whole without its columns', () => {
    expect(() => readDayFile('', world, NOW)).toThrow(DayFileError);
    expect(() => readDayFile('reference,amount\n', world, NOW)).toThrow('columns missing: occurred_at');
    expect(() => readDayFile(`${HEADER},amount\n`, world, NOW)).toThrow('twice');
    expect(() => readDayFile(`${HEADER}\n"open`, world, NOW)).toThrow('not CSV');
  });
});
