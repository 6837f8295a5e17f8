/** The `specie deposits` and `specie exposure` commands: what payers have pushed, and what is at risk. */
import type { Command } from 'commander';
import type { ApiClient } from '../api-client.ts';
import { alignColumns } from '../day/reports.ts';
import type { Listing } from './lists.ts';

type Amount = Readonly<{ minorUnits: string; asset: string }>;
type Deposit = Readonly<{
  paymentId: string;
  address: string;
  amount: Amount;
  destination: string;
  state: string;
  held: Amount;
  payBy: string;
}>;
type DepositLife = Deposit &
  Readonly<{
    returnTo: string;
    transfers: readonly Readonly<{
      amount: Amount;
      outcome: string;
      held: string;
      owed: string;
      kept: string;
      height: number;
      chainHash: string | null;
    }>[];
    returns: readonly Readonly<{ amount: Amount; recipient: string; state: string; chainHash: string | null }>[];
  }>;
type Item = Readonly<{
  itemId: string;
  place: string;
  amount: Amount;
  sender: string | null;
  state: string;
  settledTo: string | null;
}>;
type Exposures = Readonly<{
  measuredIn: string;
  stopped: boolean;
  stoppedBecause: string | null;
  exposures: readonly Readonly<{
    asset: string;
    exposure: string | null;
    maximum: string;
    open: string;
    inventory: string;
    freeInventory: string;
    isHigh: boolean;
    isDry: boolean;
  }>[];
}>;

const told = ({ minorUnits, asset }: Amount) => `${minorUnits} ${asset}`;
const itemPath = (itemId: string) => `/v1/suspense/${encodeURIComponent(itemId)}`;

export async function listDeposits(client: ApiClient, query: Readonly<{ limit: string }>): Promise<Listing> {
  const page = await client.get<{ deposits: Deposit[] }>('/v1/deposits', query);
  const rows = page.deposits.map(({ paymentId, state, destination, amount, held, payBy, address }) => [
    ...[paymentId, state, destination, told(amount), held.minorUnits, payBy, address],
  ]);
  const header = ['payment', 'state', 'goes to', 'amount', 'held', 'pay by', 'address'];
  return { data: page, text: alignColumns([header, ...rows], new Set([4])) };
}

export async function showDeposit(client: ApiClient, paymentId: string): Promise<Listing> {
  const found = await client.get<DepositLife>(`/v1/deposits/${encodeURIComponent(paymentId)}`);
  const arrived = found.transfers.map(({ outcome, amount, held, owed, kept, height, chainHash }) => [
    ...[outcome, told(amount), held, owed, kept, String(height), chainHash ?? 'by balance'],
  ]);
  const back = found.returns.map(({ state, amount, recipient, chainHash }) => [
    ...[`return ${state}`, told(amount), '', '', '', '', `${recipient} ${chainHash ?? ''}`],
  ]);
  const header = ['what', 'amount', 'held', 'owed', 'kept', 'block', 'chain transaction'];
  const table = alignColumns([header, ...arrived, ...back], new Set([2, 3, 4, 5]));
  const line = `${found.state}: ${told(found.amount)} at ${found.address} to the ${found.destination}, by ${found.payBy}`;
  return { data: found, text: `${line}\n${table}` };
}

export async function listSuspense(client: ApiClient, query: Readonly<{ limit: string }>): Promise<Listing> {
  const page = await client.get<{ items: Item[] }>('/v1/suspense', query);
  const rows = page.items.map(({ itemId, state, place, amount, sender, settledTo }) => [
    ...[itemId, state, place, told(amount), sender ?? '', settledTo ?? ''],
  ]);
  const header = ['item', 'state', 'lies at', 'amount', 'sender', 'settled to'];
  return { data: page, text: alignColumns([header, ...rows], new Set()) };
}

/** Said again with the same reason it is the same request, so that a command that was cut short can be repeated. */
export async function attributeSuspense(client: ApiClient, itemId: string, reason: string): Promise<Listing> {
  const item = await client.post<Item>(`${itemPath(itemId)}/attribute`, { reason }, `attribute-${itemId}`);
  return { data: item, text: `${item.itemId} is the intermediary's own: ${told(item.amount)}` };
}

export async function returnSuspense(
  client: ApiClient,
  itemId: string,
  { to: recipient, reason }: Readonly<{ to: string; reason: string }>,
): Promise<Listing> {
  const body = { recipient, reason };
  const item = await client.post<Item>(`${itemPath(itemId)}/return`, body, `return-${itemId}-${recipient}`);
  return { data: item, text: `${told(item.amount)} is on its way to ${recipient}` };
}

export async function showExposure(client: ApiClient): Promise<Listing> {
  const found = await client.get<Exposures>('/v1/exposures');
  const rows = found.exposures.map(({ asset, exposure, maximum, open, inventory, freeInventory, isHigh, isDry }) => [
    ...[asset, exposure ?? 'no mark', maximum, open, inventory, freeInventory],
    [isHigh ? 'high' : '', isDry ? 'dry' : ''].filter((alert) => alert !== '').join(', '),
  ]);
  const header = ['asset', `exposure, ${found.measuredIn}`, 'limit', 'open', 'inventory', 'free', 'alerts'];
  const stopped = found.stopped ? `\nstopped: ${found.stoppedBecause}` : '';
  return { data: found, text: alignColumns([header, ...rows], new Set([1, 2, 3, 4, 5])) + stopped };
}

/** Adds the commands; `client` is asked for when one of them runs. */
export function addDepositCommands(
  program: Command,
  client: () => ApiClient,
  show: (options: Readonly<{ json?: boolean }>, value: unknown, text: () => string) => void,
): void {
  const print = (options: Readonly<{ json?: boolean }>, list: Listing) => show(options, list.data, () => list.text);
  const deposits = program.command('deposits').description('what payers have pushed, and what nobody is known for');
  deposits
    .command('list')
    .option('--limit <rows>', 'how many', '50')
    .option('--json', 'one JSON object')
    .description('deposits, newest first')
    .action(async (options: { json?: boolean; limit: string }) => {
      print(options, await listDeposits(client(), { limit: options.limit }));
    });
  deposits
    .command('show')
    .argument('<payment>', 'its identifier')
    .option('--json', 'one JSON object')
    .description('what has arrived for a payment, and what went back')
    .action(async (paymentId: string, options: { json?: boolean }) => {
      print(options, await showDeposit(client(), paymentId));
    });
  deposits
    .command('suspense')
    .option('--limit <rows>', 'how many', '50')
    .option('--json', 'one JSON object')
    .description('what has arrived and belongs to nobody that is known')
    .action(async (options: { json?: boolean; limit: string }) => {
      print(options, await listSuspense(client(), { limit: options.limit }));
    });
  deposits
    .command('attribute')
    .argument('<item>', 'its identifier')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--json', 'one JSON object')
    .description("say that it is the intermediary's own")
    .action(async (itemId: string, options: { json?: boolean; reason: string }) => {
      print(options, await attributeSuspense(client(), itemId, options.reason));
    });
  deposits
    .command('return')
    .argument('<item>', 'its identifier')
    .requiredOption('--to <address>', 'who gets it')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--json', 'one JSON object')
    .description('send it back')
    .action(async (itemId: string, options: { json?: boolean; to: string; reason: string }) => {
      print(options, await returnSuspense(client(), itemId, options));
    });
  program
    .command('exposure')
    .option('--json', 'one JSON object')
    .description('what the intermediary has at risk, beside its limits')
    .action(async (options: { json?: boolean }) => {
      print(options, await showExposure(client()));
    });
}
