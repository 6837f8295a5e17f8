/** Where a dispute stands: the merchant has yet to answer, the issuer has yet to decide, or it is over. */
export type DisputeState = 'opened' | 'represented' | 'won' | 'lost';
export type DisputeCause = 'accepted' | 'decided' | 'withdrawn' | 'deadline';

/** Every allowed change; more evidence leaves a dispute represented. */
export const DISPUTE_TRANSITIONS: Readonly<Record<DisputeState, readonly DisputeState[]>> = {
  opened: ['represented', 'won', 'lost'],
  represented: ['represented', 'won', 'lost'],
  won: [],
  lost: [],
};

/**
 * Why a cardholder disputes a payment: how long after it that is possible, how long the merchant has to answer, and how
 * long the issuer to decide on the answer. Days of the books' calendar.
 */
export const REASONS = {
  fraud: { openWithinDays: 120, evidenceDays: 9, decisionDays: 30 },
  notReceived: { openWithinDays: 120, evidenceDays: 20, decisionDays: 30 },
  notAsDescribed: { openWithinDays: 120, evidenceDays: 20, decisionDays: 30 },
  canceled: { openWithinDays: 120, evidenceDays: 20, decisionDays: 30 },
  duplicate: { openWithinDays: 90, evidenceDays: 9, decisionDays: 15 },
  wrongAmount: { openWithinDays: 90, evidenceDays: 9, decisionDays: 15 },
} as const;
export type ReasonCode = keyof typeof REASONS;
export const REASON_CODES = Object.keys(REASONS) as [ReasonCode, ...ReasonCode[]];

const DAY_MILLISECONDS = 86_400_000;

export type Dispute = Readonly<{
  state: DisputeState;
  reasonCode: string;
  evidenceDueAt: Date;
  dueAt: Date | null;
}>;

export type DisputeRefusal = Readonly<
  | { outcome: 'declined'; code: 'DISPUTE_TOO_LATE'; lastAt: Date }
  | { outcome: 'declined'; code: 'EVIDENCE_TOO_LATE'; dueAt: Date }
  | { outcome: 'declined'; code: 'DISPUTE_STATE_UNSUITABLE'; state: DisputeState }
>;

export type DisputeDecision =
  | Readonly<{ outcome: 'accepted'; state: DisputeState; cause: DisputeCause | null; dueAt: Date | null }>
  | DisputeRefusal;

/** Errors: declined, returned: DISPUTE_TOO_LATE, at the very moment and later. */
export function decideOpening(reasonCode: ReasonCode, paidAt: Date, now: Date): DisputeDecision {
  const { openWithinDays, evidenceDays } = REASONS[reasonCode];
  const lastAt = after(paidAt, openWithinDays);
  if (now >= lastAt) return { outcome: 'declined', code: 'DISPUTE_TOO_LATE', lastAt };
  return { outcome: 'accepted', state: 'opened', cause: null, dueAt: after(now, evidenceDays) };
}

/**
 * The merchant answers, once or more often while there is time; then it is the issuer's turn.
 *
 * Errors: declined, returned: DISPUTE_STATE_UNSUITABLE, EVIDENCE_TOO_LATE (at the very moment and later, whether or not
 *         the sweeper has been there)
 */
export function decideEvidence({ state, reasonCode, evidenceDueAt }: Dispute, now: Date): DisputeDecision {
  if (now >= evidenceDueAt) return { outcome: 'declined', code: 'EVIDENCE_TOO_LATE', dueAt: evidenceDueAt };
  if (!DISPUTE_TRANSITIONS[state].includes('represented')) return unsuitable(state);
  // Counted from the end of the merchant's time, so that an early answer takes nothing from the issuer.
  return {
    outcome: 'accepted',
    state: 'represented',
    cause: null,
    dueAt: after(evidenceDueAt, decisionDaysOf(reasonCode)),
  };
}

/** The merchant gives in. Errors: declined, returned: DISPUTE_STATE_UNSUITABLE. */
export function decideAcceptance({ state }: Dispute): DisputeDecision {
  return state === 'opened' || state === 'represented' ? ended('lost', 'accepted') : unsuitable(state);
}

/**
 * The issuer decides on the merchant's answer, or takes its claim back before there is one.
 *
 * Errors: declined, returned: DISPUTE_STATE_UNSUITABLE: without an answer only time decides against the merchant
 */
export function decideOutcome({ state }: Dispute, outcome: 'won' | 'lost'): DisputeDecision {
  if (state === 'represented') return ended(outcome, 'decided');
  if (state === 'opened' && outcome === 'won') return ended('won', 'withdrawn');
  return unsuitable(state);
}

/** Time decides: against the merchant who did not answer, against the issuer who did not decide. Undefined: not yet. */
export function decideDeadline({ state, dueAt }: Dispute, now: Date): DisputeDecision | undefined {
  if (dueAt === null || now < dueAt) return undefined;
  return ended(state === 'opened' ? 'lost' : 'won', 'deadline');
}

function ended(state: 'won' | 'lost', cause: DisputeCause): DisputeDecision {
  return { outcome: 'accepted', state, cause, dueAt: null };
}

function unsuitable(state: DisputeState): DisputeRefusal {
  return { outcome: 'declined', code: 'DISPUTE_STATE_UNSUITABLE', state };
}

function decisionDaysOf(reasonCode: string): number {
  return REASONS[reasonCode as ReasonCode].decisionDays;
}

function after(time: Date, days: number): Date {
  return new Date(time.getTime() + days * DAY_MILLISECONDS);
}
