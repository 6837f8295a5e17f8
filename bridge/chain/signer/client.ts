import { connect, type Socket } from 'node:net';
import {
  type ErrorCode,
  type ErrorDetails,
  errorCatalogue,
  SettlementError,
} from '../../../ledger-service/vocabulary/errors.ts';
import type { Timers } from '../../../ledger-service/vocabulary/time.ts';
import type { SignerEndpoint } from './endpoint.ts';
import { readLines } from './lines.ts';
import type { Payee, SignAnswer, SignedForm, Signer, SignerDescription } from './protocol.ts';

/** A token behind a network may take its time; a process that is gone is noticed at once. */
const DEADLINE_MILLISECONDS = 15_000;

type Waiting = Readonly<{ resolve(result: unknown): void; reject(error: SettlementError): void }>;
type Connection = Readonly<{ socket: Socket; waiting: Map<number, Waiting> }>;

/**
 * A signer in another process, by its socket.
 *
 * Effects: connects with the first request, and anew after a connection was lost
 * Errors:  every request throws SIGNER_UNAVAILABLE (retryable) when it was not answered, and the signer's own errors
 */
export class SignerClient implements Signer {
  readonly #endpoint: SignerEndpoint;
  readonly #timers: Timers;
  #connection: Connection | undefined;
  #lastId = 0;

  constructor(endpoint: SignerEndpoint, timers: Timers) {
    this.#endpoint = endpoint;
    this.#timers = timers;
  }

  describe(): Promise<SignerDescription> {
    return this.#ask({ kind: 'describe' });
  }

  payees(): Promise<readonly Payee[]> {
    return this.#ask({ kind: 'payees' });
  }

  sign({ key, fees, replaces = false, calls }: Parameters<Signer['sign']>[0]): Promise<readonly SignAnswer[]> {
    const { maxFeePerGas, maxPriorityFeePerGas } = fees;
    return this.#ask({
      kind: 'sign',
      key,
      fees: { maxFeePerGas: `${maxFeePerGas}`, maxPriorityFeePerGas: `${maxPriorityFeePerGas}` },
      replaces,
      calls,
    });
  }

  withdraw(callId: string): Promise<Readonly<{ signed?: SignedForm }>> {
    return this.#ask({ kind: 'withdraw', callId });
  }

  list(entry: Parameters<Signer['list']>[0], signature: string): Promise<Readonly<{ effectiveAt: number }>> {
    return this.#ask({ kind: 'list', entry, signature });
  }

  /** Whatever still waits is told that nobody answered. */
  close(): void {
    this.#connection?.socket.destroy();
  }

  async #ask<Answer>(request: Readonly<{ kind: string }> & Readonly<Record<string, unknown>>): Promise<Answer> {
    const { socket, waiting } = this.#connect();
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new AbortController();
    const answer = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
    this.#timers
      .wait(DEADLINE_MILLISECONDS, answered.signal)
      .then(() => waiting.get(id)?.reject(unavailable(`no answer in ${DEADLINE_MILLISECONDS} ms`)))
      .catch(() => {});
    socket.write(`${JSON.stringify({ id, ...request })}\n`);
    try {
      return (await answer) as Answer;
    } finally {
      answered.abort();
      waiting.delete(id);
    }
  }

  #connect(): Connection {
    if (this.#connection) return this.#connection;
    const socket = connect(this.#endpoint);
    const connection: Connection = { socket, waiting: new Map() };
    this.#connection = connection;
    if ('secret' in this.#endpoint) socket.write(`${this.#endpoint.secret}\n`);
    readLines(socket, (line) => deliver(connection, line));
    let why = 'the connection was closed';
    socket.on('error', (error) => {
      why = error.message;
    });
    socket.once('close', () => {
      if (this.#connection === connection) this.#connection = undefined;
      for (const { reject } of connection.waiting.values()) reject(unavailable(why));
    });
    return connection;
  }
}

function deliver({ waiting }: Connection, line: string): void {
  const { id, result, error } = JSON.parse(line) as {
    id: number;
    result?: unknown;
    error?: Readonly<{ code: string; message: string; details?: ErrorDetails }>;
  };
  if (!error) waiting.get(id)?.resolve(result);
  else {
    const code = (error.code in errorCatalogue ? error.code : 'INTERNAL') as ErrorCode;
    waiting.get(id)?.reject(new SettlementError(code, error.message, error.details));
  }
}

function unavailable(why: string): SettlementError {
  return new SettlementError('SIGNER_UNAVAILABLE', `the signer does not answer: ${why}`);
}
