import { uuidFromMeaning } from '../../ledger-service/vocabulary/identifiers.ts';
import type {
  JournalEntryInstruction,
  TransferInstruction,
  TransferKind,
} from '../../ledger-service/vocabulary/journal-entries.ts';

export const AT = new Date('2026-11-02T10:00:00.000Z');

export type Leg = Readonly<{
  kind?: TransferKind;
  debit: string;
  credit: string;
  amount: bigint;
  asset?: string;
  /** The name of the hold that is taken or acted upon. */
  hold?: string;
  expiresAt?: Date;
}>;

/** An entry that a short name stands for, so that whoever says the name again says the same entry. */
export function entryNamed(
  name: string,
  legs: readonly Leg[],
  about: Partial<Pick<JournalEntryInstruction, 'kind' | 'subject' | 'eventAt' | 'shard'>> = {},
): JournalEntryInstruction {
  return {
    shard: 0,
    entryIdentifier: uuidFromMeaning('entry', name),
    kind: 'test.moved',
    subject: name,
    eventAt: AT,
    transfers: legs.map((leg, position): TransferInstruction => {
      const kind = leg.kind ?? 'post';
      const hold = uuidFromMeaning('hold', leg.hold ?? name);
      return {
        transferIdentifier: kind === 'pending' ? hold : uuidFromMeaning('transfer', name, position),
        kind,
        debit: leg.debit,
        credit: leg.credit,
        amount: { minorUnits: leg.amount, asset: leg.asset ?? 'EUR' },
        ...(kind === 'post' || kind === 'pending' ? {} : { pendingTransferIdentifier: hold }),
        ...(leg.expiresAt ? { expiresAt: leg.expiresAt } : {}),
      };
    }),
    ...about,
  };
}
