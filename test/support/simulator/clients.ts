import { encodeFunctionData, erc20Abi } from 'viem';
import type { Address, Hex } from '../../../bridge/chain/domain.ts';
import { NATIVE_TOKEN, tokenOf } from '../../../bridge/chain/escrow.ts';
import {
  acceptDispute,
  type DisputeView,
  decideDispute,
  openDispute,
  submitEvidence,
} from '../../../bridge/core/disputes/operations.ts';
import { capturePayment } from '../../../bridge/core/payments/operations/capture-payment.ts';
import { createPayment } from '../../../bridge/core/payments/operations/create-payment.ts';
import { findPayment } from '../../../bridge/core/payments/operations/find-payment.ts';
import { refundPayment } from '../../../bridge/core/payments/operations/refund-payment.ts';
import { reverseLate } from '../../../bridge/core/payments/operations/reverse-late.ts';
import { signAuthorization } from '../../../bridge/core/payments/operations/sign-authorization.ts';
import { voidPayment } from '../../../bridge/core/payments/operations/void-payment.ts';
import type { PaymentView } from '../../../bridge/core/payments/view.ts';
import { createQuote } from '../../../bridge/core/quotes/operations.ts';
import { closeWindow, listWindows } from '../../../bridge/core/settlement/operations.ts';
import type { OnceRequest } from '../../../bridge/platform/once.ts';
import { asUnavailability } from '../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import { shardOf } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { ChainModel } from './chain-model.ts';
import type { Gate, Owner } from './gate.ts';
import type { Oracle } from './oracle.ts';
import type { DisputePlan, PaymentPlan } from './plans.ts';
import type { RequestFaults } from './request-faults.ts';
import type { SeededChance } from './seeded-chance.ts';
import { ProcessDied, type SimulatedProcess } from './simulated-process.ts';
import { COIN_ASSET, DEPLOYMENT, PAYERS, type PayerName, TOKEN_ASSET } from './simulated-world.ts';

export type ClientParts = Readonly<{
  gate: Gate;
  world: Owner;
  oracle: Oracle;
  chance: SeededChance;
  living: () => readonly SimulatedProcess[];
  faults: () => RequestFaults;
  onFault: (kind: string) => void;
  sendFromWallet: ChainModel['sendFromWallet'];
  /** The issuer's own books have the hold as one that never stood. */
  onReversedLate: (paymentId: string) => void;
  /** What a payer takes back what the escrow holds of it with. */
  reclaimCallOf: (paymentId: string) => Promise<Parameters<ChainModel['sendFromWallet']>[1] | undefined>;
  /** A planted bug may change what a request says about itself. */
  onceOf: (request: OnceRequest) => OnceRequest;
}>;

const SHARD = 0;
const ATTEMPTS = 60;
const ANSWERED_WITHIN_MILLISECONDS = 15_000;
const POLLS = 60;

type Answer<Value> = Readonly<
  { kind: 'answered'; value: Value } | { kind: 'refused'; code: string } | { kind: 'silent' }
>;

/** Merchants and payers: they repeat what was not answered, under the same key, and remember what they were told. */
export class Clients {
  readonly #parts: ClientParts;
  readonly #chance: SeededChance;
  readonly paymentIds = new Map<string, string>();
  underWay = 0;
  gaveUp = 0;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#chance = parts.chance;
  }

  /** One payment's whole life. */
  async live(plan: PaymentPlan): Promise<void> {
    this.underWay += 1;
    try {
      await this.#live(plan);
    } catch (error) {
      this.#parts.oracle.complain(`client ${plan.name} failed: ${error instanceof Error ? error.stack : error}`);
    } finally {
      this.underWay -= 1;
    }
  }

  /** Closes every open window; windows of one name are closed once, whoever asks. */
  async closeWindows(): Promise<void> {
    this.underWay += 1;
    try {
      const windows = await this.#ask('list windows', ({ bridge }) => listWindows(bridge.database, SHARD, 50));
      for (const { windowId, state } of windows ?? []) {
        if (state === 'SETTLED') continue;
        await this.#ask(`close ${windowId}`, ({ bridge }) => closeWindow(bridge, { shard: SHARD, windowId }));
      }
    } finally {
      this.underWay -= 1;
    }
  }

  async #live(plan: PaymentPlan): Promise<void> {
    const caller = plan.payer;
    await this.#wait(this.#chance.below(4_000));
    const paysFiat = plan.quadrant.startsWith('fiat');
    const source = { minorUnits: plan.amount, asset: paysFiat ? 'EUR' : plan.paysCoins ? COIN_ASSET : TOKEN_ASSET };
    const merchantId = plan.quadrant.endsWith('Fiat') ? 'bakery' : 'arcade';
    let quoteId: string | undefined;
    if (plan.quadrant === 'fiatToCrypto' || plan.quadrant === 'cryptoToFiat') {
      const command = { shard: SHARD, source, to: paysFiat ? TOKEN_ASSET : 'EUR' };
      const quoted = await this.#post(
        caller,
        `${plan.name}-quote`,
        'createQuote',
        asJson(command),
        plan.name,
        0n,
        (one, once) => createQuote(one.quotes, command, once).then(({ outcome }) => outcome),
      );
      if (quoted?.outcome !== 'quoted') return;
      quoteId = quoted.quote.quoteId;
    }
    const authorizationExpiresAt = new Date(
      Math.floor((this.#parts.gate.time + plan.validForMilliseconds) / 1000) * 1000,
    );
    const command = {
      shard: SHARD,
      merchantId,
      instrumentId: `${plan.payer}-${paysFiat ? 'card' : 'wallet'}`,
      amount: source,
      quoteId,
      authorizationExpiresAt,
      ...(plan.deposit ? { method: 'deposit' as const } : {}),
    };
    const create = (name: string) => {
      const named = { ...command, merchantReference: name };
      return this.#post(caller, name, 'createPayment', asJson(named), name, plan.amount, (one, once) =>
        createPayment(one.bridge.payments, named, once).then(({ payment }) => payment),
      );
    };
    // Of two payments with one quote at most one is taken.
    const [created] = await Promise.all([
      create(plan.name),
      plan.sharesQuote && quoteId ? create(`${plan.name}-twin`) : undefined,
    ]);
    if (!created) return;
    const { paymentId } = created;
    this.paymentIds.set(plan.name, paymentId);
    if (created.action?.kind === 'sign') {
      if (!plan.isSigned) return;
      await this.#sign(plan, created);
    }
    if (created.action?.kind === 'deposit') {
      if (!plan.isSigned) return;
      await this.#push(plan, created.action);
      // What never comes, or comes too late, is seen to by time alone.
      if (plan.deposit === 'short' || plan.deposit === 'late') return;
      const done = await this.#waitUntil(paymentId, ({ phase }) => phase !== 'unknown' && phase !== 'requires_action');
      if (done?.phase === 'open' || done?.phase === 'closed') await this.#use(plan, done);
      return;
    }
    if (created.action?.kind === 'send') {
      if (!plan.isSigned) return;
      await this.#send(plan, created.action.chainTransaction);
    }
    const opened = await this.#waitUntil(paymentId, ({ phase }) => phase !== 'unknown' && phase !== 'requires_action');
    if (opened?.phase !== 'open') return;
    await Promise.all([this.#use(plan, opened), plan.reclaims ? this.#reclaim(plan, opened) : undefined]);
  }

  /** The payer's wallet asks for what is left in the escrow, about when the bridge would let go of it too. */
  async #reclaim(plan: PaymentPlan, { paymentId, authorizationExpiresAt }: PaymentView): Promise<void> {
    const { gate, world, sendFromWallet, reclaimCallOf } = this.#parts;
    const wait = max(0, Date.parse(authorizationExpiresAt) - gate.time) + this.#chance.below(3_000);
    const send = async () => {
      const call = await reclaimCallOf(paymentId);
      if (call) sendFromWallet(PAYERS[plan.payer].address, call);
    };
    await gate.pass(world, 'act', `${plan.payer} reclaims`, send, wait);
  }

  async #use(plan: PaymentPlan, opened: PaymentView): Promise<void> {
    const { paymentId } = opened;
    const caller = plan.payer;
    const asset = opened.authorized.asset;
    const authorized = BigInt(opened.authorized.minorUnits);
    const move = (verb: 'capture' | 'refund', index: number, share: number) => {
      const part = (authorized * BigInt(share)) / 100n;
      const minorUnits = part > 1n ? part : 1n;
      const command = { shard: SHARD, paymentId, amount: { minorUnits, asset } };
      const operation = verb === 'capture' ? capturePayment : refundPayment;
      return this.#post(
        caller,
        `${plan.name}-${verb}-${index}`,
        `${verb}Payment`,
        asJson(command),
        paymentId,
        minorUnits,
        (one, once) => operation(one.bridge.payments, command, once).then(({ payment }) => payment),
      );
    };
    const captures = plan.captures.map(async (share, index) => {
      await this.#wait(this.#chance.below(1_500));
      await move('capture', index, share);
    });
    await Promise.all(captures);
    if (plan.ending === 'capture the rest') {
      const found = await this.#ask('look up', ({ bridge }) => findPayment(bridge.payments, SHARD, paymentId));
      const held = found ? BigInt(found.authorized.minorUnits) - BigInt(found.captured.minorUnits) : 0n;
      if (held > 0n) await move('capture', 99, Number((held * 100n) / authorized));
    }
    if (plan.capturesLate) {
      const untilEnd = Date.parse(opened.authorizationExpiresAt) - this.#parts.gate.time;
      await this.#wait(max(0, untilEnd - 4_000) + this.#chance.below(5_000));
      await move('capture', 98, this.#chance.between(1, 60));
    }
    if (plan.ending === 'void') {
      const command = { shard: SHARD, paymentId };
      await this.#post(caller, `${plan.name}-void`, 'voidPayment', command, paymentId, 0n, (one, once) =>
        voidPayment(one.bridge.payments, command, once).then(({ payment }) => payment),
      );
    }
    const refunds = async () => {
      for (const [index, share] of plan.refunds.entries()) {
        await this.#wait(this.#chance.below(3_000));
        await move('refund', index, share);
      }
    };
    // Refunds and chargebacks race for the same money.
    await Promise.all([
      refunds(),
      plan.dispute ? this.#dispute(plan, plan.dispute, opened) : undefined,
      plan.isReversedLate ? this.#reverseLate(plan, opened) : undefined,
    ]);
  }

  /** Twice, under two keys: the second says nothing new. */
  async #reverseLate(plan: PaymentPlan, { paymentId }: PaymentView): Promise<void> {
    const command = { shard: SHARD, paymentId };
    for (const time of ['first', 'second']) {
      await this.#wait(this.#chance.below(4_000));
      const name = `${plan.name}-reversed-${time}`;
      await this.#post(plan.payer, name, 'reverseLate', command, paymentId, 0n, ({ bridge }, once) => {
        this.#parts.onReversedLate(paymentId);
        return reverseLate(bridge.payments, command, once).then(({ payment }) => payment);
      });
    }
  }

  async #dispute(plan: PaymentPlan, { share, answer, outcome }: DisputePlan, payment: PaymentView): Promise<void> {
    const { paymentId, authorized } = payment;
    const part = (BigInt(authorized.minorUnits) * BigInt(share)) / 100n;
    const amount = { minorUnits: part > 1n ? part : 1n, asset: authorized.asset };
    const post = <Request extends object>(
      verb: string,
      request: Request,
      units: bigint,
      operation: (
        dependencies: SimulatedProcess['bridge'],
        request: Request,
        once: OnceRequest,
      ) => Promise<Readonly<{ dispute: DisputeView }>>,
    ) =>
      this.#post(plan.payer, `${plan.name}-${verb}`, verb, asJson(request), paymentId, units, ({ bridge }, once) =>
        operation(bridge, request, once).then(({ dispute }) => dispute),
      );
    await this.#wait(this.#chance.below(4_000));
    const opening = { shard: SHARD, paymentId, reasonCode: 'notReceived' as const, amount };
    const opened = await post('openDispute', opening, amount.minorUnits, openDispute);
    if (!opened || answer === 'none') return;
    await this.#wait(this.#chance.below(2_000));
    const named = { shard: SHARD, disputeId: opened.disputeId };
    if (answer === 'acceptance') {
      await post('acceptDispute', named, 0n, acceptDispute);
      return;
    }
    const files = [{ name: 'receipt.pdf', sha256: 'e'.repeat(64), bytes: 2_048 }];
    await post('submitEvidence', { ...named, statement: 'Delivered and signed for.', files }, 0n, submitEvidence);
    if (outcome !== 'none') await post('decideDispute', { ...named, outcome }, 0n, decideDispute);
  }

  /** What a payer's wallet does with an address, exact or not. */
  async #push(
    plan: PaymentPlan,
    { address, expiresAt }: Readonly<{ address: string; expiresAt: string }>,
  ): Promise<void> {
    const { gate } = this.#parts;
    const asset = plan.paysCoins ? COIN_ASSET : TOKEN_ASSET;
    const other = plan.paysCoins ? TOKEN_ASSET : COIN_ASSET;
    const part = (plan.amount * BigInt(this.#chance.between(1, 99))) / 100n;
    const extra = BigInt(this.#chance.between(20_000, 5_000_000));
    const dust = BigInt(this.#chance.between(1, 9_999));
    const send = (units: bigint, of = asset, to = address, wait = this.#chance.below(3_000)) =>
      this.#transfer(plan, to, units, of, wait);
    switch (plan.deposit) {
      case 'parts':
        await Promise.all([send(part), send(plan.amount - part)]);
        return;
      case 'over':
        return send(plan.amount + extra);
      case 'dust':
        return send(plan.amount + dust);
      case 'short':
        return send(part);
      case 'late':
        // Nobody waits for it: it is sent when its moment has come, be it by a leap.
        void send(plan.amount, asset, address, Date.parse(expiresAt) - gate.time + 2_000);
        return;
      case 'second':
        await send(plan.amount);
        return send(plan.amount, asset, address, 8_000);
      case 'wrongToken':
        await send(plan.paysCoins ? extra : extra * 1_000_000_000n, other);
        return send(plan.amount);
      case 'stray':
        await send(extra, TOKEN_ASSET, DEPLOYMENT.wallet);
        return send(plan.amount);
      default:
        return send(plan.amount);
    }
  }

  async #transfer(plan: PaymentPlan, to: string, units: bigint, asset: string, wait: number): Promise<void> {
    const { gate, world, sendFromWallet } = this.#parts;
    if (units === 0n) return;
    const token = tokenOf(asset);
    const args = [to as Address, units] as const;
    const call =
      token === NATIVE_TOKEN
        ? { recipient: to as Address, data: '0x' as Hex, value: units }
        : { recipient: token, data: encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args }), value: 0n };
    const send = () => sendFromWallet(PAYERS[plan.payer].address, call);
    await gate.pass(world, 'act', `${plan.payer} pushes ${units}`, send, wait);
  }

  async #send(plan: PaymentPlan, call: Readonly<{ to: string; data: string; value: string }>): Promise<void> {
    const { gate, world, sendFromWallet } = this.#parts;
    const wait = this.#chance.below(3_000);
    await gate.pass(
      world,
      'act',
      `${plan.payer} sends`,
      () => {
        sendFromWallet(PAYERS[plan.payer].address, {
          recipient: call.to as Address,
          data: call.data as Hex,
          value: BigInt(call.value),
        });
      },
      wait,
    );
  }

  async #sign(plan: PaymentPlan, { paymentId, action }: PaymentView): Promise<void> {
    if (action?.kind !== 'sign') return;
    const said = action.typedData as TypedData & { message: Record<'value' | 'validAfter' | 'validBefore', string> };
    const numbers = ['value', 'validAfter', 'validBefore'].map((name) => [
      name,
      BigInt(said.message[name as 'value'] as string),
    ]);
    const typedData = { ...said, message: { ...said.message, ...Object.fromEntries(numbers) } } as TypedData;
    const signature = await signatureOf(plan.payer, typedData);
    await this.#ask('sign', ({ bridge }) =>
      signAuthorization(bridge.payments, { shard: shardOf(paymentId), paymentId, signature }),
    );
  }

  async #waitUntil(paymentId: string, isThere: (payment: PaymentView) => boolean): Promise<PaymentView | undefined> {
    for (let poll = 0; poll < POLLS; poll += 1) {
      const found = await this.#ask('look up', ({ bridge }) => findPayment(bridge.payments, SHARD, paymentId));
      if (found && isThere(found)) return found;
      await this.#wait(2_000 + this.#chance.below(1_000));
    }
    this.gaveUp += 1;
    return undefined;
  }

  /** Sends until it is answered; then, sometimes, once more. */
  async #post<View>(
    caller: string,
    key: string,
    operation: string,
    request: unknown,
    subject: string,
    amount: bigint,
    act: (process: SimulatedProcess, once: OnceRequest) => Promise<View>,
  ): Promise<View | undefined> {
    const once = this.#parts.onceOf({ shard: SHARD, callerId: caller, idempotencyKey: key, operation, request });
    const hear = (view: View) => {
      // «Unknown» is no answer yet: it says to look again.
      if ((view as { phase?: string }).phase === 'unknown') return;
      this.#parts.oracle.hear(caller, key, { operation, subject, amount }, view);
    };
    const ask = () => this.#ask(`${operation} ${key}`, (process) => act(process, once), hear);
    if (this.#chance.happens(this.#parts.faults().doubled)) {
      this.#parts.onFault('request doubled');
      const [one, other] = await Promise.all([ask(), ask()]);
      return one ?? other;
    }
    const first = await ask();
    if (first && this.#chance.happens(this.#parts.faults().repeated)) {
      this.#parts.onFault('request repeated');
      await this.#ask(`${operation} ${key} again`, (process) => act(process, once), hear);
    }
    return first;
  }

  async #ask<Value>(
    label: string,
    act: (process: SimulatedProcess) => Promise<Value>,
    hear: (value: Value) => void = () => {},
  ): Promise<Value | undefined> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const answer = await this.#once(label, act);
      if (answer.kind === 'answered') {
        hear(answer.value);
        return answer.value;
      }
      if (answer.kind === 'refused') return undefined;
      await this.#wait(200 + this.#chance.below(1_000));
    }
    this.gaveUp += 1;
    return undefined;
  }

  async #once<Value>(label: string, act: (process: SimulatedProcess) => Promise<Value>): Promise<Answer<Value>> {
    const { gate, world, oracle, onFault } = this.#parts;
    const { requestLost, replyLost } = this.#parts.faults();
    const process = await gate.pass(world, 'request', label, () => {
      if (!this.#chance.happens(requestLost)) return this.#chance.pick(this.#parts.living());
      onFault('request lost');
      return undefined;
    });
    if (!process) return { kind: 'silent' };
    const impatient = new AbortController();
    const patience = gate
      .timersOf(world)
      .wait(ANSWERED_WITHIN_MILLISECONDS, impatient.signal)
      .then((): Answer<Value> => ({ kind: 'silent' }))
      .catch((): Answer<Value> => ({ kind: 'silent' }));
    const work = act(process).then(
      (value): Answer<Value> => ({ kind: 'answered', value }),
      (thrown): Answer<Value> => {
        // As the door of the API has it.
        const error = asUnavailability(thrown);
        if (error instanceof SettlementError) {
          // No client here ever uses a key for two requests.
          if (error.code === 'IDEMPOTENCY_KEY_REUSED')
            oracle.complain(`${label}: the key is said to be another request's`);
          return error.retryable ? { kind: 'silent' } : { kind: 'refused', code: error.code };
        }
        oracle.complain(`${label}: an error without a name: ${error instanceof Error ? describe(error) : error}`);
        return { kind: 'silent' };
      },
    );
    const dead = process.death.catch((error): Answer<Value> => {
      if (error instanceof ProcessDied) return { kind: 'silent' };
      throw error;
    });
    const answer = await Promise.race([work, dead, patience]);
    impatient.abort();
    return gate.pass(
      world,
      'reply',
      `${label} ${answer.kind}${answer.kind === 'refused' ? ` ${answer.code}` : ''}`,
      () => {
        if (answer.kind === 'silent' || !this.#chance.happens(replyLost)) return answer;
        onFault('reply lost');
        return { kind: 'silent' as const };
      },
    );
  }

  #wait(milliseconds: number): Promise<void> {
    return this.#parts.gate.timersOf(this.#parts.world).wait(milliseconds);
  }
}

type TypedData = Parameters<(typeof PAYERS)['ana']['signTypedData']>[0];

const signatures = new Map<string, Hex>();

async function signatureOf(payer: PayerName, typedData: TypedData): Promise<Hex> {
  const name = `${payer} ${JSON.stringify(asJson(typedData))}`;
  const known = signatures.get(name);
  if (known) return known;
  const signature = await PAYERS[payer].signTypedData(typedData);
  signatures.set(name, signature);
  return signature;
}

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? ` (${error.cause.message.slice(0, 200)})` : '';
  const place = error.stack?.split('\n').find((line) => /\/(bridge|ledger-service)\//.test(line)) ?? '';
  return `${error.name}: ${error.message.slice(0, 200)}${cause}${place}`;
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? one.toString() : one)));
}

function max(left: number, right: number): number {
  return left > right ? left : right;
}
