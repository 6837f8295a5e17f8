/** The `specie webhooks` commands: where events are sent, what became of them, and sending them again. */
import { type Command, CommanderError } from 'commander';
import type { ApiClient } from '../api-client.ts';
import { alignColumns } from '../day/reports.ts';
import type { Listing } from './lists.ts';

type Endpoint = Readonly<{
  endpointId: string;
  merchantId: string | null;
  url: string;
  eventTypes: readonly string[];
  enabled: boolean;
  disabledBecause: string | null;
}>;
type Delivery = Readonly<{
  eventId: string;
  type: string;
  subject: string;
  sequence: number;
  state: string;
  attempts: number;
  lastStatus: number | null;
  lastFailure: string | null;
  nextAttemptAt: string | null;
}>;
type RedeliverOptions = Readonly<{ event?: string; from?: string; to?: string; subject?: string; sequences?: string }>;

const path = (endpointId: string) => `/v1/webhook-endpoints/${encodeURIComponent(endpointId)}`;

export async function listWebhookEndpoints(client: ApiClient, query: Readonly<{ limit: string }>): Promise<Listing> {
  const page = await client.get<{ endpoints: Endpoint[] }>('/v1/webhook-endpoints', query);
  const rows = page.endpoints.map(({ endpointId, merchantId, enabled, disabledBecause, eventTypes, url }) => [
    endpointId,
    merchantId ?? 'everyone',
    enabled ? 'enabled' : `disabled: ${disabledBecause ?? ''}`,
    eventTypes.length === 0 ? 'all' : eventTypes.join(','),
    url,
  ]);
  return { data: page, text: alignColumns([['endpoint', 'merchant', 'state', 'events', 'url'], ...rows], new Set()) };
}

export async function listWebhookDeliveries(
  client: ApiClient,
  endpointId: string,
  { limit, state }: Readonly<{ limit: string; state?: string }>,
): Promise<Listing> {
  const page = await client.get<{ deliveries: Delivery[] }>(`${path(endpointId)}/deliveries`, { limit, state });
  const rows = page.deliveries.map((one) => [
    one.eventId,
    one.type,
    `${one.subject} #${one.sequence}`,
    one.state,
    String(one.attempts),
    [one.lastStatus, one.lastFailure].filter((part) => part !== null).join(' '),
    one.nextAttemptAt ?? '',
  ]);
  const header = ['event', 'type', 'subject', 'state', 'attempts', 'last', 'next attempt'];
  return { data: page, text: alignColumns([header, ...rows], new Set([4])) };
}

/** Errors: thrown CommanderError (wrong usage) unless exactly one range is named. */
export async function redeliverWebhooks(
  client: ApiClient,
  endpointId: string,
  options: RedeliverOptions,
): Promise<Listing> {
  const answer = await client.post<{ named: number; made: number }>(`${path(endpointId)}/redeliver`, rangeOf(options));
  const text = `${answer.named} events named, ${answer.made} on their way again; the others were already`;
  return { data: answer, text };
}

function rangeOf({ event, from, to, subject, sequences }: RedeliverOptions): Record<string, unknown> {
  const given = [event, from ?? to, subject ?? sequences].filter((one) => one !== undefined);
  if (given.length === 1) {
    if (event !== undefined) return { eventId: event };
    if (from !== undefined && to !== undefined) return { from, to };
    const span = /^([1-9]\d{0,8})-([1-9]\d{0,8})$/.exec(sequences ?? '');
    if (subject !== undefined && span) {
      return { subject, fromSequence: Number(span[1]), toSequence: Number(span[2]) };
    }
  }
  const usage = 'name one of --event <id>, --from <time> --to <time>, or --subject <payment> --sequences 1-9';
  throw new CommanderError(2, 'specie.range', usage);
}

/** Adds the commands; `client` is asked for when one of them runs. */
export function addWebhookCommands(
  program: Command,
  client: () => ApiClient,
  show: (options: Readonly<{ json?: boolean }>, value: unknown, text: () => string) => void,
): void {
  const webhooks = program.command('webhooks').description('where events are sent, and what became of them');
  const print = (options: Readonly<{ json?: boolean }>, list: Listing) => show(options, list.data, () => list.text);
  webhooks
    .command('list')
    .option('--limit <rows>', 'how many', '50')
    .option('--json', 'one JSON object')
    .description('your endpoints, newest first')
    .action(async (options: { json?: boolean; limit: string }) => {
      print(options, await listWebhookEndpoints(client(), { limit: options.limit }));
    });
  webhooks
    .command('deliveries')
    .argument('<endpoint>', 'its identifier')
    .option('--state <state>', 'only those that are due, delivered or givenUp')
    .option('--limit <rows>', 'how many', '20')
    .option('--json', 'one JSON object')
    .description('what was sent to an endpoint, newest first')
    .action(async (endpointId: string, options: { json?: boolean; limit: string; state?: string }) => {
      print(options, await listWebhookDeliveries(client(), endpointId, options));
    });
  webhooks
    .command('redeliver')
    .argument('<endpoint>', 'its identifier')
    .option('--event <id>', 'one event')
    .option('--from <time>', 'events from this moment of the books on')
    .option('--to <time>', 'up to this one, not included')
    .option('--subject <payment>', 'events of one payment')
    .option('--sequences <span>', 'their numbers, such as 2-5')
    .option('--json', 'one JSON object')
    .description('send events again, with the identifiers they had')
    .addHelpText('after', '\nExample: specie webhooks redeliver whe_00… --subject pay_00… --sequences 1-9')
    .action(async (endpointId: string, options: RedeliverOptions & { json?: boolean }) => {
      print(options, await redeliverWebhooks(client(), endpointId, options));
    });
}
