import type {
  IssuerAdvice,
  IssuerAnswer,
  IssuerPort,
  IssuerRequest,
} from '../../../bridge/core/authorization/issuer-port.ts';
import type { Gate, Owner } from './gate.ts';
import type { SeededChance } from './seeded-chance.ts';

export type IssuerFaults = Readonly<{
  requestLost: number;
  replyLost: number;
  late: number;
  twice: number;
  contradicting: number;
}>;

export type IssuerHold = {
  approved: bigint;
  held: bigint;
  captured: bigint;
  refunded: bigint;
  reversed: boolean;
  reversedLate?: true;
};

export const NO_ISSUER_FAULTS: IssuerFaults = { requestLost: 0, replyLost: 0, late: 0, twice: 0, contradicting: 0 };
const LONGEST_DELAY_MILLISECONDS = 2_000;

/**
 * An issuer's host as the bridge meets it: its own books, reached by messages that may be lost, late, come twice or
 * say what cannot be.
 */
export class IssuerModel {
  readonly holds = new Map<string, IssuerHold>();
  readonly balances = new Map<string, bigint>();
  readonly #advices = new Set<string>();
  readonly #gate: Gate;
  readonly #chance: SeededChance;
  faults: IssuerFaults = NO_ISSUER_FAULTS;
  onFault: (kind: string) => void = () => {};

  constructor(gate: Gate, chance: SeededChance) {
    this.#gate = gate;
    this.#chance = chance;
  }

  /** The port as one process of the bridge has it. */
  portOf(owner: Owner): IssuerPort {
    return {
      authorize: async (request) => {
        const answer = await this.#exchange(owner, `authorize ${request.retrievalReference}`, () =>
          this.#authorize(request),
        );
        return answer ?? { kind: 'silent' };
      },
      reverse: async ({ retrievalReference }) => {
        const acknowledged = await this.#exchange(owner, `reverse ${retrievalReference}`, () => {
          this.#reverse(retrievalReference);
          return true;
        });
        if (!acknowledged) throw new Error('the reversal was not acknowledged');
      },
      advise: async (advice) => {
        const acknowledged = await this.#exchange(owner, `advise ${advice.kind} ${advice.retrievalReference}`, () => {
          this.#advise(advice);
          return true;
        });
        if (!acknowledged) throw new Error('the advice was not acknowledged');
      },
    };
  }

  /** What it advised before is still taken; of what it holds nothing is known any more. */
  reverseLate(retrievalReference: string): void {
    const hold = this.holds.get(retrievalReference);
    if (hold) hold.reversedLate = true;
  }

  /** Undefined when no answer ever comes. */
  async #exchange<Answer>(owner: Owner, label: string, act: () => Answer): Promise<Answer | undefined> {
    const { requestLost, replyLost, late, twice } = this.faults;
    const isLost = this.#draw(requestLost, 'issuer request lost');
    const arrived = await this.#gate.pass(owner, 'issuer request', label, () => {
      if (isLost) return undefined;
      const answer = act();
      if (this.#draw(twice, 'issuer request twice')) act();
      return { answer };
    });
    if (!arrived || this.#draw(replyLost, 'issuer reply lost')) {
      // A request whose answer is lost ends only when its sender gives up.
      await this.#gate.timersOf(owner).wait(4 * LONGEST_DELAY_MILLISECONDS);
      return undefined;
    }
    const wait = this.#draw(late, 'issuer late') ? this.#chance.below(LONGEST_DELAY_MILLISECONDS) : 0;
    return this.#gate.pass(owner, 'issuer reply', label, () => arrived.answer, wait);
  }

  #authorize(request: IssuerRequest): IssuerAnswer {
    const { retrievalReference, amount, instrumentToken } = request;
    const known = this.holds.get(retrievalReference);
    if (known) return { kind: 'declined', responseCode: '05' };
    const balance = this.balances.get(instrumentToken) ?? 0n;
    const approved = amount.minorUnits <= balance ? amount.minorUnits : balance;
    const hold = { approved, held: approved, captured: 0n, refunded: 0n, reversed: false };
    this.holds.set(retrievalReference, hold);
    this.balances.set(instrumentToken, balance - approved);
    if (approved === 0n) return { kind: 'declined', responseCode: '51' };
    if (this.#draw(this.faults.contradicting, 'issuer contradicting')) {
      return { kind: 'approved', responseCode: '00', amount: { ...amount, minorUnits: amount.minorUnits + 1n } };
    }
    const responseCode = approved === amount.minorUnits ? '00' : '10';
    return { kind: 'approved', responseCode, amount: { ...amount, minorUnits: approved } };
  }

  #reverse(retrievalReference: string): void {
    const hold = this.holds.get(retrievalReference);
    // A reversal that overtakes its request keeps that request from ever being approved.
    this.holds.set(retrievalReference, {
      ...(hold ?? { approved: 0n, captured: 0n, refunded: 0n }),
      held: 0n,
      reversed: true,
    });
  }

  #advise({ adviceId, retrievalReference, kind, amount }: IssuerAdvice): void {
    const hold = this.holds.get(retrievalReference);
    if (!hold) throw new Error(`the issuer has no authorization ${retrievalReference}`);
    if (this.#advices.has(adviceId)) return;
    if (kind === 'refund') hold.refunded += amount.minorUnits;
    else {
      if (amount.minorUnits > hold.held) throw new Error(`the issuer holds ${hold.held}, not ${amount.minorUnits}`);
      hold.held -= amount.minorUnits;
      if (kind === 'capture') hold.captured += amount.minorUnits;
    }
    this.#advices.add(adviceId);
  }

  #draw(probability: number, kind: string): boolean {
    if (probability === 0 || !this.#chance.happens(probability)) return false;
    this.onFault(kind);
    return true;
  }
}
