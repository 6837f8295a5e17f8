import { tokenOf } from '../../../bridge/chain/escrow.ts';
import type { ReconciliationView } from '../../../bridge/core/reconciliation/operations.ts';
import { verifyBooks } from '../../../ledger-service/statements/operations/verify-books.ts';
import type { ChainModel } from './chain-model.ts';
import type { IssuerModel } from './held-issuer.ts';
import type { Oracle } from './oracle.ts';
import type { SimulatorServer } from './server.ts';
import { COIN_ASSET, MERCHANT_WALLET, TOKEN_ASSET } from './simulated-world.ts';

/** Longer than a block, its way into the pool and a reorganisation may take together. */
const LATE_MILLISECONDS = 120_000;

/** What a movement of each kind was asked for by. */
const ACKNOWLEDGED = [
  ['capture', 'capturePayment'],
  ['refund', 'refundPayment'],
  ['void', 'voidPayment'],
  ['chargeback', 'openDispute'],
  ['lateReversal', 'reverseLate'],
] as const;

export type WaitingFor = Readonly<Record<string, number>>;

const WAITING = `
  select
    (select count(*) from bridge.outbox where handled_at is null)::int as outbox,
    (select count(*) from bridge.chain_calls where state in ('due', 'signed', 'givenUp'))::int as calls,
    (select count(*) from bridge.chain_payouts where state in ('due', 'batched'))::int as payouts,
    (select count(*) from bridge.payments where phase in ('created', 'unknown'))::int as unanswered,
    (select count(*) from bridge.payments where reversal_due_at is not null)::int as reversals,
    (select count(*) from bridge.deposits where state = 'sweeping'
      or state = 'open' and sweep_before <= $at)::int as deposits,
    (select count(*) from bridge.deposit_debts where owed > 0
      and (return_id is not null or not_before <= $at))::int as debts,
    (select count(*) from bridge.chain_blocks
      where canonical and not final and cardinality(chain_hashes) > 0)::int as blocks`;

/** What still waits for an issuer, the chain or a worker, by the rows alone; windows are closed by people. */
export async function waitingFor(server: SimulatorServer, at: Date): Promise<WaitingFor> {
  const [row] = await server.read<WaitingFor>(WAITING.replaceAll('$at', `'${at.toISOString()}'::timestamptz`));
  return Object.fromEntries(Object.entries(row!).filter(([, waiting]) => waiting > 0));
}

type Payment = Readonly<{
  payment_id: string;
  quadrant: string;
  phase: string;
  merchant_reference: string;
  authorized: string;
  captured: string;
  voided: string;
  refunded: string;
  terms_hash: string | null;
  authorization_expires_at: Date;
}>;

type Movement = Readonly<{
  payment_id: string;
  sequence: number;
  kind: string;
  state: string;
  amount: string;
  recorded_at: Date;
}>;

/** The highest price that the world's desks have for one minor unit, in cents. */
const MARK_CASES = `case e.asset when '${TOKEN_ASSET}' then 0.0001 else 250300 / 1e18::numeric end`;

/**
 * What each payment has at risk, from its own rows: of crypto → fiat what may still come, of fiat → crypto what is still
 * owed. What a failed capture had taken is held again, or voided. Written anew, so that it does not repeat a mistake of the bridge.
 */
const AT_RISK = `
  select case p.quadrant when 'cryptoToFiat' then p.asset else p.merchant_asset end as at_risk_asset,
    case
      when p.phase in ('declined', 'failed') then 0
      when p.quadrant = 'cryptoToFiat' and p.phase in ('requires_action', 'unknown') then p.requested
      when p.quadrant = 'cryptoToFiat' then p.authorized - p.voided - coalesce((
        select sum(t.amount) from ledger.transfers t
        where t.position = 0 and t.subject = p.payment_id
          and t.entry_kind in ('payment.capture', 'payment.depositCapture')), 0)
      when p.phase = 'unknown' then p.quoted_target
      else div(p.quoted_target * (p.authorized - p.voided), p.requested) - coalesce((
        select sum(o.netted + o.withheld + case when o.state = 'final' then o.amount else 0 end)
        from bridge.chain_payouts o
        where o.shard = p.shard and o.payment_id = p.payment_id and o.purpose = 'merchantPayout'), 0)
    end as at_risk
  from bridge.payments p where p.quote_id is not null`;

/** What must hold at every moment, faults or not. */
export async function judgeSafety(server: SimulatorServer): Promise<readonly string[]> {
  const found: string[] = [];
  const say = (rows: readonly Readonly<{ what: string }>[]) => found.push(...rows.map(({ what }) => what));
  say(
    await server.read(`
      select 'exposure of ' || e.asset || ' is ' || at_mark || ' of ' || e.maximum as what
      from bridge.exposures e
      left join ledger.accounts a on a.shard = e.shard and a.asset = e.asset and a.path = 'intermediary/chain'
      cross join lateral (select (e.open + coalesce(a.posted_debits - a.posted_credits, 0))
        * ${MARK_CASES} as at_mark) m
      where at_mark > e.maximum`),
  );
  say(
    await server.read(`
      select 'the payer ' || c.counterparty || ' has ' || sum(c.open) || ' of ' || c.asset || ' open' as what
      from bridge.exposure_claims c join bridge.exposures e on e.shard = c.shard and e.asset = c.asset
      where e.counterparty_maximum is not null
      group by c.asset, c.counterparty, e.counterparty_maximum
      having sum(c.open) * ${MARK_CASES.replaceAll('e.asset', 'c.asset')} > e.counterparty_maximum`),
  );
  say(
    await server.read(`
      select 'the exposure of ' || e.asset || ' is ' || e.open || ', by the payments ' || counted.sum as what
      from bridge.exposures e cross join lateral (select coalesce(sum(p.at_risk), 0) as sum from (${AT_RISK}) p
        where p.at_risk_asset = e.asset) counted
      where e.open <> counted.sum`),
  );
  say(
    await server.read(`
      select 'debits and credits of ' || asset || ' differ' as what from ledger.accounts group by asset
      having sum(posted_debits) <> sum(posted_credits) or sum(pending_debits) <> sum(pending_credits)`),
  );
  say(
    await server.read(`
      select path || ' went beyond its limit' as what from ledger.accounts
      where limit_kind = 'not_below_zero' and normal_side = 'debit'
        and posted_debits - posted_credits - pending_credits < 0
        or limit_kind = 'net_debit_cap' and posted_debits + pending_debits > limit_amount + posted_credits`),
  );
  say(
    await server.read(`
      select 'quote ' || quote_id || ' was used ' || count(*) || ' times' as what from bridge.payments
      where quote_id is not null and phase <> 'declined' group by quote_id having count(*) > 1`),
  );
  say(
    await server.read(`
      select 'payment ' || p.payment_id || ' counts other amounts than its movements have' as what from bridge.payments p
      where p.captured <> coalesce((select sum(m.amount) from bridge.payment_movements m
        where m.shard = p.shard and m.payment_id = p.payment_id and m.kind = 'capture' and m.state <> 'failed'), 0)
      or p.refunded <> coalesce((select sum(m.amount) from bridge.payment_movements m
        where m.shard = p.shard and m.payment_id = p.payment_id and m.kind = 'refund' and m.state <> 'failed'), 0)
      or p.voided <> coalesce((select sum(m.amount) from bridge.payment_movements m
        where m.shard = p.shard and m.payment_id = p.payment_id and m.kind in ('void', 'expiry')), 0)
      or p.charged_back <> coalesce((select sum(case when m.kind = 'representment' then - m.amount else m.amount end)
        from bridge.payment_movements m where m.shard = p.shard and m.payment_id = p.payment_id
          and m.kind in ('chargeback', 'representment', 'lateReversal')), 0)`),
  );
  return found;
}

/** What must hold in the end, when nothing has failed for long enough. */
export async function judgeEnd(
  world: Readonly<{
    server: SimulatorServer;
    /** What the bridge itself says of books, chain and windows. */
    reconciliation: ReconciliationView;
    chain: ChainModel;
    issuer: IssuerModel;
    oracle: Oracle;
  }>,
): Promise<readonly string[]> {
  const { server, reconciliation: view, chain, issuer, oracle } = world;
  const found: string[] = [...(await judgeSafety(server))];
  const payments = await server.read<Payment>('select * from bridge.payments order by payment_id');
  const movements = await server.read<Movement>('select * from bridge.payment_movements order by payment_id, sequence');
  for (const payment of payments) {
    if (payment.phase === 'open' || payment.phase === 'requires_action') {
      found.push(`payment ${payment.payment_id} is ${payment.phase} though its time is over`);
    }
    if (payment.quadrant.startsWith('fiat')) found.push(...judgeIssuer(payment, issuer));
    // What was swept to the wallet never saw the escrow.
    else if (payment.terms_hash !== null) found.push(...judgeEscrow(payment, chain));
  }
  const endOf = new Map(payments.map((one) => [one.payment_id, new Date(one.authorization_expires_at).getTime()]));
  const failedLate = new Map<string, number>();
  for (const { payment_id, sequence, kind, state, recorded_at } of movements) {
    // What was captured in the last moment may come too late on chain: it fails, and the payer has its money back.
    const isLate = kind === 'capture' && new Date(recorded_at).getTime() > endOf.get(payment_id)! - LATE_MILLISECONDS;
    if (state === 'failed' && isLate)
      failedLate.set(payment_id, Math.min(failedLate.get(payment_id) ?? sequence, sequence));
    if (state === 'failed' && isLate) continue;
    // A refund behind it has the number after it, which the escrow does not take: it is counted back, and asked for anew.
    if (state === 'failed' && kind === 'refund' && (failedLate.get(payment_id) ?? sequence) < sequence) continue;
    if (state !== 'final') found.push(`${kind} ${sequence} of ${payment_id} is ${state}`);
  }
  for (const hold of await server.read<{ hold_id: string; remaining: string }>(
    "select hold_id, remaining from ledger.holds where state = 'pending'",
  )) {
    found.push(`a hold of ${hold.remaining} is still there: ${hold.hold_id}`);
  }
  for (const { asset, open } of await server.read<{ asset: string; open: string }>(
    'select asset, open from bridge.exposures where open <> 0',
  )) {
    found.push(`${open} of ${asset} is at risk though nothing is under way`);
  }
  found.push(...(await judgeDeposits(server, chain)));
  found.push(...(await judgeAcceptances(server)));
  found.push(...(await judgeWindows(server)));
  found.push(...(await judgePayouts(server, chain)));
  found.push(...(await judgeMerchantPayouts(server)));
  found.push(...(await judgeDisputes(server)));
  found.push(...judgeOracle(oracle, payments, movements));
  for (const { check, where, expected, found: there } of (await verifyBooks(server.database)).misfits) {
    found.push(`the books do not fit, ${check}: ${where}: ${expected}, not ${there}`);
  }
  if (!view.ledger.balanced) found.push('the books do not balance');
  for (const { between, kind, key, ledger, other } of view.breaks) {
    found.push(`${between}, ${kind}: ${key}: ${ledger} and ${other}`);
  }
  return found;
}

function judgeIssuer(payment: Payment, issuer: IssuerModel): readonly string[] {
  const hold = issuer.holds.get(payment.payment_id);
  const { held, captured, refunded } = hold ?? { held: 0n, captured: 0n, refunded: 0n };
  const figures = [
    ['captured', captured, BigInt(payment.captured)],
    ['refunded', refunded, BigInt(payment.refunded)],
    ['held', held, BigInt(payment.authorized) - BigInt(payment.captured) - BigInt(payment.voided)],
  ] as const;
  return figures.flatMap(([name, theirs, ours]) =>
    theirs === ours || (name === 'held' && hold?.reversedLate)
      ? []
      : [`the issuer has ${theirs} ${name} of ${payment.payment_id} (${payment.phase}), not ${ours}`],
  );
}

function judgeEscrow(payment: Payment, chain: ChainModel): readonly string[] {
  const state = chain.head.state.payments.get(payment.terms_hash ?? '');
  if (!state) return payment.authorized === '0' ? [] : [`the escrow does not know ${payment.payment_id}`];
  const refundable = payment.quadrant === 'cryptoToCrypto' ? payment.refunded : '0';
  const expected = BigInt(payment.captured) - BigInt(refundable);
  return [
    ...(state.capturable === 0n ? [] : [`the escrow still holds ${state.capturable} of ${payment.payment_id}`]),
    ...(state.refundable === expected
      ? []
      : [`the escrow captured ${state.refundable} of ${payment.payment_id}, the books ${expected}`]),
  ];
}

/** Every deposit was moved on, sent back or kept; what lies at an address is what the books have kept of it. */
async function judgeDeposits(server: SimulatorServer, chain: ChainModel): Promise<readonly string[]> {
  const found: string[] = [];
  const open = await server.read<{ what: string }>(`
    select 'the deposit of ' || payment_id || ' is ' || state || ' with ' || held as what from bridge.deposits
    where state in ('open', 'sweeping') or held <> 0
    union all select owed || ' of ' || asset || ' is still owed at ' || address from bridge.deposit_debts where owed <> 0
    union all select 'a return of ' || amount || ' is ' || state from bridge.deposit_returns where state = 'asked'`);
  found.push(...open.map(({ what }) => what));
  const kept = await server.read<{ address: string; asset: string; dust: string }>(`
    select r.address, x.asset, coalesce(d.dust, 0)::text as dust
    from bridge.chain_recipients r cross join (values ('${TOKEN_ASSET}'), ('${COIN_ASSET}')) as x(asset)
    left join bridge.deposit_debts d on d.address = r.address and d.asset = x.asset
    order by r.address, x.asset`);
  for (const { address, asset, dust } of kept) {
    const there = chain.head.state.balanceOf(tokenOf(asset), address);
    if (there !== BigInt(dust)) found.push(`${there} of ${asset} lies at ${address}, and ${dust} was kept`);
  }
  const suspense = await server.read<{ what: string }>(`
    select 'suspense of ' || a.asset || ' is ' || (a.posted_credits - a.posted_debits) as what from ledger.accounts a
    where a.path = 'suspense/onchain' and a.posted_credits - a.posted_debits <> coalesce((
      select sum(i.amount) from bridge.suspense_items i
      where i.asset = a.asset and i.place = 'wallet' and i.state in ('open', 'returning')), 0)`);
  found.push(...suspense.map(({ what }) => what));
  return found;
}

/** What counted before it was final has ended, each time once, and adds up to nothing. */
async function judgeAcceptances(server: SimulatorServer): Promise<readonly string[]> {
  const rows = await server.read<{ what: string }>(`
    select path || ' stands at ' || posted_debits - posted_credits || ' of ' || asset as what
    from ledger.accounts where path = 'intermediary/unfinal' and posted_debits <> posted_credits
    union all
    select 'payment ' || subject || ' was credited early ' || given || ' times, and that ended ' || taken || ' times'
    from (select subject, count(*) filter (where entry_kind = 'payment.acceptance') as given,
        count(*) filter (where entry_kind in ('payment.acceptanceUndone', 'payment.acceptanceFinal')) as taken
      from ledger.transfers where entry_kind like 'payment.acceptance%' group by subject) as counted
    where given <> taken order by 1`);
  return rows.map(({ what }) => what);
}

/** Every captured or refunded amount of a fiat side is in one settled window. */
async function judgeWindows(server: SimulatorServer): Promise<readonly string[]> {
  const rows = await server.read<{ what: string }>(`
    select m.kind || ' ' || m.sequence || ' of ' || m.payment_id || ' is in no settled window' as what
    from bridge.payment_movements m join bridge.payments p on p.shard = m.shard and p.payment_id = m.payment_id
    where p.quadrant <> 'cryptoToCrypto' and m.kind in ('capture', 'refund', 'chargeback', 'representment', 'lateReversal') and m.state <> 'failed' and not exists (
      select 1 from bridge.presentments r
      join bridge.settlement_windows w on w.shard = r.shard and w.window_id = r.window_id and w.state = 'SETTLED'
      where r.shard = m.shard and r.payment_id = m.payment_id and r.sequence = m.sequence)`);
  return rows.map(({ what }) => what);
}

/**
 * What left the wallet is what was owed, once each: a merchant's captures less what it owed for refunds and chargebacks
 * and less what is kept for it, by the movements alone.
 */
async function judgePayouts(server: SimulatorServer, chain: ChainModel): Promise<readonly string[]> {
  const owed = await server.read<{ payee: string; amount: string }>(`
    select lower(payee) as payee, sum(amount)::text as amount from (
      select coalesce(p.terms -> 'deposit' -> 'terms' ->> 'returnTo', p.terms ->> 'payer') as payee, m.amount
      from bridge.payment_movements m join bridge.payments p on p.shard = m.shard and p.payment_id = m.payment_id
      where m.state <> 'failed' and p.quadrant = 'cryptoToFiat' and m.kind = 'refund'
      union all select '${MERCHANT_WALLET}', case when m.kind in ('capture', 'representment') then m.target_amount
        else - m.target_amount end
      from bridge.payment_movements m join bridge.payments p on p.shard = m.shard and p.payment_id = m.payment_id
      where m.state <> 'failed' and p.quadrant = 'fiatToCrypto'
        and m.kind in ('capture', 'refund', 'chargeback', 'representment', 'lateReversal')
      union all select '${MERCHANT_WALLET}', s.owed from bridge.merchant_standings s where s.merchant_id = 'arcade'
      union all select '${MERCHANT_WALLET}', - r.remaining from bridge.merchant_reserves r
        where r.merchant_id = 'arcade') as due
    group by 1 order by 1`);
  const paid = new Map<string, bigint>();
  for (let height = 0; height <= chain.head.height; height += 1) {
    for (const { event, fields } of chain.logsAt(height)) {
      if (event !== 'PaidOut') continue;
      const payee = fields.payee!.toLowerCase();
      paid.set(payee, (paid.get(payee) ?? 0n) + BigInt(fields.amount!));
    }
  }
  const expected = new Map(owed.map(({ payee, amount }) => [payee, BigInt(amount)]));
  return [...new Set([...paid.keys(), ...expected.keys()])].flatMap((payee) =>
    (paid.get(payee) ?? 0n) === (expected.get(payee) ?? 0n)
      ? []
      : [`the wallet paid ${paid.get(payee) ?? 0n} to ${payee}, and owed ${expected.get(payee) ?? 0n}`],
  );
}

/** The same for a merchant whom its acquirer pays: by presentments, payouts and what is kept for it or owed by it. */
async function judgeMerchantPayouts(server: SimulatorServer): Promise<readonly string[]> {
  const rows = await server.read<{ due: string; had: string }>(`
    select
      (select coalesce(sum(case when kind in ('capture', 'representment') then amount - merchant_fee else - amount end), 0)
        from bridge.presentments where merchant_id = 'bakery')::text as due,
      ((select coalesce(sum(paid), 0) from bridge.merchant_payouts where merchant_id = 'bakery')
      + (select coalesce(sum(t.amount), 0) from ledger.transfers t
        join ledger.accounts d on d.shard = t.shard and d.account_id = t.debit_account_id
        join ledger.accounts c on c.shard = t.shard and c.account_id = t.credit_account_id
        where d.path = 'merchant/bakery/reserve' and c.path = 'acquirer/porto/position')
      + (select coalesce(sum(remaining), 0) from bridge.merchant_reserves where merchant_id = 'bakery')
      - (select coalesce(sum(owed), 0) from bridge.merchant_standings where merchant_id = 'bakery'))::text as had`);
  return rows.flatMap(({ due, had }) => (due === had ? [] : [`bakery was due ${due} and has had ${had}`]));
}

/** Every dispute has come to its end, and only what was won was given back. */
async function judgeDisputes(server: SimulatorServer): Promise<readonly string[]> {
  const rows = await server.read<{ what: string }>(`
    select 'dispute ' || d.dispute_id || ' is ' || d.state || ' with ' || count(m.sequence) || ' given back' as what
    from bridge.disputes d left join bridge.payment_movements m
      on m.shard = d.shard and m.payment_id = d.payment_id and m.kind = 'representment'
    group by d.dispute_id, d.state having d.state not in ('won', 'lost') or (d.state = 'won') <> (count(m.sequence) = 1)`);
  return rows.map(({ what }) => what);
}

/** Acknowledged means durable; and nothing was done that nobody was told of. */
function judgeOracle(oracle: Oracle, payments: readonly Payment[], movements: readonly Movement[]): readonly string[] {
  const found = [...oracle.violations];
  const known = new Set(payments.map(({ payment_id }) => payment_id));
  const byDeposit = new Set(
    payments
      .filter((one) => one.quadrant === 'cryptoToFiat' && one.terms_hash === null && one.captured !== '0')
      .map(({ payment_id }) => payment_id),
  );
  for (const { answer, key } of oracle.of('createPayment')) {
    const { paymentId } = JSON.parse(answer) as { paymentId: string };
    if (!known.has(paymentId)) found.push(`payment ${paymentId} of ${key} was acknowledged and is not there`);
  }
  for (const [kind, operation] of ACKNOWLEDGED) {
    const told = oracle.of(operation);
    const counted = new Map<string, number>();
    for (const { subject } of told) counted.set(subject, (counted.get(subject) ?? 0) + 1);
    for (const paymentId of known) {
      // A sweep to the wallet is a capture that nobody asked for by itself.
      const swept = kind === 'capture' && byDeposit.has(paymentId) ? 1 : 0;
      const moved = movements.filter((one) => one.payment_id === paymentId && one.kind === kind).length - swept;
      // What is said twice under two keys is one thing.
      const there = kind === 'lateReversal' && moved === 1 ? Math.max(1, counted.get(paymentId) ?? 0) : moved;
      const acknowledged = counted.get(paymentId) ?? 0;
      if (there !== acknowledged) {
        found.push(`${acknowledged} of kind ${kind} were acknowledged for ${paymentId}, and ${there} are there`);
      }
    }
  }
  return found;
}
