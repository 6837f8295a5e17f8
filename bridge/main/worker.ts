import { inSpan } from '../../ledger-service/platform/tracing.ts';
import { keepSealing } from '../../ledger-service/statements/operations/seal-entries.ts';
import { CARE_POLICY } from '../chain/care-policy.ts';
import { type Care, careForCalls } from '../chain/operations/care-for-calls.ts';
import { submitCalls } from '../chain/operations/submit-calls.ts';
import { clearPayments } from '../core/clearing/operations.ts';
import { EXPOSURE_ALERTS, watchExposure } from '../core/controls/exposure/watch.ts';
import { DEPOSIT_BALANCES, DEPOSIT_RETURNS, DEPOSITS } from '../core/deposits/dependencies.ts';
import { applyDepositEvents } from '../core/deposits/operations/apply-deposit-events.ts';
import { balanceObserver } from '../core/deposits/operations/observe-balances.ts';
import { returnDeposits } from '../core/deposits/operations/return-deposits.ts';
import { DISPUTE_DEADLINES, endOverdueDisputes } from '../core/disputes/operations.ts';
import { CHAIN_SUBMISSION, REVERSALS } from '../core/payments/dependencies.ts';
import { adviseIssuer } from '../core/payments/operations/advise-issuer.ts';
import { applyEscrowEvents } from '../core/payments/operations/apply-escrow-events.ts';
import { reverseUnanswered } from '../core/payments/operations/reverse-unanswered.ts';
import { expirePayments } from '../core/payments/operations/void-payment.ts';
import {
  applyWalletEvents,
  batchPayouts,
  PAYOUT_BATCHES,
  RESERVES,
  releaseReserves,
  schedulePayouts,
} from '../core/payouts/operations.ts';
import { isBeingRestored, isCaughtUp, withoutPaid } from '../core/payouts/restoration.ts';
import { configurationOfProcess } from '../platform/configuration.ts';
import type { Answer } from '../platform/doorbells.ts';
import type { Drain } from '../platform/health.ts';
import { type DomainEvent, WEBHOOKS } from '../platform/outbox.ts';
import { createDeliveries } from '../platform/webhooks/jobs.ts';
import { createSender, type Sender } from '../platform/webhooks/sender.ts';
import { listenForOperators } from './listen.ts';
import { runAsProcess } from './process.ts';
import { CLEARING, ESCROW_EVENTS, ISSUER_ADVICE, PAYOUTS, WALLET_EVENTS } from './subscriptions.ts';
import { type Bridge, depositsOf, openBridge, requireSigner } from './wiring.ts';

const CHAIN_CARE = 'chain-care';
const EXPIRIES = 'expiries';
const WEBHOOK_DEADLINE_MILLISECONDS = 10_000;

/**
 * Listens to every doorbell; each answer works on what is due until nothing is. Beside it the books are sealed.
 *
 * Effects: until `stop`; the doorbells themselves are closed with the bridge
 */
export async function startWorker(bridge: Bridge): Promise<Readonly<{ stop(): Promise<void> }>> {
  const { database, node, clock, machineClock, identifiers, outbox, deployment, logger, payments, world } = bridge;
  const policy = bridge.configuration.chainCare ?? CARE_POLICY;
  const signer = requireSigner(bridge);
  const { maximumFeePerGas } = policy;
  const submission = { database, node, signer, outbox, clock, machineClock, logger, maximumFeePerGas };
  const care = { database, node, signer, clock, machineClock, outbox, logger, policy };
  const payouts = { database, clock, machineClock, identifiers, outbox, deployment };
  const deposits = depositsOf(bridge);
  const observeBalances = balanceObserver(deposits);
  // Books from a backup pay nothing that the chain may have paid already.
  const isRestored = onceAnswered(() => isBeingRestored(database));
  const restoration = {
    ...payouts,
    node,
    keys: () => signer.keys(),
    finalityDepth: bridge.configuration.finalityDepth,
    logger,
    walletEvents: WALLET_EVENTS,
  };
  const unlessHeld =
    (work: Answer): Answer =>
    async () => {
      if (!(await isRestored()) || (await isCaughtUp(restoration))) await work();
    };
  const clearing = { clock, identifiers, calendar: world.calendar };
  const deliveries = createDeliveries({ ...bridge.webhooks, send: senderOf(bridge) });
  await bridge.doorbells.start(
    timed(bridge, {
      [CHAIN_SUBMISSION]: unlessHeld(() => submitCalls(submission)),
      [CHAIN_CARE]: unlessHeld(async () => {
        const done = await careForCalls(care);
        countCare(bridge.metrics, done);
        // What was signed anew, or is due again, goes out.
        if (done.replaced + done.reopened + done.filled + done.givenUp > 0) outbox.ring(CHAIN_SUBMISSION);
      }),
      [REVERSALS]: () => reverseUnanswered(payments),
      [DEPOSITS]: async () => {
        const events: DomainEvent[] = [];
        await outbox.drain(DEPOSITS, async (transaction, due) => {
          events.push(...(await applyDepositEvents(deposits, transaction, due)));
        });
        outbox.ringFor(events);
        // What is complete is swept, what is owed goes back.
        if (events.length > 0) for (const consumer of [CHAIN_SUBMISSION, DEPOSIT_RETURNS]) outbox.ring(consumer);
      },
      [DEPOSIT_RETURNS]: () => returnDeposits(deposits),
      [DEPOSIT_BALANCES]: async () => {
        if ((await observeBalances()) === 0) return;
        for (const consumer of [CHAIN_SUBMISSION, DEPOSIT_RETURNS]) outbox.ring(consumer);
      },
      [EXPIRIES]: () => expirePayments(payments),
      [EXPOSURE_ALERTS]: () => watchExposure({ ...payments, metrics: bridge.metrics }),
      [ESCROW_EVENTS]: async () => {
        const events: DomainEvent[] = [];
        await outbox.drain(ESCROW_EVENTS, async (transaction, due) => {
          events.push(...(await applyEscrowEvents(payments, transaction, due)));
        });
        outbox.ringFor(events);
      },
      [WALLET_EVENTS]: async () => {
        const events: DomainEvent[] = [];
        await outbox.drain(WALLET_EVENTS, async (transaction, due) => {
          events.push(...(await applyWalletEvents(payouts, transaction, due)));
        });
        outbox.ringFor(events);
        // A batch that was refused is due again.
        outbox.ring(PAYOUT_BATCHES);
      },
      [CLEARING]: () => outbox.drain(CLEARING, (transaction, due) => clearPayments(clearing, transaction, due)),
      [PAYOUTS]: async () => {
        const events: DomainEvent[] = [];
        await outbox.drain(PAYOUTS, async (transaction, due) => {
          events.push(...(await schedulePayouts(payouts, transaction, due)));
        });
        outbox.ringFor(events);
        outbox.ring(PAYOUT_BATCHES);
      },
      [PAYOUT_BATCHES]: unlessHeld(async () =>
        (await isRestored())
          ? batchPayouts(payouts, (transaction, due) => withoutPaid(restoration, transaction, due))
          : batchPayouts(payouts),
      ),
      [RESERVES]: unlessHeld(() => releaseReserves(payouts)),
      [DISPUTE_DEADLINES]: () => endOverdueDisputes({ database, clock, identifiers, outbox }),
      [WEBHOOKS]: deliveries.answer,
      [ISSUER_ADVICE]: () => outbox.drainOutside(ISSUER_ADVICE, (event) => adviseIssuer(payments, event)),
    }),
  );
  const stopping = new AbortController();
  const sealing = keepSealing({ database, clock, timers: bridge.timers, logger }, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all([sealing, deliveries.stop()]);
    },
  };
}

/** Asks with the first job, and then never again; a question that failed is asked with the next one. */
function onceAnswered<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let known: Promise<Value> | undefined;
  return () => {
    known ??= ask().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
}

function countCare(metrics: Bridge['metrics'], done: Care): void {
  metrics.stuckCalls.set(done.stuck);
  metrics.chainRepairs.inc({ kind: 'replaced' }, done.replaced);
  metrics.chainRepairs.inc({ kind: 'reopened' }, done.reopened);
  metrics.chainRepairs.inc({ kind: 'nonceFilled' }, done.filled);
  metrics.chainRepairs.inc({ kind: 'givenUp' }, done.givenUp);
}

function senderOf({ webhooks, timers, configuration }: Bridge): Sender {
  const { reach, resolver } = webhooks;
  const deadlineMilliseconds = configuration.webhookDeadlineMilliseconds ?? WEBHOOK_DEADLINE_MILLISECONDS;
  return createSender({ reach, resolver, timers, deadlineMilliseconds });
}

function timed(bridge: Bridge, answers: Readonly<Record<string, Answer>>): Readonly<Record<string, Answer>> {
  const { machineClock, metrics, logger } = bridge;
  return Object.fromEntries(
    Object.entries(answers).map(([consumer, answer]): [string, Answer] => [
      consumer,
      async () => {
        const started = machineClock.now().getTime();
        try {
          await inSpan({ name: `job ${consumer}` }, async () => {
            await answer();
          });
        } finally {
          const durationMilliseconds = machineClock.now().getTime() - started;
          metrics.jobDuration.observe({ consumer }, durationMilliseconds);
          logger.debug({ event: 'job.done', consumer, durationMilliseconds });
        }
      },
    ]),
  );
}

if (import.meta.main) {
  await runAsProcess('worker', async () => {
    const bridge = await openBridge(configurationOfProcess());
    const drain: Drain = { isDraining: false };
    const worker = await startWorker(bridge);
    const operators = await listenForOperators(bridge, drain);
    process.stdout.write(`${JSON.stringify({ event: 'worker.ready' })}\n`);
    return async () => {
      drain.isDraining = true;
      await worker.stop();
      await bridge.close();
      await operators?.close();
    };
  });
}
