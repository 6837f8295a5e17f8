/** The bridge of a local run as a process of its own, or one of the processes it can be run apart as. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type BridgeProcess = Readonly<{
  /** Where its API is; empty for a process that has none. */
  url: string;
  process: ChildProcess;
  /** Resolves when the process has ended, told to or not. */
  ended: Promise<void>;
  stop(): Promise<void>;
}>;

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Starts `bridge/main/all.ts`, or another of its kind, and waits until it is ready; it ends when it is told to, or when
 * this process is gone.
 *
 * Effects: its log goes to `bridge.log` in the folder
 * Errors:  thrown with the bridge's own words when it does not come up
 */
export async function startBridge(
  folder: string,
  environment: Readonly<Record<string, string>>,
  main = 'bridge/main/all.ts',
): Promise<BridgeProcess> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, main)], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error('the bridge has no output to read');
  const log = createWriteStream(join(folder, 'bridge.log'), { flags: 'a', mode: 0o600 });
  let lastWords = '';
  stderr.on('data', (chunk: Buffer) => {
    log.write(chunk);
    lastWords = (lastWords + chunk.toString('utf8')).slice(-4_000);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).on('line', (line) => {
      const ready = /^\{"event":"(?:api|worker|watcher)\.ready"(?:,"url":"([^"]+)")?/.exec(line);
      if (ready) resolve(ready[1] ?? '');
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the bridge ended with code ${code}:\n${lastWords.trim()}`)));
  });
  return {
    url,
    process: child,
    ended: exited,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
      log.end();
    },
  };
}
