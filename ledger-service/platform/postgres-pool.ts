/**
 * Connections to Postgres that outlive the loss of any of them.
 *
 * The driver (`postgres` 3.4.9) minds a lost connection badly in several ways. A transaction that goes on after its
 * connection closed writes to a socket that is no longer there, and the fault is nobody's to catch; so does one whose
 * statement waits for the end of the turn in which the connection closes. What was written in the
 * moment of the loss stays in the connection's buffer, stands before the greeting of the next one, and the server never
 * answers. A socket of one's own that cannot be made leaves its place in the pool taken for good. Asking for the types of
 * arrays, which it does on each new connection, it hears no failure; and where it does not ask, a reservation that has to
 * open its connection is forgotten. So nothing is sent on a connection that has closed, the driver
 * hears of a close only when what waited has been written, a driver that has lost one
 * connection gets no new work, a socket that fails does so in the driver's hands, the types in use are told and not asked
 * for, and every connection is open before one is reserved.
 */
import { connect, type Socket } from 'node:net';
import postgres from 'postgres';

/** A connection inside the driver, as it hands it to `onexecute`. */
type Connection = {
  readonly id: number;
  connect(query: unknown): void;
  execute(query: { reject(error: unknown): void }): unknown;
};

const CONNECT_TIMEOUT_SECONDS = 5;

/**
 * A client that gives up its driver when a connection is lost and goes on with a new one; used as the driver's own.
 *
 * Errors: what was under way or waited gets CONNECTION_CLOSED, CONNECTION_DESTROYED or the server's own code, at once
 */
export function connectPostgres(url: string, options: postgres.Options<Record<string, never>>): postgres.Sql {
  let isEnding = false;

  const open = (): postgres.Sql => {
    const closed = new Set<number>();
    const sockets = new Set<Socket>();
    let wasConnected = false;
    let isRetired = false;
    /** Sockets that have failed, and the driver is about to hear of it. */
    const failing = new Set<Socket>();
    const client = postgres(url, {
      ...options,
      connect_timeout: CONNECT_TIMEOUT_SECONDS,
      fetch_types: false,
      types: ARRAYS,
      // No connection closes by itself, so one that closes is lost.
      idle_timeout: 0,
      max_lifetime: null,
      socket: async (target: Target) => {
        if (isRetired) throw closedError();
        const socket = await openSocket(target);
        tellLater(socket, failing);
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        socket.once('connect', () => {
          wasConnected = true;
        });
        return socket;
      },
      onclose: (id: number) => {
        closed.add(id);
        // A server that was never there has lost nothing.
        if (!wasConnected || isRetired || isEnding) return;
        isRetired = true;
        replace(client);
        client
          .end({ timeout: 0 })
          .catch(() => {})
          .finally(() => {
            for (const socket of sockets) socket.destroy();
          });
      },
    } as unknown as postgres.Options<Record<string, never>>);
    return guarded(client, {
      closed,
      size: options.max ?? 1,
      isLosing: () => failing.size > 0,
      isRetired: () => isRetired,
    });
  };

  const replace = (lost: postgres.Sql) => {
    current = open();
    // Drizzle has told the first one how it wants values read and written.
    Object.assign(current.options.parsers, lost.options.parsers);
    Object.assign(current.options.serializers, lost.options.serializers);
  };

  let current = open();

  const end = (how?: { timeout?: number | undefined }) => {
    isEnding = true;
    return current.end(how);
  };
  return new Proxy(current, {
    apply: (_first, _this, given: unknown[]) => Reflect.apply(current, undefined, given),
    get: (_first, name) => (name === 'end' ? end : Reflect.get(current, name)),
  });
}

/** Arrays whose elements need no quotes, by the numbers of their types (PostgreSQL, `pg_type.dat`). */
const ARRAYS = {
  integers: arrayType(1007, Number),
  uuids: arrayType(2951, (element) => element),
};

function arrayType(oid: number, elementOf: (text: string) => unknown) {
  const parse = (text: string) => (text === '{}' ? [] : text.slice(1, -1).split(',').map(elementOf));
  return { to: oid, from: [oid], serialize: String, parse };
}

/**
 * Has a socket tell of its close one turn later. What the driver gathers to write at the end of a turn it writes to a
 * socket that it has let go of by then, if it heard of the close in that turn; to one that is only closed it may write.
 */
function tellLater(socket: Socket, failing: Set<Socket>): void {
  const emit = socket.emit.bind(socket) as (event: string, ...told: unknown[]) => boolean;
  socket.emit = ((event: string, ...told: unknown[]) => {
    if (event === 'error' || event === 'close') failing.add(socket);
    if (event !== 'close') return emit(event, ...told);
    setImmediate(() => {
      emit(event, ...told);
      failing.delete(socket);
    });
    return true;
  }) as Socket['emit'];
}

function closedError(): Error {
  return Object.assign(new Error('the connection to Postgres is closed'), { code: 'CONNECTION_CLOSED' });
}

/** Has transactions and reserved connections of `client` refuse what comes after their connection has closed. */
function guarded(
  client: postgres.Sql,
  {
    closed,
    size,
    isLosing,
    isRetired,
  }: Readonly<{ closed: Set<number>; size: number; isLosing(): boolean; isRetired(): boolean }>,
): postgres.Sql {
  const watched = new WeakSet<Connection>();
  const watch = (connection: Connection): true => {
    if (watched.has(connection)) return true;
    watched.add(connection);
    closed.delete(connection.id);
    const { connect: reconnect, execute } = connection;
    connection.connect = (query) => {
      closed.delete(connection.id);
      reconnect(query);
    };
    connection.execute = (query) => {
      if (!closed.has(connection.id) && !isLosing() && !isRetired()) return execute(query);
      query.reject(closedError());
      return true;
    };
    return true;
  };
  const watching = (inner: postgres.Sql): postgres.Sql =>
    new Proxy(inner, {
      get(target, name) {
        if (name === 'unsafe') {
          return (statement: string, parameters: never[] = [], options: object = {}) =>
            target.unsafe(statement, parameters, { ...options, onexecute: watch } as postgres.UnsafeQueryOptions);
        }
        return Reflect.get(target, name);
      },
    });
  let everyOpen: Promise<unknown> | undefined;
  const openEvery = () => {
    everyOpen ??= Promise.all(Array.from({ length: size }, () => client.unsafe('')));
    return everyOpen.catch((error: unknown) => {
      everyOpen = undefined;
      throw error;
    });
  };
  const reserve = async () => {
    await openEvery();
    if (isRetired()) throw closedError();
    return watching(await client.reserve());
  };
  return new Proxy(client, {
    get(target, name) {
      if (name === 'reserve') return reserve;
      if (name !== 'begin') return Reflect.get(target, name);
      return (...given: unknown[]) =>
        Reflect.apply(
          target.begin,
          target,
          given.map((one) => (typeof one === 'function' ? (inner: postgres.Sql) => one(watching(inner)) : one)),
        );
    },
  });
}

type Target = Readonly<{ host: readonly string[]; port: readonly number[]; path: string | false }>;

/**
 * A socket on its way to the first server that answers; one that fails does so after the driver has begun to listen.
 *
 * The driver leaves Nagle's algorithm on: a statement that is sent while another is under way then waits for the server's
 * delayed acknowledgement, 40 ms on Linux. Here what is written is sent.
 */
async function openSocket({ host, port, path }: Target): Promise<Socket> {
  if (path) return connect(path);
  const last = host.length - 1;
  for (let index = 0; index < last; index += 1) {
    const socket = socketTo(host[index]!, port[index]!);
    if (await isConnected(socket)) return socket;
  }
  return socketTo(host[last]!, port[last]!);
}

function socketTo(host: string, port: number): Socket {
  const socket = connect({ host, port, noDelay: true });
  // The driver listens a turn later: what fails until then must not be an error that nobody hears.
  socket.on('error', () => {});
  // The driver names the server by this when it speaks TLS.
  return Object.assign(socket, { host });
}

function isConnected(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.setTimeout(CONNECT_TIMEOUT_SECONDS * 1_000, () => socket.destroy());
    socket.once('close', () => resolve(false));
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeAllListeners('close');
      resolve(true);
    });
  });
}
