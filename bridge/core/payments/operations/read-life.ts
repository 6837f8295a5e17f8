import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { EVERYTHING, type Viewer } from '../../../../ledger-service/vocabulary/viewers.ts';
import { listCallsOf } from '../../../chain/operations/submit-calls.ts';
import type { PaymentDependencies } from '../dependencies.ts';
import { findPayment } from './find-payment.ts';

export type PaymentLife = {
  events: {
    topic: string;
    consumer: string;
    recordedAt: string;
    handledAt: string | null;
    attempts: number;
    lastError: string | null;
  }[];
  chainCalls: {
    kind: string;
    sequence: number;
    state: 'due' | 'signed' | 'givenUp' | 'final' | 'reverted' | 'superseded' | 'withdrawn';
    nonce: number | null;
    chainHash: string | null;
    blockHeight: number | null;
    gasUsed: number | null;
    recordedAt: string;
    signedAt: string | null;
    /** What it reverted for last, and when it goes out again. */
    revertReason: string | null;
    notBefore: string | null;
  }[];
};

/**
 * What happened to a payment beside its own row: events and who took them, and what was asked of the chain.
 *
 * Errors: thrown PAYMENT_UNKNOWN
 */
export async function readLife(
  dependencies: Pick<PaymentDependencies, 'database' | 'deployment' | 'outbox'>,
  shard: Shard,
  paymentId: string,
  viewer: Viewer = EVERYTHING,
): Promise<PaymentLife> {
  const { termsHash } = await findPayment(dependencies, shard, paymentId, viewer);
  const subjects = termsHash ? [paymentId, termsHash] : [paymentId];
  const [events, calls] = await Promise.all([
    dependencies.outbox.eventsOf(shard, subjects),
    listCallsOf(dependencies.database, shard, paymentId),
  ]);
  return {
    events: events.map(({ recordedAt, handledAt, ...event }) => ({
      ...event,
      recordedAt: recordedAt.toISOString(),
      handledAt: handledAt?.toISOString() ?? null,
    })),
    chainCalls: calls.map((call) => ({
      kind: call.kind,
      sequence: call.sequence,
      state: call.state,
      nonce: call.nonce,
      chainHash: call.chainHash,
      blockHeight: call.blockHeight,
      gasUsed: call.gasUsed,
      recordedAt: call.recordedAt.toISOString(),
      signedAt: call.signedAt?.toISOString() ?? null,
      revertReason: call.revertReason,
      notBefore: call.notBefore?.toISOString() ?? null,
    })),
  };
}
