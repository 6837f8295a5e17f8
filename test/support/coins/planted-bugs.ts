import { planWork } from '../../../bridge/coins/security-element/decisions.ts';
import type { ElementEvent, ElementState, Holding } from '../../../bridge/coins/security-element/domain.ts';
import { ELEMENT_RULES } from '../../../bridge/coins/security-element/element.ts';
import { coinFailure, isCoinFailure } from '../../../bridge/coins/security-element/failures.ts';
import { transferIdOf } from '../../../bridge/coins/security-element/messages.ts';
import { type PlantedCoinBug, POLICY } from './device-world.ts';

const { applyEvent, planSend, checkReceive } = ELEMENT_RULES;

/** The rules, but for one kind of event. */
function withEvent<Type extends ElementEvent['type']>(
  type: Type,
  apply: (state: ElementState, event: Extract<ElementEvent, { type: Type }>) => ElementState,
): typeof applyEvent {
  return (state, event) =>
    state && event.type === type
      ? apply(state, event as Extract<ElementEvent, { type: Type }>)
      : applyEvent(state, event);
}

function changed(state: ElementState, id: string, change: Partial<Holding>): ElementState {
  const holding = { ...state.holdings.get(id)!, ...change };
  return { ...state, holdings: new Map(state.holdings).set(id, holding) };
}

/** Each has to be found by some schedule. */
export const PLANTED_COIN_BUGS: readonly PlantedCoinBug[] = [
  {
    name: 'deleted before the receipt',
    rules: {
      applyEvent: withEvent('sent', (state, event) =>
        applyEvent(applyEvent(state, event), { type: 'receipted', holdingId: event.holdingId }),
      ),
    },
  },
  { name: 'a journal that is not on the disk when it says so', forgetfulDisk: true },
  {
    name: 'alive again without a switch when nobody answers',
    plan: (state, view, policy, now) =>
      planWork(state, view, policy, now).map((work) =>
        work.kind === 'resend' ? { kind: 'end', holding: work.holding, ending: { why: 'returned' } } : work,
      ),
    rules: {
      applyEvent: withEvent('ended', (state, event) =>
        event.ending.why === 'returned'
          ? changed(state, event.holdingId, { state: 'active' })
          : applyEvent(state, event),
      ),
    },
  },
  {
    name: 'a receipt that is not kept, so that the same coin is refused when it comes again',
    rules: {
      applyEvent: withEvent('received', (state, event) => ({ ...applyEvent(state, event), receipts: new Map() })),
      checkReceive: (...given) => {
        try {
          return checkReceive(...given);
        } catch (error) {
          if (!isCoinFailure(error, 'COIN_SEQUENCE_REUSED')) throw error;
          throw coinFailure('COIN_OFFER_FILLED', 'another coin came for this offer');
        }
      },
    },
  },
  {
    name: 'one number of the sequence sent twice',
    rules: {
      applyEvent: withEvent('sent', (state, event) =>
        changed(applyEvent(state, event), event.holdingId, { state: 'active' }),
      ),
    },
  },
  {
    name: 'hops not counted',
    rules: {
      planSend: (...given) => {
        const planned = planSend(...given);
        if (planned.base.form === 'switches') return planned;
        return { ...planned, before: [], transferId: transferIdOf(planned.base, [], planned.terms) };
      },
    },
  },
  { name: 'believed before it is final', seesUnfinal: true },
  {
    name: 'taken back before the promised time',
    plan: (state, view, policy, now) => planWork(state, view, policy, now + POLICY.reclaimSeconds + POLICY.margin),
  },
  {
    name: 'a refusal that is not written down',
    rules: { applyEvent: withEvent('refused', (state) => state) },
  },
];
