import { decodeFunctionData, erc20Abi, keccak256, parseTransaction, stringToHex } from 'viem';
import { depositAddressesAbi } from '../../../bridge/chain/bindings/deposit-addresses.ts';
import { intermediaryWalletAbi } from '../../../bridge/chain/bindings/intermediary-wallet.ts';
import { paymentEscrowAbi } from '../../../bridge/chain/bindings/payment-escrow.ts';
import { type DepositTerms, depositAddressOf, hashUnpaidTerms } from '../../../bridge/chain/deposits.ts';
import type { Address, Deployment, Hex, ObservedBlock, ObservedLog } from '../../../bridge/chain/domain.ts';
import { hashTerms, NATIVE_TOKEN, type PaymentTerms } from '../../../bridge/chain/escrow.ts';
import { type Fees, feesOfRaw } from '../../../bridge/chain/fees.ts';
import type { ChainReceipt } from '../../../bridge/chain/node.ts';
import type { SeededChance } from './seeded-chance.ts';

type EscrowPayment = Readonly<{ capturable: bigint; refundable: bigint; nextSequence: bigint }>;
type RawLog = Readonly<{ address: Address; event: string; fields: Readonly<Record<string, string>> }>;

/** What the chain knows after a block. */
class ChainState {
  readonly balances: Map<string, bigint>;
  readonly payments: Map<string, EscrowPayment>;
  readonly accruedFees: Map<string, bigint>;
  readonly doneBatches: Set<string>;
  readonly nonces: Map<string, number>;
  readonly sweptDeposits: Set<string>;
  /** What moved since this state was copied: the Transfer logs of tokens. */
  readonly transfers: { token: string; from: string; to: string; amount: bigint }[] = [];

  constructor(from?: ChainState) {
    this.balances = new Map(from?.balances);
    this.payments = new Map(from?.payments);
    this.accruedFees = new Map(from?.accruedFees);
    this.doneBatches = new Set(from?.doneBatches);
    this.nonces = new Map(from?.nonces);
    this.sweptDeposits = new Set(from?.sweptDeposits);
  }

  balanceOf(token: string, owner: string): bigint {
    return this.balances.get(`${token} ${owner}`.toLowerCase()) ?? 0n;
  }

  move(token: string, from: string, to: string, amount: bigint): void {
    const held = this.balanceOf(token, from);
    if (held < amount) throw new Revert('InsufficientBalance');
    this.balances.set(`${token} ${from}`.toLowerCase(), held - amount);
    this.balances.set(`${token} ${to}`.toLowerCase(), this.balanceOf(token, to) + amount);
    if (token !== NATIVE_TOKEN) this.transfers.push({ token, from, to, amount });
  }
}

class Revert extends Error {}

export type ChainTransaction = Readonly<{
  hash: Hex;
  sender: Address;
  nonce: number;
  recipient: Address;
  data: Hex;
  value: bigint;
  /** What it offers for a unit of gas; a payer's wallet always offers enough. */
  fees?: Fees;
}>;

type Included = Readonly<{
  transaction: ChainTransaction;
  succeeded: boolean;
  logs: readonly RawLog[];
  transfers: ChainState['transfers'];
  revertedWith?: string;
}>;

export type ModelBlock = Readonly<{
  height: number;
  hash: Hex;
  parentHash: Hex;
  minedAt: Date;
  included: readonly Included[];
  state: ChainState;
}>;

const GAS_USED = 50_000;
const GAS_PRICE = 1_000_000_000n;

/**
 * The escrow, the wallet, a token and the chain's own coin, as their contracts behave: blocks, a pool of what waits,
 * and reorganisations. It speaks in what the bridge sends, decoded with the contracts' own bindings.
 */
export class ChainModel {
  readonly deployment: Deployment;
  readonly #operator: Address;
  /** The branch that counts. */
  blocks: ModelBlock[];
  /** The branch that counted before the last reorganisation: what a node on the wrong side still answers from. */
  lostBranch: readonly ModelBlock[] | undefined;
  #kept: ModelBlock[] | undefined;
  readonly pool = new Map<Hex, ChainTransaction>();
  readonly #everKnown = new Map<Hex, ChainTransaction>();
  /** Whether the escrow knows which movements it has made. */
  countsSequences = true;
  #branch = 0;
  /** By how much blocks cost more than usual. */
  surge = 1n;
  /** The operator has no coins to pay for gas with. */
  isPoor = false;
  /** The token moves nothing. The wallet's payouts are not held up: a real one sets a failed item aside. */
  isPaused = false;
  /** Whether nodes refuse the call under one of the operator's nonces for good. */
  readonly #refuses = new Map<number, boolean>();
  #taken = 0;
  /** Nonces below it may be spent by what nobody here has signed. */
  takenBelow = 0;
  /** Which of several nodes may be wrong: always the same, or two could be in answers to one question. */
  wrongNode = 0;

  constructor(
    deployment: Deployment,
    operator: Address,
    startsAt: Date,
    holders: readonly Readonly<{ token: string; owner: string; amount: bigint }>[],
  ) {
    this.deployment = deployment;
    this.#operator = operator.toLowerCase() as Address;
    const state = new ChainState();
    for (const { token, owner, amount } of holders) state.balances.set(`${token} ${owner}`.toLowerCase(), amount);
    this.blocks = [
      { height: 0, hash: nameOf('genesis'), parentHash: nameOf(''), minedAt: startsAt, included: [], state },
    ];
  }

  get head(): ModelBlock {
    return this.blocks.at(-1)!;
  }

  /** Takes a signed transaction of the operator; `known` when it is here already or its nonce is spent. */
  submit(raw: Hex): 'accepted' | 'known' {
    const hash = keccak256(raw);
    const parsed = parseTransaction(raw);
    return this.enter({
      hash,
      sender: this.#operator,
      nonce: parsed.nonce ?? 0,
      recipient: (parsed.to ?? NATIVE_TOKEN).toLowerCase() as Address,
      data: parsed.data ?? '0x',
      value: parsed.value ?? 0n,
      fees: feesOfRaw(raw),
    });
  }

  get gasPrice(): bigint {
    return (GAS_PRICE + BigInt(this.head.height % 7) * 100_000_000n) * this.surge;
  }

  /** Decided when a nonce is first seen, for every form of its call; a transfer of nothing is always taken. */
  refusesForGood(raw: Hex, decide: () => boolean): boolean {
    const { nonce = 0, data } = parseTransaction(raw);
    if (data === undefined || data === '0x') return false;
    const refuses = this.#refuses.get(nonce) ?? decide();
    this.#refuses.set(nonce, refuses);
    return refuses;
  }

  /** Somebody else has the operator's key, or it was used by books that are lost: its next nonce goes to a transfer. */
  takeNonce(): void {
    const sender = this.#operator;
    const nonce = this.nextNonce(sender);
    this.#taken += 1;
    this.takenBelow = nonce + 1;
    const fees = { maxFeePerGas: 10n ** 13n, maxPriorityFeePerGas: 10n ** 13n };
    const hash = keccak256(stringToHex(`taken ${nonce} ${this.#taken}`));
    this.enter({ hash, sender, nonce, recipient: sender, data: '0x', value: 0n, fees });
  }

  enter(transaction: ChainTransaction): 'accepted' | 'known' {
    this.#everKnown.set(transaction.hash, transaction);
    if (this.pool.has(transaction.hash) || this.nextNonce(transaction.sender) > transaction.nonce) return 'known';
    const rival = [...this.pool.values()].find(
      ({ sender, nonce }) => sender === transaction.sender && nonce === transaction.nonce,
    );
    // Another one holds this place in the queue; without a higher fee it stays.
    if (rival && !outbids(transaction, rival)) return 'known';
    if (rival) this.pool.delete(rival.hash);
    this.pool.set(transaction.hash, transaction);
    return 'accepted';
  }

  /** A payer's wallet sends what the payer agreed to, and keeps at it when the pool forgets. */
  sendFromWallet(sender: Address, call: Readonly<{ recipient: Address; data: Hex; value: bigint }>): void {
    const from = sender.toLowerCase() as Address;
    const sent = [...this.#everKnown.values()].filter((one) => one.sender === from);
    const nonce = sent.length;
    this.enter({
      hash: keccak256(stringToHex(`${from} ${nonce} ${call.data}`)),
      sender: from,
      nonce,
      ...call,
      recipient: call.recipient.toLowerCase() as Address,
    });
  }

  remindWallets(): void {
    for (const transaction of this.#everKnown.values()) {
      if (transaction.sender !== this.#operator && !this.receipt(transaction.hash)) this.enter(transaction);
    }
  }

  nextNonce(sender: Address): number {
    return this.head.state.nonces.get(sender) ?? 0;
  }

  /** The pool forgets one of those that wait; whoever sent it sends it again. False when none waits. */
  dropOne(chance: SeededChance): boolean {
    if (this.pool.size === 0) return false;
    return this.pool.delete(chance.pick([...this.pool.keys()]));
  }

  /** A payer's wallet offers more for what waits: the same call under the same nonce, by another name. */
  reprice(chance: SeededChance): boolean {
    const waiting = [...this.pool.values()].filter(({ sender }) => sender !== this.#operator);
    if (waiting.length === 0) return false;
    const before = chance.pick(waiting);
    this.pool.delete(before.hash);
    this.#everKnown.delete(before.hash);
    this.enter({ ...before, hash: keccak256(stringToHex(`${before.hash} for more`)) });
    return true;
  }

  /** Puts up to `most` of what waits into a block, each sender's in the order of its nonces. */
  mine(at: Date, most: number): ModelBlock {
    const state = new ChainState(this.head.state);
    const included: Included[] = [];
    const minedAt = new Date(Math.max(at.getTime(), this.head.minedAt.getTime() + 1000));
    for (;;) {
      const next = [...this.pool.values()].find(
        ({ sender, nonce, fees }) =>
          (state.nonces.get(sender) ?? 0) === nonce &&
          included.length < most &&
          (fees === undefined || fees.maxFeePerGas >= this.gasPrice),
      );
      if (!next) break;
      this.pool.delete(next.hash);
      included.push(this.#execute(state, next, minedAt));
    }
    const block: ModelBlock = {
      height: this.head.height + 1,
      hash: nameOf(
        `${this.head.hash} ${this.#branch} ${minedAt.getTime()} ${included.map((one) => one.transaction.hash)}`,
      ),
      parentHash: this.head.hash,
      minedAt,
      included,
      state,
    };
    this.blocks.push(block);
    return block;
  }

  /** The last `depth` blocks lose; what was in them waits again, but for what is forgotten. */
  undo(depth: number, forget: (hash: Hex) => boolean): number {
    this.lostBranch = [...this.blocks];
    const lost = this.blocks.splice(this.blocks.length - Math.min(depth, this.blocks.length - 1));
    this.#branch += 1;
    for (const { included } of lost) {
      for (const { transaction } of included)
        if (!forget(transaction.hash)) this.pool.set(transaction.hash, transaction);
    }
    return lost.length;
  }

  /** For a while another branch is shown that leaves out blocks which were final; `rejoin` ends it. */
  leave(depth: number): void {
    this.#kept = [...this.blocks];
    this.undo(depth, () => false);
  }

  get isAway(): boolean {
    return this.#kept !== undefined;
  }

  rejoin(): void {
    if (!this.#kept) return;
    this.blocks = this.#kept;
    this.#kept = undefined;
    this.#branch += 1;
    this.pool.clear();
    for (const transaction of this.#everKnown.values()) {
      if (!this.receipt(transaction.hash)) this.enter(transaction);
    }
  }

  observed(height: number, branch: readonly ModelBlock[] = this.blocks): ObservedBlock | undefined {
    const block = branch[height];
    return (
      block && {
        height,
        hash: block.hash,
        parentHash: block.parentHash,
        minedAt: block.minedAt,
        chainHashes: block.included.map(({ transaction }) => transaction.hash),
      }
    );
  }

  logsAt(height: number, branch: readonly ModelBlock[] = this.blocks): readonly ObservedLog[] {
    const block = branch[height];
    if (!block) return [];
    let logIndex = 0;
    return block.included.flatMap(({ transaction, logs }) =>
      logs.map((log, ordinal): ObservedLog => {
        logIndex += 1;
        return {
          blockHash: block.hash,
          height,
          chainHash: transaction.hash,
          logIndex: logIndex - 1,
          ordinal,
          ...log,
        };
      }),
    );
  }

  /** The Transfer logs of a block to some addresses; they stand behind the logs of our own contracts. */
  transfersAt(
    height: number,
    recipients: readonly Address[],
    branch: readonly ModelBlock[] = this.blocks,
  ): readonly ObservedLog[] {
    const block = branch[height];
    if (!block) return [];
    const wanted = new Set(recipients.map((address) => address.toLowerCase()));
    let logIndex = 1_000;
    return block.included.flatMap(({ transaction, transfers }) => {
      const ordinals = new Map<string, number>();
      return transfers
        .filter(({ to }) => wanted.has(to.toLowerCase()))
        .map(({ token, from, to, amount }): ObservedLog => {
          const ordinal = ordinals.get(`${token} ${to}`) ?? 0;
          ordinals.set(`${token} ${to}`, ordinal + 1);
          logIndex += 1;
          return {
            blockHash: block.hash,
            height,
            chainHash: transaction.hash,
            logIndex,
            ordinal,
            address: token.toLowerCase() as Address,
            event: 'Transfer',
            fields: { from, to, value: amount.toString() },
          };
        });
    });
  }

  revertReason(hash: Hex, branch: readonly ModelBlock[] = this.blocks): string | undefined {
    const found = branch.flatMap(({ included }) => included).find(({ transaction }) => transaction.hash === hash);
    return found?.revertedWith;
  }

  receipt(hash: Hex, branch: readonly ModelBlock[] = this.blocks): ChainReceipt | undefined {
    for (const { hash: blockHash, height, included } of branch) {
      const found = included.find(({ transaction }) => transaction.hash === hash);
      if (found) return { succeeded: found.succeeded, blockHash, height, gasUsed: GAS_USED };
    }
    return undefined;
  }

  #execute(state: ChainState, transaction: ChainTransaction, minedAt: Date): Included {
    const { sender, nonce } = transaction;
    state.nonces.set(sender, nonce + 1);
    const attempt = new ChainState(state);
    const logs: RawLog[] = [];
    try {
      this.#call(attempt, transaction, Math.floor(minedAt.getTime() / 1000), logs);
    } catch (error) {
      if (!(error instanceof Revert)) throw error;
      return { transaction, succeeded: false, logs: [], transfers: [], revertedWith: error.message };
    }
    state.balances.clear();
    for (const [key, value] of attempt.balances) state.balances.set(key, value);
    for (const [key, value] of attempt.payments) state.payments.set(key, value);
    for (const [key, value] of attempt.accruedFees) state.accruedFees.set(key, value);
    for (const key of attempt.doneBatches) state.doneBatches.add(key);
    for (const key of attempt.sweptDeposits) state.sweptDeposits.add(key);
    return { transaction, succeeded: true, logs, transfers: attempt.transfers };
  }

  #call(state: ChainState, transaction: ChainTransaction, now: number, logs: RawLog[]): void {
    const { recipient, sender } = transaction;
    if (recipient === sender) return;
    if (recipient === this.deployment.escrow.toLowerCase()) this.#escrow(state, transaction, now, logs);
    else if (recipient === this.deployment.wallet.toLowerCase()) this.#wallet(state, transaction, logs);
    else if (recipient === this.deployment.deposits.toLowerCase()) this.#deposits(state, transaction, now, logs);
    else if (transaction.data === '0x') state.move(NATIVE_TOKEN, sender, recipient, transaction.value);
    else this.#token(state, transaction);
  }

  #escrow(state: ChainState, transaction: ChainTransaction, now: number, logs: RawLog[]): void {
    const { functionName, args } = decodeFunctionData({ abi: paymentEscrowAbi, data: transaction.data });
    const terms = termsOf(args?.[0]);
    const { escrow, chainId } = this.deployment;
    const name = hashTerms(chainId, escrow, terms);
    const log = (event: string, fields: Record<string, string | bigint>) =>
      logs.push({
        address: escrow.toLowerCase() as Address,
        event,
        fields: Object.fromEntries(
          Object.entries({ paymentIdentifier: name, ...fields }).map(([key, value]) => [key, String(value)]),
        ),
      });
    const payment = state.payments.get(name);
    if (this.isPaused && terms.token !== NATIVE_TOKEN) throw new Revert('EnforcedPause()');
    switch (functionName) {
      case 'authorize':
      case 'authorizeNative': {
        const isNative = functionName === 'authorizeNative';
        const amount = isNative ? transaction.value : (args![1] as bigint);
        if (amount === 0n || amount > terms.maximumAmount) throw new Revert('amount');
        if (now >= Number(terms.preApprovalExpiry)) throw new Revert('Expired');
        if (payment) throw new Revert('PaymentAlreadyAuthorized');
        if (isNative && transaction.sender !== terms.payer.toLowerCase()) throw new Revert('SenderNotAllowed');
        state.move(isNative ? NATIVE_TOKEN : terms.token, terms.payer, escrow, amount);
        state.payments.set(name, { capturable: amount, refundable: 0n, nextSequence: 1n });
        log('Authorized', { payer: terms.payer, receiver: terms.receiver, token: terms.token, amount });
        return;
      }
      case 'capture': {
        const [, amount, fee, sequence] = args as readonly [unknown, bigint, bigint, bigint];
        const state_ = this.#next(payment, sequence);
        if (!state_) return;
        if (amount === 0n) throw new Revert('AmountZero');
        if (now >= Number(terms.authorizationExpiry)) throw new Revert('Expired');
        if (amount > state_.capturable) throw new Revert('AmountExceedsHold');
        if (fee > (amount * BigInt(terms.maximumFeeBasisPoints)) / 10_000n) throw new Revert('FeeOutOfBounds');
        state.payments.set(name, {
          capturable: state_.capturable - amount,
          refundable: state_.refundable + amount,
          nextSequence: state_.nextSequence + 1n,
        });
        if (fee > 0n) state.accruedFees.set(terms.token, (state.accruedFees.get(terms.token) ?? 0n) + fee);
        log('Captured', { sequence, amount, feeAmount: fee });
        state.move(terms.token, escrow, terms.receiver, amount - fee);
        return;
      }
      case 'void': {
        const [, sequence] = args as readonly [unknown, bigint];
        const state_ = this.#next(payment, sequence);
        if (!state_) return;
        state.payments.set(name, { ...state_, capturable: 0n, nextSequence: state_.nextSequence + 1n });
        log('Voided', { sequence, amount: state_.capturable });
        state.move(terms.token, escrow, terms.payer, state_.capturable);
        return;
      }
      case 'reclaim': {
        if (transaction.sender !== terms.payer.toLowerCase()) throw new Revert('SenderNotAllowed');
        if (now < Number(terms.authorizationExpiry)) throw new Revert('NotExpired');
        if (!payment || payment.capturable === 0n) throw new Revert('AmountExceedsHold');
        const { capturable, nextSequence } = payment;
        state.payments.set(name, { ...payment, capturable: 0n, nextSequence: nextSequence + 1n });
        log('Reclaimed', { sequence: nextSequence, amount: capturable });
        state.move(terms.token, escrow, terms.payer, capturable);
        return;
      }
      case 'refund': {
        const [, amount, sequence] = args as readonly [unknown, bigint, bigint];
        const state_ = this.#next(payment, sequence);
        if (!state_) return;
        if (now >= Number(terms.refundExpiry)) throw new Revert('Expired');
        if (amount === 0n || amount > state_.refundable) throw new Revert('AmountExceedsCaptured');
        state.payments.set(name, {
          ...state_,
          refundable: state_.refundable - amount,
          nextSequence: state_.nextSequence + 1n,
        });
        log('Refunded', { sequence, amount });
        state.move(terms.token, terms.receiver, terms.payer, amount);
        return;
      }
      default:
        throw new Revert(`the model has no ${functionName}`);
    }
  }

  #token(state: ChainState, { recipient, sender, data }: ChainTransaction): void {
    const { functionName, args } = decodeFunctionData({ abi: erc20Abi, data });
    if (functionName !== 'transfer') throw new Revert(`the model has no ${functionName}`);
    state.move(recipient, sender, ...(args as readonly [string, bigint]));
  }

  #deposits(state: ChainState, { sender, data }: ChainTransaction, now: number, logs: RawLog[]): void {
    const { functionName, args } = decodeFunctionData({ abi: depositAddressesAbi, data });
    const terms = args?.[0] as unknown as DepositTerms;
    const address = depositAddressOf(this.deployment, terms);
    const log = (event: string, fields: Record<string, string>) =>
      logs.push({
        address: this.deployment.deposits.toLowerCase() as Address,
        event,
        fields: { depositAddress: address, salt: terms.salt, ...fields },
      });
    if (functionName === 'returnDeposit') {
      const [, token, recipient, amount] = args as readonly [unknown, Address, Address, bigint];
      const balance = state.balanceOf(token, address);
      const same = token.toLowerCase() === terms.token.toLowerCase();
      const waits = same && !state.sweptDeposits.has(address) && now < terms.expiresAt;
      const free = waits && sender !== terms.returnTo.toLowerCase() ? balance - terms.amount : balance;
      if (amount === 0n || amount > free) throw new Revert('ReturnExceedsSurplus');
      if (recipient.toLowerCase() !== terms.returnTo.toLowerCase()) throw new Revert('RecipientNotAllowed');
      log('DepositReturned', { recipient, token, amount: amount.toString() });
      state.move(token, address, recipient, amount);
      return;
    }
    if (now >= terms.expiresAt) throw new Revert('DepositExpired');
    if (state.sweptDeposits.has(address)) throw new Revert('AlreadySwept');
    if (state.balanceOf(terms.token, address) < terms.amount) throw new Revert('DepositShort');
    state.sweptDeposits.add(address);
    const { destination, token } = terms;
    log('DepositSwept', { destination, token, amount: terms.amount.toString() });
    if (functionName === 'sweepToWallet') {
      state.move(token, address, destination, terms.amount);
      return;
    }
    if (functionName !== 'sweepToEscrow') throw new Revert(`the model has no ${functionName}`);
    const payment = termsOf(args[1]);
    const fits = hashUnpaidTerms(payment) === terms.paymentHash && payment.payer.toLowerCase() === address;
    if (!fits) throw new Revert('TermsMismatch');
    this.#open(state, payment, terms.amount, now, logs);
  }

  /** What the escrow does with an allowance of the payer. */
  #open(state: ChainState, terms: PaymentTerms, amount: bigint, now: number, logs: RawLog[]): void {
    const { escrow, chainId } = this.deployment;
    const name = hashTerms(chainId, escrow, terms);
    if (now >= Number(terms.preApprovalExpiry)) throw new Revert('Expired');
    if (state.payments.has(name)) throw new Revert('PaymentAlreadyAuthorized');
    state.move(terms.token, terms.payer, escrow, amount);
    state.payments.set(name, { capturable: amount, refundable: 0n, nextSequence: 1n });
    const fields = { paymentIdentifier: name, payer: terms.payer, receiver: terms.receiver, token: terms.token };
    logs.push({
      address: escrow.toLowerCase() as Address,
      event: 'Authorized',
      fields: { ...fields, amount: amount.toString() },
    });
  }

  /** Undefined when a movement with this number has taken place. */
  #next(payment: EscrowPayment | undefined, sequence: bigint): EscrowPayment | undefined {
    if (!payment) throw new Revert('PaymentUnknown');
    if (!this.countsSequences) return payment;
    if (sequence > payment.nextSequence) throw new Revert('SequenceAhead');
    return sequence < payment.nextSequence ? undefined : payment;
  }

  #wallet(state: ChainState, transaction: ChainTransaction, logs: RawLog[]): void {
    const { functionName, args } = decodeFunctionData({ abi: intermediaryWalletAbi, data: transaction.data });
    if (functionName !== 'payoutBatch') throw new Revert(`the model has no ${functionName}`);
    const [batchIdentifier, token, items] = args;
    if (state.doneBatches.has(batchIdentifier)) return;
    state.doneBatches.add(batchIdentifier);
    const { wallet } = this.deployment;
    for (let index = 0; index < (items.length - 2) / 64; index += 1) {
      const word = items.slice(2 + index * 64, 66 + index * 64);
      const payee: Address = `0x${word.slice(0, 40)}`;
      const amount = BigInt(`0x${word.slice(40)}`);
      state.move(token, wallet, payee, amount);
      const fields = { batchIdentifier, index: String(index), payee, amount: amount.toString() };
      logs.push({ address: wallet.toLowerCase() as Address, event: 'PaidOut', fields });
    }
  }
}

function termsOf(decoded: unknown): PaymentTerms {
  const terms = decoded as PaymentTerms;
  return {
    ...terms,
    preApprovalExpiry: BigInt(terms.preApprovalExpiry),
    authorizationExpiry: BigInt(terms.authorizationExpiry),
    refundExpiry: BigInt(terms.refundExpiry),
  };
}

/** As geth has it: both parts of the fee a tenth higher. */
function outbids({ fees }: ChainTransaction, { fees: before }: ChainTransaction): boolean {
  if (!fees || !before) return false;
  return (
    fees.maxFeePerGas * 10n >= before.maxFeePerGas * 11n &&
    fees.maxPriorityFeePerGas * 10n >= before.maxPriorityFeePerGas * 11n
  );
}

function nameOf(text: string): Hex {
  return keccak256(stringToHex(`block ${text}`));
}
