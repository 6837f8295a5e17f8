import { observeChain } from '../chain/operations/observe-chain.ts';
import { configurationOfProcess } from '../platform/configuration.ts';
import { runAsProcess } from './process.ts';
import { type Bridge, openBridge } from './wiring.ts';

/** Looks at the chain again and again until it is told to stop; a node that does not answer is asked again. */
export function startWatcher(bridge: Bridge): Readonly<{ stop(): Promise<void> }> {
  const { database, node, deployment, outbox, logger, timers, configuration, metrics } = bridge;
  const observation = { database, node, deployment, finality: { depth: configuration.finalityDepth }, outbox, logger };
  const stopping = new AbortController();
  const watch = async () => {
    while (!stopping.signal.aborted) {
      try {
        const { height } = await observeChain(observation);
        metrics.observedHeight.set(height);
      } catch (error) {
        logger.warn({ event: 'chain.observationFailed', err: error });
      }
      await timers.wait(configuration.watchMilliseconds, stopping.signal).catch(() => {});
    }
  };
  const watching = watch();
  return {
    stop: async () => {
      stopping.abort();
      await watching;
    },
  };
}

if (import.meta.main) {
  await runAsProcess('watcher', async () => {
    const bridge = await openBridge(configurationOfProcess());
    await bridge.doorbells.start({});
    const watcher = startWatcher(bridge);
    process.stdout.write(`${JSON.stringify({ event: 'watcher.ready' })}\n`);
    return async () => {
      await watcher.stop();
      await bridge.close();
    };
  });
}
