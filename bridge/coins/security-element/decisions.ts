/** What a device decides before it writes anything: all pure, and every refusal leaves the state as it was. */
import type { Hex } from '../../chain/domain.ts';
import type { Coin, Register } from '../register/domain.ts';
import { LARGEST_AMOUNT, LAST_SEQUENCE } from '../register/domain.ts';
import type { CoinCryptography } from './cryptography.ts';
import type {
  Ask,
  DevicePolicy,
  ElementState,
  Ending,
  Holding,
  OfferState,
  Place,
  SentRecord,
  Step,
} from './domain.ts';
import { deadlineOf, holdingIdOf, isSpendable, isStepOf, ownPlace, placeKey, placesOfRequest } from './domain.ts';
import { coinFailure } from './failures.ts';
import type { CoinBase, CoinMessage, Form, Hop, HopTerms, Offer, RefusalReason } from './messages.ts';
import {
  isSame,
  MAXIMUM_HOPS,
  NO_OWNER,
  offerDigest,
  requireRegister,
  requireSigner,
  transferIdOf,
  transferIdsOf,
  verifyHops,
} from './messages.ts';

export function requireHolding(state: ElementState, id: string): Holding {
  const holding = state.holdings.get(id);
  if (!holding) throw coinFailure('COIN_UNKNOWN', `this device holds no coin ${id}`, { holding: id });
  return holding;
}

/** Errors: thrown COIN_UNKNOWN · COIN_NOT_SPENDABLE */
export function requireSpendable(state: ElementState, id: string, now: number, policy: DevicePolicy): Holding {
  const holding = requireHolding(state, id);
  if (holding.state !== 'active') throw coinFailure('COIN_NOT_SPENDABLE', `coin ${id} is ${holding.state}`);
  if (!isSpendable(holding, now, policy)) {
    throw coinFailure('COIN_NOT_SPENDABLE', `coin ${id} had to be registered before it is passed on`);
  }
  return holding;
}

/** What the register does itself is for coins that it knows as this device holds them. */
export function requireRegistered(state: ElementState, id: string, now: number, policy: DevicePolicy): Holding {
  const holding = requireSpendable(state, id, now, policy);
  if (holding.history.length > 0) throw coinFailure('COIN_NOT_SPENDABLE', `coin ${id} is not registered yet`);
  if (holding.base.sequence >= LAST_SEQUENCE - 1) throw coinFailure('COIN_NOT_SPENDABLE', 'its numbers are used up');
  return holding;
}

export function verifyOffer(cryptography: CoinCryptography, register: Register, offer: Offer, now: number): void {
  requireRegister(register, offer.register);
  if (offer.amount === 0n) throw coinFailure('COIN_AMOUNT_ZERO', 'an offer for nothing');
  requireSigner(cryptography, offer.payee, offerDigest(offer), offer.signature);
  if (now >= offer.expiresAt) throw coinFailure('COIN_OFFER_EXPIRED', 'the offer is over');
}

/** `before` are the hops so far: all of them, or the next device would take the coin for a fresher one. */
export type PlannedSend = Readonly<{
  base: CoinBase;
  before: readonly Hop[];
  terms: HopTerms;
  transferId: Hex;
  warning: boolean;
}>;

/**
 * Shape:  a coin of exactly the offer's amount → what its passing-on says
 * Errors: thrown COIN_UNKNOWN · COIN_NOT_SPENDABLE · COIN_AMOUNT_OTHER · COIN_HOPS_EXCEEDED
 */
export function planSend(
  state: ElementState,
  policy: DevicePolicy,
  { holdingId, offer, now, form }: Readonly<{ holdingId: string; offer: Offer; now: number; form: Form }>,
): PlannedSend {
  const holding = requireSpendable(state, holdingId, now, policy);
  if (holding.base.amount !== offer.amount) {
    throw coinFailure('COIN_AMOUNT_OTHER', `a coin of ${holding.base.amount} for an offer of ${offer.amount}`);
  }
  const hops = holding.history.length + 1;
  if (hops > Math.min(policy.blockHops, MAXIMUM_HOPS)) {
    throw coinFailure('COIN_HOPS_EXCEEDED', `it went through ${hops - 1} devices and has to be registered first`);
  }
  const base: CoinBase = holding.history.length === 0 ? { ...holding.base, form } : holding.base;
  const terms: HopTerms = {
    payer: state.device,
    payee: offer.payee,
    offerId: offer.offerId,
    newOwner: base.form === 'switches' ? offer.newOwner : NO_OWNER,
    reclaimableAfter: promisedUntil(holding, now, policy),
  };
  const before = holding.history;
  const transferId = transferIdOf(base, before, terms);
  return { base, before, terms, transferId, warning: hops >= policy.warnHops };
}

function promisedUntil(holding: Holding, now: number, policy: DevicePolicy): number {
  const own = now + policy.reclaimSeconds;
  const deadline = deadlineOf(holding);
  const until = deadline === undefined ? own : Math.min(own, deadline - 2 * policy.margin);
  if (until > now + policy.margin) return until;
  throw coinFailure('COIN_NOT_SPENDABLE', 'too little time is left for another device: register it first');
}

export type Acceptance =
  | Readonly<{ kind: 'known'; receipt: Hex }>
  | Readonly<{ kind: 'refused'; refusal: Hex }>
  | Readonly<{ kind: 'new'; offer: OfferState; transferId: Hex; warning: boolean }>;

/**
 * Whether a coin is taken; `word` is what the register says of it, when it can be asked.
 *
 * Errors: thrown COIN_CHAIN_WRONG · COIN_REGISTER_WRONG · COIN_KEY_WRONG · COIN_SIGNATURE_HIGH_S · COIN_AMOUNT_ZERO ·
 *         COIN_NOT_ADDRESSED, COIN_SEQUENCE_REUSED, and the codes of `refusalOf`, which a refusal can answer
 */
export function checkReceive(
  state: ElementState,
  policy: DevicePolicy,
  cryptography: CoinCryptography,
  { message, now, word }: Readonly<{ message: CoinMessage; now: number; word?: Coin | undefined }>,
): Acceptance {
  const { base, hops } = message;
  requireRegister(state.register, base.register);
  const last = hops.at(-1)!;
  if (!isSame(last.payee, state.device)) throw coinFailure('COIN_NOT_ADDRESSED', `it is for ${last.payee}`);
  verifyHops(cryptography, base, hops);
  const transferId = transferIdsOf(base, hops).at(-1)!;
  const receipt = state.receipts.get(transferId);
  if (receipt) return { kind: 'known', receipt };
  const refusal = state.refusals.get(transferId);
  if (refusal) return { kind: 'refused', refusal };
  if (state.holdings.has(holdingIdOf(base, hops.length))) {
    throw coinFailure('COIN_SEQUENCE_REUSED', `coin ${base.coin} came at this number before, by another transfer`);
  }
  if ([...state.holdings.values()].some((held) => held.state === 'active' && held.base.coin === base.coin)) {
    throw coinFailure('COIN_SEQUENCE_REUSED', `coin ${base.coin} is in this device`);
  }
  const offer = requireOffer(state, message, now);
  if (hops.length > policy.blockHops) throw coinFailure('COIN_HOPS_EXCEEDED', `${hops.length} hops`);
  if (now >= last.reclaimableAfter - policy.margin) {
    throw coinFailure('COIN_DEADLINE_PASSED', 'its payer may already have taken it back');
  }
  if (base.amount > LARGEST_AMOUNT) throw coinFailure('COIN_AMOUNT_ABOVE_ISSUED', 'no coin is that large');
  if (word) requireWord(word, message);
  return { kind: 'new', offer, transferId, warning: hops.length >= policy.warnHops };
}

function requireOffer(state: ElementState, { base, hops }: CoinMessage, now: number): OfferState {
  const last = hops.at(-1)!;
  const found = state.offers.get(last.offerId);
  if (!found) throw coinFailure('COIN_OFFER_UNKNOWN', 'nothing was asked for under this number');
  if (found.filledBy !== undefined) throw coinFailure('COIN_OFFER_FILLED', 'another coin came for this offer');
  if (now >= found.offer.expiresAt) throw coinFailure('COIN_OFFER_EXPIRED', 'the offer is over');
  if (found.offer.amount !== base.amount) {
    throw coinFailure('COIN_AMOUNT_OTHER', `${base.amount} came where ${found.offer.amount} was asked for`);
  }
  if (base.form === 'switches' && !isSame(last.newOwner, found.offer.newOwner)) {
    throw coinFailure('COIN_KEY_WRONG', 'signed over to a key that the offer does not name');
  }
  return found;
}

/**
 * The register knows better than any payer. A word that is older than the coin's comes from a node that is behind, and
 * says nothing; one further along the coin's own way says that somebody has begun to register it.
 */
function requireWord(word: Coin, { base, hops }: CoinMessage): void {
  const behind = word.sequence - base.sequence;
  if (behind < 0) return;
  const owner = behind === 0 ? base.owner : base.form === 'switches' ? hops[behind - 1]?.newOwner : undefined;
  if (word.state !== 'active' || owner === undefined || !isSame(word.owner, owner)) {
    throw coinFailure('COIN_DOUBLE_SPENT', `the register has coin ${base.coin} elsewhere`);
  }
  if (base.amount > word.amount) {
    throw coinFailure('COIN_AMOUNT_ABOVE_ISSUED', `${base.amount} for a coin of ${word.amount}`);
  }
  if (base.amount !== word.amount) throw coinFailure('COIN_AMOUNT_OTHER', `a coin of ${word.amount}`);
}

const REFUSED_BY: Readonly<Record<string, RefusalReason>> = {
  COIN_OFFER_UNKNOWN: 'offer',
  COIN_OFFER_FILLED: 'offer',
  COIN_OFFER_EXPIRED: 'offer',
  COIN_HOPS_EXCEEDED: 'hops',
  COIN_DEADLINE_PASSED: 'deadline',
  COIN_AMOUNT_OTHER: 'amount',
  COIN_AMOUNT_ABOVE_ISSUED: 'amount',
  COIN_FORM_UNSUPPORTED: 'form',
  COIN_DOUBLE_SPENT: 'register',
};

/** With what reason a payee answers a coin that it does not take; undefined when there is nobody to answer. */
export function refusalOf(code: string): RefusalReason | undefined {
  return REFUSED_BY[code];
}

/** What is final at the register, and in `latest` also what is not yet. `finalTime` in seconds since 1970. */
export type RegisterView = Readonly<{
  steps: ReadonlyMap<string, Step>;
  latest: ReadonlyMap<string, Step>;
  finalTime: number;
}>;

/** What the register is to be asked about, to know how every coin of the device stands. */
export function placesOf(state: ElementState): readonly Place[] {
  const places = new Map<string, Place>();
  const add = (place: Place) => places.set(placeKey(place), { coin: place.coin, sequence: place.sequence });
  for (const holding of state.holdings.values()) {
    if (holding.state === 'deleted') continue;
    for (const [index] of holding.history.entries()) add({ ...holding.base, sequence: holding.base.sequence + index });
    const own = ownPlace(holding);
    add(own);
    if (holding.record?.kind === 'locked') add({ ...own, sequence: own.sequence + 1 });
  }
  for (const { requests } of state.asks.values()) for (const request of requests) placesOfRequest(request).forEach(add);
  return [...places.values()];
}

export type Work =
  | Readonly<{ kind: 'resend'; holding: Holding; record: SentRecord }>
  | Readonly<{ kind: 'takeOver' | 'reclaim' | 'unlock'; holding: Holding }>
  | Readonly<{ kind: 'end'; holding: Holding; ending: Ending }>
  | Readonly<{ kind: 'submit'; ask: Ask }>
  | Readonly<{ kind: 'settle'; ask: Ask; verdict: Exclude<Verdict, 'open'> }>;

/** Pure: everything that is to be done now, given what the register says. */
export function planWork(state: ElementState, view: RegisterView, policy: DevicePolicy, now: number): readonly Work[] {
  const holdings = [...state.holdings.values()].flatMap((holding) => planHolding(holding, view, policy, now));
  const asks = [...state.asks.values()].map((ask): Work => {
    const verdict = judgeAsk(ask, state, view);
    return verdict === 'open' ? { kind: 'submit', ask } : { kind: 'settle', ask, verdict };
  });
  return [...asks, ...holdings];
}

function planHolding(holding: Holding, view: RegisterView, policy: DevicePolicy, now: number): readonly Work[] {
  const { state, record } = holding;
  const conflict = conflictOf(holding, view);
  if (state === 'active') {
    if (conflict) return [{ kind: 'end', holding, ending: { why: 'lost', step: conflict } }];
    return holding.history.length > 0 ? [{ kind: 'takeOver', holding }] : [];
  }
  if (state === 'deleted' || record === undefined || record.kind === 'asked') return [];
  const place = ownPlace(holding);
  if (record.kind === 'locked') {
    const unlocked = placeKey({ ...place, sequence: place.sequence + 1 });
    if (view.steps.has(unlocked)) return [{ kind: 'end', holding, ending: { why: 'sent' } }];
    if (view.latest.has(unlocked)) return [];
    return now >= record.deadline + policy.margin ? [{ kind: 'unlock', holding }] : [];
  }
  const step = view.steps.get(placeKey(place));
  // It had been given to somebody else before it came here: whoever it was passed on to will ask.
  if (conflict) return [{ kind: 'end', holding, ending: { why: 'lost', step: conflict } }];
  if (step) return [{ kind: 'end', holding, ending: { why: 'sent' } }];
  if (view.latest.has(placeKey(place))) return [];
  const isFree = record.kind === 'sent' && record.refusal !== undefined;
  if (isFree || now >= record.reclaimableAfter + policy.margin) return [{ kind: 'reclaim', holding }];
  return record.kind === 'sent' ? [{ kind: 'resend', holding, record }] : [];
}

/** A step that took the coin elsewhere than the way on which this device has it. */
export function conflictOf(holding: Holding, view: RegisterView): Step | undefined {
  const { base, history, state } = holding;
  if (base.form === 'switches') {
    for (const [index, hop] of history.entries()) {
      const step = view.steps.get(placeKey({ ...base, sequence: base.sequence + index }));
      if (step && !isStepOf(step, 'Switch', hop.newOwner)) return step;
    }
  }
  return state === 'active' ? view.steps.get(placeKey(ownPlace(holding))) : undefined;
}

export type Verdict =
  | 'done'
  | 'open'
  /** It can never be done: `taken` are the inputs that somebody else has got, by the step that gave them. */
  | Readonly<{ taken: ReadonlyMap<string, Step> }>;

export function judgeAsk(ask: Ask, state: ElementState, view: RegisterView): Verdict {
  let isDone = true;
  for (const request of ask.requests) {
    for (const place of placesOfRequest(request)) {
      const step = view.steps.get(placeKey(place));
      if (step && !isStepOf(step, request.operation.kind, place.newOwner)) {
        const taken = ask.inputs.filter((id) => state.holdings.get(id)?.base.coin === place.coin);
        return { taken: new Map(taken.map((id) => [id, step])) };
      }
      isDone &&= step !== undefined;
    }
    const { operation } = request;
    // Blocks only get later: what is not final by then never will be.
    if (!isDone && operation.kind === 'Lock' && view.finalTime >= Number(operation.deadline))
      return { taken: new Map() };
  }
  return isDone ? 'done' : 'open';
}
