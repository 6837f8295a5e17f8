import type { JournalEntryInstruction } from '../../ledger-service/vocabulary/journal-entries.ts';

/**
 * Books kept in a map: the oracle beside the real ledger. Balances are credits less debits, posted and pending apart.
 */
export class BooksInMemory {
  readonly posted = new Map<string, bigint>();
  readonly pending = new Map<string, bigint>();
  readonly #holds = new Map<string, bigint>();

  post(entry: JournalEntryInstruction): void {
    for (const { kind, debit, credit, amount, transferIdentifier, pendingTransferIdentifier } of entry.transfers) {
      const move = (book: Map<string, bigint>, minorUnits: bigint) => {
        add(book, `${debit} ${amount.asset}`, -minorUnits);
        add(book, `${credit} ${amount.asset}`, minorUnits);
      };
      if (kind === 'post') move(this.posted, amount.minorUnits);
      else if (kind === 'pending') {
        this.#holds.set(transferIdentifier, amount.minorUnits);
        move(this.pending, amount.minorUnits);
      } else {
        const held = this.#holds.get(pendingTransferIdentifier ?? '') ?? 0n;
        if (amount.minorUnits > held) throw new Error(`${amount.minorUnits} is more than the ${held} held`);
        this.#holds.set(pendingTransferIdentifier!, held - amount.minorUnits);
        move(this.pending, -amount.minorUnits);
        if (kind === 'post_pending') move(this.posted, amount.minorUnits);
      }
    }
  }

  /** Posted balances that are not zero, by `path asset`. */
  balances(): Record<string, bigint> {
    return Object.fromEntries([...this.posted].filter(([, balance]) => balance !== 0n).sort());
  }
}

function add(book: Map<string, bigint>, account: string, minorUnits: bigint): void {
  book.set(account, (book.get(account) ?? 0n) + minorUnits);
}
