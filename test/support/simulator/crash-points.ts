import type { Quadrant } from '../../../bridge/core/payments/domain.ts';
import type { Fault, Step } from './gate.ts';
import type { PaymentPlan } from './plans.ts';
import type { SimulatorServer } from './server.ts';
import { type SimulationResult, simulate } from './simulation.ts';

/** One place in the life of one payment at which its process dies, or a commit is not acknowledged. */
export type CrashPoint = Readonly<{ quadrant: Quadrant; step: number; fault: Fault }>;

const QUADRANTS: readonly Quadrant[] = ['fiatToFiat', 'cryptoToCrypto', 'cryptoToFiat', 'fiatToCrypto'];

/** A payment that sees every verb: two captures, a release, a refund. */
function planOf(quadrant: Quadrant): PaymentPlan {
  return {
    name: `exhaustive-${quadrant}`,
    quadrant,
    paysCoins: false,
    payer: 'ana',
    amount: quadrant.startsWith('fiat') ? 10_000n : 100_000_000n,
    validForMilliseconds: 2_400_000,
    captures: [30, 20],
    ending: 'void',
    refunds: [10],
    isSigned: true,
    sharesQuote: false,
    capturesLate: false,
    isReversedLate: false,
    reclaims: false,
  };
}

const isOfBridge = ({ owner, kind }: Step) => owner.name !== 'world' && kind !== 'timer';

/** Every step that a process of the bridge takes in an undisturbed life, killed before and after, commits also lost. */
export async function crashPointsOf(server: SimulatorServer): Promise<readonly CrashPoint[]> {
  const points: CrashPoint[] = [];
  for (const quadrant of QUADRANTS) {
    let step = 0;
    await simulate({
      seed: `exhaustive ${quadrant}`,
      server,
      plans: [planOf(quadrant)],
      faults: (taken) => {
        if (!isOfBridge(taken)) return undefined;
        step += 1;
        points.push({ quadrant, step, fault: 'killBefore' }, { quadrant, step, fault: 'killAfter' });
        if (taken.kind === 'commit') points.push({ quadrant, step, fault: 'resetAfter' });
        return undefined;
      },
    });
  }
  return points;
}

export function simulateCrash(server: SimulatorServer, point: CrashPoint): Promise<SimulationResult> {
  let step = 0;
  return simulate({
    seed: `exhaustive ${point.quadrant}`,
    server,
    plans: [planOf(point.quadrant)],
    faults: (taken) => {
      if (!isOfBridge(taken)) return undefined;
      step += 1;
      return step === point.step ? point.fault : undefined;
    },
  });
}
