/** A small client of the public API: what the day's runner and the `specie` command speak to the bridge with. */
import { setTimeout as wait } from 'node:timers/promises';

export type Problem = Readonly<{ status: number; code: string; detail: string; retryable: boolean; requestId: string }>;

/** The API's own answer to a request that it refused. */
export class ApiProblem extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.detail}${problem.requestId ? ` (${problem.requestId})` : ''}`);
    this.problem = problem;
  }
}

/** Nobody answered: whether the request took effect is unknown, so the same one is sent again under its key. */
export class ApiUnreachable extends Error {}

export type ApiClient = Readonly<{
  get<Answer>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<Answer>;
  post<Answer>(path: string, body: unknown, idempotencyKey?: string): Promise<Answer>;
  put<Answer>(path: string, body: unknown): Promise<Answer>;
}>;

const ATTEMPTS = 6;
const FIRST_PAUSE_MILLISECONDS = 100;

/** Requests that were not answered, or that may succeed later, are sent again unchanged a few times. */
export function createApiClient(options: Readonly<{ url: string; apiKey: string }>): ApiClient {
  const send = async <Answer>(method: string, path: string, body?: unknown, idempotencyKey?: string) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await once<Answer>(options, method, path, body, idempotencyKey);
      } catch (error) {
        const again = error instanceof ApiUnreachable || (error instanceof ApiProblem && error.problem.retryable);
        if (!again || attempt === ATTEMPTS) throw error;
        await wait(FIRST_PAUSE_MILLISECONDS * 2 ** (attempt - 1));
      }
    }
  };
  return {
    get: (path, query = {}) => {
      const set = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
      const search = set.length > 0 ? `?${new URLSearchParams(set)}` : '';
      return send('GET', `${path}${search}`);
    },
    post: (path, body, idempotencyKey) => send('POST', path, body, idempotencyKey),
    put: (path, body) => send('PUT', path, body),
  };
}

/** Every row of a list that comes in pages. */
export async function everyPage<Row>(
  client: ApiClient,
  path: string,
  name: string,
  query: Readonly<Record<string, string>> = {},
): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.get<Record<string, unknown>>(path, { limit: '200', ...query, cursor });
    rows.push(...(page[name] as Row[]));
    cursor = (page.nextCursor as string | null) ?? undefined;
  } while (cursor !== undefined);
  return rows;
}

async function once<Answer>(
  { url, apiKey }: Readonly<{ url: string; apiKey: string }>,
  method: string,
  path: string,
  body: unknown,
  idempotencyKey: string | undefined,
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new ApiUnreachable(`${url} does not answer: ${cause}`, { cause: error });
  }
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as Answer;
  throw new ApiProblem(problemFrom(response.status, text));
}

function problemFrom(status: number, text: string): Problem {
  try {
    const { code = 'UNKNOWN', detail = '', retryable = false, requestId = '' } = JSON.parse(text) as Partial<Problem>;
    return { status, code, detail, retryable, requestId };
  } catch {
    return { status, code: 'UNKNOWN', detail: text.slice(0, 200), retryable: status >= 500, requestId: '' };
  }
}
