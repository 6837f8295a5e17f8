import type { Fault, Step } from './gate.ts';
import type { QueueFaults } from './held-doorbells.ts';
import type { IssuerFaults } from './held-issuer.ts';
import type { NodeFaults } from './held-node.ts';
import type { SignerFaults } from './held-signer.ts';
import type { RequestFaults } from './request-faults.ts';
import type { SeededChance } from './seeded-chance.ts';

/** How often each step of a process goes wrong, and how. */
export type StepRates = Readonly<Record<Fault, number>>;

export type FaultRates = Readonly<{
  steps: StepRates;
  issuer: IssuerFaults;
  nodes: NodeFaults;
  signer: SignerFaults;
  requests: RequestFaults;
  queue: QueueFaults;
}>;

/** Every seed draws its own rates, many of them zero: a fault that always comes hides what only shows without it. */
export function drawRates(chance: SeededChance): FaultRates {
  const rate = (most: number) => (chance.happens(0.3) ? 0 : chance.fraction() * most);
  return {
    steps: {
      killBefore: rate(0.006),
      killAfter: rate(0.006),
      resetBefore: rate(0.006),
      resetAfter: rate(0.01),
      serialization: rate(0.004),
      statementTimeout: rate(0.002),
      diskFull: rate(0.002),
      refused: rate(0.05),
    },
    issuer: {
      requestLost: rate(0.25),
      replyLost: rate(0.25),
      late: rate(0.4),
      twice: rate(0.2),
      contradicting: rate(0.2),
    },
    nodes: {
      requestLost: rate(0.05),
      replyLost: rate(0.05),
      stale: rate(0.2),
      missingReceipt: rate(0.1),
      dissenting: rate(0.1),
      forgets: rate(0.2),
      refusesForGood: rate(0.08),
      lies: rate(0.2),
    },
    requests: { requestLost: rate(0.1), replyLost: rate(0.15), repeated: rate(0.3), doubled: rate(0.3) },
    queue: { lost: rate(0.3), doubled: rate(0.2), late: rate(0.3) },
    signer: { requestLost: rate(0.1), replyLost: rate(0.15), killed: rate(0.1) },
  };
}

/** What befalls this step, if anything does, and under which name it is counted. */
export function drawFault(
  rates: StepRates,
  { kind }: Step,
  draw: number,
): Readonly<{ fault: Fault; name: string }> | undefined {
  const isCommit = kind === 'commit';
  const isStatement = kind === 'statement';
  const isDatabase = isStatement || kind === 'begin' || isCommit;
  const candidates: readonly (readonly [Fault, number, string])[] = [
    ['killBefore', rates.killBefore, 'process killed'],
    ['killAfter', rates.killAfter, isCommit ? 'process killed after a commit' : 'process killed'],
    ['resetBefore', isDatabase ? rates.resetBefore : 0, 'connection reset'],
    ['resetAfter', isCommit ? 5 * rates.resetAfter : 0, 'commit not acknowledged'],
    ['serialization', isStatement ? rates.serialization : 0, 'serialization failure'],
    ['statementTimeout', isStatement ? rates.statementTimeout : 0, 'statement timeout'],
    ['diskFull', isStatement ? rates.diskFull : 0, 'disk full'],
    ['refused', kind === 'connect' ? rates.refused : 0, 'connection refused'],
  ];
  let reached = 0;
  for (const [fault, probability, name] of candidates) {
    reached += probability;
    if (draw < reached) return { fault, name };
  }
  return undefined;
}

/** Every kind of fault that seeds draw: a soak in which one of them never came has not tried it. */
export const FAULT_KINDS: readonly string[] = [
  ...['process killed', 'process killed after a commit', 'connection reset', 'connection refused'],
  ...['commit not acknowledged', 'serialization failure', 'statement timeout', 'disk full'],
  ...['request lost', 'reply lost', 'request repeated', 'request doubled'],
  ...['job lost', 'job doubled', 'job late', 'job forged'],
  ...['chain request lost', 'chain reply lost', 'stale node', 'receipt withheld', 'dissenting node'],
  ...['signer request lost', 'signer reply lost', 'signer killed'],
  ...['lying node'],
  ...['transaction forgotten', 'transaction dropped', 'transaction repriced'],
  ...['reorganisation', 'reorganisation beyond final'],
  ...['fees risen', 'nonce taken', 'call refused for good', 'operator out of funds'],
  ...['token paused'],
  ...['issuer request lost', 'issuer reply lost', 'issuer late', 'issuer request twice', 'issuer contradicting'],
  ...['clock step', 'leap over midnight', 'leap over a change to summer time or back'],
];
