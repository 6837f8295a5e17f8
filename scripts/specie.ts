/** The `specie` command: looks at a running bridge, and at the machine it runs on. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { systemClock } from '../ledger-service/platform/ports.ts';
import { SettlementError } from '../ledger-service/vocabulary/errors.ts';
import { type ApiClient, ApiProblem, ApiUnreachable, createApiClient } from './api-client.ts';
import { finishRestoration, restoreBackup, writeBackup } from './backup.ts';
import { addCoinCommands } from './command/coins.ts';
import { addDepositCommands } from './command/deposits.ts';
import { addDisputeCommands } from './command/disputes.ts';
import { runDoctor } from './command/doctor.ts';
import { renderLifeline } from './command/lifeline.ts';
import { listAccounts, listPayments, listPayouts, listWindows } from './command/lists.ts';
import { addWebhookCommands } from './command/webhooks.ts';

const EXIT = { done: 0, refused: 1, wrongUsage: 2, unknownOutcome: 3 } as const;
const folder = process.env.SPECIE_FOLDER ?? fileURLToPath(new URL('../.specie', import.meta.url));

type Common = Readonly<{ json?: boolean }>;

function client(): ApiClient {
  const fromFile = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim() : '';
  const url = process.env.SPECIE_URL ?? fromFile('api.url');
  const apiKey = process.env.SPECIE_API_KEY ?? fromFile('api.key');
  if (url && apiKey) return createApiClient({ url, apiKey });
  throw new CommanderError(
    EXIT.wrongUsage,
    'specie.noBridge',
    'no bridge is known: run `npm start`, or set SPECIE_URL and SPECIE_API_KEY',
  );
}

function show(options: Common, value: unknown, text: () => string): void {
  process.stdout.write(options.json ? `${JSON.stringify(value)}\n` : `${text()}\n`);
}

async function withBooks<Result>(work: (databaseUrl: string) => Promise<Result>): Promise<Result> {
  // The embedded server's package ends the process in its own way, with exit code 0: only who needs it loads it.
  const { findBooks } = await import('./local/books.ts');
  const books = await findBooks(folder);
  if (!books)
    throw new CommanderError(EXIT.wrongUsage, 'specie.noBooks', 'set DATABASE_URL, or start a local run first');
  try {
    return await work(books.url);
  } finally {
    await books.stop();
  }
}

const program = new Command('specie')
  .description('Settles payments between whoever pays and whoever is paid. Looks at a running bridge.')
  .exitOverride()
  .showHelpAfterError()
  .addHelpText(
    'after',
    '\nExit codes: 0 done · 1 refused · 2 wrong usage · 3 unknown outcome: look it up, do not repeat\nExample:    specie payments show pay_00…',
  );

const payments = program.command('payments').description('payments and their lives');
payments
  .command('show')
  .argument('<payment>', 'its identifier, or the merchant’s reference')
  .option('--json', 'one JSON object')
  .description('draw a payment’s whole life')
  .addHelpText('after', '\nExample: specie payments show order-1001')
  .action(async (name: string, options: Common) => {
    const life = await renderLifeline(client(), name);
    show(options, life.data, () => life.text);
  });
payments
  .command('list')
  .option('--merchant <name>', 'only this merchant’s')
  .option('--limit <rows>', 'how many', '20')
  .option('--json', 'one JSON object')
  .description('payments, newest first')
  .action(async (options: Common & { merchant?: string; limit: string }) => {
    const list = await listPayments(client(), options);
    show(options, list.data, () => list.text);
  });

program
  .command('payouts')
  .description('payouts of the intermediary wallet')
  .command('list')
  .option('--limit <rows>', 'how many', '20')
  .option('--json', 'one JSON object')
  .description('payouts, newest first')
  .action(async (options: Common & { limit: string }) => {
    const list = await listPayouts(client(), options);
    show(options, list.data, () => list.text);
  });

const windows = program.command('windows').description('settlement windows');
windows
  .command('list')
  .option('--json', 'one JSON object')
  .description('windows with their net positions, newest first')
  .action(async (options: Common) => {
    const list = await listWindows(client());
    show(options, list.data, () => list.text);
  });
windows
  .command('close')
  .argument('<window>', 'its identifier')
  .option('--json', 'one JSON object')
  .description('close a window and settle what it holds')
  .action(async (windowId: string, options: Common) => {
    const window = await client().post<{ state: string }>(`/v1/settlement-windows/${windowId}/close`, undefined);
    show(options, window, () => `${windowId} ${window.state}`);
  });

program
  .command('accounts')
  .argument('[prefix]', 'how the path begins', '')
  .option('--json', 'one JSON object')
  .description('ledger accounts with their balances')
  .addHelpText('after', '\nExample: specie accounts issuer/')
  .action(async (prefix: string, options: Common) => {
    const list = await listAccounts(client(), prefix);
    show(options, list.data, () => list.text);
  });

addWebhookCommands(program, client, show);
addCoinCommands(program, folder, show);
addDisputeCommands(program, client, show);
addDepositCommands(program, client, show);

program
  .command('reconcile')
  .option('--json', 'one JSON object')
  .description('compare books, chain and windows; refused (1) when something breaks')
  .action(async (options: Common) => {
    const result = await client().get<{ breaks: { between: string; kind: string; key: string }[]; height: number }>(
      '/v1/reconciliation',
    );
    show(options, result, () =>
      [
        `${result.breaks.length} breaks as of block ${result.height}`,
        ...result.breaks.map(({ between, kind, key }) => `  ${between}, ${kind}: ${key}`),
      ].join('\n'),
    );
    if (result.breaks.length > 0) process.exitCode = EXIT.refused;
  });

program
  .command('backup')
  .argument('<file>', 'where to write it')
  .option('--json', 'one JSON object')
  .description('write all books, as of one moment, while everything goes on')
  .addHelpText('after', '\nExample: DATABASE_URL=… specie backup books-monday.specie')
  .action(async (file: string, options: Common) => {
    const summary = await withBooks((url) => writeBackup(url, file, systemClock.now()));
    show(options, summary, () => `${summary.rows} rows of ${summary.tables} tables, as of ${summary.takenAt}: ${file}`);
  });

program
  .command('restore')
  .argument('[file]', 'a backup; into an empty database')
  .option('--finish', 'declare the restoration over: merchants have asked again for what was lost')
  .option('--json', 'one JSON object')
  .description('bring a backup into an empty database; docs/operating.md says what happens then')
  .addHelpText('after', '\nExample: DATABASE_URL=… specie restore books-monday.specie')
  .action(async (file: string | undefined, options: Common & { finish?: boolean }) => {
    if (options.finish) {
      const wasOpen = await withBooks(finishRestoration);
      show(options, { wasOpen }, () => (wasOpen ? 'Over: start the workers again.' : 'No restoration was open.'));
      return;
    }
    if (!file) throw new CommanderError(EXIT.wrongUsage, 'specie.noFile', 'name the backup');
    const summary = await withBooks((url) => restoreBackup(url, file));
    show(options, summary, () => `${summary.rows} rows of ${summary.tables} tables, as of ${summary.takenAt}`);
  });

program
  .command('doctor')
  .option('--json', 'one JSON object')
  .description('check this machine and a running bridge, and name the fix')
  .action(async (options: Common) => {
    const { checks, text } = await runDoctor(folder);
    show(options, { checks }, () => text);
    if (checks.some(({ ok }) => !ok)) process.exitCode = EXIT.refused;
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof ApiProblem) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT.refused;
  } else if (error instanceof ApiUnreachable) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT.unknownOutcome;
  } else if (error instanceof SettlementError) {
    process.stderr.write(`${error.code}: ${error.message}\n`);
    process.exitCode = error.code === 'COIN_REGISTER_UNAVAILABLE' ? EXIT.unknownOutcome : EXIT.refused;
  } else if (error instanceof CommanderError) {
    // Commander has printed its own errors; help and version are no errors.
    if (error.code.startsWith('specie.')) process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode === 0 || error.code === 'commander.help' ? EXIT.done : EXIT.wrongUsage;
  } else {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    process.exitCode = EXIT.refused;
  }
}
// The embedded Postgres brings a hook that ends every process with 0 once nothing is left to do.
const { exitCode } = process;
process.once('exit', () => {
  process.exitCode = exitCode;
});
