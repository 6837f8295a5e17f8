import { configurationOfProcess } from '../platform/configuration.ts';
import type { Drain } from '../platform/health.ts';
import { createApi } from './api.ts';
import { listen } from './listen.ts';
import { drained, runAsProcess } from './process.ts';
import { startWatcher } from './watcher.ts';
import { openBridge } from './wiring.ts';
import { startWorker } from './worker.ts';

/** Api, worker and watcher in one process: for a local run, and for a small installation. */
if (import.meta.main) {
  await runAsProcess('bridge', async () => {
    const bridge = await openBridge(configurationOfProcess());
    const worker = await startWorker(bridge);
    const watcher = startWatcher(bridge);
    const drain: Drain = { isDraining: false };
    const listening = await listen(createApi(bridge, drain), bridge.configuration.port);
    process.stdout.write(`${JSON.stringify({ event: 'api.ready', url: listening.url })}\n`);
    return async () => {
      await drained(bridge, drain);
      // Streams end of themselves never, and would hold the listener.
      await bridge.eventStream.close();
      await listening.close();
      await watcher.stop();
      await worker.stop();
      await bridge.close();
    };
  });
}
