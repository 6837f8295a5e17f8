/** The `specie disputes` commands: charging back, answering and deciding. */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Command, CommanderError } from 'commander';
import type { ApiClient } from '../api-client.ts';
import { alignColumns } from '../day/reports.ts';
import type { Listing } from './lists.ts';

type WireAmount = Readonly<{ minorUnits: string; asset: string }>;
export type Dispute = Readonly<{
  disputeId: string;
  paymentId: string;
  merchantId: string;
  issuerId: string;
  reasonCode: string;
  amount: WireAmount;
  merchantAmount: WireAmount;
  state: string;
  cause: string | null;
  openedAt: string;
  dueAt: string | null;
  endedAt: string | null;
  evidence: readonly Readonly<{
    number: number;
    statement: string;
    files: readonly Readonly<{ name: string; sha256: string; bytes: number }>[];
    submittedAt: string;
  }>[];
}>;

const pathOf = (disputeId: string) => `/v1/disputes/${encodeURIComponent(disputeId)}`;
const inWords = ({ minorUnits, asset }: WireAmount) => `${minorUnits} ${asset}`;

export async function listDisputes(
  client: ApiClient,
  query: Readonly<{ limit: string; state?: string; payment?: string }>,
): Promise<Listing> {
  const { limit, state, payment: paymentId } = query;
  const page = await client.get<{ disputes: Dispute[] }>('/v1/disputes', { limit, state, paymentId });
  const rows = page.disputes.map((one) => [
    one.disputeId,
    one.paymentId,
    one.merchantId,
    one.reasonCode,
    one.amount.minorUnits,
    one.amount.asset,
    one.cause ? `${one.state} (${one.cause})` : one.state,
    one.dueAt ?? '',
  ]);
  const header = ['dispute', 'payment', 'merchant', 'reason', 'amount', 'asset', 'state', 'due'];
  return { data: page, text: alignColumns([header, ...rows], new Set([4])) };
}

/** A dispute in words. */
export function describeDispute(dispute: Dispute): string {
  const { disputeId, paymentId, merchantId, issuerId, reasonCode, state, cause, openedAt, dueAt, endedAt } = dispute;
  const waits = state === 'opened' ? merchantId : issuerId;
  return [
    `${disputeId} of ${paymentId}: ${cause ? `${state} (${cause})` : state}`,
    `  ${issuerId} charged ${inWords(dispute.amount)} back to ${merchantId} (${inWords(dispute.merchantAmount)}): ${reasonCode}`,
    `  opened ${openedAt}${endedAt ? `, ended ${endedAt}` : ''}${dueAt ? `, ${waits} has until ${dueAt}` : ''}`,
    ...dispute.evidence.flatMap(({ number, statement, files, submittedAt }) => [
      `  ${number}. ${submittedAt} ${statement}`,
      ...files.map(({ name, sha256, bytes }) => `     ${name}, ${bytes} bytes, sha256 ${sha256}`),
    ]),
  ].join('\n');
}

/** What the API is told of a file: its name, its size and its digest; the file itself stays here. */
export function digestOf(file: string): Readonly<{ name: string; sha256: string; bytes: number }> {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch {
    throw new CommanderError(2, 'specie.file', `${file} cannot be read`);
  }
  return {
    name: path.basename(file),
    sha256: createHash('sha256').update(content).digest('hex'),
    bytes: content.length,
  };
}

type Options = Readonly<{ json?: boolean; key?: string }>;

/** Adds the commands; `client` is asked for when one of them runs. */
export function addDisputeCommands(
  program: Command,
  client: () => ApiClient,
  show: (options: Readonly<{ json?: boolean }>, value: unknown, text: () => string) => void,
): void {
  const disputes = program.command('disputes').description('chargebacks, their evidence and their end');
  const send = async (options: Options, url: string, body: unknown) => {
    const dispute = await client().post<Dispute>(url, body, options.key ?? randomUUID());
    show(options, dispute, () => describeDispute(dispute));
  };
  const command = (name: string, description: string) =>
    disputes.command(name).option('--json', 'one JSON object').description(description);
  const changing = (name: string, description: string) =>
    command(name, description).option('--key <key>', 'Idempotency-Key: the same one again moves nothing twice');
  command('list', 'disputes, newest first')
    .option('--state <state>', 'only those that are opened, represented, won or lost')
    .option('--payment <payment>', 'only those of one payment')
    .option('--limit <rows>', 'how many', '20')
    .action(async (options: Options & { limit: string; state?: string; payment?: string }) => {
      const list = await listDisputes(client(), options);
      show(options, list.data, () => list.text);
    });
  command('show', 'a dispute with its evidence')
    .argument('<dispute>', 'its identifier')
    .action(async (disputeId: string, options: Options) => {
      const dispute = await client().get<Dispute>(pathOf(disputeId));
      show(options, dispute, () => describeDispute(dispute));
    });
  changing('open', 'charge a payment back, as its issuer')
    .argument('<payment>', 'its identifier')
    .requiredOption('--reason <code>', 'fraud, notReceived, notAsDescribed, canceled, duplicate or wrongAmount')
    .requiredOption('--amount <units>', 'minor units of what the payer paid in')
    .requiredOption('--asset <code>', 'what the payer paid in, such as EUR')
    .option('--reference <text>', 'the issuer’s own name for it')
    .addHelpText('after', '\nExample: specie disputes open pay_00… --reason notReceived --amount 1250 --asset EUR')
    .action(
      async (
        paymentId: string,
        options: Options & { reason: string; amount: string; asset: string; reference?: string },
      ) => {
        const { reason: reasonCode, amount: minorUnits, asset, reference: issuerReference } = options;
        const body = { paymentId, reasonCode, amount: { minorUnits, asset } };
        await send(options, '/v1/disputes', issuerReference === undefined ? body : { ...body, issuerReference });
      },
    );
  changing('evidence', 'answer a dispute, as its merchant')
    .argument('<dispute>', 'its identifier')
    .requiredOption('--statement <text>', 'what the merchant says')
    .option('--file <path...>', 'files whose digests go with it; they stay where they are')
    .action(async (disputeId: string, options: Options & { statement: string; file?: readonly string[] }) => {
      const files = (options.file ?? []).map(digestOf);
      await send(options, `${pathOf(disputeId)}/evidence`, { statement: options.statement, files });
    });
  changing('accept', 'give in to a dispute, as its merchant')
    .argument('<dispute>', 'its identifier')
    .action((disputeId: string, options: Options) => send(options, `${pathOf(disputeId)}/accept`, undefined));
  changing('decide', 'decide on the merchant’s answer, as the issuer')
    .argument('<dispute>', 'its identifier')
    .requiredOption('--outcome <outcome>', 'won or lost, as the merchant sees it')
    .action(async (disputeId: string, options: Options & { outcome: string }) => {
      await send(options, `${pathOf(disputeId)}/decide`, { outcome: options.outcome });
    });
}
