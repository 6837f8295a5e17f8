import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BridgeProcess, startBridge } from '../../scripts/local/bridge-process.ts';
import { nextFreePort } from '../../scripts/local/ports.ts';
import { openStage } from '../support/bridge-processes.ts';

type Outcome = Readonly<{ kind: 'answered'; status: number; body: string } | { kind: 'refused' | 'cut'; code: string }>;

const CALLERS = 24;
const AMOUNT = { minorUnits: '100', asset: 'EUR' };

let stage: Awaited<ReturnType<typeof openStage>>;
const running: BridgeProcess[] = [];
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => {
  await Promise.all(running.map((one) => one.stop()));
  await stage?.close();
});

const start = async (extra: Record<string, string> = {}) => {
  const bridge = await startBridge(stage.folder, { ...stage.environment, ...extra });
  running.push(bridge);
  return bridge;
};

/** A request over a connection that is kept alive, told apart by how it ended. */
function post(agent: Agent, url: string, key: string): Promise<Outcome> {
  return new Promise((resolve) => {
    let isConnected = false;
    const sent = request(
      `${url}/v1/payments`,
      {
        method: 'POST',
        agent,
        headers: {
          Authorization: `Bearer ${stage.apiKey}`,
          'Content-Type': 'application/json',
          'Idempotency-Key': key,
        },
      },
      (answer) => {
        let body = '';
        answer.on('data', (chunk) => {
          body += chunk;
        });
        answer.on('end', () => resolve({ kind: 'answered', status: answer.statusCode ?? 0, body }));
        answer.on('error', () => resolve({ kind: 'cut', code: 'in the answer' }));
      },
    );
    sent.on('socket', (socket) => {
      isConnected = !socket.connecting;
      socket.once('connect', () => {
        isConnected = true;
      });
    });
    sent.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ kind: isConnected ? 'cut' : 'refused', code: error.code ?? error.message }),
    );
    sent.end(JSON.stringify({ merchantId: 'bakery', instrumentId: 'emil-card', amount: AMOUNT }));
  });
}

test('SIGTERM under load: readiness says no first, every request is answered or never read, nothing is half done', async () => {
  const bridge = await start({ DRAIN_MILLISECONDS: '400' });
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  const outcomes = new Map<string, Outcome>();
  let isOver = false;
  const caller = async (number: number) => {
    for (let index = 0; !isOver; index += 1) {
      const key = `stop-${number}-${index}`;
      const outcome = await post(agent, bridge.url, key);
      outcomes.set(key, outcome);
      if (outcome.kind !== 'answered') return;
    }
  };
  const callers = Array.from({ length: CALLERS }, (_, number) => caller(number));
  while (outcomes.size < 100) await new Promise((resolve) => setImmediate(resolve));

  bridge.process.kill('SIGTERM');
  let answeredWhileDraining = 0;
  for (;;) {
    const ready = await fetch(`${bridge.url}/readyz`, { headers: { Connection: 'close' } }).catch(() => undefined);
    if (!ready) break;
    if (ready.status !== 503) continue;
    expect(((await ready.json()) as { draining: boolean }).draining).toBe(true);
    answeredWhileDraining = outcomes.size;
    break;
  }
  expect(answeredWhileDraining).toBeGreaterThan(0);
  await Promise.all(callers);
  isOver = true;
  await bridge.ended;
  expect(bridge.process.exitCode).toBe(0);
  agent.destroy();

  // It went on answering after it had said that it would stop.
  expect(outcomes.size).toBeGreaterThan(answeredWhileDraining);
  // A connection that the system had taken and the process had not yet is reset with the listener: nothing of it was read,
  // which the figures below show.
  const cut = [...outcomes].filter(([, outcome]) => outcome.kind === 'cut' && outcome.code !== 'ECONNRESET');
  expect(cut).toEqual([]);
  const answered = [...outcomes].filter(([, { kind }]) => kind === 'answered');
  expect(answered.filter(([, one]) => one.kind === 'answered' && one.status !== 201)).toEqual([]);

  // What was answered stands, and nothing else does: no payment without its answer, no hold in the middle.
  const [row] = await stage.database.client.unsafe(`
    select count(*)::int as payments, count(*) filter (where phase = 'open')::int as open,
      (select count(*)::int from bridge.once_keys where outcome is not null) as answers from bridge.payments`);
  expect(row).toEqual({ payments: answered.length, open: answered.length, answers: answered.length });
  const [held] = await stage.database.client.unsafe(
    `select pending_debits::int as pending from ledger.accounts where path = 'issuer/alba/position' and asset = 'EUR'`,
  );
  expect(held?.pending).toBe(answered.length * 100);

  // Asked again under its key by whoever was refused, each is served by the next process.
  const next = await start();
  const fresh = new Agent();
  for (const [key, outcome] of [...outcomes].slice(-CALLERS)) {
    const again = await post(fresh, next.url, key);
    expect([key, again.kind, again.kind === 'answered' && again.status]).toEqual([key, 'answered', 201]);
    if (outcome.kind !== 'answered' || again.kind !== 'answered') continue;
    expect(JSON.parse(again.body)).toEqual(JSON.parse(outcome.body));
  }
  fresh.destroy();
});

test('worker and watcher, run apart, have probes and metrics of their own and stop when told', async () => {
  for (const name of ['worker', 'watcher']) {
    // Below what the system hands out to connections that are made.
    const port = String(await nextFreePort(9_400));
    const { spawn } = await import('node:child_process');
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', `bridge/main/${name}.ts`], {
      env: { ...process.env, ...stage.environment, METRICS_PORT: port },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const ended = once(child, 'exit');
    let ready: Response | undefined;
    while (!ready && child.exitCode === null) {
      ready = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    }
    expect(ready?.status).toBe(200);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toContain('process_resident_memory_bytes');
    if (name === 'watcher') expect(metrics).toMatch(/chain_observed_height \d/);
    expect((await fetch(`http://127.0.0.1:${port}/v1/clock`)).status).toBe(404);
    child.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  }
});
