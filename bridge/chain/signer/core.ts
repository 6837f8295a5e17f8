import { recoverTypedDataAddress } from 'viem';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import { hashDeposit } from '../deposits.ts';
import type { Address, Hex } from '../domain.ts';
import { hashTerms, termsFromJson } from '../escrow.ts';
import { SignerBooks } from './books.ts';
import type { SignerChain } from './chain-view.ts';
import { depositOf, digestOfCall, type Intent, type RebuiltCall, rebuildCall } from './intents.ts';
import type { SigningKey } from './keys/signing-key.ts';
import type { RecordFile } from './log-file.ts';
import { capsOf, deploymentOfPolicy, type SignerPolicy } from './policy.ts';
import {
  type ListEntry,
  listEntryTypedData,
  type Payee,
  type Refusal,
  type SignAnswer,
  type SignCalls,
  type SignedForm,
  type Signer,
  type SignerDescription,
} from './protocol.ts';

export type SignerParts = Readonly<{
  policy: SignerPolicy;
  file: RecordFile;
  keys: readonly SigningKey[];
  chain: SignerChain;
  clock: Clock;
}>;

/** How long somebody's clock may be ahead when an entry is signed. */
const SKEW_SECONDS = 300;
const ROLES_KNOWN_MILLISECONDS = 5_000;
const UNLISTED_RETRY_MILLISECONDS = 30_000;
const UNPROVEN_RETRY_MILLISECONDS = 2_000;

type PayoutItem = Extract<Intent, { kind: 'payoutBatch' }>['items'][number];
/** A payment that the wallet was paid, and how to find out how much of it. */
type Paid = Readonly<{ name: Hex; received: () => Promise<bigint> }>;
type Allowed = Readonly<{
  spends?: Readonly<{ token: Address; amount: bigint }>;
  refunds?: Readonly<Record<Hex, string>>;
}>;

/**
 * The signer itself: what it signs, for whom, and what never.
 *
 * A nonce of a key belongs to one call for ever, and a call to one nonce; nonces have no gaps; a call says the same
 * every time. All this, and what has left the wallet, is read from the records, and a record is on the disk before
 * anybody is told of it. Requests are worked on one after the other.
 */
export class SignerCore implements Signer {
  readonly #parts: SignerParts;
  readonly #books: SignerBooks;
  readonly #keys: ReadonlyMap<Address, SigningKey>;
  readonly #checked = new Set<Address>();
  #order: Readonly<{ at: number; keys: readonly Address[] }> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** Errors: thrown SIGNER_STORE_TAMPERED. */
  constructor(parts: SignerParts) {
    this.#parts = parts;
    this.#books = new SignerBooks(parts.file);
    this.#keys = new Map(parts.keys.map((key) => [key.address, key]));
  }

  describe(): Promise<SignerDescription> {
    return this.#inTurn(async () => {
      const { chainId, wallet } = this.#parts.policy.chain;
      return { chainId, wallet, keys: await this.#keysInOrder(), head: this.#books.head };
    });
  }

  payees(): Promise<readonly Payee[]> {
    return this.#inTurn(async () => [...this.#books.payees.values()]);
  }

  sign(request: SignCalls): Promise<readonly SignAnswer[]> {
    return this.#inTurn(async () => {
      const key = this.#keys.get(request.key);
      if (!key) {
        const message = `the signer has no key ${request.key}`;
        return request.calls.map(() => refusal('SIGNER_KEY_UNKNOWN', message));
      }
      await this.#requireStoreAbreast(key.address);
      const answers: SignAnswer[] = [];
      for (const call of request.calls) answers.push(await this.#signOne(key, request, call));
      return answers;
    });
  }

  withdraw(callId: string): Promise<Readonly<{ signed?: SignedForm }>> {
    return this.#inTurn(async () => {
      const known = this.#books.call(callId);
      if (known) return { signed: this.#books.formOf(known) };
      if (!this.#books.isWithdrawn(callId)) this.#books.note({ type: 'withdrawn', at: this.#moment(), callId });
      return {};
    });
  }

  /** Errors: thrown SIGNER_LIST_ENTRY_INVALID. */
  list(entry: ListEntry, signature: Hex): Promise<Readonly<{ effectiveAt: number }>> {
    return this.#inTurn(async () => {
      await this.#requireTreasurer(entry, signature);
      const { action, payee, name, identifier } = entry;
      const before = this.#books.entry(identifier);
      if (before?.signature === signature) return { effectiveAt: before.effectiveAt };
      if (before) throw invalidEntry('its identifier was used before');
      const at = this.#moment();
      if (at / 1000 > entry.expiresAt) throw invalidEntry('its time is over');
      if (at / 1000 + SKEW_SECONDS < entry.issuedAt) throw invalidEntry('it is of a time to come');
      const double = action === 'allow' ? this.#lookAlikeOf(payee) : undefined;
      if (double) throw invalidEntry(`${payee} looks like ${double}, which is on the list`);
      // Who stops being paid stops at once; who is to be paid waits, so that somebody may notice.
      const effectiveAt = action === 'remove' ? at : at + this.#parts.policy.coolingMilliseconds;
      this.#books.note({ type: 'payee', at, action, payee, name, identifier, effectiveAt, signature });
      return { effectiveAt };
    });
  }

  close(): void {
    this.#books.close();
    for (const key of this.#keys.values()) key.close();
  }

  /** Whatever was signed is on the disk before anybody is answered, and also when what came after it failed. */
  #inTurn<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    const done = this.#turn.then(async () => {
      try {
        return await work();
      } finally {
        this.#books.flush();
      }
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  async #signOne(
    key: SigningKey,
    { fees, replaces = false }: SignCalls,
    { nonce, intent }: SignCalls['calls'][number],
  ): Promise<SignAnswer> {
    const { policy } = this.#parts;
    const call = this.#rebuild(intent, { key: key.address, nonce });
    if (!call) return refusal('SIGNER_REQUEST_INVALID', `no ${intent.kind} can be built of this`);
    const digest = digestOfCall(call);
    if (this.#books.isWithdrawn(call.callId)) return refusal('SIGNER_CALL_WITHDRAWN', `${call.callId} was withdrawn`);
    const known = this.#books.call(call.callId);
    if (known && known.digest !== digest) {
      const signed = this.#books.formOf(known);
      return { ...refusal('SIGNER_CALL_DIFFERS', `${call.callId} said something else before`), signed };
    }
    const isSamePlace = known?.key === key.address && known.nonce === nonce;
    if (known && isSamePlace && !(replaces && isDearer(fees, known))) {
      return { outcome: 'signed', raw: this.#books.formOf(known).raw };
    }
    if (fees.maxFeePerGas > BigInt(policy.maximumFeePerGas)) {
      return refusal('SIGNER_FEE_EXCEEDED', `${fees.maxFeePerGas} is above ${policy.maximumFeePerGas}`);
    }
    if (isSamePlace) return this.#record(key, call, digest, intent.kind, nonce, fees, {});
    const inTheWay = await this.#inTheWay(key.address, nonce, intent, known);
    if (inTheWay) return inTheWay;
    // Under its second nonce it has been judged and counted under its first.
    const allowed = known ? {} : await this.#judge(intent);
    if ('outcome' in allowed) return allowed;
    return this.#record(key, call, digest, intent.kind, nonce, fees, allowed);
  }

  /**
   * Why a nonce is not this call's to have; undefined when it is.
   *
   * A call has another nonce once its first one is spent for good, by whatever it was: it cannot be mined under it any
   * more. A transfer of nothing may take a nonce that a call has, so that a call which no node takes does not block those
   * behind it; it moves no money, and at most one of the two is mined.
   */
  async #inTheWay(
    key: Address,
    nonce: number,
    { kind }: Intent,
    known: ReturnType<SignerBooks['call']>,
  ): Promise<Refusal | undefined> {
    if (known && (await this.#parts.chain.finalNonces(known.key)) <= known.nonce) {
      const signed = this.#books.formOf(known);
      const retryAfterMilliseconds = UNPROVEN_RETRY_MILLISECONDS;
      return {
        ...refusal('SIGNER_CALL_HAS_NONCE', `${known.callId} has nonce ${known.nonce}`),
        signed,
        retryAfterMilliseconds,
      };
    }
    const other = this.#books.at(key, nonce);
    if (other && kind === 'nonceFiller') return undefined;
    if (other) {
      const signed = this.#books.formOf(other);
      const next = await this.#nextNonceOf(key);
      return { ...refusal('SIGNER_NONCE_TAKEN', `nonce ${nonce} is of ${other.callId}`), signed, next };
    }
    const next = await this.#nextNonceOf(key);
    if (nonce < next && kind === 'nonceFiller') return undefined;
    if (nonce < next) return refusal('SIGNER_NONCE_SPENT', `nonce ${nonce} was spent elsewhere`);
    if (nonce === next || (await this.#isNextByChain(key, nonce))) return undefined;
    return { ...refusal('SIGNER_NONCE_AHEAD', `nonce ${next} comes before ${nonce}`), next };
  }

  /** Somebody else has spent nonces of this key while the signer was up: it goes on behind them, and writes it down. */
  async #isNextByChain(key: Address, nonce: number): Promise<boolean> {
    const below = await this.#parts.chain.finalNonces(key);
    if (below !== nonce) return false;
    this.#books.note({ type: 'spentElsewhere', at: this.#moment(), key, below });
    return true;
  }

  /** Undefined where fields of the right form make no call: an amount too wide, a signature that is none. */
  #rebuild(intent: Intent, place: Readonly<{ key: Address; nonce: number }>): RebuiltCall | undefined {
    try {
      return rebuildCall(deploymentOfPolicy(this.#parts.policy), intent, place);
    } catch {
      return undefined;
    }
  }

  async #record(
    key: SigningKey,
    call: RebuiltCall,
    digest: string,
    kind: Intent['kind'],
    nonce: number,
    fees: SignCalls['fees'],
    { spends, refunds }: Allowed,
  ): Promise<SignAnswer> {
    const raw = await key.sign({
      type: 'eip1559',
      chainId: this.#parts.policy.chain.chainId,
      nonce,
      to: call.recipient,
      data: call.data,
      value: call.value,
      gas: BigInt(call.gasLimit),
      ...fees,
    });
    this.#books.note({
      type: 'signed',
      at: this.#moment(),
      callId: call.callId,
      kind,
      digest,
      key: key.address,
      nonce,
      maxFeePerGas: `${fees.maxFeePerGas}`,
      maxPriorityFeePerGas: `${fees.maxPriorityFeePerGas}`,
      raw,
      ...(spends ? { spends: { token: spends.token, amount: `${spends.amount}` } } : {}),
      ...(refunds && Object.keys(refunds).length > 0 ? { refunds } : {}),
    });
    return { outcome: 'signed', raw };
  }

  /**
   * Whether the policy lets an intent pass.
   *
   * The escrow pays receivers and fee receivers that the payer agreed to, and gives back to the payer only; so what is
   * to be seen to is that payers are not made to agree to a stranger. The wallet pays whomever it is told.
   */
  async #judge(intent: Intent): Promise<Allowed | Refusal> {
    switch (intent.kind) {
      case 'authorize':
      case 'capture':
        return this.#judgeReceivers(intent.terms);
      case 'void':
      case 'refund':
      case 'nonceFiller':
        return {};
      case 'sweepDeposit':
        return this.#judgeSweep(intent);
      case 'returnDeposit':
        return this.#requireDeposits();
      case 'payoutBatch':
        return this.#judgePayout(intent);
    }
  }

  /** A deposit goes to the wallet, or opens a payment in the escrow whose receivers may be paid. */
  #judgeSweep({ deposit, payment }: Extract<Intent, { kind: 'sweepDeposit' }>): Allowed | Refusal {
    const { wallet, escrow } = this.#parts.policy.chain;
    if (deposit.destination !== (payment ? escrow : wallet)) return unlisted(deposit.destination);
    const known = this.#requireDeposits();
    return 'outcome' in known || !payment ? known : this.#judgeReceivers(payment);
  }

  /** What goes back from a deposit address goes to whom its address was made for: the contract sees to that. */
  #requireDeposits(): Allowed | Refusal {
    if (this.#parts.policy.chain.deposits) return {};
    return refusal('SIGNER_REQUEST_INVALID', 'the policy names no contract of deposits');
  }

  #judgeReceivers(terms: Extract<Intent, { kind: 'capture' }>['terms']): Allowed | Refusal {
    const { wallet, feeReceiver } = this.#parts.policy.chain;
    const { receiver } = terms;
    if (receiver !== wallet && !this.#books.isListed(receiver, this.#moment())) return unlisted(receiver);
    if (terms.maximumFeeBasisPoints > 0 && terms.feeReceiver !== feeReceiver) return unlisted(terms.feeReceiver);
    return {};
  }

  async #judgePayout(intent: Extract<Intent, { kind: 'payoutBatch' }>): Promise<Allowed | Refusal> {
    const { token, items } = intent;
    const strangers: number[] = [];
    const proofs = new Map<Hex, { items: number[]; amount: bigint; received: () => Promise<bigint> }>();
    for (const [index, { payee, amount, refunds, deposit }] of items.entries()) {
      if (BigInt(amount) >= 2n ** 96n) return refusal('SIGNER_CAP_EXCEEDED', `item ${index} does not fit`);
      if (this.#books.isListed(payee, this.#moment())) continue;
      const paid =
        (refunds && this.#paymentOf(refunds, token, payee)) ?? (deposit && this.#depositOf(deposit, token, payee));
      if (!paid) {
        strangers.push(index);
        continue;
      }
      const { items: before = [], amount: sum = 0n } = proofs.get(paid.name) ?? {};
      proofs.set(paid.name, { items: [...before, index], amount: sum + BigInt(amount), received: paid.received });
    }
    if (strangers.length > 0) {
      return { ...unlisted(items[strangers[0]!]!.payee), items: strangers };
    }
    const unproven = await this.#unprovenOf(proofs);
    if (unproven.length > 0) {
      return {
        ...refusal('SIGNER_REFUND_UNPROVEN', 'the chain does not say that so much was paid'),
        items: unproven,
        retryAfterMilliseconds: UNPROVEN_RETRY_MILLISECONDS,
      };
    }
    const total = items.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    const at = this.#moment();
    const beyond = this.#books.spending.exceeded(token, at, total, capsOf(this.#parts.policy, token));
    if (beyond) {
      const { cap, limit, wouldBe, freeAt } = beyond;
      return {
        ...refusal('SIGNER_CAP_EXCEEDED', `${cap} of ${token} is ${limit}, and it would be ${wouldBe}`),
        ...(freeAt === undefined ? {} : { retryAfterMilliseconds: freeAt - at }),
      };
    }
    const refunds = Object.fromEntries([...proofs].map(([payment, { amount }]) => [payment, `${amount}`]));
    return { spends: { token, amount: total }, refunds };
  }

  /** The payment that an item gives back, if it is this payee's, in this token, and was paid to the wallet. */
  #paymentOf(terms: NonNullable<PayoutItem['refunds']>, token: Address, payee: Address): Paid | undefined {
    const { chainId, escrow, wallet } = this.#parts.policy.chain;
    if (terms.payer !== payee || terms.token !== token || terms.receiver !== wallet) return undefined;
    const name = hashTerms(chainId, escrow, termsFromJson(terms));
    return { name, received: () => this.#parts.chain.captured(name) };
  }

  /** The same of a payment that the wallet got from a deposit address, which its terms made for this payee. */
  #depositOf(fields: NonNullable<PayoutItem['deposit']>, token: Address, payee: Address): Paid | undefined {
    if (fields.returnTo !== payee || fields.token !== token) return undefined;
    if (fields.destination !== this.#parts.policy.chain.wallet) return undefined;
    const deposit = depositOf(fields);
    const received = async () => ((await this.#parts.chain.isSwept(deposit)) ? deposit.amount : 0n);
    return { name: hashDeposit(deposit), received };
  }

  /** Items that would give back more of a payment than the signer's own node knows to be received. */
  async #unprovenOf(
    proofs: ReadonlyMap<Hex, Readonly<{ items: readonly number[]; amount: bigint; received: () => Promise<bigint> }>>,
  ): Promise<readonly number[]> {
    const judged = await Promise.all(
      [...proofs].map(async ([name, { items, amount, received }]) => {
        return this.#books.refunded(name) + amount <= (await received()) ? [] : items;
      }),
    );
    return judged.flat();
  }

  /**
   * Once for each key: a chain that knows more nonces than the store has signed says that the store is an old copy, or
   * that the key is used by somebody else.
   */
  async #requireStoreAbreast(key: Address): Promise<void> {
    if (this.#checked.has(key)) return;
    const next = this.#books.nextNonce(key);
    const spent = await this.#parts.chain.spentNonces(key);
    const accepted = this.#parts.policy.acceptedNonces[key] ?? 0;
    if (next !== undefined && spent > Math.max(next, accepted)) {
      const message = `the chain knows ${spent} nonces of ${key}, the store ${next}`;
      throw new SettlementError('SIGNER_STORE_BEHIND', message, { key, spent, next });
    }
    this.#checked.add(key);
  }

  async #nextNonceOf(key: Address): Promise<number> {
    const next = this.#books.nextNonce(key);
    if (next === undefined) return this.#parts.chain.spentNonces(key);
    return Math.max(next, this.#parts.policy.acceptedNonces[key] ?? 0);
  }

  async #keysInOrder(): Promise<readonly Address[]> {
    const addresses = [...this.#keys.keys()];
    if (addresses.length === 1) return addresses;
    const now = this.#parts.clock.now().getTime();
    if (!this.#order || Math.abs(now - this.#order.at) > ROLES_KNOWN_MILLISECONDS) {
      const granted = await Promise.all(addresses.map((address) => this.#parts.chain.holdsRole(address)));
      const active = granted.lastIndexOf(true);
      const first = addresses[active === -1 ? 0 : active]!;
      this.#order = { at: now, keys: [first, ...addresses.filter((address) => address !== first)] };
    }
    return this.#order.keys;
  }

  async #requireTreasurer(entry: ListEntry, signature: Hex): Promise<void> {
    const { chain, treasurer } = this.#parts.policy;
    const signedBy = await recoverTypedDataAddress({ ...listEntryTypedData(chain, entry), signature }).catch(
      () => undefined,
    );
    if (signedBy?.toLowerCase() !== treasurer) throw invalidEntry('it is not signed by the treasurer');
  }

  /** People compare the ends of an address: one that has both ends of another is refused. */
  #lookAlikeOf(payee: Address): Address | undefined {
    const ends = (address: string) => `${address.slice(2, 6)}${address.slice(-4)}`;
    return [...this.#books.payees.keys()].find((other) => other !== payee && ends(other) === ends(payee));
  }

  #moment(): number {
    return this.#books.momentOf(this.#parts.clock.now().getTime());
  }
}

function isDearer(
  { maxFeePerGas, maxPriorityFeePerGas }: SignCalls['fees'],
  before: Readonly<{ maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }>,
): boolean {
  return maxFeePerGas > before.maxFeePerGas && maxPriorityFeePerGas >= before.maxPriorityFeePerGas;
}

function refusal(code: Refusal['code'], message: string): Refusal {
  return { outcome: 'refused', code, message };
}

function unlisted(address: Address): Refusal {
  const message = `${address} is not on the list`;
  return { ...refusal('SIGNER_PAYEE_NOT_LISTED', message), retryAfterMilliseconds: UNLISTED_RETRY_MILLISECONDS };
}

function invalidEntry(why: string): SettlementError {
  return new SettlementError('SIGNER_LIST_ENTRY_INVALID', why);
}
