import { tokenOf } from '../chain/escrow.ts';
import { observeChain } from '../chain/operations/observe-chain.ts';
import { reconcile } from '../core/reconciliation/operations.ts';
import { configurationOfProcess } from '../platform/configuration.ts';
import type { Drain } from '../platform/health.ts';
import { listenForOperators } from './listen.ts';
import { runAsProcess } from './process.ts';
import { type Bridge, openBridge } from './wiring.ts';

/** Looks at the chain again and again until it is told to stop; a node that does not answer is asked again. */
export function startWatcher(bridge: Bridge): Readonly<{ stop(): Promise<void> }> {
  const { database, node, deployment, outbox, logger, timers, configuration, metrics } = bridge;
  const clocks = { clock: bridge.clock, machineClock: bridge.machineClock };
  const early = (configuration.earlyAcceptance ?? []).map(({ asset, below, depth }) => ({
    token: tokenOf(asset),
    below,
    depth,
  }));
  const finality = { depth: configuration.finalityDepth, early };
  const observation = { database, node, deployment, finality, outbox, ...clocks, logger };
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
  const watching = Promise.all([watch(), keepReconciling(bridge, stopping.signal)]);
  return {
    stop: async () => {
      stopping.abort();
      await watching;
    },
  };
}

/** Compares books, chain and windows again and again, so that a break is a figure that somebody can be called for. */
async function keepReconciling(bridge: Bridge, signal: AbortSignal): Promise<void> {
  const { configuration, timers, metrics, machineClock, logger } = bridge;
  const pause = configuration.reconciliationMilliseconds;
  if (!pause) return;
  while (!signal.aborted) {
    await timers.wait(pause, signal).catch(() => {});
    if (signal.aborted) return;
    try {
      const { breaks } = await reconcile(bridge);
      metrics.openBreaks.set(breaks.length);
      metrics.reconciledAt.set(machineClock.now().getTime() / 1000);
      for (const found of breaks) logger.error({ event: 'reconciliation.break', ...found });
    } catch (error) {
      logger.warn({ event: 'reconciliation.failed', err: error });
    }
  }
}

if (import.meta.main) {
  await runAsProcess('watcher', async () => {
    const bridge = await openBridge(configurationOfProcess());
    await bridge.doorbells.start({});
    const drain: Drain = { isDraining: false };
    const watcher = startWatcher(bridge);
    const operators = await listenForOperators(bridge, drain);
    process.stdout.write(`${JSON.stringify({ event: 'watcher.ready' })}\n`);
    return async () => {
      drain.isDraining = true;
      await watcher.stop();
      await operators?.close();
      await bridge.close();
    };
  });
}
