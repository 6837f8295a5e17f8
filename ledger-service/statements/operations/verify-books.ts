import { ruleOf } from '../../journal/chart.ts';
import { subjectKeyOf } from '../../journal/domain.ts';
import { HASH_OF_LINES } from '../../journal/store.ts';
import { type Database, type Execute, inSnapshot, type Row } from '../../platform/database.ts';
import { uuidFromMeaning } from '../../vocabulary/identifiers.ts';
import { FIRST_LINK, sealHash } from '../domain.ts';
import { rowsOf, SUBJECT, SUBJECT_KEY } from '../store.ts';

/** The first thing of its kind that does not fit; `where` leads to the row. */
export type Misfit = Readonly<{ check: string; shard: number; where: string; expected: string; found: string }>;

export type Verification = Readonly<{
  transfers: number;
  entries: number;
  accounts: number;
  seals: number;
  /** Entries that wait for their seal: nothing proves yet that they are as they were posted. */
  unsealedEntries: number;
  /** The last link of each shard's chain, to compare with what was anchored. */
  links: readonly Readonly<{ shard: number; sealNumber: bigint; hash: string }>[];
  misfits: readonly Misfit[];
}>;

/** Seals that are read together: enough that a trip to the server does not count, few enough to be held in memory. */
const SEALS_AT_ONCE = 16;

/**
 * Recomputes everything that the books claim, and names what does not fit.
 *
 * Shape:   per check, the first misfit of each shard; none when everything fits
 * Checks:  terms of accounts · versions, running balances and sums of every account from its lines · holds from their
 *          transfers · debits and credits per asset · every entry listed once · the chain of hashes over every column
 * Effects: reads only, in one snapshot; posting goes on meanwhile
 */
export async function verifyBooks(database: Database): Promise<Verification> {
  return inSnapshot(database, async (execute) => {
    for (const setting of ['statement_timeout = 0', "work_mem = '256MB'", 'jit = off']) {
      await execute(`set local ${setting}`, []);
    }
    const misfits: Misfit[] = [];
    for (const [check, statement] of Object.entries(CHECKS)) {
      for (const [shard, where, expected, found] of await execute(statement, [])) {
        misfits.push({ check, shard: Number(shard), where: `${where}`, expected: `${expected}`, found: `${found}` });
      }
    }
    misfits.push(...(await verifyRules(execute)));
    const links: Verification['links'][number][] = [];
    let seals = 0;
    for (const [shard] of await execute(
      'select shard from ledger.seals union select shard from ledger.unsealed order by 1',
      [],
    )) {
      const chain = await verifyChain(execute, shard as number);
      misfits.push(...chain.misfits);
      seals += chain.seals;
      links.push({ shard: shard as number, sealNumber: BigInt(chain.seals), hash: chain.hash.toString('hex') });
    }
    const [counts] = await execute(COUNTS, []);
    const [transfers, entries, accounts, unsealedEntries] = counts!.map(Number) as [number, number, number, number];
    return { transfers, entries, accounts, seals, unsealedEntries, links, misfits };
  });
}

const COUNTS = `
  select (select count(*) from ledger.transfers), (select count(*) from ledger.transfers where position = 0),
    (select count(*) from ledger.accounts), (select coalesce(sum(cardinality(entry_ids)), 0) from ledger.unsealed)`;

/** Each gives, per shard, the first row that does not fit: shard, where, expected, found. */
const CHECKS: Record<string, string> = {
  'accounts are numbered without a gap': `
    select distinct on (s.shard) s.shard, 'shard ' || s.shard, s.accounts::text, count(a.account_id)::text
    from (select shard, accounts from ledger.shards union select distinct shard, 0 from ledger.accounts a
      where not exists (select from ledger.shards s where s.shard = a.shard)) s
    left join ledger.accounts a on a.shard = s.shard
    group by s.shard, s.accounts
    having count(a.account_id) <> s.accounts or coalesce(max(a.account_id), 0) <> s.accounts
    order by s.shard`,
  'an account is as its terms say': `
    select distinct on (shard) shard, 'account ' || account_id, terms, account from (
      select coalesce(a.shard, t.shard) as shard, coalesce(a.account_id, t.account_id) as account_id,
        row(t.path, t.asset, t.normal_side, t.limit_kind, t.limit_amount, t.revision)::text as terms,
        row(a.path, a.asset, a.normal_side, a.limit_kind, a.limit_amount, a.revision)::text as account
      from ledger.accounts a
      full join (
        select distinct on (shard, account_id) * from ledger.account_terms order by shard, account_id, revision desc
      ) t on t.shard = a.shard and t.account_id = a.account_id) as x
    where terms <> account order by shard, account_id`,
  'every revision of the terms is there': `
    select distinct on (shard) shard, 'account ' || account_id, (count(*) - 1)::text, max(revision)::text
    from ledger.account_terms group by shard, account_id having max(revision) <> count(*) - 1 or min(revision) <> 0
    order by shard, account_id`,
  'an account is what its lines add up to': `
    with lines as (
      select shard, debit_account_id as account_id, debit_version as version, debit_balance_after as balance, kind,
        amount, recorded_at, entry_id, position, true as is_debit from ledger.transfers
      union all
      select shard, credit_account_id, credit_version, credit_balance_after, kind, amount, recorded_at, entry_id,
        position, false from ledger.transfers),
    running as (
      select l.shard, l.account_id, l.version, l.balance, l.entry_id, l.position, l.recorded_at,
        row_number() over w as expected_version,
        sum(case when kind in ('post', 'post_pending')
          then case when is_debit = (a.normal_side = 'debit') then amount else -amount end else 0 end) over w as expected_balance,
        lag(l.recorded_at) over w as recorded_before
      from lines l join ledger.accounts a on a.shard = l.shard and a.account_id = l.account_id
      window w as (partition by l.shard, l.account_id order by l.version))
    select distinct on (shard) shard, 'line ' || version || ' of account ' || account_id || ', transfer ' || position
        || ' of entry ' || entry_id,
      'version ' || expected_version || ', balance ' || expected_balance || ', recorded no earlier than '
        || coalesce(recorded_before::text, 'ever'),
      'version ' || version || ', balance ' || balance || ', recorded at ' || recorded_at
    from running
    where version <> expected_version or balance <> expected_balance or recorded_at < recorded_before
    order by shard, account_id, version`,
  'an account has the sums of its lines': `
    with lines as (
      select shard, debit_account_id as account_id, kind, amount, recorded_at, true as is_debit from ledger.transfers
      union all
      select shard, credit_account_id, kind, amount, recorded_at, false from ledger.transfers),
    sums as (
      select shard, account_id, count(*) as version, max(recorded_at) as recorded_at,
        coalesce(sum(amount) filter (where is_debit and kind in ('post', 'post_pending')), 0) as posted_debits,
        coalesce(sum(amount) filter (where not is_debit and kind in ('post', 'post_pending')), 0) as posted_credits,
        coalesce(sum(case when kind = 'pending' then amount else -amount end) filter (where is_debit and kind <> 'post'), 0)
          as pending_debits,
        coalesce(sum(case when kind = 'pending' then amount else -amount end) filter (where not is_debit and kind <> 'post'), 0)
          as pending_credits
      from lines group by shard, account_id)
    select distinct on (shard) shard, 'account ' || account_id, expected, found from (
      select coalesce(a.shard, s.shard) as shard, coalesce(a.account_id, s.account_id) as account_id,
        row(coalesce(s.version, 0), coalesce(s.posted_debits, 0), coalesce(s.posted_credits, 0),
          coalesce(s.pending_debits, 0), coalesce(s.pending_credits, 0), greatest(s.recorded_at, o.recorded_at))::text
          as expected,
        row(a.version, a.posted_debits, a.posted_credits, a.pending_debits, a.pending_credits, a.recorded_at)::text as found
      from ledger.accounts a
      join ledger.account_terms o on o.shard = a.shard and o.account_id = a.account_id and o.revision = 0
      full join sums s on s.shard = a.shard and s.account_id = a.account_id) as x
    where expected is distinct from found order by shard, account_id`,
  'a hold is what its transfers left of it': `
    with closings as (
      select shard, hold_id, sum(amount) as taken, (array_agg(kind order by debit_version desc))[1] as last
      from ledger.transfers where kind in ('post_pending', 'void_pending', 'expire_pending') group by shard, hold_id),
    expected as (
      select t.shard, t.hold_id, t.entry_id, t.position, t.debit_account_id, t.credit_account_id, t.expires_at,
        t.amount - coalesce(c.taken, 0) as remaining,
        case when t.amount > coalesce(c.taken, 0) then 'pending' when c.last = 'post_pending' then 'posted'
          when c.last = 'void_pending' then 'voided' else 'expired' end as state
      from ledger.transfers t left join closings c on c.shard = t.shard and c.hold_id = t.hold_id
      where t.kind = 'pending')
    select distinct on (shard) shard, 'hold ' || hold_id, expected, found from (
      select coalesce(h.shard, e.shard) as shard, coalesce(h.hold_id, e.hold_id) as hold_id,
        row(e.entry_id, e.position, e.debit_account_id, e.credit_account_id, e.expires_at, e.remaining, e.state)::text as expected,
        row(h.entry_id, h.position, h.debit_account_id, h.credit_account_id, h.expires_at, h.remaining, h.state)::text as found
      from ledger.holds h full join expected e on e.shard = h.shard and e.hold_id = h.hold_id) as x
    where expected is distinct from found order by shard, hold_id`,
  'debits are credits, in each asset': `
    select distinct on (shard) shard, 'asset ' || asset, 'debits ' || sum(posted_debits), 'credits ' || sum(posted_credits)
    from ledger.accounts group by shard, asset
    having sum(posted_debits) <> sum(posted_credits) or sum(pending_debits) <> sum(pending_credits)
    order by shard, asset`,
  'every entry is listed once, sealed or waiting for it': `
    with listed as (
      select shard, unnest(entry_ids) as entry_id from ledger.seals
      union all
      select shard, unnest(entry_ids) from ledger.unsealed),
    counted as (select shard, entry_id, count(*) as times from listed group by shard, entry_id)
    select distinct on (shard) shard, 'entry ' || entry_id, 'once', times || ' times' from (
      select coalesce(t.shard, c.shard) as shard, coalesce(t.entry_id, c.entry_id) as entry_id,
        case when t.entry_id is null then 0 else coalesce(c.times, 0) end as times
      from (select shard, entry_id from ledger.transfers where position = 0) t
      full join counted c on c.shard = t.shard and c.entry_id = t.entry_id) as x
    where times <> 1 order by shard, entry_id`,
  'every revision of the terms is listed once': `
    with listed as (
      select shard, u.number, u.place, terms from ledger.seals, unnest(terms) with ordinality as u(number, place)
      union all
      select shard, u.number, u.place, terms from ledger.unsealed, unnest(terms) with ordinality as u(number, place)),
    counted as (
      select shard, number as account_id, terms[place + 1] as revision, count(*) as times
      from listed where place % 2 = 1 group by 1, 2, 3)
    select distinct on (shard) shard, 'revision ' || revision || ' of account ' || account_id, 'once', times || ' times'
    from (
      select coalesce(t.shard, c.shard) as shard, coalesce(t.account_id, c.account_id) as account_id,
        coalesce(t.revision, c.revision) as revision,
        case when t.account_id is null then 0 else coalesce(c.times, 0) end as times
      from ledger.account_terms t
      full join counted c on c.shard = t.shard and c.account_id = t.account_id and c.revision = t.revision) as x
    where times <> 1 order by shard, account_id, revision`,
  'what waits to be sealed is as it was posted': `
    select distinct on (shard) shard, 'unsealed ' || unsealed_id, encode(expected, 'hex'), encode(hash, 'hex') from (
      select u.shard, u.unsealed_id, u.hash, (
        select ${HASH_OF_LINES} from (
          select t::text as line from ledger.transfers t where t.shard = u.shard and t.entry_id = any(u.entry_ids)
          union all
          select t::text from unnest(u.terms) with ordinality as n(account_id, place)
          join ledger.account_terms t on t.shard = u.shard and t.account_id = n.account_id
            and t.revision = u.terms[n.place + 1]
          where n.place % 2 = 1) as lines) as expected
      from ledger.unsealed u) as x
    where expected is distinct from hash order by shard, unsealed_id`,
  'what waits to be sealed has the name of its first entry': `
    select distinct on (shard) shard, 'unsealed ' || unsealed_id, entry_ids[1]::text, unsealed_id::text
    from ledger.unsealed where cardinality(entry_ids) > 0 and unsealed_id <> entry_ids[1] order by shard, unsealed_id`,
};

/** What only the program knows: the chart's rules, and names made from a meaning. */
async function verifyRules(execute: Execute): Promise<readonly Misfit[]> {
  const misfits: Misfit[] = [];
  const accounts = await execute(
    'select shard, account_id, path, asset, normal_side from ledger.accounts order by 1, 2',
    [],
  );
  for (const [shard, accountId, path, , side] of accounts) {
    const rule = ruleOf(path as string);
    if (rule?.normalSide === side) continue;
    const where = `account ${accountId}, ${path}`;
    const expected = rule?.normalSide ?? 'a path of the chart';
    misfits.push({ check: 'an account follows the chart', shard: Number(shard), where, expected, found: `${side}` });
    break;
  }
  const names = new Map(
    accounts.map(([shard, accountId, path, asset]) => [`${shard} ${accountId}`, [path, asset] as const]),
  );
  for (const [shard, unsealedId, terms] of await execute(
    'select shard, unsealed_id, terms from ledger.unsealed where cardinality(terms) > 0',
    [],
  )) {
    const possible = pairs(terms as number[]).map(([accountId, revision]) => {
      const [path, asset] = (names.get(`${shard} ${accountId}`) ?? ['', '']) as [string, string];
      return revision === 0
        ? uuidFromMeaning('account opened', shard as number, path, asset)
        : uuidFromMeaning('terms', shard as number, path, asset, revision);
    });
    if (possible.includes(unsealedId as string)) continue;
    const check = 'what waits to be sealed has the name of its terms';
    misfits.push({
      check,
      shard: Number(shard),
      where: `unsealed ${unsealedId}`,
      expected: possible.join(' or '),
      found: `${unsealedId}`,
    });
    break;
  }
  return misfits;
}

function pairs(numbers: readonly number[]): [number, number][] {
  return Array.from({ length: numbers.length >> 1 }, (_, place) => [numbers[2 * place]!, numbers[2 * place + 1]!]);
}

const SEALS = `
  select seal_number, sealed_at, hash, entry_ids, terms from ledger.seals
  where shard = $1::smallint and seal_number > $2::bigint order by seal_number limit ${SEALS_AT_ONCE}`;

async function verifyChain(
  execute: Execute,
  shard: number,
): Promise<Readonly<{ misfits: readonly Misfit[]; seals: number; hash: Buffer }>> {
  let link: Buffer = FIRST_LINK;
  let last = 0n;
  let seals = await execute(SEALS, [shard, '-9223372036854775808']);
  while (seals.length > 0) {
    const lists = seals.map(([, , , entryIds, terms]) => ({
      entryIds: entryIds as string[],
      terms: terms as number[],
    }));
    const after = seals.at(-1)![0] as string;
    // The next seals are on their way while these are hashed.
    const [rows, next] = await Promise.all([rowsOf(execute, shard, lists), execute(SEALS, [shard, after])]);
    for (const [index, seal] of seals.entries()) {
      const misfit = misfitOf(shard, seal, rows[index]!, last, link);
      if (misfit) return { misfits: [misfit], seals: Number(last), hash: link };
      last += 1n;
      link = seal[2] as Buffer;
    }
    seals = next;
  }
  return { misfits: [], seals: Number(last), hash: link };
}

function misfitOf(
  shard: number,
  [sealNumber, sealedAt, hash]: Row,
  rows: Awaited<ReturnType<typeof rowsOf>>[number],
  last: bigint,
  link: Buffer,
): Misfit | undefined {
  const where = `seal ${sealNumber}`;
  const misfit = (check: string, expected: string, found: string): Misfit => ({ check, shard, where, expected, found });
  if (BigInt(sealNumber as string) !== last + 1n) {
    return misfit('seals are numbered without a gap', `${last + 1n}`, `${sealNumber}`);
  }
  if (rows.missing !== undefined) return misfit('what a seal lists is there', rows.missing, 'nothing');
  const stranger = rows.transfers.find(
    (row) => row[SUBJECT] !== null && subjectKeyOf(row[SUBJECT] as string) !== row[SUBJECT_KEY],
  );
  if (stranger) {
    const expected = subjectKeyOf(stranger[SUBJECT] as string).toString();
    return misfit(`the subject of entry ${stranger[0]} is found by its key`, expected, `${stranger[SUBJECT_KEY]}`);
  }
  const recomputed = sealHash(link, {
    shard,
    sealNumber: last + 1n,
    sealedAt: sealedAt as string,
    terms: rows.terms,
    transfers: rows.transfers,
  });
  if (recomputed.equals(hash as Buffer)) return undefined;
  return misfit('a seal is the hash of what it lists', recomputed.toString('hex'), (hash as Buffer).toString('hex'));
}
