import { and, asc, eq, or } from 'drizzle-orm';
import type { Database } from '../../../ledger-service/platform/database.ts';
import type { AssetCode } from '../../../ledger-service/vocabulary/assets.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import { EVERYTHING, type Viewer } from '../../../ledger-service/vocabulary/viewers.ts';
import { isOneOf } from '../../platform/rows.ts';
import { instruments } from '../../schema/participants.ts';

type Common = Readonly<{ shard: Shard; instrumentId: string; participantId: string }>;

/** What a payer pays with. A card is known by a token only, and pays in one currency; a wallet is an address. */
export type Instrument =
  | (Common & Readonly<{ kind: 'card'; issuerId: string; asset: AssetCode }>)
  | (Common & Readonly<{ kind: 'wallet'; address: `0x${string}` }>);

/** Registers an instrument; one that is registered already stays as it is. */
export async function registerInstrument(
  dependencies: Readonly<{ database: Database; clock: Clock }>,
  instrument: Instrument,
): Promise<void> {
  await dependencies.database.drizzle
    .insert(instruments)
    .values({ ...instrument, recordedAt: dependencies.clock.now() })
    .onConflictDoNothing();
}

/** Many at once, each found or its own INSTRUMENT_UNKNOWN. */
export async function findInstruments(
  database: Database,
  shard: Shard,
  instrumentIds: readonly string[],
): Promise<readonly (Instrument | SettlementError)[]> {
  const rows = await database.drizzle
    .select()
    .from(instruments)
    .where(and(eq(instruments.shard, shard), isOneOf(instruments.instrumentId, [...new Set(instrumentIds)])));
  const byId = new Map(rows.map((row) => [row.instrumentId, fromRow(row)]));
  return instrumentIds.map((instrumentId) => byId.get(instrumentId) ?? unknownInstrument(instrumentId));
}

export function unknownInstrument(instrumentId: string): SettlementError {
  return new SettlementError('INSTRUMENT_UNKNOWN', `no instrument ${JSON.stringify(instrumentId)}`, { instrumentId });
}

/** Everyone's; a payer sees its own, an issuer the cards that it has issued. */
export async function listInstruments(
  database: Database,
  { participantId }: Viewer = EVERYTHING,
): Promise<readonly Instrument[]> {
  const rows = await database.drizzle
    .select()
    .from(instruments)
    .where(
      participantId === undefined
        ? undefined
        : or(eq(instruments.participantId, participantId), eq(instruments.issuerId, participantId)),
    )
    .orderBy(asc(instruments.shard), asc(instruments.instrumentId));
  return rows.map(fromRow);
}

function fromRow(row: typeof instruments.$inferSelect): Instrument {
  const { shard, instrumentId, participantId } = row;
  return row.kind === 'card'
    ? { kind: 'card', shard, instrumentId, participantId, issuerId: row.issuerId ?? '', asset: row.asset ?? '' }
    : { kind: 'wallet', shard, instrumentId, participantId, address: row.address as `0x${string}` };
}
