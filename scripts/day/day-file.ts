/**
 * Reads a day of payments from CSV: one payment a line, with what happens to it afterwards.
 *
 * A line that cannot be understood is reported with its number, column, value and reason, and left out; the others count.
 */
import { parse } from 'csv-parse/sync';
import type { Asset } from '../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { parseAmount } from '../../ledger-service/vocabulary/money.ts';

export const DAY_COLUMNS = [
  'reference',
  'occurred_at',
  'payer',
  'instrument',
  'merchant',
  'amount',
  'asset',
  'captures',
  'afterwards',
  'refund',
] as const;
export type DayColumn = (typeof DAY_COLUMNS)[number];

export type DayLineProblem =
  | 'AMOUNT_INVALID'
  | 'AMOUNT_NOT_POSITIVE'
  | 'AMOUNT_TOO_LARGE'
  | 'AMOUNT_TOO_PRECISE'
  | 'AFTERWARDS_UNKNOWN'
  | 'ASSET_NOT_OF_INSTRUMENT'
  | 'ASSET_UNKNOWN'
  | 'CAPTURES_EXCEED_AMOUNT'
  | 'CURRENCIES_DIFFER'
  | 'FIELD_COUNT_WRONG'
  | 'INSTRUMENT_UNKNOWN'
  | 'MERCHANT_UNKNOWN'
  | 'PAYER_UNKNOWN'
  | 'REFERENCE_INVALID'
  | 'REFERENCE_REPEATED'
  | 'REFUND_EXCEEDS_CAPTURED'
  | 'TIME_IN_FUTURE'
  | 'TIME_INVALID';

/** All amounts in minor units of `asset`. `captures` is empty when nothing is captured. */
export type DayLine = Readonly<{
  lineNumber: number;
  reference: string;
  occurredAt: Date;
  payer: string;
  instrument: string;
  merchant: string;
  amount: bigint;
  asset: Asset;
  captures: readonly bigint[];
  afterwards: 'nothing' | 'void' | 'expire';
  refund: bigint;
}>;

export type SkippedLine = Readonly<{
  lineNumber: number;
  column: DayColumn | '';
  value: string;
  code: DayLineProblem;
  reason: string;
}>;

/** The names a file may use. A file names assets by symbol: `EUR`, `USDC`, `ETH`. */
export type KnownWorld = Readonly<{
  assetsBySymbol: ReadonlyMap<string, Asset>;
  /** Instruments by payer, and the asset each pays in (a symbol). */
  instruments: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Which asset each merchant is paid in (a symbol). */
  merchants: ReadonlyMap<string, string>;
}>;

class LineProblem extends Error {
  readonly column: DayColumn;
  readonly code: DayLineProblem;
  constructor(column: DayColumn, code: DayLineProblem, reason: string) {
    super(reason);
    this.column = column;
    this.code = code;
  }
}

/** The whole file cannot be read: no header, a column missing or named twice. */
export class DayFileError extends Error {
  readonly code = 'DAY_FILE_UNREADABLE';
}

const REFERENCE = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const UTC_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z$/;
const LONGEST_SHOWN_VALUE = 80;

/**
 * Reads a file's text against the known world.
 *
 * Shape:   { text, world, now } → lines in order of time, and every skipped line with its reason
 * Errors:  thrown DayFileError when the file as a whole is unreadable
 */
export function readDayFile(
  text: string,
  world: KnownWorld,
  now: Date,
): Readonly<{ lines: readonly DayLine[]; skipped: readonly SkippedLine[] }> {
  const records = parseRecords(text);
  const header = records.shift()?.fields;
  if (!header) throw new DayFileError('the file is empty: the first line names the columns');
  const positions = columnPositions(header);
  const lines: DayLine[] = [];
  const skipped: SkippedLine[] = [];
  const firstLineOf = new Map<string, number>();
  for (const { fields, lineNumber } of records) {
    const field = (column: DayColumn) => fields[positions.get(column)!]?.trim() ?? '';
    try {
      if (fields.length !== header.length) {
        throw new LineProblem(
          'reference',
          'FIELD_COUNT_WRONG',
          `${fields.length} fields, the header has ${header.length}`,
        );
      }
      const line = readLine(field, lineNumber, world, now);
      const first = firstLineOf.get(line.reference);
      if (first) throw new LineProblem('reference', 'REFERENCE_REPEATED', `line ${first} has this reference already`);
      firstLineOf.set(line.reference, lineNumber);
      lines.push(line);
    } catch (error) {
      if (!(error instanceof LineProblem)) throw error;
      const whole = error.code === 'FIELD_COUNT_WRONG';
      const value = (whole ? fields.join(',') : field(error.column)).slice(0, LONGEST_SHOWN_VALUE);
      skipped.push({ lineNumber, column: whole ? '' : error.column, value, code: error.code, reason: error.message });
    }
  }
  lines.sort(
    (left, right) => left.occurredAt.getTime() - right.occurredAt.getTime() || left.lineNumber - right.lineNumber,
  );
  return { lines, skipped };
}

function parseRecords(text: string): { fields: string[]; lineNumber: number }[] {
  try {
    const records = parse(text, {
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
    }) as unknown as {
      record: string[];
      info: { lines: number };
    }[];
    return records.map(({ record, info }) => ({ fields: record, lineNumber: info.lines }));
  } catch (error) {
    throw new DayFileError(`not CSV: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function columnPositions(header: readonly string[]): ReadonlyMap<DayColumn, number> {
  const names = header.map((name) => name.trim().toLowerCase());
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new DayFileError(`column ${JSON.stringify(repeated)} stands in the header twice`);
  const missing = DAY_COLUMNS.filter((column) => !names.includes(column));
  if (missing.length > 0) throw new DayFileError(`columns missing: ${missing.join(', ')}`);
  return new Map(DAY_COLUMNS.map((column) => [column, names.indexOf(column)]));
}

function readLine(field: (column: DayColumn) => string, lineNumber: number, world: KnownWorld, now: Date): DayLine {
  const reference = field('reference');
  if (!REFERENCE.test(reference)) {
    throw new LineProblem('reference', 'REFERENCE_INVALID', 'a letter, then at most 63 letters, digits, - or _');
  }
  const occurredAt = readTime(field('occurred_at'), now);
  const { payer, instrument, asset } = readPayer(field, world);
  const merchant = field('merchant');
  const merchantAsset = world.assetsBySymbol.get(world.merchants.get(merchant) ?? '');
  if (!merchantAsset) throw new LineProblem('merchant', 'MERCHANT_UNKNOWN', `no merchant ${JSON.stringify(merchant)}`);
  const sameKind = (asset.kind === 'fiat') === (merchantAsset.kind === 'fiat');
  if (sameKind && asset.code !== merchantAsset.code) {
    throw new LineProblem(
      'asset',
      'CURRENCIES_DIFFER',
      `${merchant} is paid in ${merchantAsset.symbol}, not ${asset.symbol}`,
    );
  }
  const amount = readAmount('amount', field('amount'), asset);
  const captures = readCaptures(field('captures'), amount, asset);
  const captured = captures.reduce((sum, capture) => sum + capture, 0n);
  const refund = field('refund') === '' ? 0n : readAmount('refund', field('refund'), asset);
  if (refund > captured)
    throw new LineProblem('refund', 'REFUND_EXCEEDS_CAPTURED', `refund ${refund} of ${captured} captured`);
  return {
    lineNumber,
    reference,
    occurredAt,
    payer,
    instrument,
    merchant,
    amount,
    asset,
    captures,
    afterwards: readAfterwards(field('afterwards')),
    refund,
  };
}

function readTime(text: string, now: Date): Date {
  const time = new Date(text);
  // Date reads the 31st of February as the 3rd of March: what is read must say what was written.
  if (!UTC_TIME.test(text) || Number.isNaN(time.getTime()) || time.toISOString().slice(0, 19) !== text.slice(0, 19)) {
    throw new LineProblem('occurred_at', 'TIME_INVALID', 'not a time in UTC like 2026-11-02T09:30:00Z');
  }
  if (time > now) throw new LineProblem('occurred_at', 'TIME_IN_FUTURE', `later than ${now.toISOString()}`);
  return time;
}

function readPayer(
  field: (column: DayColumn) => string,
  world: KnownWorld,
): Readonly<{ payer: string; instrument: string; asset: Asset }> {
  const [payer, instrument, symbol] = [field('payer'), field('instrument'), field('asset')];
  const instruments = world.instruments.get(payer);
  if (!instruments) throw new LineProblem('payer', 'PAYER_UNKNOWN', `no payer ${JSON.stringify(payer)}`);
  const paysIn = instruments.get(instrument);
  if (!paysIn) throw new LineProblem('instrument', 'INSTRUMENT_UNKNOWN', `${payer} has no instrument of this name`);
  const asset = world.assetsBySymbol.get(symbol);
  if (!asset) throw new LineProblem('asset', 'ASSET_UNKNOWN', `no asset ${JSON.stringify(symbol)}`);
  // A wallet holds every token and coin; a card pays in its own currency only.
  const suits = paysIn === 'wallet' ? asset.kind !== 'fiat' : paysIn === symbol;
  if (!suits) throw new LineProblem('asset', 'ASSET_NOT_OF_INSTRUMENT', `${instrument} does not pay in ${symbol}`);
  return { payer, instrument, asset };
}

function readAmount(column: DayColumn, text: string, asset: Asset): bigint {
  try {
    const { minorUnits } = parseAmount(text, asset);
    if (minorUnits > 0n) return minorUnits;
  } catch (error) {
    if (error instanceof SettlementError) throw new LineProblem(column, error.code as DayLineProblem, error.message);
    throw error;
  }
  throw new LineProblem(column, 'AMOUNT_NOT_POSITIVE', 'only amounts above zero are paid');
}

/** `full`, nothing, or amounts joined by `+`, each a capture of its own. */
function readCaptures(text: string, amount: bigint, asset: Asset): readonly bigint[] {
  if (text === '') return [];
  if (text === 'full') return [amount];
  const captures = text.split('+').map((part) => readAmount('captures', part.trim(), asset));
  const total = captures.reduce((sum, capture) => sum + capture, 0n);
  if (total > amount)
    throw new LineProblem('captures', 'CAPTURES_EXCEED_AMOUNT', `captures ${total} of ${amount} authorized`);
  return captures;
}

function readAfterwards(text: string): DayLine['afterwards'] {
  if (text === '') return 'nothing';
  if (text === 'void' || text === 'expire') return text;
  throw new LineProblem('afterwards', 'AFTERWARDS_UNKNOWN', 'nothing, void or expire');
}
