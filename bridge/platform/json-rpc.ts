const TIMEOUT_MILLISECONDS = 10_000;
const MOST_CHARACTERS = 1 << 20;

/**
 * Asks a JSON-RPC server one question; redirects are not followed.
 *
 * Errors: thrown with the server's own words
 */
export async function callJsonRpc(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
  const text = await response.text();
  if (!response.ok || text.length > MOST_CHARACTERS) throw new Error(`status ${response.status}`);
  const { result, error } = JSON.parse(text) as { result?: unknown; error?: { message?: unknown } };
  if (error) throw new Error(String(error.message ?? 'refused'));
  return result;
}
