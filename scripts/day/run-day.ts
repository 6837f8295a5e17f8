/**
 * Settles a day of payments: every line through its life, then the close of the windows, then the comparison of the
 * books with chain and windows. It speaks to the public API and has no access to tables.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Asset } from '../../ledger-service/vocabulary/assets.ts';
import { AssetRegistry } from '../../ledger-service/vocabulary/assets.ts';
import { type ApiClient, everyPage } from '../api-client.ts';
import { ClockGate } from './clock-gate.ts';
import { type DayLine, type KnownWorld, readDayFile, type SkippedLine } from './day-file.ts';
import { type LineContext, type Payment, settleLine } from './line.ts';
import type { Wallets } from './wallets.ts';

export type Directory = Readonly<{
  assets: AssetRegistry;
  participants: readonly Readonly<{
    participantId: string;
    kind: 'issuer' | 'acquirer' | 'merchant' | 'payer';
    displayName: string;
    payoutAsset: string | null;
    address: string | null;
  }>[];
  instruments: readonly Readonly<{
    instrumentId: string;
    payerId: string;
    kind: 'card' | 'wallet';
    asset: string | null;
    address: string | null;
  }>[];
}>;

export type SettlementWindow = Readonly<{
  windowId: string;
  asset: string;
  state: string;
  openedAt: string;
  settledAt: string | null;
  presentments: number;
  netPositions: readonly Readonly<{ participant: string; minorUnits: string }>[];
  merchantPayouts: readonly Readonly<Record<string, string>>[];
}>;

export type Reconciliation = Readonly<{
  height: number;
  headHash: string;
  ledger: Readonly<{ balanced: boolean; entries: number }>;
  matched: Readonly<{ chainLines: number; chainBalances: number; windowLines: number }>;
  foreignLogs: number;
  breaks: readonly Readonly<Record<string, string | null> & { between: string; kind: string; key: string }>[];
}>;

export type DayResult = Readonly<{
  directory: Directory;
  lines: readonly DayLine[];
  skipped: readonly SkippedLine[];
  /** Lines that could not be taken through, with the reason; the others went on. */
  failed: readonly Readonly<{ line: DayLine; reason: string }>[];
  payments: readonly Payment[];
  windows: readonly SettlementWindow[];
  reconciliation: Reconciliation;
}>;

export type DayProgress = Readonly<{
  stage: 'settling' | 'finishing' | 'closing' | 'reconciling';
  done: number;
  total: number;
  perSecond: number;
  secondsLeft: number;
  byQuadrant: Readonly<Record<string, number>>;
}>;

const LINES_AT_ONCE = 96;
const CLOCK_STEP_MILLISECONDS = 60 * 60_000;
const QUIET_CHECK_MILLISECONDS = 300;
const PATIENCE_MILLISECONDS = 180_000;
const PAUSE_MILLISECONDS = 500;
const DAY_MILLISECONDS = 86_400_000;

/** What a day's file may name, as the API tells it. */
export async function readDirectory(client: ApiClient): Promise<Directory> {
  const [{ assets }, { participants }, { instruments }] = await Promise.all([
    client.get<{ assets: Asset[] }>('/v1/assets'),
    client.get<Pick<Directory, 'participants'>>('/v1/participants'),
    client.get<Pick<Directory, 'instruments'>>('/v1/instruments'),
  ]);
  return { assets: new AssetRegistry(assets), participants, instruments };
}

export function knownWorldOf({ assets, participants, instruments }: Directory): KnownWorld {
  const codes = [...assets.onChainAssets()];
  const fiatCodes = new Set(
    [...instruments.map(({ asset }) => asset), ...participants.map(({ payoutAsset }) => payoutAsset)].filter(
      (code): code is string => code !== null && assets.find(code)?.kind === 'fiat',
    ),
  );
  const known = [...codes, ...[...fiatCodes].map((code) => assets.get(code))];
  const instrumentsByPayer = new Map<string, Map<string, string>>();
  for (const { payerId, instrumentId, kind, asset } of instruments) {
    const own = instrumentsByPayer.get(payerId) ?? new Map<string, string>();
    own.set(instrumentId, kind === 'wallet' ? 'wallet' : (asset ?? ''));
    instrumentsByPayer.set(payerId, own);
  }
  for (const { participantId, kind } of participants) {
    if (kind === 'payer' && !instrumentsByPayer.has(participantId)) instrumentsByPayer.set(participantId, new Map());
  }
  return {
    assetsBySymbol: new Map(known.map((asset) => [asset.symbol, asset])),
    instruments: instrumentsByPayer,
    merchants: new Map(
      participants
        .filter(({ kind }) => kind === 'merchant')
        .map(({ participantId, payoutAsset }) => [participantId, assets.get(payoutAsset ?? '').symbol]),
    ),
  };
}

/**
 * Runs a whole day.
 *
 * Errors: thrown DayFileError when the file as a whole cannot be read; ApiUnreachable when the bridge is gone
 */
export async function runDay(
  options: Readonly<{
    client: ApiClient;
    wallets: Wallets;
    text: string;
    now: Date;
    /** How often a line is tried before it counts as failed; 1 unless given. Its keys make a repeat harmless. */
    attempts?: number;
    asksUnansweredAgain?: boolean;
    onProgress?: (progress: DayProgress) => void;
  }>,
): Promise<DayResult> {
  const { client, wallets } = options;
  const directory = await readDirectory(client);
  const { lines, skipped } = readDayFile(options.text, knownWorldOf(directory), options.now);
  const clock = await client.get<{ now: string; settable: boolean }>('/v1/clock');
  const gate = new ClockGate(async (time) => {
    if (clock.settable) await client.put('/v1/clock', { now: time.toISOString() });
  });
  const endOfDay = endOf(lines, new Date(clock.now), options.now);
  const context: LineContext = {
    client,
    wallets,
    gate,
    addresses: new Map([
      ...directory.instruments.map(({ instrumentId, address }) => [instrumentId, address ?? ''] as const),
      ...directory.participants.map(({ participantId, address }) => [participantId, address ?? ''] as const),
    ]),
    paidIn: new Map(directory.participants.map(({ participantId, payoutAsset }) => [participantId, payoutAsset ?? ''])),
    asksUnansweredAgain: options.asksUnansweredAgain ?? false,
    isFiat: (asset) => directory.assets.find(asset)?.kind === 'fiat',
    // Where the clock cannot be moved, nobody waits for it: the hold ends by itself an hour later.
    expiresAt: clock.settable
      ? new Date(endOfDay.getTime() - 60_000)
      : new Date(new Date(clock.now).getTime() + 3_600_000),
  };
  const failed = await settleLines(context, lines, options.attempts ?? 1, options.onProgress);
  await untilQuiet(client, options.onProgress);
  await gate.advanceTo(endOfDay);
  await untilQuiet(client, options.onProgress);
  const windows = await closeWindows(client, options.onProgress);
  options.onProgress?.(progressOf('reconciling', 0, 1));
  const reconciliation = await client.get<Reconciliation>('/v1/reconciliation');
  const all = await everyPage<Payment>(client, '/v1/payments', 'payments');
  const references = new Set(lines.map(({ reference }) => reference));
  const payments = latestByReference(all).filter(({ merchantReference }) => references.has(merchantReference ?? ''));
  return { directory, lines, skipped, failed, payments, windows, reconciliation };
}

/** A payment that failed may have been tried again under its reference: the newest one is the one that counts. */
function latestByReference(newestFirst: readonly Payment[]): readonly Payment[] {
  const latest = new Map<string, Payment>();
  for (const payment of newestFirst) {
    const reference = payment.merchantReference ?? payment.paymentId;
    if (!latest.has(reference)) latest.set(reference, payment);
  }
  return [...latest.values()];
}

async function settleLines(
  context: LineContext,
  lines: readonly DayLine[],
  attempts: number,
  onProgress: ((progress: DayProgress) => void) | undefined,
) {
  const failed: { line: DayLine; reason: string }[] = [];
  const byQuadrant: Record<string, number> = {};
  const started = performance.now();
  let done = 0;
  let next = 0;
  const work = async () => {
    for (let line = lines[next++]; line; line = lines[next++]) {
      const step = Math.floor(line.occurredAt.getTime() / CLOCK_STEP_MILLISECONDS) * CLOCK_STEP_MILLISECONDS;
      await context.gate.advanceTo(new Date(step));
      try {
        const { quadrant } = await settleRepeatedly(context, line, attempts);
        byQuadrant[quadrant] = (byQuadrant[quadrant] ?? 0) + 1;
      } catch (error) {
        failed.push({ line, reason: error instanceof Error ? error.message : String(error) });
      }
      done += 1;
      const seconds = (performance.now() - started) / 1000;
      const perSecond = done / seconds;
      onProgress?.({
        stage: 'settling',
        done,
        total: lines.length,
        perSecond,
        secondsLeft: (lines.length - done) / perSecond,
        byQuadrant,
      });
    }
  };
  await Promise.all(Array.from({ length: LINES_AT_ONCE }, work));
  return failed;
}

async function settleRepeatedly(context: LineContext, line: DayLine, attempts: number): Promise<Payment> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await settleLine(context, line);
    } catch (error) {
      if (attempt >= attempts) throw error;
      await wait(PAUSE_MILLISECONDS);
    }
  }
}

type UnderWay = Readonly<{
  payments: number;
  expired: number;
  chainCalls: number;
  payouts: number;
  blocks: number;
  events: Readonly<Record<string, number>>;
}>;

/** Waits until nothing is under way but what waits for the close of a window. */
async function untilQuiet(client: ApiClient, onProgress?: (progress: DayProgress) => void): Promise<void> {
  const deadline = performance.now() + PATIENCE_MILLISECONDS;
  let most = 0;
  for (let quiet = 0; quiet < 2; ) {
    const { payments, expired, chainCalls, payouts, blocks, events } = await client.get<UnderWay>('/v1/under-way');
    const waiting = Object.values(events).reduce((sum, count) => sum + count, 0);
    const left = payments + expired + chainCalls + payouts + blocks + waiting;
    most = Math.max(most, left);
    onProgress?.(progressOf('finishing', most - left, most));
    quiet = left === 0 ? quiet + 1 : 0;
    if (performance.now() > deadline) {
      const parts = JSON.stringify({ payments, expired, chainCalls, payouts, blocks, events });
      throw new Error(`still under way after three minutes: ${parts}`);
    }
    if (quiet < 2) await wait(QUIET_CHECK_MILLISECONDS);
  }
}

async function closeWindows(
  client: ApiClient,
  onProgress?: (progress: DayProgress) => void,
): Promise<readonly SettlementWindow[]> {
  const { windows } = await client.get<{ windows: SettlementWindow[] }>('/v1/settlement-windows', { limit: '200' });
  const unsettled = windows.filter(({ state }) => state !== 'SETTLED');
  for (const [index, { windowId }] of unsettled.entries()) {
    onProgress?.(progressOf('closing', index, unsettled.length));
    await client.post(`/v1/settlement-windows/${windowId}/close`, undefined);
  }
  const after = await client.get<{ windows: SettlementWindow[] }>('/v1/settlement-windows', { limit: '200' });
  return after.windows;
}

/** The midnight after the last line, or now where that would be in the future. */
function endOf(lines: readonly DayLine[], clock: Date, now: Date): Date {
  const last = lines.at(-1)?.occurredAt ?? clock;
  const midnight = (Math.floor(last.getTime() / DAY_MILLISECONDS) + 1) * DAY_MILLISECONDS;
  return new Date(Math.min(midnight, now.getTime()));
}

function progressOf(stage: DayProgress['stage'], done: number, total: number): DayProgress {
  return { stage, done, total, perSecond: 0, secondsLeft: 0, byQuadrant: {} };
}
