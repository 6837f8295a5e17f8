/** The day in one table, in one JSON line, and in files for those who reconcile. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { formatAmount } from '../../ledger-service/vocabulary/money.ts';
import type { ApiClient } from '../api-client.ts';
import { everyPage } from '../api-client.ts';
import type { Payment } from './line.ts';
import type { DayResult, Directory } from './run-day.ts';

export const QUADRANTS = ['fiatToFiat', 'cryptoToCrypto', 'cryptoToFiat', 'fiatToCrypto'] as const;
export type Quadrant = (typeof QUADRANTS)[number];

type Sums = Readonly<Record<string, string>>;

/** Amounts in minor units by asset code. */
export type QuadrantSummary = Readonly<{
  count: number;
  amounts: Sums;
  fees: Sums;
  p50ToFinalMilliseconds: number | null;
  breaks: number;
}>;

export type DaySummary = Readonly<{
  quadrants: Readonly<Record<Quadrant, QuadrantSummary>>;
  outcomes: Readonly<Record<string, number>>;
  ledger: Readonly<{ balanced: boolean; entries: number }>;
  chain: Readonly<{ matched: boolean; headHash: string; height: number }>;
  reconciliation: Readonly<{ breaks: number }>;
  skippedLines: number;
  failedLines: number;
}>;

export function summarize(result: DayResult, chain: Readonly<{ headHash: string; height: number }>): DaySummary {
  const { payments, reconciliation } = result;
  const quadrantOf = new Map(payments.map(({ paymentId, quadrant }) => [paymentId, quadrant]));
  const brokenIn = reconciliation.breaks.map(({ key }) => quadrantOf.get(key.split(' ')[0] ?? ''));
  const quadrants = Object.fromEntries(
    QUADRANTS.map((quadrant) => {
      const own = payments.filter((payment) => payment.quadrant === quadrant);
      return [quadrant, summaryOf(own, brokenIn.filter((broken) => broken === quadrant).length)];
    }),
  ) as Record<Quadrant, QuadrantSummary>;
  const outcomes: Record<string, number> = {};
  for (const { phase } of payments) outcomes[phase] = (outcomes[phase] ?? 0) + 1;
  return {
    quadrants,
    outcomes,
    ledger: reconciliation.ledger,
    chain: {
      matched: !reconciliation.breaks.some(({ between }) => between !== 'ledger and windows'),
      headHash: chain.headHash,
      height: chain.height,
    },
    reconciliation: { breaks: reconciliation.breaks.length },
    skippedLines: result.skipped.length,
    failedLines: result.failed.length,
  };
}

/** True when the day can be closed: the books balance, nothing breaks, no line was lost. */
export function isReconciled({ ledger, chain, reconciliation, failedLines }: DaySummary): boolean {
  return ledger.balanced && chain.matched && reconciliation.breaks === 0 && failedLines === 0;
}

function summaryOf(payments: readonly Payment[], breaks: number): QuadrantSummary {
  const amounts = new Map<string, bigint>();
  const fees = new Map<string, bigint>();
  const add = (sums: Map<string, bigint>, { minorUnits, asset }: { minorUnits: string; asset: string }) => {
    if (minorUnits !== '0') sums.set(asset, (sums.get(asset) ?? 0n) + BigInt(minorUnits));
  };
  for (const payment of payments) {
    add(amounts, payment.captured);
    for (const { fee, spread } of payment.movements) {
      add(fees, fee);
      add(fees, spread);
    }
  }
  const waits = payments
    .filter(({ finalAt, captured }) => finalAt !== null && captured.minorUnits !== '0')
    .map(({ receivedAt, finalAt }) => Date.parse(finalAt ?? '') - Date.parse(receivedAt))
    .sort((left, right) => left - right);
  return {
    count: payments.length,
    amounts: inText(amounts),
    fees: inText(fees),
    p50ToFinalMilliseconds: waits.length === 0 ? null : waits[Math.floor((waits.length - 1) / 2)]!,
    breaks,
  };
}

function inText(sums: ReadonlyMap<string, bigint>): Sums {
  return Object.fromEntries([...sums].sort().map(([asset, sum]) => [asset, sum.toString()]));
}

const ARROWS: Readonly<Record<Quadrant, string>> = {
  fiatToFiat: 'fiat → fiat',
  cryptoToCrypto: 'crypto → crypto',
  cryptoToFiat: 'crypto → fiat',
  fiatToCrypto: 'fiat → crypto',
};

/** The table that a person sees: a row per quadrant and asset. */
export function renderTable(summary: DaySummary, { assets }: Directory): string {
  const header = ['quadrant', 'count', 'amount', 'fees', 'p50 to final', 'breaks'];
  const rows = QUADRANTS.flatMap((quadrant) => {
    const { count, amounts, fees, p50ToFinalMilliseconds, breaks } = summary.quadrants[quadrant];
    const amountLines = inWords(amounts, assets);
    const feeLines = inWords(fees, assets);
    const height = Math.max(1, amountLines.length, feeLines.length);
    const wait = p50ToFinalMilliseconds === null ? '–' : `${(p50ToFinalMilliseconds / 1000).toFixed(1)} s`;
    return Array.from({ length: height }, (_, index) => [
      index === 0 ? ARROWS[quadrant] : '',
      index === 0 ? String(count) : '',
      amountLines[index] ?? (index === 0 ? '–' : ''),
      feeLines[index] ?? (index === 0 ? '–' : ''),
      index === 0 ? wait : '',
      index === 0 ? String(breaks) : '',
    ]);
  });
  return alignColumns([header, ...rows], new Set([1, 2, 3, 4, 5]));
}

function inWords(sums: Sums, assets: Directory['assets']): string[] {
  return Object.entries(sums).map(([code, sum]) => {
    const asset = assets.get(code);
    const whole = formatAmount(BigInt(sum), asset);
    // Only a display is cut to six decimals; every file has the whole amount.
    const shown = asset.scale > 6 ? whole.slice(0, whole.length - (asset.scale - 6)) : whole;
    return `${shown} ${asset.symbol}`;
  });
}

export function alignColumns(rows: readonly (readonly string[])[], toTheRight: ReadonlySet<number>): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (toTheRight.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * Writes the day's files.
 *
 * Effects: CSV (UTF-8 with BOM, CRLF, no cell starts a formula) and JSON in `folder`; → the names of the files
 */
export async function writeReports(
  folder: string,
  result: DayResult,
  summary: DaySummary,
  client: ApiClient,
): Promise<readonly string[]> {
  mkdirSync(folder, { recursive: true });
  const { assets } = result.directory;
  const written: string[] = [];
  const amountColumns = (name: string, { minorUnits, asset }: Readonly<{ minorUnits: string; asset: string }>) => {
    const known = assets.get(asset);
    return { [name]: formatAmount(BigInt(minorUnits), known), [`${name}_minor_units`]: minorUnits };
  };
  const write = (name: string, rows: readonly Record<string, unknown>[], columns?: readonly string[]) => {
    const text = stringify([...rows], {
      header: true,
      bom: true,
      record_delimiter: 'windows',
      cast: { string: withoutFormula },
      ...(columns ? { columns: [...columns] } : {}),
    });
    writeFileSync(join(folder, name), text);
    written.push(name);
  };
  write(
    'payments.csv',
    result.payments.map((payment) => ({
      payment_id: payment.paymentId,
      reference: payment.merchantReference,
      quadrant: payment.quadrant,
      phase: payment.phase,
      decline_code: payment.declineCode,
      payer: payment.payerId,
      instrument: payment.instrumentId,
      merchant: payment.merchantId,
      occurred_at_utc: payment.occurredAt,
      asset: payment.requested.asset,
      symbol: assets.get(payment.requested.asset).symbol,
      ...amountColumns('requested', payment.requested),
      ...amountColumns('authorized', payment.authorized),
      ...amountColumns('captured', payment.captured),
      ...amountColumns('voided', payment.voided),
      ...amountColumns('refunded', payment.refunded),
    })),
  );
  write(
    'movements.csv',
    result.payments.flatMap((payment) =>
      payment.movements.map((movement) => ({
        payment_id: payment.paymentId,
        reference: payment.merchantReference,
        merchant: payment.merchantId,
        sequence: movement.sequence,
        kind: movement.kind,
        state: movement.state,
        asset: movement.amount.asset,
        ...amountColumns('amount', movement.amount),
        merchant_asset: movement.merchantAmount.asset,
        ...amountColumns('merchant_amount', movement.merchantAmount),
        ...amountColumns('fee', movement.fee),
        ...amountColumns('spread', movement.spread),
        final_at_utc: movement.finalAt,
      })),
    ),
  );
  const payouts = await everyPage<{ amount: { minorUnits: string; asset: string } } & Record<string, unknown>>(
    client,
    '/v1/payouts',
    'payouts',
  );
  write(
    'payouts.csv',
    payouts.map(({ amount, ...payout }) => ({ ...payout, asset: amount.asset, ...amountColumns('amount', amount) })),
    payouts.length === 0 ? ['payoutId'] : undefined,
  );
  write(
    'window-positions.csv',
    result.windows.flatMap(({ windowId, asset, state, netPositions }) =>
      netPositions.map(({ participant, minorUnits }) => ({
        window_id: windowId,
        state,
        asset,
        participant,
        net: formatAmount(BigInt(minorUnits), assets.get(asset)),
        net_minor_units: minorUnits,
      })),
    ),
  );
  write(
    'merchant-payouts.csv',
    result.windows.flatMap(({ windowId, asset, merchantPayouts }) =>
      merchantPayouts.map((payout) => ({ window_id: windowId, asset, ...payout })),
    ),
  );
  const { accounts } = await client.get<{ accounts: Record<string, unknown>[] }>('/v1/ledger/accounts');
  write(
    'accounts.csv',
    accounts.map(({ limit: _, ...account }) => account),
  );
  write('breaks.csv', result.reconciliation.breaks, ['between', 'kind', 'key', 'asset', 'ledger', 'other']);
  write(
    'skipped-lines.csv',
    result.skipped.map(({ lineNumber, column, value, code, reason }) => ({
      line: lineNumber,
      column,
      value,
      code,
      reason,
    })),
    ['line', 'column', 'value', 'code', 'reason'],
  );
  const details = {
    ...summary,
    skipped: result.skipped,
    failed: result.failed.map(nameFailed),
    windows: result.windows,
  };
  writeFileSync(join(folder, 'day.json'), `${JSON.stringify(details, null, 2)}\n`);
  written.push('day.json');
  return written;
}

/** A spreadsheet runs a cell that begins like a formula; a number may begin with its sign. */
function withoutFormula(text: string): string {
  return /^[=+\-@\t\r\0]/.test(text) && !/^-\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
}

function nameFailed({ line, reason }: DayResult['failed'][number]) {
  return { lineNumber: line.lineNumber, reference: line.reference, reason };
}
