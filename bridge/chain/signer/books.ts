import type { Address, Hex } from '../domain.ts';
import { type Place, type RecordFile, RecordLog } from './log-file.ts';
import { Spending } from './policy.ts';
import type { Payee, SignedForm } from './protocol.ts';

type SignedRecord = Readonly<{
  type: 'signed';
  at: number;
  callId: string;
  kind: string;
  digest: string;
  key: Address;
  nonce: number;
  maxFeePerGas: string;
  maxPriorityFeePerGas: string;
  raw: Hex;
  /** What leaves the wallet by it; a higher price for the same call has none of its own. */
  spends?: Readonly<{ token: Address; amount: string }>;
  /** What it gives back of which payments. */
  refunds?: Readonly<Record<Hex, string>>;
}>;

type PayeeRecord = Readonly<{
  type: 'payee';
  at: number;
  action: 'allow' | 'remove';
  payee: Address;
  name: string;
  identifier: string;
  effectiveAt: number;
  /** The treasurer's, so that the list can be proven from the store alone. */
  signature: Hex;
}>;

type WithdrawnRecord = Readonly<{ type: 'withdrawn'; at: number; callId: string }>;

/** Nonces of a key below this one were spent by something that this signer has not signed. */
type SpentElsewhereRecord = Readonly<{ type: 'spentElsewhere'; at: number; key: Address; below: number }>;

export type SignerRecord = SignedRecord | PayeeRecord | WithdrawnRecord | SpentElsewhereRecord;

/** What is kept in memory of a call; its bytes stay in the file once they are there. */
type Known = {
  readonly callId: string;
  readonly digest: string;
  readonly key: Address;
  readonly nonce: number;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
  form: { raw: Hex } | Place;
};

/** Everything a signer has ever done, read from its records and from nothing else. */
export class SignerBooks {
  readonly spending = new Spending();
  readonly payees = new Map<Address, Payee>();
  readonly #log: RecordLog;
  readonly #byCall = new Map<string, Known>();
  readonly #byNonce = new Map<Address, Map<number, Known>>();
  readonly #nextNonce = new Map<Address, number>();
  readonly #withdrawn = new Set<string>();
  readonly #entries = new Map<string, Readonly<{ signature: Hex; effectiveAt: number }>>();
  readonly #refunded = new Map<Hex, bigint>();
  #waiting: SignerRecord[] = [];
  #lastAt = 0;

  /** Errors: thrown SIGNER_STORE_TAMPERED. */
  constructor(file: RecordFile) {
    this.#log = RecordLog.open(file, (record, place) => this.#take(record as SignerRecord, place));
  }

  get head() {
    return this.#log.head;
  }

  /** Never before the last record, so that a clock that steps back opens no window again. */
  momentOf(now: number): number {
    return Math.max(now, this.#lastAt);
  }

  call(callId: string): Known | undefined {
    return this.#byCall.get(callId);
  }

  at(key: Address, nonce: number): Known | undefined {
    return this.#byNonce.get(key)?.get(nonce);
  }

  nextNonce(key: Address): number | undefined {
    return this.#nextNonce.get(key);
  }

  refunded(paymentIdentifier: Hex): bigint {
    return this.#refunded.get(paymentIdentifier) ?? 0n;
  }

  isWithdrawn(callId: string): boolean {
    return this.#withdrawn.has(callId);
  }

  entry(identifier: string) {
    return this.#entries.get(identifier);
  }

  isListed(payee: Address, at: number): boolean {
    const found = this.payees.get(payee);
    return found !== undefined && found.effectiveAt <= at;
  }

  formOf({ callId, key, nonce, form }: Known): SignedForm {
    const raw = 'raw' in form ? form.raw : (this.#log.readAt(form) as SignedRecord).raw;
    return { callId, key, nonce, raw };
  }

  /** Counts a record from now on; `flush` makes it durable, and nobody is told of it before. */
  note(record: SignerRecord): void {
    this.#take(record, undefined);
    this.#waiting.push(record);
  }

  /** Errors: whatever the disk says; after that nothing can be noted until the file is read anew. */
  flush(): void {
    const waiting = this.#waiting;
    const places = this.#log.append(waiting);
    this.#waiting = [];
    for (const [index, record] of waiting.entries()) {
      if (record.type !== 'signed') continue;
      const known = this.at(record.key, record.nonce);
      // A second form of the same call may have been noted in the same breath.
      if (known && 'raw' in known.form && known.form.raw === record.raw) known.form = places[index]!;
    }
  }

  close(): void {
    this.#log.close();
  }

  #take(record: SignerRecord, place: Place | undefined): void {
    this.#lastAt = Math.max(this.#lastAt, record.at);
    if (record.type === 'withdrawn') this.#withdrawn.add(record.callId);
    else if (record.type === 'payee') this.#takePayee(record);
    else if (record.type === 'spentElsewhere') this.#raiseNonce(record.key, record.below);
    else this.#takeSigned(record, place);
  }

  #takePayee({ action, payee, name, identifier, effectiveAt, signature }: PayeeRecord): void {
    this.#entries.set(identifier, { signature, effectiveAt });
    if (action === 'remove') this.payees.delete(payee);
    else if (!this.payees.has(payee)) this.payees.set(payee, { payee, name, effectiveAt });
  }

  #raiseNonce(key: Address, next: number): void {
    this.#nextNonce.set(key, Math.max(this.#nextNonce.get(key) ?? 0, next));
  }

  #takeSigned(record: SignedRecord, place: Place | undefined): void {
    const { callId, digest, key, nonce, raw, at, spends, refunds } = record;
    const known: Known = {
      callId,
      digest,
      key,
      nonce,
      maxFeePerGas: BigInt(record.maxFeePerGas),
      maxPriorityFeePerGas: BigInt(record.maxPriorityFeePerGas),
      form: place ?? { raw },
    };
    const ofKey = this.#byNonce.get(key) ?? new Map<number, Known>();
    this.#byNonce.set(key, ofKey.set(nonce, known));
    this.#byCall.set(callId, known);
    this.#raiseNonce(key, nonce + 1);
    if (spends) this.spending.add(spends.token, at, BigInt(spends.amount));
    for (const [identifier, amount] of Object.entries(refunds ?? {}) as [Hex, string][]) {
      this.#refunded.set(identifier, this.refunded(identifier) + BigInt(amount));
    }
  }
}
