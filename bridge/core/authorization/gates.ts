import type { ErrorCode } from '../../../ledger-service/vocabulary/errors.ts';
import type { Amount } from '../../../ledger-service/vocabulary/money.ts';
import type { Timers } from '../../../ledger-service/vocabulary/time.ts';

/** What a gate may know of the payment that asks to pass. */
export type GateRequest = Readonly<{
  merchantId: string;
  payerId: string;
  instrumentId: string;
  payerAddress?: `0x${string}`;
  source: Amount;
  target: Amount;
  quadrant: 'fiatToFiat' | 'cryptoToCrypto' | 'cryptoToFiat' | 'fiatToCrypto';
}>;

export type GateVerdict = Readonly<
  | { verdict: 'allow' }
  | { verdict: 'deny'; code: ErrorCode; reason: string }
  | { verdict: 'challenge'; action: string }
  | { verdict: 'unknown'; reason: string }
>;

/** Asked before any hold and outside any database transaction. */
export interface Gate {
  readonly name: string;
  readonly deadlineMilliseconds: number;
  decide(request: GateRequest, signal: AbortSignal): Promise<GateVerdict>;
}

export type GatesOutcome = Readonly<
  { outcome: 'passed' } | { outcome: 'stopped'; gate: string; code: ErrorCode; reason: string }
>;

/**
 * Asks every gate in order and stops at the first that does not allow.
 *
 * A gate that fails, does not answer in time or says `unknown` stops the payment too: it fails closed. A challenge stops
 * it as well as long as nothing can answer one.
 */
export async function passGates(gates: readonly Gate[], request: GateRequest, timers: Timers): Promise<GatesOutcome> {
  for (const gate of gates) {
    const verdict = await ask(gate, request, timers);
    if (verdict.verdict === 'allow') continue;
    if (verdict.verdict === 'deny') {
      return { outcome: 'stopped', gate: gate.name, code: verdict.code, reason: verdict.reason };
    }
    const reason = verdict.verdict === 'challenge' ? `asks for ${verdict.action}` : verdict.reason;
    return { outcome: 'stopped', gate: gate.name, code: 'GATE_CLOSED', reason };
  }
  return { outcome: 'passed' };
}

async function ask(gate: Gate, request: GateRequest, timers: Timers): Promise<GateVerdict> {
  const answered = new AbortController();
  const deadline = timers
    .wait(gate.deadlineMilliseconds, answered.signal)
    .then((): GateVerdict => ({ verdict: 'unknown', reason: `no answer in ${gate.deadlineMilliseconds} ms` }))
    .catch((): GateVerdict => ({ verdict: 'unknown', reason: 'answered' }));
  const answer = gate.decide(request, answered.signal).catch(
    (error): GateVerdict => ({
      verdict: 'unknown',
      reason: error instanceof Error ? error.message.slice(0, 200) : 'failed',
    }),
  );
  const verdict = await Promise.race([answer, deadline]);
  answered.abort();
  return verdict;
}
