import { createLogger } from '../../ledger-service/platform/logging.ts';
import { systemClock, systemTimers } from '../../ledger-service/platform/ports.ts';
import { connectSignerChain } from '../chain/signer/chain-view.ts';
import { SignerCore } from '../chain/signer/core.ts';
import { endpointOf, openKeys, openStore, readPolicy, requireConfinement } from '../chain/signer/folder.ts';
import { listenForRequests } from '../chain/signer/server.ts';
import { signerConfigurationOfProcess } from '../platform/configuration.ts';
import { runAsProcess } from './process.ts';

/** The signer: the only process that has keys. It knows neither the books nor the queue, and listens on this machine. */
if (import.meta.main) {
  await runAsProcess('signer', async () => {
    const { folder, logLevel } = signerConfigurationOfProcess();
    requireConfinement(folder);
    const logger = createLogger(logLevel);
    const policy = readPolicy(folder);
    const store = await openStore(folder, systemTimers);
    try {
      const keys = await openKeys(folder, policy);
      const chain = connectSignerChain(policy);
      const signer = new SignerCore({ policy, file: store.file, keys, chain, clock: systemClock });
      const listening = await listenForRequests(signer, endpointOf(folder, policy), logger);
      const where = 'path' in listening.endpoint ? listening.endpoint.path : listening.endpoint.port;
      process.stdout.write(`${JSON.stringify({ event: 'signer.ready', listens: where })}\n`);
      return async () => {
        await listening.close();
        signer.close();
        store.release();
      };
    } catch (error) {
      store.release();
      throw error;
    }
  });
}
