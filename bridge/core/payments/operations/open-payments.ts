import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Rate } from '../../../../ledger-service/vocabulary/money.ts';
import { depositFromJson } from '../../../chain/deposits.ts';
import { type Recipient, watchRecipients } from '../../../chain/operations/watch-recipients.ts';
import { type Attempt, BatchMustSplit } from '../../../platform/micro-batch.ts';
import { claimMany, completeMany, type OnceRequest } from '../../../platform/once.ts';
import type { DomainEvent } from '../../../platform/outbox.ts';
import type { GatesOutcome } from '../../authorization/gates.ts';
import { requireUnpaused } from '../../controls/asset-switches/operations.ts';
import { type ExposureClaim, raiseExposure } from '../../controls/exposure/operations.ts';
import { acceptQuotes, type StoredQuote } from '../../quotes/operations.ts';
import type { PaymentDependencies } from '../dependencies.ts';
import { actionOf, atRiskOf, paymentEvent } from '../shared.ts';
import { insertPayments, loadPayments, type PaymentRow } from '../store.ts';
import { type PaymentView, viewOfPayment } from '../view.ts';

/** A payment that is asked for: `rowFor` makes its row once its identifier is known. */
export type OpenPayment = Readonly<{
  once: OnceRequest;
  /** With the mark at which its asset counts against the limits. */
  quote?: StoredQuote & Readonly<{ mark: Rate }>;
  gates: GatesOutcome;
  rowFor(paymentId: string): PaymentRow;
}>;

export type Opened = Readonly<
  | { step: 'answered'; payment: PaymentView; replayed: boolean }
  /** A run before this one was stopped in the middle. */
  | { step: 'resumed'; row: PaymentRow }
  | { step: 'asking'; row: PaymentRow }
>;

/**
 * Writes payments that are asked for, with their quotes and what these put at risk, in one database transaction.
 *
 * Shape:  commands of one shard, no key twice among them → for each where it goes on
 * Errors: a reused key is its command's alone; any other refusal undoes all, for each to be tried by itself
 */
export async function openPayments(
  dependencies: PaymentDependencies,
  commands: readonly OpenPayment[],
): Promise<readonly Attempt<Opened>[]> {
  const { database, clock, identifiers, outbox } = dependencies;
  const events: DomainEvent[] = [];
  const opened = await inDatabaseTransaction(database, async (transaction) => {
    events.length = 0;
    const claims = await claimMany<PaymentView>(
      transaction,
      commands.map(({ once }) => ({ once, resourceId: identifiers.next('pay', once.shard) })),
      clock,
    );
    const shard = commands[0]?.once.shard ?? 0;
    const resumed = claims.flatMap((claim) =>
      !(claim instanceof Error) && claim.kind === 'resumed' ? [claim.resourceId] : [],
    );
    const known = new Map((await loadPayments(transaction, shard, resumed)).map((row) => [row.paymentId, row]));
    const rows: PaymentRow[] = [];
    const accepted: { quote: StoredQuote; paymentId: string }[] = [];
    const claimed: ExposureClaim[] = [];
    const recipients: Recipient[] = [];
    const answers: { once: OnceRequest; outcome: PaymentView }[] = [];
    const attempts: Attempt<Opened>[] = [];
    for (const [index, { once, quote, gates, rowFor }] of commands.entries()) {
      const claim = claims[index]!;
      if (claim instanceof Error) attempts.push({ ok: false, error: claim });
      else if (claim.kind === 'answered') {
        attempts.push({ ok: true, result: { step: 'answered', payment: claim.outcome, replayed: true } });
      } else {
        const stored = known.get(claim.resourceId);
        if (stored) {
          attempts.push({ ok: true, result: { step: 'resumed', row: stored } });
          continue;
        }
        const row = rowFor(claim.resourceId);
        // Nobody was asked, so there is nothing to take back.
        const declined: PaymentRow | undefined =
          gates.outcome === 'stopped'
            ? { ...row, phase: 'declined', declineCode: gates.code, reversalDueAt: null }
            : undefined;
        rows.push(declined ?? row);
        const deposit = declined ? undefined : depositFromJson(row.terms);
        if (deposit) recipients.push({ shard, address: deposit.address, subject: row.paymentId });
        events.push(paymentEvent(row, 'payment.created', 'created', {}, deposit ? { method: 'deposit' } : {}));
        if (declined) events.push(paymentEvent(declined, 'payment.declined', 'declined', {}));
        else if (quote) {
          accepted.push({ quote, paymentId: row.paymentId });
          const { paymentId: subject, payerId: counterparty } = row;
          claimed.push({ subject, counterparty, atRisk: atRiskOf(row), mark: quote.mark });
        }
        if (!declined && row.phase !== 'requires_action') {
          attempts.push({ ok: true, result: { step: 'asking', row } });
          continue;
        }
        const payment = viewOfPayment(declined ?? row, [], declined ? null : actionOf(dependencies.deployment, row));
        answers.push({ once, outcome: payment });
        attempts.push({ ok: true, result: { step: 'answered', payment, replayed: false } });
      }
    }
    if (rows.length > 0) {
      // Quotes before exposures, as everywhere; both before any payment is written, since another may wait for them.
      await splitOnRefusal(commands.length, async () => {
        await requireUnpaused(transaction, shard, onChainAssetsOf(rows));
        await acceptQuotes(transaction, accepted, clock.now());
        await raiseExposure(transaction, shard, claimed);
      });
    }
    const inserted = await insertPayments(transaction, rows);
    const duplicate = rows.find(({ paymentId }) => !inserted.has(paymentId));
    if (duplicate) {
      await splitOnRefusal(commands.length, async () => {
        throw new SettlementError('REFERENCE_DUPLICATE', `${duplicate.merchantId} has a payment with this reference`, {
          merchantReference: duplicate.merchantReference,
        });
      });
    }
    await Promise.all([
      outbox.emit(transaction, events),
      completeMany(transaction, answers),
      watchRecipients(transaction, recipients),
    ]);
    return attempts;
  });
  outbox.ringFor(events);
  return opened;
}

/** What payments that are asked for move on chain; a declined one moves nothing. */
function onChainAssetsOf(rows: readonly PaymentRow[]): readonly string[] {
  return rows.flatMap(({ phase, quadrant, asset, merchantAsset }) => {
    if (phase === 'declined' || quadrant === 'fiatToFiat') return [];
    if (quadrant === 'cryptoToCrypto') return [asset];
    return [quadrant === 'cryptoToFiat' ? asset : merchantAsset];
  });
}

/** A refusal that must undo what was written before it: alone it is thrown as it is, in company it splits the batch. */
async function splitOnRefusal(commands: number, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (commands > 1 && error instanceof SettlementError) throw new BatchMustSplit(error.code, { cause: error });
    throw error;
  }
}
