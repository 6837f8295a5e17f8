/** `npm run seed`: fills new books and a local chain with the small world of a local run, see `--help`. */
import { parseArgs } from 'node:util';
import { LOCAL_CHAIN_ID } from '../bridge/chain/keys.ts';
import { connectNode } from '../bridge/chain/node.ts';
import { migrateAll } from '../bridge/main/wiring.ts';
import { isLoopback } from '../bridge/platform/configuration.ts';
import { systemClock } from '../ledger-service/platform/ports.ts';
import { SettlementError } from '../ledger-service/vocabulary/errors.ts';
import { makeApiKey, seedLocalWorld } from './local/seed-world.ts';

const HELP = `DATABASE_URL=… RPC_URL=… npm run seed -- [options]

Migrates the books, deploys the contracts and registers two issuers, two acquirers, four merchants and ten payers with
cards and wallets. Only for chain 31337 on this machine: everyone's keys are the well-known development ones.
Doing it again changes nothing.

  --json    print one JSON object
  --help    this text

Exit codes: 0 done · 1 refused · 2 wrong usage
`;

function readArguments() {
  try {
    const options = {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    };
    return parseArgs({ options: options as { json: { type: 'boolean' }; help: { type: 'boolean'; short: 'h' } } })
      .values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

const options = readArguments();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const { DATABASE_URL: databaseUrl, RPC_URL: rpcUrl } = process.env;
if (!databaseUrl || !rpcUrl) {
  process.stderr.write(`DATABASE_URL and RPC_URL say where the books and the chain are\n\n${HELP}`);
  process.exit(2);
}
try {
  const { chainId } = await connectNode(rpcUrl);
  if (chainId !== LOCAL_CHAIN_ID || !isLoopback(rpcUrl)) {
    throw new SettlementError('CONFIGURATION_INVALID', `chain ${chainId} at RPC_URL is no local chain`, {
      param: 'RPC_URL',
    });
  }
  await migrateAll(databaseUrl);
  const onStep = (step: string) => {
    if (!options.json) process.stderr.write(`▸ ${step}\n`);
  };
  const { seeded } = await seedLocalWorld({ databaseUrl, rpcUrl, clock: systemClock, onStep });
  const apiKey = await makeApiKey(databaseUrl, systemClock, 'local');
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ seeded, apiKey })}\n`
      : `${seeded ? 'Seeded.' : 'Seeded before; nothing changed.'} A new key for the API (the one before is void): ${apiKey}\n`,
  );
} catch (error) {
  const code = error instanceof SettlementError ? error.code : 'INTERNAL';
  process.stderr.write(`✖ ${code}: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
