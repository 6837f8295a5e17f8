import { reclaimData, termsFromJson } from '../../../bridge/chain/escrow.ts';
import type { ChainNode } from '../../../bridge/chain/node.ts';
import { majorityOf, quorumOf } from '../../../bridge/chain/quorum.ts';
import type { IssuerPort } from '../../../bridge/core/authorization/issuer-port.ts';
import { setReservePolicy } from '../../../bridge/core/participants/standings.ts';
import { reconcile } from '../../../bridge/core/reconciliation/operations.ts';
import type { Doorbells } from '../../../bridge/platform/doorbells.ts';
import type { OnceRequest } from '../../../bridge/platform/once.ts';
import { ChainModel } from './chain-model.ts';
import { Clients } from './clients.ts';
import { drawFault, drawRates, type FaultRates } from './fault-rates.ts';
import { type Fault, Gate, Owner, type Step } from './gate.ts';
import type { StatementFilter } from './held-client.ts';
import { HeldQueue, NO_QUEUE_FAULTS } from './held-doorbells.ts';
import { IssuerModel, NO_ISSUER_FAULTS } from './held-issuer.ts';
import { HeldNode, NO_NODE_FAULTS, type NodeFaults } from './held-node.ts';
import { NO_SIGNER_FAULTS, SignerModel } from './held-signer.ts';
import { judgeEnd, judgeSafety, waitingFor } from './judges.ts';
import { Miner, NODES } from './miner.ts';
import { Oracle } from './oracle.ts';
import { bordersBetween, drawEarly, drawPlans, drawReserves, drawStart, type PaymentPlan } from './plans.ts';
import { NO_REQUEST_FAULTS, type RequestFaults } from './request-faults.ts';
import { SeededChance } from './seeded-chance.ts';
import type { SimulatorServer } from './server.ts';
import { type SimulatedProcess, startProcess } from './simulated-process.ts';
import { CARD_BALANCE, DEPLOYMENT, fillWorld, HOLDERS, OPERATOR, PAYERS } from './simulated-world.ts';
import { Trace } from './trace.ts';

/** A bug that is planted from the outside: it wraps what the real code stands on, or changes what it says. */
export type PlantedBug = Readonly<{
  name: string;
  filter?: (world: Readonly<{ chance: SeededChance; chain: ChainModel }>) => StatementFilter;
  node?: (node: ChainNode) => ChainNode;
  issuer?: (issuer: IssuerPort, chance: SeededChance) => IssuerPort;
  doorbells?: (doorbells: Doorbells, chance: SeededChance) => Doorbells;
  once?: (request: OnceRequest) => OnceRequest;
  finalityDepth?: number;
  withoutSweeper?: boolean;
  /** Whoever asks for a signature gets one, whatever was signed before. */
  withoutSigner?: boolean;
  /** An escrow that does not know what it has done already. */
  withoutSequences?: boolean;
}>;

export type SimulationOptions = Readonly<{
  seed: number | string;
  server: SimulatorServer;
  bug?: PlantedBug | undefined;
  /** Instead of the seed's own faults. */
  faults?: ((step: Step) => Fault | undefined) | undefined;
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

const FINALITY_DEPTH = 3;
const PROCESSES = 2;
const POOL_SIZE = 5;
const RESTART_MILLISECONDS = 400;
const MOST_SAFETY_STEPS = 5_000;
const MOST_HEALED_STEPS = 8_000;
const STEPS_BETWEEN_LOOKS = 60;
const LEAP_MILLISECONDS = 3_600_000;
/** The longest time to answer, to decide, and to keep a reserve, together. */
const DEADLINES_MILLISECONDS = 60 * 86_400_000;
/** Long enough for every sweeper to have had its turn: only then does an empty table say that nothing is left. */
const SWEPT_MILLISECONDS = 6_500;

/** What a payer knows of its own terms, and sends to the escrow without us. */
async function reclaimCallOf(server: SimulatorServer, paymentId: string) {
  const [row] = await server.read<{ terms: unknown }>(
    `select terms from bridge.payments where payment_id = '${paymentId}' and terms is not null`,
  );
  if (!row) return undefined;
  return { recipient: DEPLOYMENT.escrow, data: reclaimData(termsFromJson(row.terms)), value: 0n };
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
  readonly #signer: SignerModel;
  readonly #queue: HeldQueue;
  readonly #oracle = new Oracle();
  readonly #clients: Clients;
  readonly #filter: StatementFilter;
  readonly #faults: Record<string, number> = {};
  readonly #rates: FaultRates['steps'];
  readonly #startsAt: Date;
  readonly #miner: Miner;
  #processes: SimulatedProcess[] = [];
  #started = 0;
  #starting = 0;
  #isFaulty = true;
  #nodeFaults: NodeFaults;
  #requestFaults: RequestFaults;
  #statements = 0;
  /** Three nodes that have to agree, or one. */
  readonly #asksSeveral: boolean;
  readonly #early: ReturnType<typeof drawEarly>;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#server = options.server;
    this.#chance = new SeededChance(`seed ${options.seed}`);
    this.#trace = new Trace(options.keepWholeTrace);
    this.#startsAt = drawStart(this.#chance.fork('start'));
    this.#gate = new Gate({ startsAt: this.#startsAt, chance: this.#chance.fork('gate'), trace: this.#trace });
    this.#chain = new ChainModel(DEPLOYMENT, OPERATOR.address, this.#startsAt, HOLDERS);
    this.#issuer = new IssuerModel(this.#gate, this.#chance.fork('issuer'));
    for (const payer of Object.keys(PAYERS)) this.#issuer.balances.set(`${payer}-card`, CARD_BALANCE);
    this.#signer = new SignerModel(
      {
        gate: this.#gate,
        chain: this.#chain,
        world: this.#world,
        chance: this.#chance.fork('signer'),
        finalityDepth: FINALITY_DEPTH,
      },
      !options.bug?.withoutSigner,
    );
    this.#queue = new HeldQueue(this.#gate, this.#world, this.#chance.fork('queue'));
    const rates = drawRates(this.#chance.fork('rates'));
    const drawn = options.faults === undefined;
    this.#rates = rates.steps;
    this.#chain.wrongNode = this.#chance.fork('wrong node').below(NODES);
    this.#early = drawn ? drawEarly(this.#chance.fork('early')) : [];
    this.#asksSeveral = drawn && this.#chance.fork('nodes').happens(0.4);
    this.#nodeFaults = drawn ? rates.nodes : NO_NODE_FAULTS;
    this.#requestFaults = drawn ? rates.requests : NO_REQUEST_FAULTS;
    this.#issuer.faults = drawn ? rates.issuer : NO_ISSUER_FAULTS;
    this.#signer.faults = drawn ? rates.signer : NO_SIGNER_FAULTS;
    this.#queue.faults = drawn ? rates.queue : NO_QUEUE_FAULTS;
    const count = (kind: string) => this.#count(kind);
    this.#miner = new Miner({
      gate: this.#gate,
      world: this.#world,
      chain: this.#chain,
      chance: this.#chance.fork('miner'),
      finalityDepth: FINALITY_DEPTH,
      isFaulty: () => drawn && this.#isFaulty,
      onFault: count,
    });
    this.#chain.countsSequences = !options.bug?.withoutSequences;
    this.#queue.sweeps = !options.bug?.withoutSweeper;
    this.#issuer.onFault = count;
    this.#signer.onFault = count;
    this.#queue.onFault = count;
    const planted = options.bug?.filter?.({
      chance: this.#chance.fork('bug'),
      chain: this.#chain,
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
      sendFromWallet: (sender, call) => this.#chain.sendFromWallet(sender, call),
      onReversedLate: (paymentId) => this.#issuer.reverseLate(paymentId),
      reclaimCallOf: (paymentId) => reclaimCallOf(this.#server, paymentId),
      faults: () => this.#requestFaults,
      onFault: count,
      onceOf: options.bug?.once ?? ((request) => request),
    });
    this.#gate.faults = (step) => this.#faultOf(step, count);
    this.#gate.onKill = (owner) => this.#bury(owner);
  }

  async run(): Promise<SimulationResult> {
    await this.#server.reset();
    await fillWorld(this.#server.database, { now: () => this.#startsAt });
    if (!this.#options.faults) {
      for (const reserve of drawReserves(this.#chance.fork('reserves'))) {
        await setReservePolicy({ database: this.#server.database }, { shard: 0, ...reserve });
      }
    }
    await this.#signer.prepare();
    for (let index = 0; index < PROCESSES; index += 1) await this.#start();
    void this.#miner.mine();
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
      virtualMilliseconds: this.#gate.time - this.#startsAt.getTime(),
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
    for (const border of bordersBetween(this.#gate.time, this.#gate.time + LEAP_MILLISECONDS)) this.#count(border);
    this.#gate.advance(LEAP_MILLISECONDS);
    this.#trace.write('a leap beyond every expiry');
    const later = await this.#settle(steps, SWEPT_MILLISECONDS);
    if (later) return later;
    // And whoever has not answered or decided is too late.
    this.#gate.advance(DEADLINES_MILLISECONDS);
    this.#trace.write('a leap beyond every deadline');
    const latest = await this.#settle(steps, SWEPT_MILLISECONDS);
    if (latest) return latest;
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
  async #settle(since: number, atLeast = 0): Promise<readonly string[] | undefined> {
    const notBefore = this.#gate.time + atLeast;
    for (;;) {
      for (let step = 0; step < STEPS_BETWEEN_LOOKS; step += 1) await this.#gate.step();
      const isLate = this.#gate.steps - since > MOST_HEALED_STEPS * (this.#asksSeveral ? 2 : 1);
      if (this.#clients.underWay === 0 && this.#gate.time >= notBefore) {
        const waiting = await waitingFor(this.#server, new Date(this.#gate.time));
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
    this.#signer.faults = NO_SIGNER_FAULTS;
    this.#queue.faults = NO_QUEUE_FAULTS;
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
        nodeOf: (owner, votes) => {
          const heldNode = (name: string, mayBeWrong: () => boolean, faults: () => NodeFaults) => {
            const parts = {
              gate: this.#gate,
              chain: this.#chain,
              chance: chance.fork(name),
              onFault: this.#issuer.onFault,
            };
            return new HeldNode({ ...parts, nodeFaults: faults, mayBeWrong }, owner);
          };
          // Alone it must not lie: nobody could say better.
          const node = this.#asksSeveral
            ? quorumOf(
                Array.from({ length: NODES }, (_, index) => ({
                  name: `node-${index}`,
                  node: heldNode(`${owner.name} ${index}`, () => this.#chain.wrongNode === index, nodeFaults),
                })),
                { chainId: DEPLOYMENT.chainId, quorum: majorityOf(NODES), onDissent: votes },
              )
            : heldNode(
                owner.name,
                () => true,
                () => ({ ...nodeFaults(), lies: 0 }),
              );
          return bug?.node?.(node) ?? node;
        },
        signerOf: (owner) => this.#signer.portOf(owner),
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
        earlyAcceptance: this.#early,
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

  #count(kind: string): void {
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
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
        this.#count('clock step');
      }
      if (chance.happens(0.3)) {
        const consumers = ['escrow-events', 'wallet-events', 'clearing', 'payouts', 'reversals', 'expiries', 'nobody'];
        this.#queue.ring(chance.pick(consumers));
        this.#count('job forged');
      }
      if (closes && chance.happens(0.3)) await this.#clients.closeWindows();
    }
  }

  #faultOf(step: Step, count: (kind: string) => void): Fault | undefined {
    if (this.#options.faults) return this.#isFaulty ? this.#options.faults(step) : undefined;
    if (!this.#isFaulty || step.owner === this.#world || step.kind === 'timer') return undefined;
    const drawn = drawFault(this.#rates, step, this.#gate.chance.fraction());
    if (drawn) count(drawn.name);
    return drawn?.fault;
  }
}
