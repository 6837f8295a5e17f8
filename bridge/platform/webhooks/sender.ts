import { type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { isIP } from 'node:net';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Timers } from '../../../ledger-service/vocabulary/time.ts';
import { hostOf, type Reach, readEndpointUrl } from './domain/endpoint-url.ts';
import type { Answer } from './domain/retries.ts';
import { judgedAddress, type Resolver } from './resolve.ts';

/** What leaves the house: one message to one URL. */
export type Sender = (message: OutgoingMessage, signal: AbortSignal) => Promise<Answer>;
export type OutgoingMessage = Readonly<{ url: string; headers: Readonly<Record<string, string>>; body: string }>;

export type SenderOptions = Readonly<{
  reach: Reach;
  resolver: Resolver;
  timers: Timers;
  deadlineMilliseconds: number;
}>;

/** What is read of an answer's body before the connection is dropped; none of it is looked at. */
const READ_OF_ANSWER_BYTES = 16_384;

/**
 * Sends over a connection of its own to exactly the address that was judged.
 *
 * Errors:  none thrown: whatever goes wrong is an answer of kind `failed`
 * Effects: redirects are not followed; of the answer only status and Retry-After are kept
 */
export function createSender(options: SenderOptions): Sender {
  return async (message, signal) => {
    const ended = new AbortController();
    const end = () => ended.abort();
    const deadline = options.timers
      .wait(options.deadlineMilliseconds, AbortSignal.any([ended.signal, signal]))
      .then(end, end);
    try {
      return await send(options, message, ended.signal);
    } finally {
      end();
      await deadline;
    }
  };
}

async function send(options: SenderOptions, message: OutgoingMessage, signal: AbortSignal): Promise<Answer> {
  let url: URL;
  let address: string | undefined;
  try {
    url = readEndpointUrl(message.url, options.reach);
    // The system's look-up cannot be called off, only left behind.
    address = await Promise.race([judgedAddress(url, options.resolver, options.reach), whenAborted(signal)]);
  } catch (error) {
    const isUnresolvable = error instanceof SettlementError && error.details.reason === 'unresolvable';
    return { kind: 'failed', failure: isUnresolvable ? 'unresolvable' : 'addressRefused' };
  }
  return address === undefined ? { kind: 'failed', failure: 'timeout' } : post(url, address, message, signal);
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function post(url: URL, address: string, message: OutgoingMessage, signal: AbortSignal): Promise<Answer> {
  const body = Buffer.from(message.body, 'utf8');
  const settings: RequestOptions = {
    method: 'POST',
    // No pool: a connection that was made for another judgement is never used again.
    agent: false,
    signal,
    headers: {
      ...message.headers,
      'content-type': 'application/json',
      'content-length': body.byteLength,
      'user-agent': 'Specie-Webhooks/1',
    },
    lookup: (_hostname, { all }, callback) => {
      const family = isIP(address);
      if (all) callback(null, [{ address, family }]);
      else callback(null, address, family);
    },
  };
  return new Promise((resolve) => {
    const outgoing = url.protocol === 'https:' ? requestSecure(url, settings) : requestPlain(url, settings);
    // Once the status is there, a body that is slow, endless or cut off changes nothing.
    let answer: Answer | undefined;
    const failWith = (failure: 'timeout' | 'tls' | 'connection') =>
      resolve(answer ?? { kind: 'failed', failure: signal.aborted ? 'timeout' : failure });
    outgoing.on('socket', (socket) => {
      socket.once('connect', () => {
        // Whatever stands between, the other side is who was judged.
        if (socket.remoteAddress !== address && hostOf(url) !== address) outgoing.destroy();
      });
    });
    outgoing.on('response', (response) => {
      const { statusCode: status = 0, headers } = response;
      const answered: Answer = { kind: 'answered', status, retryAfter: headers['retry-after'] };
      answer = answered;
      let read = 0;
      response.on('data', (chunk: Buffer) => {
        read += chunk.byteLength;
        if (read > READ_OF_ANSWER_BYTES) outgoing.destroy();
      });
      response.on('error', () => {});
      response.on('close', () => resolve(answered));
    });
    outgoing.on('error', (error) => failWith(failureOf(error)));
    outgoing.on('close', () => failWith('connection'));
    outgoing.end(body);
  });
}

function failureOf(error: NodeJS.ErrnoException): 'tls' | 'connection' {
  return /^(ERR_TLS|ERR_SSL|CERT_|EPROTO|DEPTH_|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH)/.test(error.code ?? '')
    ? 'tls'
    : 'connection';
}
