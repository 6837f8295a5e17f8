import type { ChainNode } from '../../../bridge/chain/node.ts';
import type { IssuerPort } from '../../../bridge/core/authorization/issuer-port.ts';
import type { Quadrant } from '../../../bridge/core/payments/domain.ts';
import { reconcile } from '../../../bridge/core/reconciliation/operations.ts';
import type { Doorbells } from '../../../bridge/platform/doorbells.ts';
import type { OnceRequest } from '../../../bridge/platform/once.ts';
import { ChainModel } from './chain-model.ts';
import { Clients, NO_REQUEST_FAULTS, type PaymentPlan, type RequestFaults } from './clients.ts';
import { type Fault, Gate, Owner, type Step } from './gate.ts';
import type { StatementFilter } from './held-client.ts';
import { HeldQueue } from './held-doorbells.ts';
import { IssuerModel, NO_ISSUER_FAULTS } from './held-issuer.ts';
import { HeldNode, NO_NODE_FAULTS, type NodeFaults } from './held-node.ts';
import { judgeEnd, judgeSafety, waitingFor } from './judges.ts';
import { Oracle } from './oracle.ts';
import { SeededChance } from './seeded-chance.ts';
import type { SimulatorServer } from './server.ts';
import { type SimulatedProcess, startProcess } from './simulated-process.ts';
import { CARD_BALANCE, DEPLOYMENT, fillWorld, HOLDERS, OPERATOR, PAYERS, type PayerName } from './simulated-world.ts';
import { Trace } from './trace.ts';

/** A bug that is planted from the outside: it wraps what the real code stands on, or changes what it says. */
export type PlantedBug = Readonly<{
  name: string;
  filter?: (world: Readonly<{ chance: SeededChance; chain: ChainModel; server: SimulatorServer }>) => StatementFilter;
  node?: (node: ChainNode) => ChainNode;
  issuer?: (issuer: IssuerPort, chance: SeededChance) => IssuerPort;
  doorbells?: (doorbells: Doorbells, chance: SeededChance) => Doorbells;
  once?: (request: OnceRequest) => OnceRequest;
  finalityDepth?: number;
  withoutSweeper?: boolean;
}>;

export type SimulationOptions = Readonly<{
  seed: number | string;
  server: SimulatorServer;
  bug?: PlantedBug | undefined;
  /** Instead of the seed's own faults. */
  faults?: ((step: Step, ordinal: number) => Fault | undefined) | undefined;
  plans?: readonly PaymentPlan[] | undefined;
  keepWholeTrace?: boolean;
}>;

export type SimulationResult = Readonly<{
  seed: number | string;
  violations: readonly string[];
  digest: string;
  steps: number;
  statements: number;
  virtualMilliseconds: number;
  faults: Readonly<Record<string, number>>;
  parkings: number;
  deadlocks: number;
  payments: number;
  answers: number;
  trace: Trace;
}>;

const STARTS_AT = new Date('2026-11-02T08:00:00Z');
const FINALITY_DEPTH = 3;
const PROCESSES = 2;
const POOL_SIZE = 5;
const RESTART_MILLISECONDS = 400;
const BLOCK_MILLISECONDS = 2_000;
const MOST_SAFETY_STEPS = 12_000;
const MOST_HEALED_STEPS = 12_000;
const STEPS_BETWEEN_LOOKS = 60;
const LEAP_MILLISECONDS = 3_600_000;
const QUADRANTS: readonly Quadrant[] = ['fiatToFiat', 'cryptoToCrypto', 'cryptoToFiat', 'fiatToCrypto'];

/** How often what goes wrong: every seed draws its own rates, many of them zero. */
type Rates = Readonly<Record<Fault, number>>;

function drawRates(chance: SeededChance): Rates {
  const rate = (most: number) => (chance.happens(0.3) ? 0 : chance.fraction() * most);
  return {
    killBefore: rate(0.004),
    killAfter: rate(0.004),
    resetBefore: rate(0.006),
    resetAfter: rate(0.01),
    serialization: rate(0.004),
    statementTimeout: rate(0.002),
    refused: rate(0.05),
    lost: 0,
  };
}

/** One seed: a world, faults, then a world that is healed, then the verdict. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #server: SimulatorServer;
  readonly #chance: SeededChance;
  readonly #gate: Gate;
  readonly #trace: Trace;
  readonly #world = new Owner('world');
  readonly #chain: ChainModel;
  readonly #issuer: IssuerModel;
  readonly #queue: HeldQueue;
  readonly #oracle = new Oracle();
  readonly #clients: Clients;
  readonly #filter: StatementFilter;
  readonly #faults: Record<string, number> = {};
  readonly #rates: Rates;
  #processes: SimulatedProcess[] = [];
  #started = 0;
  #starting = 0;
  #isFaulty = true;
  #nodeFaults: NodeFaults;
  #requestFaults: RequestFaults;
  #statements = 0;
  #reorganisations = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#server = options.server;
    this.#chance = new SeededChance(`seed ${options.seed}`);
    this.#trace = new Trace(options.keepWholeTrace);
    this.#gate = new Gate({ startsAt: STARTS_AT, chance: this.#chance.fork('gate'), trace: this.#trace });
    this.#chain = new ChainModel(DEPLOYMENT, OPERATOR.address, STARTS_AT, HOLDERS);
    this.#issuer = new IssuerModel(this.#gate, this.#chance.fork('issuer'));
    for (const payer of Object.keys(PAYERS)) this.#issuer.balances.set(`${payer}-card`, CARD_BALANCE);
    this.#queue = new HeldQueue(this.#gate, this.#world, this.#chance.fork('queue'));
    const rates = this.#chance.fork('rates');
    this.#rates = drawRates(rates);
    const rate = (most: number) => (options.faults || rates.happens(0.3) ? 0 : rates.fraction() * most);
    this.#issuer.faults = {
      requestLost: rate(0.1),
      replyLost: rate(0.1),
      late: rate(0.3),
      twice: rate(0.1),
      contradicting: rate(0.05),
    };
    this.#nodeFaults = {
      requestLost: rate(0.05),
      replyLost: rate(0.05),
      stale: rate(0.2),
      missingReceipt: rate(0.1),
      forgets: rate(0.2),
    };
    this.#requestFaults = { requestLost: rate(0.1), replyLost: rate(0.15), repeated: rate(0.3) };
    this.#queue.faults = { lost: rate(0.3), doubled: rate(0.2), late: rate(0.3) };
    this.#queue.sweeps = !options.bug?.withoutSweeper;
    const count = (kind: string) => {
      this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
    };
    this.#issuer.onFault = count;
    this.#queue.onFault = count;
    const planted = options.bug?.filter?.({
      chance: this.#chance.fork('bug'),
      chain: this.#chain,
      server: this.#server,
    });
    this.#filter = (statement, owner) => {
      this.#statements += 1;
      return planted?.(statement, owner);
    };
    this.#clients = new Clients({
      gate: this.#gate,
      world: this.#world,
      oracle: this.#oracle,
      chance: this.#chance.fork('clients'),
      living: () => this.#processes,
      faults: () => this.#requestFaults,
      onFault: count,
      onceOf: options.bug?.once ?? ((request) => request),
    });
    this.#gate.faults = (step) => this.#faultOf(step, count);
    this.#gate.onKill = (owner) => this.#bury(owner);
  }

  async run(): Promise<SimulationResult> {
    await this.#server.reset();
    await fillWorld(this.#server.database, { now: () => STARTS_AT });
    for (let index = 0; index < PROCESSES; index += 1) await this.#start();
    void this.#mine();
    if (!this.#options.faults) void this.#meddle();
    const plans = this.#options.plans ?? drawPlans(this.#chance.fork('plans'));
    for (const plan of plans) void this.#clients.live(plan);
    const violations: string[] = [];
    try {
      violations.push(...(await this.#runSafety()));
      if (violations.length === 0) violations.push(...(await this.#runHealed()));
    } finally {
      await this.#end();
    }
    return {
      seed: this.#options.seed,
      violations,
      digest: this.#trace.digest(),
      steps: this.#gate.steps,
      statements: this.#statements,
      virtualMilliseconds: this.#gate.time - STARTS_AT.getTime(),
      faults: this.#faults,
      parkings: this.#gate.parkings,
      deadlocks: this.#gate.deadlocks,
      payments: plans.length,
      answers: this.#oracle.answers,
      trace: this.#trace,
    };
  }

  async #runSafety(): Promise<readonly string[]> {
    while (this.#clients.underWay > 0 && this.#gate.steps < MOST_SAFETY_STEPS) {
      if (!(await this.#gate.step())) return ['nothing moves any more'];
      if (this.#gate.steps % (10 * STEPS_BETWEEN_LOOKS) === 0) {
        const found = await judgeSafety(this.#server);
        if (found.length > 0) return found;
      }
    }
    return judgeSafety(this.#server);
  }

  async #runHealed(): Promise<readonly string[]> {
    this.#heal();
    const steps = this.#gate.steps;
    const late = await this.#settle(steps);
    if (late) return late;
    // Whatever is still held comes to its end.
    this.#gate.advance(LEAP_MILLISECONDS);
    this.#trace.write('a leap beyond every expiry');
    const later = await this.#settle(steps);
    if (later) return later;
    void this.#clients.closeWindows();
    const last = await this.#settle(steps);
    if (last) return last;
    if (this.#gate.deadlocks > 0) this.#oracle.complain(`${this.#gate.deadlocks} deadlocks`);
    const reconciliation = await this.#throughTheGate(reconcile(this.#processes[0]!.bridge));
    return judgeEnd({
      server: this.#server,
      reconciliation,
      chain: this.#chain,
      issuer: this.#issuer,
      oracle: this.#oracle,
    });
  }

  /** Steps on until something that a process was asked is done. */
  async #throughTheGate<Value>(asked: Promise<Value>): Promise<Value> {
    let outcome: { value: Value } | { error: unknown } | undefined;
    asked.then(
      (value) => {
        outcome = { value };
      },
      (error) => {
        outcome = { error };
      },
    );
    while (!outcome) await this.#gate.step();
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** Undefined once nothing is under way; else what still is, when patience has run out. */
  async #settle(since: number): Promise<readonly string[] | undefined> {
    // Sweepers, expiries and the chain each get their turn before an empty table counts as an answer.
    const notBefore = this.#gate.time + 6_500;
    for (;;) {
      for (let step = 0; step < STEPS_BETWEEN_LOOKS; step += 1) await this.#gate.step();
      const isLate = this.#gate.steps - since > MOST_HEALED_STEPS;
      if (this.#clients.underWay === 0 && this.#gate.time > notBefore) {
        const waiting = await waitingFor(this.#server);
        if (Object.keys(waiting).length === 0) return undefined;
        if (isLate) return [`still waiting: ${JSON.stringify(waiting)}`, ...this.#oracle.violations];
      } else if (isLate) return [`${this.#clients.underWay} clients have no answer`, ...this.#oracle.violations];
    }
  }

  #heal(): void {
    this.#isFaulty = false;
    this.#nodeFaults = NO_NODE_FAULTS;
    this.#requestFaults = NO_REQUEST_FAULTS;
    this.#issuer.faults = NO_ISSUER_FAULTS;
    this.#queue.faults = { lost: 0, doubled: 0, late: 0 };
    for (const { owner } of this.#processes) owner.clockOffset = 0;
    this.#trace.write('healed');
  }

  async #start(): Promise<void> {
    this.#started += 1;
    const { bug } = this.#options;
    const nodeFaults = () => this.#nodeFaults;
    const chance = this.#chance.fork('node');
    const process = await startProcess(
      {
        gate: this.#gate,
        server: this.#server,
        chance: this.#chance.fork('process'),
        nodeOf: (owner) => {
          const node = new HeldNode(
            {
              gate: this.#gate,
              chain: this.#chain,
              chance: chance.fork(owner.name),
              nodeFaults,
              onFault: this.#issuer.onFault,
            },
            owner,
          );
          return bug?.node?.(node) ?? node;
        },
        issuerOf: (owner) => {
          const port = this.#issuer.portOf(owner);
          return bug?.issuer?.(port, this.#chance.fork(`bug ${owner.name}`)) ?? port;
        },
        doorbellsOf: (owner) => {
          const bells = this.#queue.doorbellsOf(owner);
          return bug?.doorbells?.(bells, this.#chance.fork(`bells ${owner.name}`)) ?? bells;
        },
        filter: this.#filter,
        finalityDepth: bug?.finalityDepth ?? FINALITY_DEPTH,
        // Somebody always watches the chain; sometimes two do.
        watches: this.#processes.every(({ watches }) => !watches) || this.#chance.happens(0.3),
        poolSize: POOL_SIZE,
      },
      `bridge-${this.#started}`,
    );
    this.#processes.push(process);
  }

  async #bury(owner: Owner): Promise<void> {
    const process = this.#processes.find((one) => one.owner === owner);
    if (!process) return;
    this.#processes = this.#processes.filter((one) => one !== process);
    await process.abandon();
    if (this.#processes.length === 0) {
      await this.#start();
      return;
    }
    this.#starting += 1;
    void this.#gate.pass(
      this.#world,
      'act',
      'a process starts',
      () => {
        this.#starting -= 1;
        return this.#start();
      },
      RESTART_MILLISECONDS,
    );
  }

  async #end(): Promise<void> {
    for (const process of [...this.#processes]) {
      this.#processes = this.#processes.filter((one) => one !== process);
      await this.#gate.kill(process.owner);
      await process.abandon();
    }
    await this.#gate.kill(this.#world);
  }

  async #mine(): Promise<void> {
    const chance = this.#chance.fork('miner');
    const timers = this.#gate.timersOf(this.#world);
    for (;;) {
      await timers.wait(Math.floor(BLOCK_MILLISECONDS * (0.5 + chance.fraction())));
      await this.#gate.pass(this.#world, 'mine', 'a block', () => {
        const at = new Date(this.#gate.time);
        if (this.#isFaulty && this.#reorganisations < 3 && chance.happens(0.04)) this.#reorganise(chance, at);
        const block = this.#chain.mine(at, chance.happens(0.2) && this.#isFaulty ? 1 : 20);
        this.#trace.write(`    block ${block.height} ${block.hash.slice(0, 10)} with ${block.included.length}`);
      });
    }
  }

  #reorganise(chance: SeededChance, at: Date): void {
    const depth = chance.between(1, FINALITY_DEPTH);
    this.#reorganisations += 1;
    this.#faults.reorganisation = (this.#faults.reorganisation ?? 0) + 1;
    const undone = this.#chain.undo(depth, () => chance.happens(0.2));
    for (let block = 1; block < undone; block += 1) this.#chain.mine(at, chance.between(0, 3));
    this.#trace.write(`    ${undone} blocks lost`);
  }

  /** Clocks step, windows are closed early, and somebody rings without a reason. */
  async #meddle(): Promise<void> {
    const chance = this.#chance.fork('meddler');
    const timers = this.#gate.timersOf(this.#world);
    const steps = chance.happens(0.5);
    const closes = chance.happens(0.6);
    while (this.#isFaulty) {
      await timers.wait(1_000 + chance.below(6_000));
      if (!this.#isFaulty) return;
      if (steps && chance.happens(0.3)) {
        const { owner } = chance.pick(this.#processes);
        owner.clockOffset = chance.between(-2_000, 2_000);
        this.#faults['clock step'] = (this.#faults['clock step'] ?? 0) + 1;
      }
      if (chance.happens(0.3)) {
        const consumers = ['escrow-events', 'wallet-events', 'clearing', 'payouts', 'reversals', 'expiries', 'nobody'];
        this.#queue.ring(chance.pick(consumers));
        this.#faults['job forged'] = (this.#faults['job forged'] ?? 0) + 1;
      }
      if (closes && chance.happens(0.3)) await this.#clients.closeWindows();
    }
  }

  #faultOf(step: Step, count: (kind: string) => void): Fault | undefined {
    if (this.#options.faults) return this.#options.faults(step, this.#gate.steps);
    if (!this.#isFaulty || step.owner === this.#world || step.kind === 'timer') return undefined;
    const draw = this.#gate.chance.fraction();
    const { killBefore, killAfter, resetBefore, resetAfter, serialization, statementTimeout, refused } = this.#rates;
    const isStatement = step.kind === 'statement';
    const isDatabase = isStatement || step.kind === 'begin' || step.kind === 'commit';
    const candidates: readonly (readonly [Fault, number, string])[] = [
      ['killBefore', killBefore, 'process killed'],
      ['killAfter', killAfter, step.kind === 'commit' ? 'process killed after a commit' : 'process killed'],
      ['resetBefore', isDatabase ? resetBefore : 0, 'connection reset'],
      ['resetAfter', step.kind === 'commit' ? 5 * resetAfter : 0, 'commit not acknowledged'],
      ['serialization', isStatement ? serialization : 0, 'serialization failure'],
      ['statementTimeout', isStatement ? statementTimeout : 0, 'statement timeout'],
      ['refused', step.kind === 'connect' ? refused : 0, 'connection refused'],
    ];
    let reached = 0;
    for (const [fault, probability, name] of candidates) {
      reached += probability;
      if (draw < reached) {
        count(name);
        return fault;
      }
    }
    return undefined;
  }
}

/** Six payments, so that each quadrant comes at least once. */
export function drawPlans(chance: SeededChance): readonly PaymentPlan[] {
  return Array.from({ length: 6 }, (_, index): PaymentPlan => {
    const quadrant = QUADRANTS[index] ?? chance.pick(QUADRANTS);
    const paysFiat = quadrant.startsWith('fiat');
    return {
      name: `order-${index}`,
      quadrant,
      payer: chance.pick<PayerName>(['ana', 'ben']),
      amount: paysFiat ? BigInt(chance.between(50, 20_000)) : BigInt(chance.between(1_000, 300_000_000)),
      validForMilliseconds: 2_400_000,
      captures: Array.from({ length: chance.between(0, 3) }, () => chance.between(1, 70)),
      ending: chance.pick(['void', 'expiry', 'capture the rest']),
      refunds: Array.from({ length: chance.below(3) }, () => chance.between(1, 60)),
      isSigned: chance.happens(0.9),
    };
  });
}
