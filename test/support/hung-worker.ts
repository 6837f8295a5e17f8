/** A worker process that takes a ring and never comes to an end with it, until it is killed: `url consumer [redisUrl]`. */
import { createDoorbells } from '../../bridge/platform/doorbells.ts';
import { createLogger } from '../../ledger-service/platform/logging.ts';
import { systemTimers } from '../../ledger-service/platform/ports.ts';

const [databaseUrl = '', consumer = '', redisUrl] = process.argv.slice(2);
const bells = createDoorbells({ databaseUrl, redisUrl, timers: systemTimers, logger: createLogger('silent') });
await bells.start({
  [consumer]: () => {
    process.stdout.write('taken\n');
    return new Promise(() => {});
  },
});
