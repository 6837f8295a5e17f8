import type { DatabaseClient } from '../../../ledger-service/platform/database.ts';
import type { Fault, Gate, Owner, Running, StepKind } from './gate.ts';
import type { Connection, SimulatorServer } from './server.ts';

/** A statement on its way to the server; a planted bug may change its text, or answer in the server's stead. */
export type Statement = { text: string; parameters: unknown[] };
export type StatementFilter = (statement: Statement, owner: Owner) => undefined | readonly unknown[];

type Parameters_ = readonly unknown[] | undefined;
type Options = Readonly<{ prepare?: boolean }> | undefined;

const DEFAULT_ISOLATION = 'set transaction isolation level read committed';

/** What the driver throws when a connection is gone. */
class ConnectionFault extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/**
 * The driver's client as a process of the bridge sees it: a pool of connections to the real server, each of which
 * opens, begins, asks, commits and rolls back only when the gate lets it.
 */
export class HeldClient {
  /** Filled by the object mapper, which sets how values are read; the real connections have their own. */
  readonly options = { parsers: {}, serializers: {} } as DatabaseClient['options'];
  readonly #gate: Gate;
  readonly #server: SimulatorServer;
  readonly #owner: Owner;
  readonly #size: number;
  readonly #filter: StatementFilter;
  readonly #idle: HeldConnection[] = [];
  readonly #open = new Set<HeldConnection>();
  readonly #waiting: ((connection: HeldConnection) => void)[] = [];
  #opening = 0;

  constructor(
    world: Readonly<{ gate: Gate; server: SimulatorServer }>,
    owner: Owner,
    options: Readonly<{ poolSize: number; filter: StatementFilter }>,
  ) {
    this.#gate = world.gate;
    this.#server = world.server;
    this.#owner = owner;
    this.#size = options.poolSize;
    this.#filter = options.filter;
  }

  unsafe(text: string, parameters: Parameters_ = [], options?: Options): HeldQuery {
    return new HeldQuery(options, async (isAsValues) => {
      const connection = await this.#acquire();
      try {
        return await connection.ask('statement', text, parameters, isAsValues, true);
      } finally {
        this.#release(connection);
      }
    });
  }

  async begin<Result>(work: (client: unknown) => Promise<Result>): Promise<Result> {
    const connection = await this.#acquire();
    const uncaught: unknown[] = [];
    const inside = {
      options: this.options,
      unsafe: (text: string, parameters: Parameters_ = [], options?: Options) =>
        new HeldQuery(options, async (isAsValues) => {
          // What the server does anyhow is not worth a step.
          if (text === DEFAULT_ISOLATION) return [];
          try {
            return await connection.ask('statement', text, parameters, isAsValues, false);
          } catch (error) {
            uncaught.push(error);
            throw error;
          }
        }),
      savepoint: () => {
        throw new Error('the bridge uses no savepoints');
      },
    };
    try {
      await connection.ask('begin', 'begin', [], rowsAsObjects, false);
      let result: Result;
      try {
        result = await Promise.race([work(inside), connection.broken]);
        // As the driver has it: a statement that failed undoes the whole, even if its failure was caught.
        if (uncaught.length > 0) throw uncaught[0];
      } catch (error) {
        await connection.ask('rollback', 'rollback', [], rowsAsObjects, true);
        throw error;
      }
      await connection.ask('commit', 'commit', [], rowsAsObjects, true);
      return result;
    } finally {
      this.#release(connection);
    }
  }

  async end(): Promise<void> {}

  /** The process was killed: the server undoes what was not committed. */
  async abandon(): Promise<void> {
    for (const connection of this.#open) await connection.giveBack();
    this.#open.clear();
  }

  async #acquire(): Promise<HeldConnection> {
    const idle = this.#idle.shift();
    if (idle) return idle;
    if (this.#open.size + this.#opening >= this.#size) {
      return new Promise((resolve) => this.#waiting.push(resolve));
    }
    this.#opening += 1;
    try {
      return await new Promise<HeldConnection>((resolve, reject) => {
        this.#gate.add({
          owner: this.#owner,
          kind: 'connect',
          label: 'database',
          notBefore: this.#gate.time,
          frees: false,
          run: (fault) => ({ finished: this.#connect(fault) }),
          deliver: (outcome) => (outcome.ok ? resolve(outcome.value as HeldConnection) : reject(outcome.error)),
        });
      });
    } finally {
      this.#opening -= 1;
    }
  }

  async #connect(fault: Fault | undefined): Promise<HeldConnection> {
    if (fault === 'refused') throw new ConnectionFault('ECONNREFUSED');
    const real = await this.#server.take();
    const connection = new HeldConnection(this.#gate, this.#server, this.#owner, real, this.#filter);
    this.#open.add(connection);
    return connection;
  }

  #release(connection: HeldConnection): void {
    if (connection.isBroken) {
      this.#open.delete(connection);
      // Whoever waits opens a new one.
      const waiting = this.#waiting.shift();
      if (waiting) void this.#acquire().then(waiting, () => this.#waiting.unshift(waiting));
      return;
    }
    const waiting = this.#waiting.shift();
    if (waiting) waiting(connection);
    else this.#idle.unshift(connection);
  }
}

/** Whether rows are wanted as lists of values: said by whoever reads them, perhaps after the query was sent. */
type AsksForValues = () => boolean;
const rowsAsObjects: AsksForValues = () => false;

/** A query that is sent when it is awaited, or at once when it is told to, as the driver's are. */
class HeldQuery implements PromiseLike<unknown> {
  readonly #send: (isAsValues: AsksForValues) => Promise<unknown>;
  #asValues = false;
  #sent: Promise<unknown> | undefined;

  constructor(_options: Options, send: (isAsValues: AsksForValues) => Promise<unknown>) {
    this.#send = send;
  }

  values(): this {
    this.#asValues = true;
    return this;
  }

  execute(): this {
    this.#sent ??= this.#send(() => this.#asValues);
    // Whoever sent several may hear of the first failure only.
    this.#sent.catch(() => {});
    return this;
  }

  // biome-ignore lint/suspicious/noThenProperty: the driver's queries are awaited as they are
  then<One, Other>(
    fulfilled?: ((value: unknown) => One | PromiseLike<One>) | null,
    rejected?: ((reason: unknown) => Other | PromiseLike<Other>) | null,
  ): Promise<One | Other> {
    this.#sent ??= this.#send(() => this.#asValues);
    return this.#sent.then(fulfilled, rejected);
  }

  catch<Other>(rejected?: ((reason: unknown) => Other | PromiseLike<Other>) | null): Promise<unknown> {
    return this.then(undefined, rejected);
  }
}

class HeldConnection {
  readonly #gate: Gate;
  readonly #server: SimulatorServer;
  readonly #owner: Owner;
  readonly #real: Connection;
  readonly #filter: StatementFilter;
  #queue: Promise<unknown> = Promise.resolve();
  #inTransaction = false;
  /** Asked for, and to be sent together with the first statement: before that it means nothing to the server. */
  #mustBegin = false;
  #isAborted = false;
  #isReturned = false;
  #cancelledAs: string | undefined;
  isBroken = false;
  /** Rejects when the connection is lost in the middle of a database transaction. */
  readonly broken: Promise<never>;
  #break: (error: Error) => void = () => {};

  constructor(gate: Gate, server: SimulatorServer, owner: Owner, real: Connection, filter: StatementFilter) {
    this.#gate = gate;
    this.#server = server;
    this.#owner = owner;
    this.#real = real;
    this.#filter = filter;
    this.broken = new Promise<never>((_, reject) => {
      this.#break = reject;
    });
    this.broken.catch(() => {});
  }

  async giveBack(): Promise<void> {
    if (this.#isReturned) return;
    this.#isReturned = true;
    await this.#server.giveBack(this.#real);
  }

  /** One statement at a time, in the order in which they were asked. */
  ask(
    kind: StepKind,
    text: string,
    parameters: Parameters_,
    isAsValues: AsksForValues,
    frees: boolean,
  ): Promise<unknown> {
    const asked = this.#queue.then(
      () => this.#pass(kind, text, parameters, isAsValues, frees),
      () => this.#pass(kind, text, parameters, isAsValues, frees),
    );
    this.#queue = asked.catch(() => {});
    return asked;
  }

  #pass(
    kind: StepKind,
    text: string,
    parameters: Parameters_,
    isAsValues: AsksForValues,
    frees: boolean,
  ): Promise<unknown> {
    if (this.isBroken) return Promise.reject(new ConnectionFault('CONNECTION_CLOSED'));
    return new Promise((resolve, reject) => {
      this.#gate.add({
        owner: this.#owner,
        kind,
        label: labelOf(text, parameters),
        notBefore: this.#gate.time,
        frees,
        run: (fault) => this.#run(kind, { text, parameters: [...(parameters ?? [])] }, isAsValues(), fault),
        deliver: (outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error)),
      });
    });
  }

  #run(kind: StepKind, statement: Statement, asValues: boolean, fault: Fault | undefined): Running {
    return {
      finished: this.#execute(kind, statement, asValues, fault),
      isBlocked: async () => (await this.#server.blockersOf(this.#real)).length > 0,
      blockedBy: () => this.#server.blockersOf(this.#real),
      backend: this.#real.backend,
      freeze: () => this.#server.signal(this.#real, 'SIGSTOP'),
      thaw: () => this.#server.signal(this.#real, 'SIGCONT'),
      cancel: async (code) => {
        this.#cancelledAs = code;
        await this.#server.cancel(this.#real);
      },
    };
  }

  async #execute(kind: StepKind, statement: Statement, asValues: boolean, fault: Fault | undefined): Promise<unknown> {
    if (fault === 'resetBefore') throw await this.#lose();
    if (kind === 'begin') {
      this.#inTransaction = true;
      this.#mustBegin = true;
      return [];
    }
    if (kind === 'rollback' || (kind === 'commit' && (this.#isAborted || this.#mustBegin))) {
      const hasBegun = !this.#mustBegin;
      this.#inTransaction = false;
      this.#mustBegin = false;
      this.#isAborted = false;
      if (hasBegun) await this.#real.client.unsafe('rollback');
      return [];
    }
    if (this.#isAborted) throw new ConnectionFault('25P02');
    if (fault === 'serialization') throw this.#abort('40001');
    if (fault === 'statementTimeout') throw this.#abort('57014');
    if (fault === 'diskFull') throw this.#abort('53100');
    const answer = await this.#send(statement, asValues);
    if (kind === 'commit') this.#inTransaction = false;
    if (fault === 'resetAfter') throw await this.#lose();
    return answer;
  }

  async #send(statement: Statement, asValues: boolean): Promise<unknown> {
    const planted = this.#filter(statement, this.#owner);
    if (planted) return planted;
    if (this.#mustBegin) {
      this.#mustBegin = false;
      this.#real.client.unsafe('begin').catch(() => {});
    }
    try {
      const query = this.#real.client.unsafe(statement.text, statement.parameters as never[], { prepare: true });
      return await (asValues ? query.values() : query);
    } catch (error) {
      const code = this.#cancelledAs;
      this.#cancelledAs = undefined;
      if (this.#inTransaction) this.#isAborted = true;
      throw code === undefined ? error : new ConnectionFault(code);
    }
  }

  #abort(code: string): ConnectionFault {
    if (this.#inTransaction) this.#isAborted = true;
    return new ConnectionFault(code);
  }

  /** What a server does when a client is gone: it undoes what was not committed. */
  async #lose(): Promise<ConnectionFault> {
    const fault = new ConnectionFault('CONNECTION_CLOSED');
    this.isBroken = true;
    await this.giveBack();
    this.#break(fault);
    return fault;
  }
}

function labelOf(text: string, parameters: Parameters_): string {
  const short = text.replace(/\s+/g, ' ').replaceAll('"', '').trim();
  const head = short.length > 90 ? `${short.slice(0, 60)}…${short.slice(-28)}` : short;
  return parameters && parameters.length > 0 ? `${head} #${fingerprint(parameters)}` : head;
}

function fingerprint(parameters: readonly unknown[]): string {
  let value = 0x811c9dc5;
  for (const character of JSON.stringify(parameters, (_, one) => (typeof one === 'bigint' ? String(one) : one))) {
    value = Math.imul(value ^ character.charCodeAt(0), 0x01000193);
  }
  return (value >>> 0).toString(16).padStart(8, '0');
}
