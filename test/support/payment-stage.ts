import type { Hex } from '../../bridge/chain/domain.ts';
import type { IssuerAnswer, IssuerPort } from '../../bridge/core/authorization/issuer-port.ts';
import { clearPayments } from '../../bridge/core/clearing/operations.ts';
import type { PaymentDependencies } from '../../bridge/core/payments/dependencies.ts';
import { applyEscrowEvents } from '../../bridge/core/payments/operations/apply-escrow-events.ts';
import { capturePayment } from '../../bridge/core/payments/operations/capture-payment.ts';
import { createPayment } from '../../bridge/core/payments/operations/create-payment.ts';
import { findPayment } from '../../bridge/core/payments/operations/find-payment.ts';
import { refundPayment } from '../../bridge/core/payments/operations/refund-payment.ts';
import { signAuthorization } from '../../bridge/core/payments/operations/sign-authorization.ts';
import { expirePayments, voidPayment } from '../../bridge/core/payments/operations/void-payment.ts';
import type { PaymentView } from '../../bridge/core/payments/view.ts';
import { applyWalletEvents, batchPayouts, schedulePayouts } from '../../bridge/core/payouts/operations.ts';
import { createQuote } from '../../bridge/core/quotes/operations.ts';
import { closeWindow, listWindows } from '../../bridge/core/settlement/operations.ts';
import { CLEARING, PAYOUTS, subscriptions } from '../../bridge/main/subscriptions.ts';
import { assetsOf, marksOf, priceSourcesOf, quotePolicyOf } from '../../bridge/main/world.ts';
import { type DomainEvent, Outbox } from '../../bridge/platform/outbox.ts';
import { readBalances } from '../../ledger-service/journal/operations/read-books.ts';
import { inDatabaseTransaction } from '../../ledger-service/platform/database.ts';
import { createLogger } from '../../ledger-service/platform/logging.ts';
import { createIdentifierSource, systemChance, systemTimers } from '../../ledger-service/platform/ports.ts';
import { AssetRegistry } from '../../ledger-service/vocabulary/assets.ts';
import { createTestDatabase } from './postgres.ts';
import {
  COIN_ASSET,
  DEPLOYMENT,
  fillWorld,
  PAYERS,
  type PayerName,
  TOKEN_ASSET,
  WORLD,
} from './simulator/simulated-world.ts';

export type Side = 'fiatToFiat' | 'fiatToCrypto' | 'cryptoToFiat' | 'cryptoToCrypto';
const SHARD = 0;
const STARTS_AT = new Date('2026-11-02T08:00:00Z');

/**
 * Payments on a real database with a clock that the test moves: what the chain and the issuer say, the test says, and
 * nothing happens that it does not ask for.
 */
export async function openPaymentStage() {
  const { database, drop } = await createTestDatabase({ poolSize: 12 });
  const clock = {
    time: STARTS_AT.getTime(),
    now: () => new Date(clock.time),
    advance: (milliseconds: number) => {
      clock.time += milliseconds;
    },
  };
  await fillWorld(database, clock);
  const logger = createLogger('silent');
  const outbox = new Outbox({ database, clock, machineClock: clock, ring: () => {}, logger, subscriptions });
  const issuer = issuerThatApproves();
  const identifiers = createIdentifierSource(clock, systemChance);
  const payments: PaymentDependencies = {
    database,
    clock,
    machineClock: clock,
    timers: systemTimers,
    identifiers,
    assets: new AssetRegistry(assetsOf(WORLD)),
    outbox,
    gates: [],
    issuer,
    issuerDeadlineMilliseconds: 2_000,
    deployment: DEPLOYMENT,
    networkFees: WORLD.networkFees,
    paymentLimits: new Map(),
    lateReversalsBorneBy: 'merchant',
    marks: marksOf(WORLD, clock),
    logger,
  };
  const payouts = { database, clock, machineClock: clock, identifiers, outbox, deployment: DEPLOYMENT };
  const settlement = { database, clock, machineClock: clock, outbox, identifiers };
  const quotes = {
    database,
    clock,
    identifiers,
    priceSources: priceSourcesOf(WORLD),
    quotePolicy: quotePolicyOf(WORLD),
  };
  let keys = 0;
  let logs = 0;
  const once = (operation: string, request: unknown = {}) => {
    keys += 1;
    return { shard: SHARD, callerId: 'stage', idempotencyKey: `${operation}-${keys}`, operation, request };
  };
  const find = (paymentId: string) => findPayment(payments, SHARD, paymentId);

  const stage = {
    database,
    clock,
    outbox,
    issuer,
    payments,
    payouts,
    settlement,
    once,
    find,
    async create(side: Side, minorUnits: bigint, more: Readonly<{ payer?: PayerName; coins?: boolean }> = {}) {
      const { payer = 'ana', coins = false } = more;
      const paysFiat = side.startsWith('fiat');
      const asset = paysFiat ? 'EUR' : coins ? COIN_ASSET : TOKEN_ASSET;
      const amount = { minorUnits, asset };
      let quoteId: string | undefined;
      if (side === 'fiatToCrypto' || side === 'cryptoToFiat') {
        const command = { shard: SHARD, source: amount, to: paysFiat ? TOKEN_ASSET : 'EUR' };
        const { outcome } = await createQuote(quotes, command, once('createQuote'));
        if (outcome.outcome !== 'quoted') throw new Error(outcome.code);
        quoteId = outcome.quote.quoteId;
      }
      const { payment } = await createPayment(
        payments,
        {
          shard: SHARD,
          merchantId: side.endsWith('Fiat') ? 'bakery' : 'arcade',
          instrumentId: `${payer}-${paysFiat ? 'card' : 'wallet'}`,
          amount,
          quoteId,
        },
        once('createPayment'),
      );
      if (payment.action?.kind === 'sign') await sign(payments, payer, payment);
      return paysFiat ? payment : stage.escrow(payment, 'Authorized', { amount: minorUnits });
    },
    capture: (payment: PaymentView, minorUnits: bigint) =>
      capturePayment(payments, stage.command(payment, minorUnits), once('capturePayment')).then(paymentOf),
    refund: (payment: PaymentView, minorUnits: bigint) =>
      refundPayment(payments, stage.command(payment, minorUnits), once('refundPayment')).then(paymentOf),
    void: ({ paymentId }: PaymentView) =>
      voidPayment(payments, { shard: SHARD, paymentId }, once('voidPayment')).then(paymentOf),
    command: ({ paymentId, requested: { asset } }: PaymentView, minorUnits: bigint) => ({
      shard: SHARD,
      paymentId,
      amount: { minorUnits, asset },
    }),
    expire: () => expirePayments(payments),
    /** The escrow's log, final on chain. */
    async escrow({ paymentId, termsHash }: PaymentView, event: string, fields: Record<string, bigint>) {
      const named = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value.toString()]));
      await stage.saysFinal('escrow.final', termsHash ?? '', {
        event,
        fields: { paymentIdentifier: termsHash, ...named },
        minedAt: clock.now().toISOString(),
      });
      return find(paymentId);
    },
    /** The contract refused the call for a movement. */
    async reverted({ paymentId }: PaymentView, kind: string, sequence: number) {
      await stage.saysFinal('chainCall.reverted', paymentId, { kind, sequence });
      return find(paymentId);
    },
    async saysFinal(topic: string, subject: string, payload: Readonly<Record<string, unknown>>) {
      logs += 1;
      const due = [{ shard: SHARD, eventId: `event-${logs}`, topic, subject, payload }];
      await inDatabaseTransaction(database, (transaction) => applyEscrowEvents(payments, transaction, due));
    },
    clear: () =>
      outbox.drain(CLEARING, (transaction, due) =>
        clearPayments({ clock, identifiers, calendar: WORLD.calendar }, transaction, due),
      ),
    async schedule() {
      const events: DomainEvent[] = [];
      await outbox.drain(PAYOUTS, async (transaction, due) => {
        events.push(...(await schedulePayouts(payouts, transaction, due)));
      });
      return events;
    },
    /** The wallet pays whatever is due, and the chain makes it final. */
    async pay() {
      await stage.schedule();
      await batchPayouts(payouts);
      const items = await stage.rows<{ batch_id: string; batch_index: number; payee: string; amount: string }>(
        "select * from bridge.chain_payouts where state = 'batched' order by batch_id, batch_index",
      );
      const due = items.map((item, index) => ({
        shard: SHARD,
        eventId: `paid-${item.batch_id}-${index}`,
        topic: 'wallet.final',
        subject: item.batch_id,
        payload: {
          event: 'PaidOut',
          fields: {
            batchIdentifier: `0x${Buffer.from(item.batch_id, 'latin1').toString('hex')}`,
            index: String(item.batch_index),
            payee: item.payee,
            amount: item.amount,
          },
          chainHash: '0x01',
          height: 1,
          minedAt: clock.now().toISOString(),
        },
      }));
      await inDatabaseTransaction(database, (transaction) => applyWalletEvents(payouts, transaction, due));
      return items.map(({ payee, amount }) => ({ payee, amount: BigInt(amount) }));
    },
    /** Clears what is due and settles every window; → the windows that were settled now. */
    async settle() {
      await stage.clear();
      const open = (await listWindows(database, SHARD, 50)).filter(({ state }) => state !== 'SETTLED');
      return Promise.all(open.map(({ windowId }) => closeWindow(settlement, { shard: SHARD, windowId })));
    },
    rows: async <Row>(text: string) => [...(await database.drizzle.execute(text))] as unknown as Row[],
    /** Credits less debits of the accounts that are not at zero, posted and held apart. */
    async balances(prefix = ''): Promise<Readonly<Record<string, bigint>>> {
      const accounts = await readBalances(database, SHARD, prefix);
      return Object.fromEntries(
        accounts.flatMap((one) => {
          const name = `${one.path} ${one.asset === TOKEN_ASSET ? 'USDL' : one.asset === COIN_ASSET ? 'ETH' : one.asset}`;
          const posted = one.postedCredits - one.postedDebits;
          const pending = one.pendingCredits - one.pendingDebits;
          return [
            ...(posted === 0n ? [] : [[name, posted] as const]),
            ...(pending === 0n ? [] : [[`${name} held`, pending] as const]),
          ];
        }),
      );
    },
    close: drop,
  };
  return stage;
}

export type PaymentStage = Awaited<ReturnType<typeof openPaymentStage>>;

function paymentOf({ payment }: Readonly<{ payment: PaymentView }>): PaymentView {
  return payment;
}

/** Approves all; the test may have it answer otherwise. */
function issuerThatApproves(): IssuerPort & { answer: IssuerAnswer | undefined } {
  const issuer: IssuerPort & { answer: IssuerAnswer | undefined } = {
    answer: undefined,
    authorize: async ({ amount }) => issuer.answer ?? { kind: 'approved', amount, responseCode: '00' },
    reverse: async () => {},
    advise: async () => {},
  };
  return issuer;
}

async function sign(payments: PaymentDependencies, payer: PayerName, { paymentId, action }: PaymentView) {
  if (action?.kind !== 'sign') return;
  const said = action.typedData as { message: Record<string, string> };
  const numbers = ['value', 'validAfter', 'validBefore'].map((name) => [name, BigInt(said.message[name]!)]);
  const typedData = { ...said, message: { ...said.message, ...Object.fromEntries(numbers) } };
  const signature: Hex = await PAYERS[payer].signTypedData(typedData as never);
  await signAuthorization(payments, { shard: SHARD, paymentId, signature });
}
