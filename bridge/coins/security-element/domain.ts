/**
 * The security element as a state machine: ACTIVE → INACTIVE with a record → DELETED. A coin that was INACTIVE is never
 * ACTIVE again; what a register switch hands back is a new holding.
 *
 * Pure, and free of Node: the same in a browser.
 */
import { assertInvariant } from '../../../ledger-service/vocabulary/errors.ts';
import type { Address, Hex } from '../../chain/domain.ts';
import type { CoinSignature, Register } from '../register/domain.ts';
import type { CoinOperation } from '../register/signing.ts';
import type { CoinBase, Hop, Offer } from './messages.ts';
import { isSame, transferIdsOf } from './messages.ts';

/** Seconds throughout. `margin` covers how far two devices' clocks may differ. */
export type DevicePolicy = Readonly<{
  warnHops: number;
  blockHops: number;
  offerSeconds: number;
  /** How long a payee has to register before the payer may take the coin back. */
  reclaimSeconds: number;
  margin: number;
}>;
export const DEVICE_POLICY: DevicePolicy = {
  warnHops: 3,
  blockHops: 5,
  offerSeconds: 900,
  reclaimSeconds: 86_400,
  margin: 120,
};

/** The key of a coin: one of the device's own, or the secret that came with the coin, as sealed as it came. */
export type KeyPlace = Readonly<{ kind: 'derived'; index: number }> | Readonly<{ kind: 'given'; sealed: Hex }>;

/** Sent and not yet known to have arrived: the same bytes go out again until it is. */
export type SentRecord = Readonly<{
  kind: 'sent';
  transferId: Hex;
  payee: Address;
  newOwner: Address;
  bytes: Hex;
  reclaimableAfter: number;
  /** The payee has refused it in writing, so that nobody waits for the deadline. */
  refusal?: Hex;
}>;
export type HoldingRecord =
  | SentRecord
  | Readonly<{ kind: 'asked'; askId: Hex; before?: SentRecord }>
  | Readonly<{ kind: 'restored'; reclaimableAfter: number }>
  | Readonly<{ kind: 'locked'; deadline: number }>;

/** What happened to a coin at the register at one number of its sequence. `at` in seconds since 1970. */
export type Step = Readonly<{ kind: CoinOperation['kind'] | 'Issue'; newOwner: Address; at: number; chainHash?: Hex }>;
export type Place = Readonly<{ coin: bigint; sequence: number }>;

/** What a payer signed, and what became of the coin instead. */
export type Evidence = Readonly<{ base: CoinBase; hops: readonly Hop[]; step: Step }>;

/** Why a holding is no more. `lost` says that the register gave the coin to somebody else: see evidence.ts. */
export type Ending = Readonly<{ why: 'sent' | 'registered' | 'returned' } | { why: 'lost'; step: Step }>;

/** A coin in this device. `base` is what the register says, `history` the hops that it does not know of. */
export type Holding = Readonly<{
  id: string;
  base: CoinBase;
  history: readonly Hop[];
  key: KeyPlace;
  state: 'active' | 'inactive' | 'deleted';
  record?: HoldingRecord;
  ending?: Ending;
}>;

/** What a device asks for: coins of pages come into slots before devices have them. */
export type DeviceOperation = Exclude<CoinOperation, { kind: 'MoveInPage' }>;
export type SignedRequest = Readonly<{ operation: DeviceOperation; signature: CoinSignature }>;
export type AskPurpose = 'takeOver' | 'reclaim' | 'split' | 'merge' | 'redeem' | 'lock' | 'unlock' | 'claim';

/** What was asked of the register, signed once and brought again as it is. `results` are held once it is done. */
export type Ask = Readonly<{
  askId: Hex;
  purpose: AskPurpose;
  requests: readonly SignedRequest[];
  inputs: readonly string[];
  results: readonly Holding[];
  keysUsed: number;
}>;

export type ElementEvent =
  | Readonly<{ type: 'opened'; register: Register; device: Address }>
  | Readonly<{ type: 'keyMade'; index: number; reference: Address }>
  | Readonly<{ type: 'offered'; offer: Offer; index: number }>
  | Readonly<{ type: 'adopted'; reference: Address; holding: Holding }>
  | Readonly<{ type: 'restored'; holdings: readonly Holding[]; nextKey: number }>
  | Readonly<{ type: 'sent'; holdingId: string; record: SentRecord }>
  | Readonly<{ type: 'received'; holding: Holding; transferId: Hex; offerId: Hex; receipt: Hex }>
  | Readonly<{ type: 'refused'; transferId: Hex; refusal: Hex; evidence?: Evidence }>
  | Readonly<{ type: 'receipted'; holdingId: string }>
  | Readonly<{ type: 'refusalTaken'; holdingId: string; refusal: Hex }>
  | Readonly<{ type: 'asked'; ask: Ask }>
  | Readonly<{
      type: 'settled';
      askId: Hex;
      endings: readonly Readonly<{ id: string; ending: Ending }>[];
      results: readonly Holding[];
      follow?: Ask;
    }>
  | Readonly<{ type: 'lockSettled'; askId: Hex; deadline: number }>
  | Readonly<{ type: 'ended'; holdingId: string; ending: Ending }>;

export type OfferState = Readonly<{ offer: Offer; index: number; filledBy?: Hex }>;

export type ElementState = Readonly<{
  register: Register;
  device: Address;
  nextKey: number;
  /** Keys that a coin may be issued to. */
  awaited: ReadonlyMap<Address, number>;
  offers: ReadonlyMap<Hex, OfferState>;
  holdings: ReadonlyMap<string, Holding>;
  asks: ReadonlyMap<Hex, Ask>;
  receipts: ReadonlyMap<Hex, Hex>;
  refusals: ReadonlyMap<Hex, Hex>;
  /** Of coins that were refused; of those that were lost it is in their holdings. */
  evidence: readonly Evidence[];
}>;

/** Unique within a device: a coin comes back to it only with more hops, or at a higher sequence. */
export function holdingIdOf(base: Place, hops: number): string {
  return `${base.coin}/${base.sequence}/${hops}`;
}

export function holdingOf(base: CoinBase, history: readonly Hop[], key: KeyPlace): Holding {
  return { id: holdingIdOf(base, history.length), base, history, key, state: 'active' };
}

/** By when the register must know of a coin that came from a device; undefined when it does already. */
export function deadlineOf(holding: Holding): number | undefined {
  return holding.history.at(-1)?.reclaimableAfter;
}

/** Whether this device may spend the coin at this moment. */
export function isSpendable(holding: Holding, now: number, policy: DevicePolicy): boolean {
  const deadline = deadlineOf(holding);
  return holding.state === 'active' && (deadline === undefined || now < deadline - policy.margin);
}

/** Pure: the state after an event. Errors: thrown when the event breaks the state machine, which no input can make it do */
export function applyEvent(state: ElementState | undefined, event: ElementEvent): ElementState {
  if (event.type === 'opened') {
    assertInvariant(state === undefined, 'a device is opened once');
    const empty = new Map<never, never>();
    const { register, device } = event;
    const maps = { awaited: empty, offers: empty, holdings: empty, asks: empty, receipts: empty, refusals: empty };
    return { register, device, nextKey: 0, ...maps, evidence: [] };
  }
  assertInvariant(state !== undefined, 'a journal begins with its device');
  switch (event.type) {
    case 'keyMade': {
      const awaited = new Map(state.awaited).set(lower(event.reference), event.index);
      return { ...state, awaited, nextKey: event.index + 1 };
    }
    case 'offered': {
      const { offer, index } = event;
      return { ...state, offers: new Map(state.offers).set(offer.offerId, { offer, index }), nextKey: index + 1 };
    }
    case 'adopted':
      assertInvariant(state.awaited.has(lower(event.reference)), 'only a coin that was waited for is adopted');
      return addHoldings(state, [event.holding]);
    case 'restored':
      return { ...addHoldings(state, event.holdings), nextKey: event.nextKey };
    case 'sent':
      return changeHolding(state, event.holdingId, 'active', (holding) => ({
        ...holding,
        state: 'inactive',
        record: event.record,
      }));
    case 'received': {
      const { holding, transferId, offerId, receipt } = event;
      const offer = state.offers.get(offerId);
      assertInvariant(offer !== undefined && offer.filledBy === undefined, 'an offer is filled once');
      const offers = new Map(state.offers).set(offerId, { ...offer, filledBy: transferId });
      const receipts = new Map(state.receipts).set(transferId, receipt);
      return addHoldings({ ...endReturned(state, holding), offers, receipts }, [holding]);
    }
    case 'refused':
      assertInvariant(!state.receipts.has(event.transferId), 'what is accepted is not refused');
      return {
        ...state,
        refusals: new Map(state.refusals).set(event.transferId, event.refusal),
        evidence: event.evidence ? [...state.evidence, event.evidence] : state.evidence,
      };
    case 'receipted':
      return endHolding(state, event.holdingId, { why: 'sent' });
    case 'refusalTaken':
      return changeHolding(state, event.holdingId, 'inactive', (holding) => {
        assertInvariant(holding.record?.kind === 'sent', 'only what was sent can be refused');
        return { ...holding, record: { ...holding.record, refusal: event.refusal } };
      });
    case 'asked':
      return ask(state, event.ask);
    case 'settled': {
      const asks = new Map(state.asks);
      assertInvariant(asks.delete(event.askId), 'an ask is settled once');
      let after: ElementState = { ...state, asks };
      for (const { id, ending } of event.endings) after = endHolding(after, id, ending);
      after = addHoldings(after, event.results);
      return event.follow ? ask(after, event.follow) : after;
    }
    case 'lockSettled': {
      const asks = new Map(state.asks);
      const settled = asks.get(event.askId);
      assertInvariant(settled !== undefined && asks.delete(event.askId), 'an ask is settled once');
      return changeHolding({ ...state, asks }, settled.inputs[0]!, 'inactive', (holding) => ({
        ...holding,
        record: { kind: 'locked', deadline: event.deadline },
      }));
    }
    case 'ended':
      return endHolding(state, event.holdingId, event.ending);
  }
}

/** The coin came back to a device that had not heard of its arrival: being back is receipt enough. */
function endReturned(state: ElementState, arrived: Holding): ElementState {
  const transferIds = transferIdsOf(arrived.base, arrived.history);
  const returned = [...state.holdings.values()].filter(
    ({ state: its, record }) =>
      its === 'inactive' && record?.kind === 'sent' && transferIds.includes(record.transferId),
  );
  return returned.reduce((after, { id }) => endHolding(after, id, { why: 'returned' }), state);
}

function ask(state: ElementState, asked: Ask): ElementState {
  let after: ElementState = { ...state, nextKey: state.nextKey + asked.keysUsed };
  for (const id of asked.inputs) {
    after = changeHolding(after, id, undefined, (holding) => {
      const { record } = holding;
      const before = record?.kind === 'sent' ? record : record?.kind === 'asked' ? record.before : undefined;
      assertInvariant(holding.state !== 'deleted', 'nothing is asked for a coin that is gone');
      const next = { kind: 'asked' as const, askId: asked.askId };
      return { ...holding, state: 'inactive', record: before ? { ...next, before } : next };
    });
  }
  return { ...after, asks: new Map(after.asks).set(asked.askId, asked) };
}

function addHoldings(state: ElementState, added: readonly Holding[]): ElementState {
  const holdings = new Map(state.holdings);
  for (const holding of added) {
    assertInvariant(!holdings.has(holding.id), `${holding.id} is held once`);
    holdings.set(holding.id, holding);
  }
  return { ...state, holdings };
}

function changeHolding(
  state: ElementState,
  id: string,
  expected: Holding['state'] | undefined,
  change: (holding: Holding) => Holding,
): ElementState {
  const holding = state.holdings.get(id);
  assertInvariant(holding !== undefined, `${id} is held`);
  assertInvariant(expected === undefined || holding.state === expected, `${id} is ${expected}`);
  return { ...state, holdings: new Map(state.holdings).set(id, change(holding)) };
}

/** What is deleted keeps its way, as evidence, and nothing that could spend it. */
function endHolding(state: ElementState, id: string, ending: Ending): ElementState {
  return changeHolding(state, id, undefined, ({ record: _record, ...holding }) => {
    assertInvariant(holding.state !== 'deleted', `${id} ends once`);
    const key: KeyPlace = holding.key.kind === 'given' ? { kind: 'given', sealed: '0x' } : holding.key;
    return { ...holding, key, state: 'deleted', ending };
  });
}

export function placeKey({ coin, sequence }: Place): string {
  return `${coin}/${sequence}`;
}

/** Where at the register the holder of a coin acts: each hop of signed switches is one number of the sequence. */
export function ownPlace({ base, history }: Holding): Place {
  return { coin: base.coin, sequence: base.sequence + (base.form === 'switches' ? history.length : 0) };
}

/** Places where something has to have happened, and to whom the coin has to have gone there. */
export function placesOfRequest({ operation }: SignedRequest): readonly (Place & { newOwner: Address })[] {
  switch (operation.kind) {
    case 'Move':
      return operation.moves.map((place) => ({ ...place, newOwner: operation.owner }));
    case 'Split': {
      const { rest, part } = operation;
      return [rest, part].map(({ coin, sequence, owner }) => ({ coin, sequence, newOwner: owner }));
    }
    case 'Merge': {
      const { head, other } = operation;
      const gone: Address = '0x0000000000000000000000000000000000000000';
      return [
        { coin: head.coin, sequence: head.sequence, newOwner: head.owner },
        { ...other, newOwner: gone },
      ];
    }
    default: {
      const { coin, sequence, owner } = operation.head;
      return [{ coin, sequence, newOwner: owner }];
    }
  }
}

export function isStepOf(step: Step, kind: CoinOperation['kind'], newOwner: Address): boolean {
  return isSame(step.newOwner, newOwner) && (step.kind === 'Redeem') === (kind === 'Redeem');
}

function lower(address: Address): Address {
  return address.toLowerCase() as Address;
}
