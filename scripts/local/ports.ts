/** Ports of a local run: loopback only, and never one that something else listens on. */
import { createServer } from 'node:net';

const PORTS_TRIED = 50;

/** The first port from `first` on that nothing listens on. */
export async function nextFreePort(first: number): Promise<number> {
  for (let port = first; port < first + PORTS_TRIED; port += 1) {
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${first} to ${first + PORTS_TRIED - 1}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
