/** The terminal: carries what its security element says to other devices and to the register. */
import { hexToBytes } from 'viem';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Address, Hex } from '../../chain/domain.ts';
import type { Coin } from '../register/domain.ts';
import type { CoinRegisterPort } from '../register-client/port.ts';
import type { OwnedCoin } from '../security-element/ask-signer.ts';
import type { RegisterView, Work } from '../security-element/decisions.ts';
import { placesOf, planWork, refusalOf } from '../security-element/decisions.ts';
import type { Ask, Evidence, Step } from '../security-element/domain.ts';
import { placeKey } from '../security-element/domain.ts';
import type { SecurityElement, Sent } from '../security-element/element.ts';
import { coinFailure, isCoinFailure } from '../security-element/failures.ts';
import type { Message, Offer } from '../security-element/messages.ts';
import { decodeMessage, transferIdsOf } from '../security-element/messages.ts';

/** Seconds since 1970, by this device. */
export type DeviceClock = Readonly<{ seconds(): number }>;

/** Brings bytes to another device, or does not: nobody is told. */
export interface CoinTransport {
  send(to: Address, bytes: Uint8Array): Promise<void>;
}

export type TerminalParts = Readonly<{
  element: SecurityElement;
  register: CoinRegisterPort;
  transport: CoinTransport;
  clock: DeviceClock;
  /** Whose coins are taken while the register cannot be asked; nobody's unless said: such a coin may be made up. */
  trusts?(payer: Address): boolean;
  plan?: typeof planWork;
}>;

/** What a message from another device has come to; `answer` goes back to it. */
export type Handled =
  | Readonly<{ kind: 'offer'; offer: Offer }>
  | Readonly<{ kind: 'received'; isNew: boolean; isChecked: boolean; warning: boolean; answer: Uint8Array }>
  | Readonly<{ kind: 'refused'; code: string; answer: Uint8Array; evidence?: Evidence }>
  | Readonly<{ kind: 'answered'; outcome: 'deleted' | 'refused' | 'known' }>;

/** What a round at the register has brought. */
export type Happening = Readonly<{ kind: 'lost'; holdingId: string; step: Step } | { kind: 'settled'; ask: Ask }>;

/** How far beyond the last key that owns a coin a restoring device looks. */
const KEY_GAP = 50;

export class Terminal {
  readonly element: SecurityElement;
  readonly #parts: TerminalParts;

  constructor(parts: TerminalParts) {
    this.#parts = parts;
    this.element = parts.element;
  }

  #seconds(): number {
    return this.#parts.clock.seconds();
  }

  /** Asks to be paid; the bytes go to the payer. Errors: thrown COIN_AMOUNT_ZERO · COIN_AMOUNT_ABOVE_ISSUED */
  offer(amount: bigint): Promise<Uint8Array> {
    return this.element.offer({ amount, now: this.#seconds() });
  }

  /** Pays an offer with a coin. Errors: as of the element's `send`, nothing changed */
  async pay(offer: Uint8Array, holdingId: string): Promise<Sent> {
    const sent = await this.element.send({ holdingId, offer, now: this.#seconds() });
    const { payee } = decodeMessage(offer) as Offer;
    await this.#parts.transport.send(payee, sent.bytes);
    return sent;
  }

  /**
   * Takes what came from another device.
   *
   * Errors: thrown, nothing changed: what is no message, or not for this device · COIN_REGISTER_UNAVAILABLE for the coin
   *         of a payer who is not trusted, while the register is away: it comes again. What cannot be taken for good is
   *         refused in writing.
   */
  async handle(bytes: Uint8Array): Promise<Handled> {
    const message = decodeMessage(bytes);
    if (message.kind === 'offer') return { kind: 'offer', offer: message };
    if (message.kind !== 'coin') return { kind: 'answered', outcome: await this.element.takeAnswer(bytes) };
    try {
      const word = await this.#wordOf(message);
      if (!word) this.#requireTrusted(message);
      const { receipt, isNew, warning } = await this.element.receive(bytes, { now: this.#seconds(), word });
      return { kind: 'received', isNew, isChecked: word !== undefined, warning, answer: receipt };
    } catch (error) {
      if (!(error instanceof SettlementError)) throw error;
      if (error.code === 'COIN_TRANSFER_REFUSED') {
        return { kind: 'refused', code: error.code, answer: hexToBytes(error.details.refusal as Hex) };
      }
      return this.#refuse(bytes, message, error);
    }
  }

  async #refuse(bytes: Uint8Array, message: Message & { kind: 'coin' }, error: SettlementError): Promise<Handled> {
    const reason = refusalOf(error.code);
    if (!reason) throw error;
    const { base, hops } = message;
    const step = error.code === 'COIN_DOUBLE_SPENT' ? await this.#stepAt(message) : undefined;
    const answer = await this.element.refuse(bytes, reason, step);
    return step
      ? { kind: 'refused', code: error.code, answer, evidence: { base, hops, step } }
      : { kind: 'refused', code: error.code, answer };
  }

  /** Without the register nothing says that there is such a coin at all, but the payer. */
  #requireTrusted({ base, hops }: Message & { kind: 'coin' }): void {
    if (this.element.state.receipts.has(transferIdsOf(base, hops).at(-1)!)) return;
    const { payer } = hops.at(-1)!;
    if (this.#parts.trusts?.(payer)) return;
    throw coinFailure('COIN_REGISTER_UNAVAILABLE', `nobody vouches for a coin of ${payer} while the register is away`);
  }

  /** Undefined where the register cannot be asked. */
  async #wordOf({ base }: Message & { kind: 'coin' }): Promise<Coin | undefined> {
    try {
      return await this.#parts.register.word(base.coin);
    } catch (error) {
      if (isCoinFailure(error, 'COIN_REGISTER_UNAVAILABLE')) return undefined;
      throw error;
    }
  }

  async #stepAt({ base }: Message & { kind: 'coin' }): Promise<Step | undefined> {
    const view = await this.#parts.register.look([base]);
    return view.latest.get(placeKey(base));
  }

  /**
   * One round: looks at the register, takes up what is new there, asks again for what is open, sends again what has not
   * arrived. Doing it at any time, any number of times, is right.
   *
   * Errors: thrown COIN_REGISTER_UNAVAILABLE, after what needs no register was done
   */
  async work(): Promise<readonly Happening[]> {
    const { register } = this.#parts;
    const { state } = this.element;
    const view = await this.#lookOrResend();
    if (state.awaited.size > 0) await this.element.adopt(await register.owned([...state.awaited.keys()]));
    await this.#claimLocked();
    const happenings: Happening[] = [];
    const requests = [];
    const plan = this.#parts.plan ?? planWork;
    for (const work of plan(this.element.state, view, this.element.policy, this.#seconds())) {
      const done = await this.#do(work);
      requests.push(...(done.ask?.requests ?? []));
      if (done.happening) happenings.push(done.happening);
    }
    if (requests.length > 0) await register.submit(requests);
    return happenings;
  }

  async #lookOrResend(): Promise<RegisterView> {
    try {
      return await this.#parts.register.look(placesOf(this.element.state));
    } catch (error) {
      await this.resend();
      throw error;
    }
  }

  /** The identical bytes of everything that has not arrived, as far as anyone knows. */
  async resend(): Promise<void> {
    for (const { record } of this.element.state.holdings.values()) {
      if (record?.kind === 'sent') await this.#parts.transport.send(record.payee, hexToBytes(record.bytes));
    }
  }

  async #claimLocked(): Promise<void> {
    const open = [...this.element.state.offers.values()].filter(({ filledBy }) => filledBy === undefined);
    if (open.length === 0) return;
    const locked = await this.#parts.register.lockedFor(open.map(({ offer }) => offer.newOwner));
    for (const one of locked) {
      try {
        await this.element.claim(one);
      } catch (error) {
        // Locked for us, but not what was asked for: its payer takes it back after the deadline.
        if (!isCoinFailure(error, 'COIN_AMOUNT_OTHER')) throw error;
      }
    }
  }

  async #do(work: Work): Promise<Readonly<{ ask?: Ask | undefined; happening?: Happening }>> {
    const { element } = this;
    switch (work.kind) {
      case 'submit':
        return { ask: work.ask };
      case 'settle':
        await element.settle(work.ask.askId, work.verdict);
        if (work.verdict === 'done') return { happening: { kind: 'settled', ask: work.ask } };
        return this.#lostOf(work.verdict.taken);
      case 'takeOver':
        return { ask: await element.takeOver(work.holding.id) };
      case 'reclaim':
        return { ask: await element.reclaim(work.holding.id) };
      case 'unlock':
        return { ask: await element.unlock(work.holding.id) };
      case 'end':
        await element.end(work.holding.id, work.ending);
        return work.ending.why === 'lost' ? this.#lostOf(new Map([[work.holding.id, work.ending.step]])) : {};
      case 'resend':
        await this.#parts.transport.send(work.record.payee, hexToBytes(work.record.bytes));
        return {};
    }
  }

  #lostOf(taken: ReadonlyMap<string, Step>): Readonly<{ happening?: Happening }> {
    const lost = [...taken].find(([id]) => this.element.state.holdings.get(id)?.ending?.why === 'lost');
    return lost ? { happening: { kind: 'lost', holdingId: lost[0], step: lost[1] } } : {};
  }

  /** Cuts an amount off a coin, at the register. Errors: as of the element's `split` */
  async split(holdingId: string, amount: bigint): Promise<Ask> {
    const slot = await this.#parts.register.freeSlot();
    return this.#submit(await this.element.split({ holdingId, amount, slot, now: this.#seconds() }));
  }

  async redeem(holdingId: string, recipient: Address): Promise<Ask> {
    return this.#submit(await this.element.redeem({ holdingId, recipient, now: this.#seconds() }));
  }

  async lock(holdingId: string, offer: Uint8Array, deadline: number): Promise<Ask> {
    return this.#submit(await this.element.lock({ holdingId, offer, deadline, now: this.#seconds() }));
  }

  async merge(holdingIds: readonly [string, string], maximumAmount: bigint): Promise<Ask> {
    return this.#submit(await this.element.merge({ holdingIds, maximumAmount, now: this.#seconds() }));
  }

  async gather(holdingIds: readonly string[]): Promise<readonly Ask[]> {
    const asks = await this.element.gather({ holdingIds, now: this.#seconds() });
    await this.#parts.register.submit(asks.flatMap(({ requests }) => requests));
    return asks;
  }

  /** Written down already: when the register is away, a later round brings it. */
  async #submit(ask: Ask): Promise<Ask> {
    try {
      await this.#parts.register.submit(ask.requests);
    } catch (error) {
      if (!isCoinFailure(error, 'COIN_REGISTER_UNAVAILABLE')) throw error;
    }
    return ask;
  }

  /**
   * Takes up what the register has for keys of this seed, on a new device. Coins come alive by a switch to a new key,
   * once nobody can hold a promise of the lost device any more; with `nothingUnderWay` at once.
   *
   * Errors: thrown COIN_KEYS_NOT_RESTORABLE · COIN_DEVICE_OTHER
   */
  async restore({ nothingUnderWay }: Readonly<{ nothingUnderWay: boolean }>): Promise<readonly OwnedCoin[]> {
    const { keys, policy } = this.element;
    keys.requireRestorable();
    const found: (OwnedCoin & { index: number })[] = [];
    let seen = 0;
    for (let from = 0; from < seen + KEY_GAP; from += KEY_GAP) {
      const references = await Promise.all(Array.from({ length: KEY_GAP }, (_, index) => keys.reference(from + index)));
      for (const coin of await this.#parts.register.owned(references)) {
        const index = from + references.findIndex((one) => one.toLowerCase() === coin.owner.toLowerCase());
        if (index < from) throw coinFailure('COIN_KEY_WRONG', `${coin.owner} was not asked for`);
        found.push({ ...coin, index });
        seen = Math.max(seen, index + 1);
      }
    }
    const now = this.#seconds();
    const reclaimableAfter = nothingUnderWay ? now - policy.margin : now + policy.reclaimSeconds;
    await this.element.restore(found, { reclaimableAfter, keysSeen: seen + KEY_GAP });
    return found;
  }
}
