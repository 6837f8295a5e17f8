import type { Hex } from '../../../bridge/chain/domain.ts';
import type { IssuerPort } from '../../../bridge/core/authorization/issuer-port.ts';
import type { Statement, StatementFilter } from './held-client.ts';
import type { PlantedBug } from './simulation.ts';

const EVERY_ACCOUNT = 'select a.path from ledger.accounts a order by a.account_id for update';

/**
 * Bugs that are planted from the outside: a statement is changed or answered on its way to the server, or a port says
 * what it should not. Each has to be found; a simulator that finds nothing proves nothing.
 */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  withStatement('no row lock on a payment', (statement) => {
    if (/ from "bridge"\."payments" .* for update$/.test(statement.text)) dropLock(statement);
  }),
  withStatement('no lock on accounts', (statement) => {
    statement.text = statement.text.replace('for no key update of a', '');
  }),
  withStatement('accounts locked before payments here, after them there', (statement, chance) => {
    if (!/"payment_id" = \$2\) for update$/.test(statement.text) || chance.happens(0.5)) return;
    statement.text = statement.text
      .replace(/^select/, `with early as materialized (${EVERY_ACCOUNT}) select`)
      .replace(/ for update$/, ' and (select count(*) from early) >= 0 for update');
  }),
  withStatement('no lock on a signing key', (statement) => {
    if (/ from "bridge"\."chain_keys" .* for update$/.test(statement.text)) dropLock(statement);
  }),
  withStatement('next nonce not kept', ({ text }) =>
    text.startsWith('update "bridge"."chain_keys" set "next_nonce"') ? [] : undefined,
  ),
  {
    name: 'sent before commit',
    filter:
      ({ chain }) =>
      ({ text, parameters }) => {
        if (!text.startsWith('insert into "bridge"."chain_submissions"')) return undefined;
        for (const raw of parameters) if (String(raw).startsWith('0x02f')) chain.submit(raw as Hex);
        return undefined;
      },
  },
  { name: 'shallow finality', finalityDepth: 0 },
  { name: 'lost sweeper', withoutSweeper: true },
  withStatement('a window closed while others clear into it', (statement) => {
    statement.text = statement.text.replace(/ for share$/, '');
  }),
  withStatement('exposure checked outside of the database transaction', (statement) => {
    statement.text = statement.text.replace(
      /"bridge"\."exposures"\."open" \+ \$\d+ <= "bridge"\."exposures"\."maximum"/,
      'cast($4 as numeric) <= "bridge"."exposures"."maximum"',
    );
  }),
  withStatement('risk never given back', ({ text }) =>
    text.startsWith('update "bridge"."exposures"') && text.includes('"open" - $1') ? [] : undefined,
  ),
  withStatement('the answer of a key not kept', ({ text }) =>
    text.startsWith('update "bridge"."once_keys" set "outcome"') ? [] : undefined,
  ),
  withStatement('a key claimed afresh by each attempt', (statement, chance) => {
    if (!statement.text.startsWith('insert into "bridge"."once_keys"')) return;
    statement.parameters[2] = `${String(statement.parameters[2])} ${chance.below(1_000_000)}`;
  }),
  {
    name: 'a key not scoped to its owner',
    once: (request) => ({ ...request, callerId: 'anyone', ...sharedKey(request) }),
  },
  withStatement('events of captures lost', (statement, chance) =>
    statement.text.startsWith('insert into "bridge"."outbox"') && chance.happens(0.1) ? [] : undefined,
  ),
  withStatement('handled events not marked', ({ text }) =>
    text.startsWith('update "bridge"."outbox" set "handled_at"') ? [] : undefined,
  ),
  withStatement('an event handled by two workers at once', (statement) => {
    if (/ from "bridge"\."outbox" .* for update skip locked$/.test(statement.text)) dropLock(statement);
    if (statement.text.startsWith('insert into "bridge"."chain_payouts"')) {
      statement.text = statement.text.replace(/ on conflict do nothing$/, '');
    }
  }),
  withStatement('silence taken for a refusal', (statement) => {
    if (statement.parameters[0] !== 'ISSUER_UNANSWERED') return;
    statement.text = statement.text.replace(
      '"reversal_due_at" = $2',
      `"phase" = 'declined', "reversal_due_at" = nullif($2::timestamptz, $2::timestamptz)`,
    );
  }),
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
  withStatement('a late answer opens what is being reversed', ({ text, parameters }) =>
    text.startsWith('update "bridge"."payments" set "decline_code"') && parameters[0] === 'AUTHORIZATION_INTERRUPTED'
      ? []
      : undefined,
  ),
  withStatement('lost blocks still counted', ({ text }) =>
    text.startsWith('update "bridge"."chain_logs" set "canonical"') ||
    text.startsWith('update "bridge"."chain_blocks" set "canonical"')
      ? []
      : undefined,
  ),
  withStatement('calls of a payment in any order', (statement) => {
    statement.text = statement.text.replace(
      'order by "bridge"."chain_calls"."shard" asc, "bridge"."chain_calls"."subject" asc, "bridge"."chain_calls"."sequence" asc for update',
      'order by "bridge"."chain_calls"."call_id" for update',
    );
  }),
  {
    ...withStatement('a capture signed twice, without a number on chain', ({ text, parameters }, chance) =>
      text.startsWith('update "bridge"."chain_calls" set "state"') && parameters[0] === 'signed' && chance.happens(0.3)
        ? []
        : undefined,
    ),
    withoutSequences: true,
  },
  withStatement('payouts batched twice', (statement) => {
    if (/ from "bridge"\."chain_payouts" .* for update skip locked$/.test(statement.text)) dropLock(statement);
  }),
  withStatement('a commit that is acknowledged and never made', (statement, chance) => {
    if (statement.text === 'commit' && chance.happens(0.01)) statement.text = 'rollback';
  }),
  withStatement('a movement not written', ({ text }, chance) =>
    text.startsWith('insert into "bridge"."payment_movements"') && chance.happens(0.05) ? [] : undefined,
  ),
  withStatement('a hold let go twice', (statement) => {
    if (!/^\s*update ledger\.holds/.test(statement.text)) return;
    statement.text = statement.text
      .replace('state = x.state', "state = 'pending'")
      .replace('remaining = x.remaining', 'remaining = x.remaining + 1');
  }),
];

type Chance = Parameters<NonNullable<PlantedBug['filter']>>[0]['chance'];

/** `change` alters the statement, or answers it without asking the server. */
function withStatement(name: string, change: (statement: Statement, chance: Chance) => unknown): PlantedBug {
  return {
    name,
    filter: ({ chance }): StatementFilter => {
      return (statement) => change(statement, chance) as readonly unknown[] | undefined;
    },
  };
}

function withIssuer(name: string, wrap: (port: IssuerPort, next: () => number) => IssuerPort): PlantedBug {
  let told = 0;
  return {
    name,
    issuer: (port) =>
      wrap(port, () => {
        told += 1;
        return told;
      }),
  };
}

function dropLock(statement: Statement): void {
  statement.text = statement.text.replace(/ for update( skip locked)?$/, '');
}

/** Two callers that name their keys alike. */
function sharedKey({ idempotencyKey }: Readonly<{ idempotencyKey: string }>) {
  return { idempotencyKey: idempotencyKey.replace(/\d+/, (digits) => String(Number(digits) % 3)) };
}
