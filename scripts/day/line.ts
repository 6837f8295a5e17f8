/** Takes one line of a day through its life, by the public API alone. */
import { setTimeout as wait } from 'node:timers/promises';
import { type ApiClient, ApiProblem } from '../api-client.ts';
import type { ClockGate } from './clock-gate.ts';
import type { DayLine } from './day-file.ts';
import type { SendRequest, Wallets } from './wallets.ts';

type WireAmount = Readonly<{ minorUnits: string; asset: string }>;

export type Payment = Readonly<{
  paymentId: string;
  quadrant: 'fiatToFiat' | 'cryptoToCrypto' | 'cryptoToFiat' | 'fiatToCrypto';
  phase: 'created' | 'requires_action' | 'unknown' | 'open' | 'declined' | 'failed' | 'closed';
  merchantId: string;
  payerId: string;
  instrumentId: string;
  merchantReference: string | null;
  merchantAsset: string;
  requested: WireAmount;
  authorized: WireAmount;
  captured: WireAmount;
  voided: WireAmount;
  refunded: WireAmount;
  declineCode: string | null;
  occurredAt: string;
  receivedAt: string;
  finalAt: string | null;
  movements: readonly Readonly<{
    sequence: number;
    kind: 'capture' | 'void' | 'expiry' | 'refund';
    state: 'accepted' | 'final' | 'failed';
    amount: WireAmount;
    merchantAmount: WireAmount;
    fee: WireAmount;
    spread: WireAmount;
    chainFinalAt: string | null;
    finalAt: string | null;
  }>[];
  action:
    | Readonly<{ kind: 'sign'; typedData: Readonly<Record<string, unknown>> }>
    | Readonly<{ kind: 'send'; chainTransaction: SendRequest }>
    | null;
}>;

export type LineContext = Readonly<{
  client: ApiClient;
  wallets: Wallets;
  gate: ClockGate;
  /** Addresses of wallets, by instrument, and of crypto merchants, by name. */
  addresses: ReadonlyMap<string, string>;
  /** What each merchant is paid in, as an asset code. */
  paidIn: ReadonlyMap<string, string>;
  /** Which assets are fiat. */
  isFiat(asset: string): boolean;
  /** When the holds of lines that are to expire end. */
  expiresAt: Date;
  /** Whether a payment that failed because its issuer, or a gate, gave no answer is asked for again, as a patient merchant would. */
  asksUnansweredAgain: boolean;
}>;

const ATTEMPTS = 8;
/** Nobody said no: an issuer or a gate gave no answer in time. */
const UNANSWERED: ReadonlySet<string> = new Set(['ISSUER_UNANSWERED', 'GATE_CLOSED']);
const FIRST_LOOK_MILLISECONDS = 150;
const LONGEST_LOOK_MILLISECONDS = 1_000;
const PATIENCE_MILLISECONDS = 120_000;

/**
 * Settles one line: quote, payment, signature, captures, void, refund.
 *
 * Every request has a key made from the line's reference, so that the same line again gets the same answers and moves
 * nothing.
 */
export async function settleLine(context: LineContext, line: DayLine): Promise<Payment> {
  let payment = await authorize(context, line);
  if (payment.phase === 'declined' || payment.phase === 'failed') return payment;
  payment = await capture(context, line, payment);
  if (line.afterwards === 'void') payment = await voidRest(context, line, payment);
  if (line.refund > 0n) payment = await refund(context, line, payment);
  return payment;
}

/**
 * A run that was stopped between quote and payment comes back after the quote has ended, and one that was stopped while
 * the issuer was asked finds a payment that has failed: both ask again, under the next key.
 */
async function authorize(context: LineContext, line: DayLine): Promise<Payment> {
  for (let attempt = 1; ; attempt += 1) {
    const opened = await context.gate.during(async () => {
      const created = await createPayment(context, line, attempt);
      return created && act(context, line, created);
    });
    const payment = opened && (await untilAnswered(context, opened));
    const isUnanswered = UNANSWERED.has(payment?.declineCode ?? '');
    const isLast = attempt === ATTEMPTS;
    if (payment && isUnanswered && (isLast || !context.asksUnansweredAgain)) return payment;
    if (payment && !isUnanswered && payment.declineCode !== 'AUTHORIZATION_INTERRUPTED') return payment;
    if (isLast) throw new Error(`no authorization after ${ATTEMPTS} attempts`);
  }
}

/** Undefined when the quote of this attempt has ended. */
async function createPayment(context: LineContext, line: DayLine, attempt: number): Promise<Payment | undefined> {
  const { client, paidIn, isFiat } = context;
  const amount = { minorUnits: line.amount.toString(), asset: line.asset.code };
  const target = paidIn.get(line.merchant) ?? '';
  const order = {
    merchantId: line.merchant,
    instrumentId: line.instrument,
    amount,
    merchantReference: line.reference,
    ...(line.afterwards === 'expire' ? { authorizationExpiresAt: context.expiresAt.toISOString() } : {}),
  };
  const key = `${line.reference}:payment:${attempt}`;
  if (isFiat(line.asset.code) === isFiat(target)) return client.post<Payment>('/v1/payments', order, key);
  const quote = await client.post<{ quoteId: string }>(
    '/v1/quotes',
    { source: amount, targetAsset: target },
    `${line.reference}:quote:${attempt}`,
  );
  try {
    return await client.post<Payment>('/v1/payments', { ...order, quoteId: quote.quoteId }, key);
  } catch (error) {
    if (error instanceof ApiProblem && error.problem.code === 'QUOTE_EXPIRED') return undefined;
    throw error;
  }
}

/** Does what a crypto payer has to do. A stored answer may be old, so the payment is looked at first. */
async function act({ client, wallets, addresses }: LineContext, line: DayLine, created: Payment): Promise<Payment> {
  if (created.action === null) return created;
  const payment = await client.get<Payment>(`/v1/payments/${created.paymentId}`);
  if (payment.phase !== 'requires_action' || payment.action === null) return payment;
  const address = addresses.get(line.instrument) ?? '';
  if (payment.action.kind === 'send') {
    await wallets.send(address, payment.action.chainTransaction);
    return payment;
  }
  const signature = await wallets.sign(address, payment.action.typedData);
  return client.post<Payment>(`/v1/payments/${payment.paymentId}/signature`, { signature });
}

async function untilAnswered({ client }: LineContext, payment: Payment): Promise<Payment> {
  return until(client, payment, ({ phase }) => phase !== 'unknown' && phase !== 'requires_action');
}

async function capture({ client }: LineContext, line: DayLine, opened: Payment): Promise<Payment> {
  let payment = opened;
  // What was approved in part is captured as far as it goes.
  let held = BigInt(payment.authorized.minorUnits);
  for (const [index, wanted] of line.captures.entries()) {
    const minorUnits = wanted < held ? wanted : held;
    if (minorUnits === 0n) break;
    held -= minorUnits;
    payment = await client.post<Payment>(
      `/v1/payments/${payment.paymentId}/captures`,
      { amount: { minorUnits: minorUnits.toString(), asset: line.asset.code } },
      `${line.reference}:capture:${index + 1}`,
    );
  }
  return payment;
}

async function voidRest({ client }: LineContext, line: DayLine, payment: Payment): Promise<Payment> {
  if (payment.phase === 'closed' && payment.movements.every(({ kind }) => kind === 'capture')) return payment;
  return client.post<Payment>(`/v1/payments/${payment.paymentId}/void`, undefined, `${line.reference}:void`);
}

async function refund(context: LineContext, line: DayLine, captured: Payment): Promise<Payment> {
  const { client, wallets, addresses } = context;
  const refundable = BigInt(captured.captured.minorUnits);
  const minorUnits = line.refund < refundable ? line.refund : refundable;
  if (minorUnits === 0n) return captured;
  // What the chain may still take back is not given back.
  if (captured.quadrant.startsWith('crypto')) {
    await until(client, captured, ({ movements }) =>
      movements.every(({ kind, state, chainFinalAt }) => kind !== 'capture' || state === 'failed' || chainFinalAt),
    );
  }
  const payment = await client.post<Payment>(
    `/v1/payments/${captured.paymentId}/refunds`,
    { amount: { minorUnits: minorUnits.toString(), asset: line.asset.code } },
    `${line.reference}:refund`,
  );
  if (payment.action?.kind === 'send') {
    await wallets.send(addresses.get(line.merchant) ?? '', payment.action.chainTransaction);
  }
  return payment;
}

async function until(client: ApiClient, payment: Payment, isDone: (payment: Payment) => boolean): Promise<Payment> {
  let latest = payment;
  let pause = FIRST_LOOK_MILLISECONDS;
  const deadline = performance.now() + PATIENCE_MILLISECONDS;
  while (!isDone(latest)) {
    if (performance.now() > deadline) {
      throw new Error(`${latest.paymentId} (${latest.merchantReference}) is still ${latest.phase} after two minutes`);
    }
    await wait(pause);
    pause = Math.min(pause * 1.5, LONGEST_LOOK_MILLISECONDS);
    latest = await client.get<Payment>(`/v1/payments/${payment.paymentId}`);
  }
  return latest;
}
