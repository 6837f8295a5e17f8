/** The security element: keeps coins and keys, writes every transition down before anyone sees it, and signs. */
import { bytesToHex, concatHex, hexToBytes, keccak256, numberToHex, stringToHex } from 'viem';
import type { Address, Hex } from '../../chain/domain.ts';
import type { Coin, CoinHead, Register } from '../register/domain.ts';
import { LARGEST_AMOUNT } from '../register/domain.ts';
import { AskSigner, askOf, type OwnedCoin } from './ask-signer.ts';
import type { CoinCryptography } from './cryptography.ts';
import { curves } from './cryptography.ts';
import type { Acceptance, Verdict } from './decisions.ts';
import {
  checkReceive,
  planSend,
  requireHolding,
  requireRegistered,
  requireSpendable,
  verifyOffer,
} from './decisions.ts';
import type {
  Ask,
  DevicePolicy,
  ElementEvent,
  ElementState,
  Ending,
  Holding,
  KeyPlace,
  SentRecord,
  Step,
} from './domain.ts';
import { applyEvent, DEVICE_POLICY, holdingOf, isSpendable } from './domain.ts';
import { coinFailure } from './failures.ts';
import { encodeCheckpoint, encodeEntry, type Replayed, replay } from './journal.ts';
import type { KeyRing } from './keys.ts';
import { sealSecret } from './keys.ts';
import type { CoinMessage, Offer, RefusalReason } from './messages.ts';
import {
  answerDigest,
  decodeMessage,
  encodeMessage,
  isSame,
  offerDigest,
  requireRegister,
  requireSigner,
  transferIdOf,
} from './messages.ts';
import type { ElementStore } from './store.ts';

export type ElementParts = Readonly<{
  store: ElementStore;
  keys: KeyRing;
  register: Register;
  policy?: DevicePolicy;
  cryptography?: CoinCryptography;
  /** Entries of the journal between two checkpoints. */
  checkpointEvery?: number;
  rules?: ElementRules;
}>;

/** What the element goes by; a test hands it wrong ones, to see that they are found out. */
export type ElementRules = Readonly<{
  applyEvent: typeof applyEvent;
  planSend: typeof planSend;
  checkReceive: typeof checkReceive;
}>;
export const ELEMENT_RULES: ElementRules = { applyEvent, planSend, checkReceive };

const CHECKPOINT_EVERY = 64;

export class SecurityElement {
  readonly policy: DevicePolicy;
  readonly keys: KeyRing;
  readonly #store: ElementStore;
  readonly #cryptography: CoinCryptography;
  readonly #signer: AskSigner;
  readonly #rules: ElementRules;
  readonly #checkpointEvery: number;
  #journal: Replayed;
  #queue: Promise<unknown> = Promise.resolve();
  #fault: unknown;

  private constructor(parts: ElementParts, journal: Replayed) {
    this.policy = parts.policy ?? DEVICE_POLICY;
    this.keys = parts.keys;
    this.#store = parts.store;
    this.#cryptography = parts.cryptography ?? curves;
    this.#signer = new AskSigner({ ...parts, cryptography: this.#cryptography });
    this.#rules = parts.rules ?? ELEMENT_RULES;
    this.#checkpointEvery = parts.checkpointEvery ?? CHECKPOINT_EVERY;
    this.#journal = journal;
  }

  /**
   * Opens a device, or makes a new one where the store is empty.
   *
   * Errors: thrown COIN_JOURNAL_DAMAGED · COIN_DEVICE_OTHER when the store belongs to other keys or another register
   */
  static async open(parts: ElementParts): Promise<SecurityElement> {
    try {
      return await SecurityElement.#open(parts);
    } catch (error) {
      await parts.store.close();
      throw error;
    }
  }

  static async #open(parts: ElementParts): Promise<SecurityElement> {
    const { checkpoint, entries } = await parts.store.load();
    const element = new SecurityElement(parts, replay(checkpoint, entries, parts.rules?.applyEvent));
    const { register, keys } = parts;
    const { state } = element.#journal;
    if (!state) await element.#write({ type: 'opened', register, device: keys.device });
    else if (!isSame(state.device, keys.device) || !isSameRegister(state.register, register)) {
      throw coinFailure('COIN_DEVICE_OTHER', `these coins are those of ${state.device}`);
    }
    return element;
  }

  get state(): ElementState {
    return this.#journal.state!;
  }

  get cryptography(): CoinCryptography {
    return this.#cryptography;
  }

  close(): Promise<void> {
    return this.#oneAtATime(() => this.#store.close());
  }

  /** A key that nobody has seen, for a coin to be issued to. */
  makeKey(): Promise<Address> {
    return this.#oneAtATime(async () => {
      const index = this.state.nextKey;
      const reference = await this.keys.reference(index);
      await this.#write({ type: 'keyMade', index, reference });
      return reference;
    });
  }

  /** Coins that the register has given to keys of `makeKey`; each once, at each number of its sequence. */
  adopt(owned: readonly OwnedCoin[]): Promise<void> {
    return this.#oneAtATime(async () => {
      for (const found of owned) {
        const reference = found.owner.toLowerCase() as Address;
        const index = this.state.awaited.get(reference);
        if (index === undefined) continue;
        const holding = this.#signer.holdingOf(found, index);
        if (!this.state.holdings.has(holding.id)) await this.#write({ type: 'adopted', reference, holding });
      }
    });
  }

  /**
   * Takes up, on a new device, the coins that the register has for keys of this seed. None is active before a switch
   * gave it a new key: the lost device may have promised it to somebody until `reclaimableAfter`.
   *
   * Errors: thrown COIN_KEYS_NOT_RESTORABLE · COIN_DEVICE_OTHER when this device was in use already
   */
  restore(
    owned: readonly (OwnedCoin & { index: number })[],
    { reclaimableAfter, keysSeen }: Readonly<{ reclaimableAfter: number; keysSeen: number }>,
  ): Promise<void> {
    return this.#oneAtATime(async () => {
      this.keys.requireRestorable();
      if (this.state.nextKey > 0) throw coinFailure('COIN_DEVICE_OTHER', 'only a new device is restored');
      const record = { kind: 'restored' as const, reclaimableAfter };
      const holdings = owned.map(({ index, ...found }): Holding => {
        return { ...this.#signer.holdingOf(found, index), state: 'inactive', record };
      });
      await this.#write({ type: 'restored', holdings, nextKey: keysSeen });
    });
  }

  /** Asks for an amount. Errors: thrown COIN_AMOUNT_ZERO */
  offer({ amount, now }: Readonly<{ amount: bigint; now: number }>): Promise<Uint8Array> {
    return this.#oneAtATime(async () => {
      if (amount <= 0n) throw coinFailure('COIN_AMOUNT_ZERO', 'an offer for nothing');
      if (amount > LARGEST_AMOUNT) throw coinFailure('COIN_AMOUNT_ABOVE_ISSUED', 'no coin is that large');
      const index = this.state.nextKey;
      const { register, device } = this.state;
      const number = concatHex([stringToHex('Specie coin offer v1'), device, numberToHex(index, { size: 8 })]);
      const content = {
        kind: 'offer' as const,
        register,
        payee: device,
        offerId: keccak256(concatHex([number, numberToHex(now, { size: 8 })])),
        newOwner: await this.keys.reference(index),
        amount,
        expiresAt: now + this.policy.offerSeconds,
      };
      const offer: Offer = { ...content, signature: await this.keys.signAsDevice(offerDigest(content)) };
      await this.#write({ type: 'offered', offer, index });
      return encodeMessage(offer);
    });
  }

  /**
   * ACTIVE → INACTIVE with the record; the bytes of a coin message exist only from then on.
   *
   * Errors: thrown, nothing changed: as of `decodeMessage`, `verifyOffer` and `planSend` · COIN_FORM_UNSUPPORTED
   */
  send(order: Readonly<{ holdingId: string; offer: Uint8Array; now: number }>): Promise<Sent> {
    return this.#oneAtATime(async () => {
      const offer = decodeMessage(order.offer);
      if (offer.kind !== 'offer') throw coinFailure('COIN_MESSAGE_MALFORMED', `a ${offer.kind} is no offer`);
      verifyOffer(this.#cryptography, this.state.register, offer, order.now);
      const holding = requireHolding(this.state, order.holdingId);
      const canShare = this.keys.givesSecrets && offer.signature.curve === 'secp256k1';
      if (holding.key.kind === 'given' && !canShare) {
        throw coinFailure('COIN_FORM_UNSUPPORTED', 'the payee takes no secrets: register the coin first');
      }
      const form = canShare ? 'secret' : 'switches';
      const planned = this.#rules.planSend(this.state, this.policy, { ...order, offer, form });
      const { base, before, terms, transferId, warning } = planned;
      const signature = await this.keys.signAsDevice(transferId);
      const sealed =
        base.form === 'secret'
          ? sealSecret(this.#signer.secretOf(holding), this.keys.agree(offerDigest(offer), offer.signature), transferId)
          : undefined;
      const hop =
        base.form === 'switches'
          ? { ...terms, signature, switchSignature: await this.#signer.signHop(holding, base, terms.newOwner) }
          : { ...terms, signature };
      const hops = [...before, hop];
      const message: CoinMessage = sealed ? { kind: 'coin', base, hops, sealed } : { kind: 'coin', base, hops };
      const bytes = encodeMessage(message);
      const record: SentRecord = {
        kind: 'sent',
        transferId,
        payee: offer.payee,
        newOwner: terms.newOwner,
        bytes: bytesToHex(bytes),
        reclaimableAfter: terms.reclaimableAfter,
      };
      await this.#write({ type: 'sent', holdingId: holding.id, record });
      return { transferId, bytes, warning };
    });
  }

  /**
   * Takes a coin. Its receipt exists only once the coin is written down; the same coin message has the same receipt.
   *
   * Errors: thrown, nothing changed: as of `decodeMessage` and `checkReceive` · COIN_KEY_WRONG · COIN_TRANSFER_REFUSED
   *         when it was refused before
   */
  receive(bytes: Uint8Array, { now, word }: Readonly<{ now: number; word?: Coin | undefined }>): Promise<Received> {
    return this.#oneAtATime(async () => {
      const message = this.#coinMessage(bytes);
      const acceptance = this.#rules.checkReceive(this.state, this.policy, this.#cryptography, { message, now, word });
      if (acceptance.kind === 'refused') {
        throw coinFailure('COIN_TRANSFER_REFUSED', 'this transfer was refused before', { refusal: acceptance.refusal });
      }
      if (acceptance.kind === 'known') return { receipt: hexToBytes(acceptance.receipt), isNew: false, warning: false };
      return this.#accept(message, acceptance);
    });
  }

  async #accept(message: CoinMessage, acceptance: Extract<Acceptance, { kind: 'new' }>): Promise<Received> {
    const { base, hops } = message;
    const { offer, transferId, warning } = acceptance;
    const key: KeyPlace = message.sealed
      ? { kind: 'given', sealed: message.sealed }
      : { kind: 'derived', index: offer.index };
    const holding = holdingOf(base, hops, key);
    if (
      message.sealed &&
      !isSame(this.#cryptography.referenceOf(this.#signer.secretOf(holding), 'secp256k1'), base.owner)
    ) {
      throw coinFailure('COIN_KEY_WRONG', 'the secret that came along is not that of the coin');
    }
    const content = { kind: 'receipt' as const, register: base.register, payee: this.state.device, transferId };
    const signature = await this.keys.signAsDevice(answerDigest(content));
    const receipt = encodeMessage({ ...content, signature });
    const { offerId } = offer.offer;
    await this.#write({ type: 'received', holding, transferId, offerId, receipt: bytesToHex(receipt) });
    return { receipt, isNew: true, warning };
  }

  /**
   * Refuses a coin in writing, for good: its payer need not wait for the deadline. With the `step` that gave the coin to
   * somebody else, what the payer signed is kept as evidence.
   *
   * Errors: thrown COIN_TRANSFER_ACCEPTED when it was taken before · as of `decodeMessage`
   */
  refuse(bytes: Uint8Array, reason: RefusalReason, step?: Step): Promise<Uint8Array> {
    return this.#oneAtATime(async () => {
      const { base, hops } = this.#coinMessage(bytes);
      requireRegister(this.state.register, base.register);
      const last = hops.at(-1)!;
      if (!isSame(last.payee, this.state.device)) throw coinFailure('COIN_NOT_ADDRESSED', `it is for ${last.payee}`);
      const transferId = transferIdOf(base, hops.slice(0, -1), last);
      requireSigner(this.#cryptography, last.payer, transferId, last.signature);
      if (this.state.receipts.has(transferId)) throw coinFailure('COIN_TRANSFER_ACCEPTED', 'it was taken before');
      const known = this.state.refusals.get(transferId);
      if (known) return hexToBytes(known);
      const content = {
        kind: 'refusal' as const,
        register: base.register,
        payee: this.state.device,
        transferId,
        reason,
      };
      const signature = await this.keys.signAsDevice(answerDigest(content));
      const refusal = encodeMessage({ ...content, signature });
      const event = { type: 'refused' as const, transferId, refusal: bytesToHex(refusal) };
      await this.#write(step ? { ...event, evidence: { base, hops, step } } : event);
      return refusal;
    });
  }

  /**
   * INACTIVE → DELETED on the payee's receipt, or noted that it refused.
   *
   * Errors: thrown, nothing changed: COIN_TRANSFER_UNKNOWN · COIN_KEY_WRONG · COIN_SIGNATURE_HIGH_S
   */
  takeAnswer(bytes: Uint8Array): Promise<'deleted' | 'refused' | 'known'> {
    return this.#oneAtATime(async () => {
      const answer = decodeMessage(bytes);
      if (answer.kind !== 'receipt' && answer.kind !== 'refusal') {
        throw coinFailure('COIN_MESSAGE_MALFORMED', `a ${answer.kind} is no answer`);
      }
      requireRegister(this.state.register, answer.register);
      const holding = [...this.state.holdings.values()].find(
        ({ record }) => sentOf(record)?.transferId === answer.transferId,
      );
      const sent = sentOf(holding?.record);
      if (!holding || !sent) throw coinFailure('COIN_TRANSFER_UNKNOWN', 'nothing is under way by this number');
      if (!isSame(answer.payee, sent.payee)) throw coinFailure('COIN_KEY_WRONG', `${answer.payee} is not the payee`);
      requireSigner(this.#cryptography, sent.payee, answerDigest(answer), answer.signature);
      // Once the register was asked, the register decides.
      if (holding.record?.kind !== 'sent') return 'known';
      if (answer.kind === 'receipt') {
        await this.#write({ type: 'receipted', holdingId: holding.id });
        return 'deleted';
      }
      if (sent.refusal) return 'known';
      await this.#write({ type: 'refusalTaken', holdingId: holding.id, refusal: bytesToHex(bytes) });
      return 'refused';
    });
  }

  /** Registers a coin that came from a device: its way so far, and in `secret` form a switch to a key of this device. */
  takeOver(holdingId: string): Promise<Ask | undefined> {
    return this.#oneAtATime(async () => {
      const holding = requireHolding(this.state, holdingId);
      if (holding.state !== 'active' || holding.history.length === 0) return undefined;
      return this.#ask(await this.#signer.switchAsk('takeOver', holding, this.state.nextKey));
    });
  }

  /** Takes a coin back that did not arrive, by a switch to a new key. */
  reclaim(holdingId: string): Promise<Ask | undefined> {
    return this.#oneAtATime(async () => {
      const holding = requireHolding(this.state, holdingId);
      const { record } = holding;
      if (record?.kind !== 'sent' && record?.kind !== 'restored') return undefined;
      return this.#ask(await this.#signer.switchAsk('reclaim', holding, this.state.nextKey));
    });
  }

  /** Errors: thrown COIN_NOT_SPENDABLE · COIN_AMOUNT_ZERO · COIN_AMOUNT_ABOVE_ISSUED · COIN_OUTPUT_DUPLICATE */
  split(order: Readonly<{ holdingId: string; amount: bigint; slot: OrderedSlot; now: number }>): Promise<Ask> {
    return this.#oneAtATime(async () => {
      const { base, key } = requireRegistered(this.state, order.holdingId, order.now, this.policy);
      const { amount, slot } = order;
      if (amount <= 0n) throw coinFailure('COIN_AMOUNT_ZERO', 'a part of nothing');
      if (amount >= base.amount) throw coinFailure('COIN_AMOUNT_ABOVE_ISSUED', `${amount} out of ${base.amount}`);
      if (slot.coin === base.coin) throw coinFailure('COIN_OUTPUT_DUPLICATE', 'both parts in one place');
      const index = this.state.nextKey;
      const rest: CoinHead = { coin: base.coin, sequence: base.sequence, owner: await this.keys.reference(index) };
      const part: CoinHead = { ...slot, owner: await this.keys.reference(index + 1) };
      const operation = { kind: 'Split' as const, rest, part, partAmount: amount };
      const results = [
        this.#signer.holdingOf({ ...rest, sequence: rest.sequence + 1, amount: base.amount - amount }, index),
        this.#signer.holdingOf({ ...part, sequence: part.sequence + 1, amount }, index + 1),
      ];
      const requests = [await this.#signer.sign(key, operation)];
      return this.#ask(askOf({ purpose: 'split', requests, inputs: [order.holdingId], results, keysUsed: 2 }));
    });
  }

  /** Errors: thrown COIN_NOT_SPENDABLE · COIN_INPUT_DUPLICATE · COIN_AMOUNT_ABOVE_ISSUED */
  merge(order: Readonly<{ holdingIds: readonly [string, string]; maximumAmount: bigint; now: number }>): Promise<Ask> {
    return this.#oneAtATime(async () => {
      const [one, other] = order.holdingIds;
      if (one === other) throw coinFailure('COIN_INPUT_DUPLICATE', 'a coin with itself');
      const kept = requireRegistered(this.state, one, order.now, this.policy);
      const gone = requireRegistered(this.state, other, order.now, this.policy);
      const amount = kept.base.amount + gone.base.amount;
      if (amount > order.maximumAmount) throw coinFailure('COIN_AMOUNT_ABOVE_ISSUED', `${amount} in one coin`);
      if (!isSame(kept.base.owner, gone.base.owner)) {
        throw coinFailure('COIN_KEY_WRONG', 'the register merges coins of one key: gather them first');
      }
      const index = this.state.nextKey;
      const { coin, sequence } = kept.base;
      const head = { coin, sequence, owner: await this.keys.reference(index) };
      const operation = { kind: 'Merge' as const, head, other: { coin: gone.base.coin, sequence: gone.base.sequence } };
      const results = [this.#signer.holdingOf({ ...head, sequence: sequence + 1, amount }, index)];
      const requests = [await this.#signer.sign(kept.key, operation)];
      return this.#ask(askOf({ purpose: 'merge', requests, inputs: [one, other], results, keysUsed: 1 }));
    });
  }

  /** Switches coins to one new key, as merging needs it. Errors: thrown COIN_NOT_SPENDABLE · COIN_INPUT_DUPLICATE */
  gather(order: Readonly<{ holdingIds: readonly string[]; now: number }>): Promise<readonly Ask[]> {
    return this.#oneAtATime(async () => {
      if (new Set(order.holdingIds).size !== order.holdingIds.length) {
        throw coinFailure('COIN_INPUT_DUPLICATE', 'a coin is named twice');
      }
      const held = order.holdingIds.map((id) => requireRegistered(this.state, id, order.now, this.policy));
      const index = this.state.nextKey;
      const owner = await this.keys.reference(index);
      const asks: Ask[] = [];
      for (const [place, { id, base, key }] of held.entries()) {
        const head = { coin: base.coin, sequence: base.sequence, owner, hops: 0 };
        const results = [this.#signer.holdingOf({ ...base, sequence: base.sequence + 1, owner }, index)];
        const requests = [await this.#signer.sign(key, { kind: 'Switch', head })];
        asks.push(
          askOf({
            purpose: 'takeOver',
            requests,
            inputs: [id],
            results,
            keysUsed: place === 0 ? 1 : 0,
          }),
        );
      }
      await this.#write(...asks.map((ask) => ({ type: 'asked' as const, ask })));
      return asks;
    });
  }

  /** The coin's tokens go to `recipient`. Errors: thrown COIN_NOT_SPENDABLE */
  redeem(order: Readonly<{ holdingId: string; recipient: Address; now: number }>): Promise<Ask> {
    return this.#oneAtATime(async () => {
      const { base, key } = requireRegistered(this.state, order.holdingId, order.now, this.policy);
      const head = { coin: base.coin, sequence: base.sequence, owner: order.recipient };
      const requests = [await this.#signer.sign(key, { kind: 'Redeem', head })];
      return this.#ask(askOf({ purpose: 'redeem', requests, inputs: [order.holdingId], results: [], keysUsed: 0 }));
    });
  }

  /** Escrow at the register: until `deadline` the key of an offer may claim the coin. Errors: thrown COIN_NOT_SPENDABLE */
  lock(order: Readonly<{ holdingId: string; offer: Uint8Array; deadline: number; now: number }>): Promise<Ask> {
    return this.#oneAtATime(async () => {
      const offer = decodeMessage(order.offer);
      if (offer.kind !== 'offer') throw coinFailure('COIN_MESSAGE_MALFORMED', `a ${offer.kind} is no offer`);
      verifyOffer(this.#cryptography, this.state.register, offer, order.now);
      const { base, key } = requireRegistered(this.state, order.holdingId, order.now, this.policy);
      if (base.amount !== offer.amount) throw coinFailure('COIN_AMOUNT_OTHER', `a coin of ${base.amount}`);
      const head = { coin: base.coin, sequence: base.sequence, owner: offer.newOwner };
      const operation = { kind: 'Lock' as const, head, deadline: BigInt(order.deadline) };
      return this.#ask(
        askOf({
          purpose: 'lock',
          requests: [await this.#signer.sign(key, operation)],
          inputs: [order.holdingId],
          results: [],
          keysUsed: 0,
        }),
      );
    });
  }

  /** After a lock's deadline. */
  unlock(holdingId: string): Promise<Ask | undefined> {
    return this.#oneAtATime(async () => {
      const { base, key, record } = requireHolding(this.state, holdingId);
      if (record?.kind !== 'locked') return undefined;
      const index = this.state.nextKey;
      const head = { coin: base.coin, sequence: base.sequence + 1, owner: await this.keys.reference(index) };
      const results = [this.#signer.holdingOf({ ...base, ...head, sequence: head.sequence + 1 }, index)];
      const requests = [await this.#signer.sign(key, { kind: 'Reclaim', head })];
      return this.#ask(askOf({ purpose: 'unlock', requests, inputs: [holdingId], results, keysUsed: 1 }));
    });
  }

  /**
   * Claims a coin that is locked for the key of one of our offers; `locked` is what the register says.
   *
   * Errors: thrown COIN_OFFER_UNKNOWN · COIN_AMOUNT_OTHER
   */
  claim(locked: Readonly<{ coin: bigint; sequence: number; amount: bigint; payee: Address }>): Promise<Ask> {
    return this.#oneAtATime(async () => {
      const offer = [...this.state.offers.values()].find((one) => isSame(one.offer.newOwner, locked.payee));
      if (!offer) throw coinFailure('COIN_OFFER_UNKNOWN', 'it is locked for none of our offers');
      if (offer.offer.amount !== locked.amount) throw coinFailure('COIN_AMOUNT_OTHER', `a coin of ${locked.amount}`);
      const known = [...this.state.asks.values()].find(
        ({ purpose, requests: [first] }) =>
          purpose === 'claim' && first?.operation.kind === 'Claim' && first.operation.head.coin === locked.coin,
      );
      if (known) return known;
      const index = this.state.nextKey;
      const head = { coin: locked.coin, sequence: locked.sequence, owner: await this.keys.reference(index) };
      const results = [this.#signer.holdingOf({ ...head, sequence: head.sequence + 1, amount: locked.amount }, index)];
      const requests = [await this.#signer.sign({ kind: 'derived', index: offer.index }, { kind: 'Claim', head })];
      return this.#ask(askOf({ purpose: 'claim', requests, inputs: [], results, keysUsed: 1 }));
    });
  }

  /** What the register has made final of an ask. A coin that an impossible ask held fast gets a switch to a new key. */
  settle(askId: Hex, verdict: Exclude<Verdict, 'open'>): Promise<void> {
    return this.#oneAtATime(async () => {
      const asked = this.state.asks.get(askId);
      if (!asked) return;
      if (verdict === 'done') {
        const lock = asked.requests[0]?.operation;
        if (lock?.kind === 'Lock') {
          await this.#write({ type: 'lockSettled', askId, deadline: Number(lock.deadline) });
          return;
        }
        const endings = asked.inputs.map((id) => ({ id, ending: { why: 'registered' } as const }));
        await this.#write({ type: 'settled', askId, endings, results: asked.results });
        return;
      }
      const endings = [...verdict.taken].map(([id, step]) => ({ id, ending: this.#endingOf(id, step) }));
      const [left] = asked.inputs.filter((id) => !verdict.taken.has(id));
      const event = { type: 'settled' as const, askId, endings, results: [] };
      if (left === undefined) return this.#write(event);
      const follow = await this.#signer.switchAsk('reclaim', requireHolding(this.state, left), this.state.nextKey);
      await this.#write({ ...event, follow });
    });
  }

  /** What left the device is sent, however it is that the register came to know. */
  #endingOf(id: string, step: Step): Ending {
    const { record } = requireHolding(this.state, id);
    const isExpected = sentOf(record) !== undefined || record?.kind === 'restored';
    return isExpected ? { why: 'sent' } : { why: 'lost', step };
  }

  /** A coin that is at the register with somebody else. */
  end(holdingId: string, ending: Ending): Promise<void> {
    return this.#oneAtATime(async () => {
      const holding = this.state.holdings.get(holdingId);
      if (!holding || holding.state === 'deleted' || holding.record?.kind === 'asked') return;
      await this.#write({ type: 'ended', holdingId, ending });
    });
  }

  spendable(now: number): readonly Holding[] {
    return [...this.state.holdings.values()].filter((holding) => isSpendable(holding, now, this.policy));
  }

  /** Errors: as of `requireSpendable` */
  requireSpendable(holdingId: string, now: number): Holding {
    return requireSpendable(this.state, holdingId, now, this.policy);
  }

  #coinMessage(bytes: Uint8Array): CoinMessage {
    const message = decodeMessage(bytes);
    if (message.kind !== 'coin') throw coinFailure('COIN_MESSAGE_MALFORMED', `a ${message.kind} is no coin`);
    return message;
  }

  async #ask(ask: Ask): Promise<Ask> {
    await this.#write({ type: 'asked', ask });
    return ask;
  }

  /** Written down, and only then in effect. After a write that failed nobody knows what is on the disk: open again. */
  async #write(...events: readonly ElementEvent[]): Promise<void> {
    const before = this.#journal;
    const { entry, checksum } = encodeEntry(before.checksum, events);
    const state = events.reduce<ElementState | undefined>(this.#rules.applyEvent, before.state);
    const entries = before.entries + 1;
    try {
      await this.#store.append(entries, entry);
      this.#journal = { state, checksum, entries };
      if (entries % this.#checkpointEvery === 0) await this.#store.saveCheckpoint(encodeCheckpoint(this.#journal));
    } catch (error) {
      this.#fault = error;
      throw error;
    }
  }

  #oneAtATime<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#queue.then(() => {
      if (this.#fault) throw coinFailure('COIN_DEVICE_STOPPED', 'a write has failed: open the device again');
      return work();
    });
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

/** `warning` says that the coin has gone through so many devices that it ought to be registered. */
export type Sent = Readonly<{ transferId: Hex; bytes: Uint8Array; warning: boolean }>;
export type Received = Readonly<{ receipt: Uint8Array; isNew: boolean; warning: boolean }>;
/** A free slot of the register, at its present number. */
export type OrderedSlot = Readonly<{ coin: bigint; sequence: number }>;

function sentOf(record: Holding['record']): SentRecord | undefined {
  return record?.kind === 'sent' ? record : record?.kind === 'asked' ? record.before : undefined;
}

function isSameRegister(one: Register, other: Register): boolean {
  return one.chainId === other.chainId && isSame(one.address, other.address);
}
