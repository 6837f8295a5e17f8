/** Looks at the machine and at a run, and says what to do about what is wrong. */
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nextFreePort } from '../local/ports.ts';
import { isRunUp } from '../local/run-lock.ts';

export type Check = Readonly<{ name: string; ok: boolean; found: string; fix?: string }>;

const root = fileURLToPath(new URL('../..', import.meta.url));
const LEAST_FREE_BYTES = 1_000_000_000n;
const DEADLINE_MILLISECONDS = 2_000;

/** Shape: the folder of local runs → every check, and the same as text */
export async function runDoctor(folder: string): Promise<Readonly<{ checks: readonly Check[]; text: string }>> {
  const checks: Check[] = [node(), packages(), disk(), await ports(), ...(await running(folder)), ...own()];
  const lines = checks.flatMap(({ name, ok, found, fix }) => [
    `${ok ? '✔' : '✖'} ${name.padEnd(10)} ${found}`,
    ...(ok || !fix ? [] : [`             fix: ${fix}`]),
  ]);
  return { checks, text: lines.join('\n') };
}

function node(): Check {
  const major = Number(process.versions.node.split('.')[0]);
  return {
    name: 'Node',
    ok: major >= 24,
    found: process.version,
    fix: 'start commands by npm run, which brings Node 24',
  };
}

function packages(): Check {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const missing = Object.keys(dependencies).filter((name) => !existsSync(join(root, 'node_modules', name)));
  return {
    name: 'packages',
    ok: missing.length === 0,
    found: missing.length === 0 ? 'all there' : `missing: ${missing.join(', ')}`,
    fix: 'npm ci',
  };
}

function disk(): Check {
  const { bavail, bsize } = statfsSync(root, { bigint: true });
  const free = bavail * bsize;
  return {
    name: 'disk',
    ok: free >= LEAST_FREE_BYTES,
    found: `${free / 1_000_000_000n} GB free`,
    fix: 'free some space; `npm run reset` removes local runs',
  };
}

async function ports(): Promise<Check> {
  const wanted = 4_000;
  const port = await nextFreePort(wanted);
  const found = port === wanted ? `${wanted} is free` : `${wanted} is taken; ${port} would be used`;
  return { name: 'port', ok: true, found };
}

async function running(folder: string): Promise<Check[]> {
  const pid = isRunUp(folder);
  if (pid === undefined) return [{ name: 'run', ok: true, found: 'none is up' }];
  const url = readFileSync(join(folder, 'api.url'), 'utf8').trim();
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(DEADLINE_MILLISECONDS) });
    const { postgres, chain, operator } = (await response.json()) as Record<
      'postgres' | 'chain' | 'operator',
      { ok: boolean; detail?: string }
    >;
    const found = `up as process ${pid} at ${url}`;
    return [
      { name: 'run', ok: response.ok, found, fix: 'see the lines below, and .specie/bridge.log' },
      {
        name: 'Postgres',
        ok: postgres.ok,
        found: postgres.detail ?? 'answers',
        fix: 'stop the run and start it again',
      },
      { name: 'chain', ok: chain.ok, found: chain.detail ?? 'answers', fix: 'stop the run and start it again' },
      {
        name: 'operator',
        ok: operator.ok,
        found: operator.detail ?? 'can pay for its calls',
        fix: 'send it coins of the chain; see docs/runbooks/stuck-transaction.md',
      },
    ];
  } catch {
    return [
      {
        name: 'run',
        ok: false,
        found: `process ${pid} is there, ${url} does not answer`,
        fix: 'see .specie/bridge.log',
      },
    ];
  }
}

/** Variables that are set are named, since they change what a run uses; their values may be secrets. */
function own(): Check[] {
  return ['DATABASE_URL', 'RPC_URL', 'REDIS_URL']
    .filter((name) => process.env[name])
    .map((name) => ({ name, ok: true, found: 'is set: your own is used instead of the embedded one' }));
}
