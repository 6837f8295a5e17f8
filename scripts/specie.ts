/** The `specie` command: looks at a running bridge, and at the machine it runs on. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { type ApiClient, ApiProblem, ApiUnreachable, createApiClient } from './api-client.ts';
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
addDisputeCommands(program, client, show);

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
  } else if (error instanceof CommanderError) {
    // Commander has printed its own errors; help and version are no errors.
    if (error.code.startsWith('specie.')) process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode === 0 || error.code === 'commander.help' ? EXIT.done : EXIT.wrongUsage;
  } else {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    process.exitCode = EXIT.refused;
  }
}
