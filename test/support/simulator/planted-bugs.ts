import type { Hex } from '../../../bridge/chain/domain.ts';
import type { IssuerPort } from '../../../bridge/core/authorization/issuer-port.ts';
import { answered, type Chance, changeJson, dropLock, isOn, withStatement } from './planted-statements.ts';
import type { PlantedBug } from './simulation.ts';

/** Locks that are missing, or taken in two orders. */
const LOCKS: readonly PlantedBug[] = [
  withStatement('no row lock on a payment', (statement) => {
    if (/ from "bridge"\."payments" .* for update$/.test(statement.text)) dropLock(statement);
  }),
  withStatement('accounts locked in one order here, in another there', (statement, chance) => {
    if (!statement.text.includes('for no key update) a') || chance.happens(0.5)) return;
    statement.text = statement.text.replace('order by a.account_id)', 'order by a.account_id desc)');
  }),
  withStatement('accounts locked before payments here, after them there', (statement, chance) => {
    if (!/"payment_id" = \$2\) for update$/.test(statement.text) || chance.happens(0.5)) return;
    statement.text = statement.text
      .replace(/^select/, `with early as materialized (${EVERY_ACCOUNT}) select`)
      .replace(/ for update$/, ' and (select count(*) from early) >= 0 for update');
  }),
  {
    ...withStatement('no lock on a signing key', (statement) => {
      if (/ from "bridge"\."chain_keys" .* for update$/.test(statement.text)) dropLock(statement);
    }),
    withoutSigner: true,
  },
  withStatement('a window closed while others clear into it', (statement) => {
    statement.text = statement.text.replace(/ for share$/, '');
  }),
  withStatement('payouts batched twice', (statement) => {
    if (/ from "bridge"\."chain_payouts" .* for update skip locked$/.test(statement.text)) dropLock(statement);
  }),
];

function raisesExposure({ text }: Readonly<{ text: string }>): boolean {
  return text.includes('set open = e.open + l.amount');
}

/** Limits, keys and answers. */
const ONCE: readonly PlantedBug[] = [
  withStatement('exposure checked outside of the database transaction', (statement) => {
    if (!raisesExposure(statement)) return;
    statement.text = statement.text.replace('returning e.asset, e.open,', 'returning e.asset, l.amount as open,');
  }),
  withStatement('risk never given back', (statement) =>
    statement.text.includes('set open = e.open - l.amount') ? answered : undefined,
  ),
  withStatement('a quote taken by whoever comes', (statement) => {
    statement.text = statement.text.replace(/and \(q\.accepted_by is null or q\.accepted_by = l\.payment_id\)/, '');
  }),
  withStatement('the answer of a key not kept', (statement) =>
    isOn(statement, 'update', 'once_keys') ? answered : undefined,
  ),
  withStatement('a key claimed anew by whoever comes', (statement) => {
    if (!isOn(statement, 'insert', 'once_keys')) return;
    statement.text = statement.text.replace(
      'on conflict do nothing',
      `on conflict (shard, caller_id, idempotency_key) do update
        set resource_id = excluded.resource_id, request = excluded.request, outcome = null`,
    );
  }),
  {
    name: 'a key not scoped to its owner',
    once: (request) => ({ ...request, callerId: 'anyone', ...sharedKey(request) }),
  },
  withStatement('a commit that is acknowledged and never made', (statement, chance) => {
    if (statement.text === 'commit' && chance.happens(0.01)) statement.text = 'rollback';
  }),
];

/** Work that is lost or done again. */
const WORK: readonly PlantedBug[] = [
  { name: 'lost sweeper', withoutSweeper: true },
  withStatement('events lost', (statement, chance) =>
    isOn(statement, 'insert', 'outbox') && chance.happens(0.1) ? answered : undefined,
  ),
  withStatement('handled events not marked', (statement) =>
    isOn(statement, 'update', 'outbox') && statement.text.includes('set "handled_at"') ? answered : undefined,
  ),
  withStatement('a movement not written', (statement, chance) =>
    isOn(statement, 'insert', 'payment_movements') && chance.happens(0.05) ? answered : undefined,
  ),
  withStatement('a call of the chain not written', (statement, chance) =>
    isOn(statement, 'insert', 'chain_calls') && chance.happens(0.05) ? answered : undefined,
  ),
  withStatement('what was captured not saved', (statement) => {
    if (!isOn(statement, 'update', 'payments')) return;
    statement.text = statement.text.replace('captured = x.captured', 'captured = p.captured');
  }),
  withStatement('a hold stays though it was let go', (statement) => {
    statement.text = statement.text.replace(
      'set remaining = k.remaining, state = k.state',
      "set remaining = k.remaining, state = 'pending'",
    );
  }),
  withStatement('a seal not written', (statement, chance) =>
    isOn(statement, 'insert', 'seals') && chance.happens(0.2) ? answered : undefined,
  ),
];

/** The chain: what is sent, numbered, believed. */
const CHAIN: readonly PlantedBug[] = [
  withStatement('next nonce not kept', (statement) => (isOn(statement, 'update', 'chain_keys') ? answered : undefined)),
  {
    name: 'sent before commit',
    filter:
      ({ chain }) =>
      (statement) => {
        if (!isOn(statement, 'insert', 'chain_submissions')) return undefined;
        for (const raw of statement.parameters) if (String(raw).startsWith('0x02f')) chain.submit(raw as Hex);
        return undefined;
      },
  },
  withStatement('what a node forgot not sent again', (statement) => {
    if (!/ from "bridge"\."chain_submissions" .*"sent_at" <= \$2/.test(statement.text)) return;
    statement.text = statement.text.replace(
      '"bridge"."chain_submissions"."sent_at" <= $2',
      '($2::timestamptz is null)',
    );
  }),
  { name: 'shallow finality', finalityDepth: 0 },
  withStatement('lost blocks still counted', (statement) =>
    (isOn(statement, 'update', 'chain_logs') || isOn(statement, 'update', 'chain_blocks')) &&
    statement.text.includes('set "canonical"')
      ? answered
      : undefined,
  ),
  withStatement('calls of a payment in any order', (statement) => {
    statement.text = statement.text.replace(
      /order by "bridge"\."chain_calls"\."shard" asc, "bridge"\."chain_calls"\."subject" asc, "bridge"\."chain_calls"\."sequence" asc for update$/,
      'order by "bridge"."chain_calls"."call_id" for update',
    );
  }),
  {
    ...withStatement('a capture signed twice, without a number on chain', (statement, chance) => {
      if (!isOn(statement, 'update', 'chain_calls') || statement.parameters[0] !== 'signed') return;
      // Due again as if it had never had a nonce.
      if (chance.happens(0.3)) statement.parameters.splice(0, 3, 'due', null, null);
    }),
    withoutSequences: true,
    withoutSigner: true,
  },
];

/** Issuers: silence, reversals and advices. */
const ISSUERS: readonly PlantedBug[] = [
  withStatement('silence taken for a refusal', (statement) =>
    changeJson(statement, 'payments', (row) =>
      row.decline_code === 'ISSUER_UNANSWERED' ? { ...row, phase: 'declined', reversal_due_at: null } : row,
    ),
  ),
  withIssuer('a reversal told once, acknowledged or not', (port) => ({
    ...port,
    reverse: (request) => port.reverse(request).catch(() => {}),
  })),
  withIssuer('an advice told once, acknowledged or not', (port) => ({
    ...port,
    advise: (advice) => port.advise(advice).catch(() => {}),
  })),
  withIssuer('an advice under a new name each time', (port, next) => ({
    ...port,
    advise: (advice) => port.advise({ ...advice, adviceId: `${advice.adviceId} ${next()}` }),
  })),
  withIssuer('more believed than was asked for', (port) => ({
    ...port,
    authorize: async (request) => {
      const answer = await port.authorize(request);
      return answer.kind === 'approved' ? { ...answer, amount: request.amount, responseCode: '00' } : answer;
    },
  })),
  withStatement('a late answer opens what is being reversed', (statement) =>
    isOn(statement, 'update', 'payments') && statement.parameters[0] === 'AUTHORIZATION_INTERRUPTED'
      ? answered
      : undefined,
  ),
];

/**
 * Bugs that are planted from the outside: a statement is changed or answered on its way to the server, or a port says
 * what it should not. Each has to be found; a simulator that finds nothing proves nothing.
 */
export const PLANTED_BUGS: readonly PlantedBug[] = [...LOCKS, ...ONCE, ...WORK, ...CHAIN, ...ISSUERS];

const EVERY_ACCOUNT = 'select a.path from ledger.accounts a order by a.account_id for update';

function withIssuer(name: string, wrap: (port: IssuerPort, next: () => number) => IssuerPort): PlantedBug {
  return {
    name,
    issuer: (port, chance: Chance) => wrap(port, () => chance.below(1_000_000_000)),
  };
}

/** Two callers that name their keys alike. */
function sharedKey({ idempotencyKey }: Readonly<{ idempotencyKey: string }>) {
  return { idempotencyKey: idempotencyKey.replace(/\d+/, (digits) => String(Number(digits) % 3)) };
}
