/** Card payments in euro as load: many callers on connections that are kept, each answer with its time. */
import { Agent, request } from 'node:http';
import { openCardAccount } from '../../bridge/core/authorization/local-issuer-host.ts';
import { registerInstrument } from '../../bridge/core/instruments/operations.ts';
import { openDatabase } from '../../ledger-service/platform/database.ts';
import { systemClock } from '../../ledger-service/platform/ports.ts';

const CARDS = 200;
const MERCHANT = 'bakery';
export const CARD_AMOUNT = { minorUnits: '100', asset: 'EUR' } as const;

/** `milliseconds` from the request's first byte to the answer's last. */
export type TimedAnswer = Readonly<{
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Readonly<Record<string, unknown>>;
  milliseconds: number;
}>;

/** Opens cards that never run dry. Effects: books; doing it twice changes nothing. */
export async function openCards(databaseUrl: string): Promise<void> {
  const database = openDatabase(databaseUrl, { poolSize: 4 });
  for (let index = 0; index < CARDS; index += 1) {
    const instrumentId = cardOf(index);
    const issuerId = index % 2 === 0 ? 'alba' : 'norte';
    const named = { shard: 0, instrumentId, participantId: 'ana', issuerId, asset: CARD_AMOUNT.asset };
    await registerInstrument({ database, clock: systemClock }, { kind: 'card', ...named });
    const account = { instrumentToken: instrumentId, issuerId, currency: CARD_AMOUNT.asset, balance: 10n ** 12n };
    await openCardAccount(database, { ...account, conduct: 'usual' });
  }
  await database.close();
}

export class CardCallers {
  readonly #agent: Agent;
  readonly #url: URL;
  readonly #apiKey: string;

  constructor(options: Readonly<{ url: string; apiKey: string; connections: number }>) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections });
    this.#url = new URL(options.url);
    this.#apiKey = options.apiKey;
  }

  /** Errors: rejects when nobody answers; every answer is one, whatever its status. */
  authorize(index: number, key: string): Promise<TimedAnswer> {
    const order = { merchantId: MERCHANT, instrumentId: cardOf(index), amount: CARD_AMOUNT };
    return this.post('/v1/payments', order, key);
  }

  capture(paymentId: string, key: string): Promise<TimedAnswer> {
    return this.post(`/v1/payments/${paymentId}/captures`, { amount: CARD_AMOUNT }, key);
  }

  post(path: string, body: unknown, key: string): Promise<TimedAnswer> {
    const text = JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${this.#apiKey}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'idempotency-key': key,
    };
    const { hostname, port } = this.#url;
    const started = performance.now();
    return new Promise((resolve, reject) => {
      const outgoing = request({ agent: this.#agent, hostname, port, path, method: 'POST', headers }, (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          answer += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          const read = parsed(answer);
          if (!read) reject(new Error(`half an answer: ${answer.slice(0, 100)}`));
          else {
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: read,
              milliseconds: performance.now() - started,
            });
          }
        });
      });
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The value below which `share` of the sorted values lie. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function cardOf(index: number): string {
  return `bench-card-${index % CARDS}`;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
