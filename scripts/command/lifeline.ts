/** A payment's whole life, drawn from the public API: one line for each thing that happened. */
import type { AssetRegistry } from '../../ledger-service/vocabulary/assets.ts';
import { isIdentifier } from '../../ledger-service/vocabulary/identifiers.ts';
import type { ApiClient } from '../api-client.ts';
import { ApiProblem, everyPage } from '../api-client.ts';
import type { Payment } from '../day/line.ts';
import { readDirectory } from '../day/run-day.ts';
import { inWords, type Listing } from './lists.ts';

type WireAmount = Readonly<{ minorUnits: string; asset: string }>;
type Life = Readonly<{
  events: readonly Readonly<{ topic: string; consumer: string; recordedAt: string; handledAt: string | null }>[];
  chainCalls: readonly Readonly<{
    kind: string;
    state: string;
    nonce: number | null;
    chainHash: string | null;
    blockHeight: number | null;
    gasUsed: number | null;
    recordedAt: string;
    signedAt: string | null;
  }>[];
}>;
type Entry = Readonly<{
  entryId: string;
  kind: string;
  recordedAt: string;
  transfers: readonly Readonly<{ kind: string; debit: string; credit: string; amount: WireAmount }>[];
}>;
type Payout = Readonly<{
  payoutId: string;
  state: string;
  amount: WireAmount;
  payee: string;
  chainHash: string | null;
  blockHeight: number | null;
  recordedAt: string;
  finalAt: string | null;
}>;

type Stop = Readonly<{ at: string; lane: string; what: string; detail: string }>;

/** Errors: thrown ApiProblem PAYMENT_UNKNOWN for a name that is neither an identifier nor a reference. */
export async function renderLifeline(client: ApiClient, name: string): Promise<Listing> {
  const payment = await findPayment(client, name);
  const { paymentId } = payment;
  const [life, entries, { payouts }, { assets }] = await Promise.all([
    client.get<Life>(`/v1/payments/${paymentId}/life`),
    everyPage<Entry>(client, '/v1/ledger/entries', 'entries', { subject: paymentId }),
    client.get<{ payouts: Payout[] }>('/v1/payouts', { paymentId }),
    readDirectory(client),
  ]);
  const stops = [
    ...requestStops(payment, assets),
    ...entries.map((entry) => entryStop(entry, assets)),
    ...life.events.map(eventStop),
    ...life.chainCalls.flatMap(callStops),
    ...payouts.flatMap((payout) => payoutStops(payout, assets)),
    ...movementStops(payment, assets),
  ].sort((left, right) => (left.at < right.at ? -1 : left.at > right.at ? 1 : 0));
  const data = { payment, ...life, entries, payouts };
  return { data, text: [headline(payment, assets), ...draw(stops)].join('\n') };
}

async function findPayment(client: ApiClient, name: string): Promise<Payment> {
  if (isIdentifier(name, 'pay')) return client.get<Payment>(`/v1/payments/${name}`);
  const { payments } = await client.get<{ payments: Payment[] }>('/v1/payments', { merchantReference: name });
  const found = payments[0];
  if (found) return found;
  throw new ApiProblem({
    status: 404,
    code: 'PAYMENT_UNKNOWN',
    detail: `no payment is called ${JSON.stringify(name)}`,
    retryable: false,
    requestId: '',
  });
}

function headline(payment: Payment, assets: AssetRegistry): string {
  const { quadrant, phase, requested, captured, receivedAt, finalAt, declineCode } = payment;
  const arrow = quadrant.replace('To', ' → ').toLowerCase();
  const target = payment.movements.filter(({ kind }) => kind === 'capture').map(({ merchantAmount }) => merchantAmount);
  const paid = target.reduce<WireAmount | undefined>(
    (sum, amount) => ({
      asset: amount.asset,
      minorUnits: (BigInt(sum?.minorUnits ?? '0') + BigInt(amount.minorUnits)).toString(),
    }),
    undefined,
  );
  const became = paid && paid.asset !== captured.asset ? ` → ${inWords(paid, assets)}` : '';
  const seconds = finalAt ? ` in ${((Date.parse(finalAt) - Date.parse(receivedAt)) / 1000).toFixed(1)} s` : '';
  const end = finalAt ? `settled${seconds}` : `${phase}${declineCode ? ` ${declineCode}` : ''}`;
  return `${payment.paymentId}  ${arrow}  ${inWords(requested, assets)}${became}   ${end}`;
}

function requestStops(payment: Payment, assets: AssetRegistry): Stop[] {
  const { occurredAt, instrumentId, merchantId, merchantReference, authorized, phase, declineCode } = payment;
  const asked: Stop = {
    at: occurredAt,
    lane: 'request',
    what: `${instrumentId} pays ${merchantId}`,
    detail: `${inWords(payment.requested, assets)}   reference ${merchantReference ?? 'none'}`,
  };
  if (payment.quadrant.startsWith('crypto')) return [asked];
  const approved = authorized.minorUnits !== '0';
  const answer = approved ? `approved ${inWords(authorized, assets)}` : `${phase} ${declineCode ?? ''}`;
  return [asked, { at: occurredAt, lane: 'issuer', what: answer, detail: '' }];
}

function entryStop({ entryId, kind, recordedAt, transfers }: Entry, assets: AssetRegistry): Stop {
  const first = transfers[0];
  const path = first ? `${first.debit} → ${first.credit} ${inWords(first.amount, assets)}` : '';
  const more = transfers.length > 1 ? ` and ${transfers.length - 1} more` : '';
  return { at: recordedAt, lane: 'ledger', what: `${kind} ${entryId.slice(0, 8)}`, detail: `${path}${more}` };
}

function eventStop({ topic, consumer, recordedAt, handledAt }: Life['events'][number]): Stop {
  return { at: recordedAt, lane: 'outbox', what: topic, detail: `for ${consumer}: ${handledAt ? 'done' : 'waiting'}` };
}

function callStops(call: Life['chainCalls'][number]): Stop[] {
  const hash = call.chainHash ? `${call.chainHash.slice(0, 10)}…` : '';
  const stops: Stop[] = [{ at: call.recordedAt, lane: 'queue', what: `${call.kind} asked of the chain`, detail: '' }];
  if (call.signedAt) {
    stops.push({ at: call.signedAt, lane: 'signed', what: `${call.kind}, nonce ${call.nonce}`, detail: hash });
    if (call.blockHeight !== null) {
      const detail = `${call.state}   gas ${call.gasUsed ?? '?'}`;
      stops.push({ at: call.signedAt, lane: 'chain', what: `${call.kind} in block ${call.blockHeight}`, detail });
    }
  }
  return stops;
}

function payoutStops(payout: Payout, assets: AssetRegistry): Stop[] {
  const stops: Stop[] = [
    { at: payout.recordedAt, lane: 'payout', what: inWords(payout.amount, assets), detail: `to ${payout.payee}` },
  ];
  if (payout.finalAt) {
    const detail = `${payout.state}   ${payout.chainHash?.slice(0, 10) ?? ''}…`;
    stops.push({ at: payout.finalAt, lane: 'chain', what: `paid out in block ${payout.blockHeight}`, detail });
  }
  return stops;
}

function movementStops(payment: Payment, assets: AssetRegistry): Stop[] {
  return payment.movements.flatMap(({ kind, sequence, amount, state, finalAt }) =>
    finalAt ? [{ at: finalAt, lane: state, what: `${kind} ${sequence}`, detail: inWords(amount, assets) }] : [],
  );
}

function draw(stops: readonly Stop[]): string[] {
  const width = Math.max(...stops.map(({ what }) => what.length));
  return stops.map(({ at, lane, what, detail }) =>
    `  ${at.slice(11, 23)}  ${lane.padEnd(9)}  ${what.padEnd(width)}  ${detail}`.trimEnd(),
  );
}
