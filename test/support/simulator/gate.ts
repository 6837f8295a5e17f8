import type { Chance, Clock, Timers } from '../../../ledger-service/vocabulary/time.ts';
import type { SeededChance } from './seeded-chance.ts';
import type { Trace } from './trace.ts';

/** Who acts: the processes of the bridge can be killed, the world (chain, issuers, clients, queue) cannot. */
export class Owner {
  readonly name: string;
  /** How far this machine's clock is from the true one. */
  clockOffset = 0;
  alive = true;
  readonly #onDeath: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** Called once, when the process is killed. */
  whenKilled(listener: () => void): void {
    this.#onDeath.push(listener);
  }

  die(): void {
    this.alive = false;
    for (const listener of this.#onDeath.splice(0)) listener();
  }
}

export type StepKind =
  | 'connect'
  | 'begin'
  | 'statement'
  | 'commit'
  | 'rollback'
  | 'chain request'
  | 'chain reply'
  | 'signer request'
  | 'issuer request'
  | 'issuer reply'
  | 'request'
  | 'reply'
  | 'timer'
  | 'job'
  | 'mine'
  | 'act';

/** How a step is to go; `undefined` is as it should. */
export type Fault =
  | 'killBefore'
  | 'killAfter'
  | 'resetBefore'
  | 'resetAfter'
  | 'serialization'
  | 'statementTimeout'
  | 'diskFull'
  | 'refused';

/** How a step went, for the world that made it. */
export type Running = Readonly<{
  finished: Promise<unknown>;
  /** Asks whether it waits for a lock; only statements ever do. */
  isBlocked?: (() => Promise<boolean>) | undefined;
  /** Who holds what it waits for. */
  blockedBy?: (() => Promise<readonly number[]>) | undefined;
  backend?: number | undefined;
  cancel?: ((code: string) => Promise<void>) | undefined;
  /** Stops the server's process of this statement where it is, and lets it go on. */
  freeze?: (() => void) | undefined;
  thaw?: (() => void) | undefined;
}>;

export type Step = Readonly<{
  owner: Owner;
  kind: StepKind;
  label: string;
  /** Not before this moment of true time. */
  notBefore: number;
  /** Does the step. What it does outside this process is done when `finished` settles. */
  run: (fault: Fault | undefined) => Running;
  /** Lets whoever waits for the step go on; not called when its process has been killed. */
  deliver: (outcome: Outcome) => void;
  /** Whether locks may be free after it. */
  frees: boolean;
}>;

export type Outcome = Readonly<{ ok: true; value: unknown } | { ok: false; error: unknown }>;

type Parked = Readonly<{ step: Step; running: Running; outcome: Settled; since: number }>;
type Settled = { readonly promise: Promise<Outcome>; current: Outcome | undefined };

export type FaultSource = (step: Step) => Fault | undefined;

const LOCK_TIMEOUT_MILLISECONDS = 10_000;
const PATIENCE_MILLISECONDS = 2;

/**
 * Lets one step through at a time; the seed says which.
 *
 * A step is a statement, a call to the chain or an issuer, a timer, a ring of the queue. It runs to its end before the
 * next one begins, but for a statement that waits for a lock: that one is parked, and looked at again after every
 * commit and rollback. Between two steps everything in this process runs until nothing moves.
 */
export class Gate {
  readonly trace: Trace;
  readonly chance: SeededChance;
  faults: FaultSource = () => undefined;
  /** Told when a fault says that a process dies here. */
  onKill: (owner: Owner) => Promise<void> = async () => {};
  steps = 0;
  deadlocks = 0;
  parkings = 0;
  #time: number;
  #pending: Step[] = [];
  #parked: Parked[] = [];

  constructor(options: Readonly<{ startsAt: Date; chance: SeededChance; trace: Trace }>) {
    this.#time = options.startsAt.getTime();
    this.chance = options.chance;
    this.trace = options.trace;
  }

  /** True time, in milliseconds since 1970. */
  get time(): number {
    return this.#time;
  }

  advance(milliseconds: number): void {
    this.#time += milliseconds;
  }

  get pending(): readonly Step[] {
    return this.#pending;
  }

  get parked(): number {
    return this.#parked.length;
  }

  add(step: Step): void {
    if (step.owner.alive) this.#pending.push(step);
  }

  /** Something without an outside: resolves when its turn has come. */
  pass<Value>(
    owner: Owner,
    kind: StepKind,
    label: string,
    act: (fault: Fault | undefined) => Value | Promise<Value>,
    wait = 0,
  ): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      this.add({
        owner,
        kind,
        label,
        notBefore: this.#time + wait,
        frees: false,
        run: (fault) => ({ finished: Promise.resolve().then(() => act(fault)) }),
        deliver: (outcome) => (outcome.ok ? resolve(outcome.value as Value) : reject(outcome.error)),
      });
    });
  }

  clockOf(owner: Owner): Clock {
    return { now: () => new Date(this.#time + owner.clockOffset) };
  }

  timersOf(owner: Owner): Timers {
    return {
      wait: (milliseconds, signal) =>
        new Promise<void>((resolve, reject) => {
          if (signal?.aborted) {
            reject(signal.reason);
            return;
          }
          const step: Step = {
            owner,
            kind: 'timer',
            label: `${milliseconds} ms`,
            notBefore: this.#time + milliseconds,
            frees: false,
            run: () => ({ finished: Promise.resolve() }),
            deliver: () => resolve(),
          };
          this.add(step);
          signal?.addEventListener(
            'abort',
            () => {
              this.#pending = this.#pending.filter((one) => one !== step);
              reject(signal.reason);
            },
            { once: true },
          );
        }),
    };
  }

  /** True when there was a step to take. */
  async step(): Promise<boolean> {
    await quiet();
    const chosen = this.#choose();
    if (!chosen) return this.#waitForLockTimeout();
    this.#pending = this.#pending.filter((step) => step !== chosen);
    this.steps += 1;
    this.#time += this.chance.below(3);
    const fault = this.faults(chosen);
    if (fault === 'killBefore') {
      this.#write(chosen, 'killed before');
      await this.kill(chosen.owner);
      return true;
    }
    if (chosen.frees || fault) this.#freeze();
    const running = chosen.run(fault);
    const outcome = settledOf(running.finished);
    const found = await this.#finishOrPark(chosen, running, outcome);
    if (!found) return true;
    await this.#conclude(chosen, found, fault);
    return true;
  }

  /** A process is gone: what it waited for never comes, and what it had begun in the database is undone. */
  async kill(owner: Owner): Promise<void> {
    this.#pending = this.#pending.filter((step) => step.owner !== owner);
    const parked = this.#parked.filter(({ step }) => step.owner === owner);
    this.#parked = this.#parked.filter(({ step }) => step.owner !== owner);
    owner.die();
    this.#freeze();
    for (const { running, outcome } of parked) {
      await running.cancel?.('killed');
      // One that was stopped hears of it only when it goes on.
      running.thaw?.();
      await outcome.promise;
    }
    await this.onKill(owner);
    await this.#lookAgain();
    await quiet();
  }

  /** A connection of a living process was cut while its statement waited for a lock. */
  async cut(backend: number): Promise<void> {
    const parked = this.#parked.find(({ running }) => running.backend === backend);
    if (!parked) return;
    this.#parked = this.#parked.filter((one) => one !== parked);
    await parked.running.cancel?.('CONNECTION_CLOSED');
    parked.running.thaw?.();
    parked.step.deliver(await parked.outcome.promise);
  }

  async #conclude(step: Step, outcome: Outcome, fault: Fault | undefined): Promise<void> {
    this.#write(step, outcome.ok ? (fault ?? '') : `${fault ?? ''} ! ${codeOf(outcome.error)}`, outcome);
    if (fault === 'killAfter') {
      await this.kill(step.owner);
      return;
    }
    step.deliver(outcome);
    await quiet();
    if (step.frees || !outcome.ok) await this.#lookAgain();
  }

  #choose(): Step | undefined {
    let ready = this.#pending.filter((step) => step.notBefore <= this.#time);
    if (ready.length === 0) {
      if (this.#pending.length === 0) return undefined;
      this.#time = this.#pending.reduce((soonest, step) => Math.min(soonest, step.notBefore), Number.POSITIVE_INFINITY);
      ready = this.#pending.filter((step) => step.notBefore <= this.#time);
    }
    // Timers that are due are as likely as any other step: a machine may be late, or early by the others' measure.
    return ready.length === 0 ? undefined : ready[this.chance.below(ready.length)];
  }

  /** Nothing is left but statements that wait for locks: in time the server gives them up. */
  async #waitForLockTimeout(): Promise<boolean> {
    if (this.#parked.length === 0) return false;
    this.#time = Math.max(this.#time, Math.min(...this.#parked.map(({ since }) => since)) + LOCK_TIMEOUT_MILLISECONDS);
    await this.#lookAgain();
    return true;
  }

  async #finishOrPark(step: Step, running: Running, outcome: Settled): Promise<Outcome | undefined> {
    if (!running.isBlocked) return outcome.promise;
    for (;;) {
      const found = await Promise.race([outcome.promise, pause(PATIENCE_MILLISECONDS)]);
      if (found) return found;
      if (!(await running.isBlocked()) || outcome.current) continue;
      const parked: Parked = { step, running, outcome, since: this.#time };
      this.#parked.push(parked);
      this.parkings += 1;
      this.#write(step, 'parked');
      if (await this.#isDeadlocked(parked)) {
        this.deadlocks += 1;
        this.#parked = this.#parked.filter((one) => one !== parked);
        await running.cancel?.('40P01');
        return outcome.promise;
      }
      return undefined;
    }
  }

  /** The one that closes the circle is the one that is given up, as deadlock_timeout would have it. */
  async #isDeadlocked(last: Parked): Promise<boolean> {
    const waitsFor = new Map<number, readonly number[]>();
    for (const { running } of this.#parked) waitsFor.set(running.backend!, (await running.blockedBy?.()) ?? []);
    const seen = new Set<number>();
    const reaches = (backend: number): boolean =>
      (waitsFor.get(backend) ?? []).some((next) => {
        if (next === last.running.backend) return true;
        if (seen.has(next)) return false;
        seen.add(next);
        return reaches(next);
      });
    return reaches(last.running.backend!);
  }

  /**
   * Two that wait for the same row race for its new version once it is free, and the server's scheduler decides. So
   * whoever waits is stopped before locks are freed, and goes on in its turn.
   */
  #freeze(): void {
    if (this.#parked.length > 1) for (const { running } of this.#parked) running.freeze?.();
  }

  /** Locks may be free: every parked statement in its turn runs to its end, or still waits. */
  async #lookAgain(): Promise<void> {
    for (let moved = true; moved && this.#parked.length > 0; ) {
      moved = false;
      for (const parked of this.#parked) {
        parked.running.thaw?.();
        await this.#untilStill(parked);
      }
      await this.#expireLocks();
      for (const done of this.#parked.filter(({ outcome }) => outcome.current)) {
        moved = true;
        this.#parked = this.#parked.filter((one) => one !== done);
        const outcome = done.outcome.current!;
        this.#write(done.step, outcome.ok ? 'released' : `released ! ${codeOf(outcome.error)}`, outcome);
        done.step.deliver(outcome);
        await quiet();
      }
    }
  }

  /** Two looks in a row: one that has moved up in a queue may not be waiting yet. */
  async #untilStill({ running, outcome }: Parked): Promise<void> {
    for (let still = 0; still < 2; still += 1) {
      await quiet();
      if (outcome.current) return;
      if (await running.isBlocked?.()) continue;
      still = -1;
      await Promise.race([outcome.promise, pause(1)]);
    }
  }

  /** The server's lock_timeout, by true time. */
  async #expireLocks(): Promise<void> {
    for (const { since, running, outcome } of this.#parked) {
      if (outcome.current || this.#time - since < LOCK_TIMEOUT_MILLISECONDS) continue;
      await running.cancel?.('55P03');
      await outcome.promise;
    }
  }

  #write(step: Step, note: string, outcome?: Outcome): void {
    const rows = outcome?.ok && Array.isArray(outcome.value) ? ` → ${outcome.value.length}` : '';
    this.trace.write(
      `${this.steps} ${this.#time} ${step.owner.name} ${step.kind}: ${step.label}${rows} ${note}`.trim(),
    );
  }
}

export function chanceOf(chance: SeededChance): Chance {
  return { bytes: (length) => chance.bytes(length) };
}

const QUIET_TURNS = 5;

/** Everything that can go on without the world goes on: commands that are gathered wait some turns of the loop. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < QUIET_TURNS; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

function pause(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, undefined));
}

function settledOf(promise: Promise<unknown>): Settled {
  const settled: { promise: Promise<Outcome>; current: Outcome | undefined } = {
    current: undefined,
    promise: promise.then(
      (value): Outcome => ({ ok: true, value }),
      (error): Outcome => ({ ok: false, error }),
    ),
  };
  settled.promise = settled.promise.then((outcome) => {
    settled.current = outcome;
    return outcome;
  });
  return settled;
}

export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  return error instanceof Error ? error.message.slice(0, 120) : String(error);
}
