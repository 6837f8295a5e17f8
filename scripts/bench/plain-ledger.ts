/** The ledger that a careful team writes first: one plpgsql function, `FOR UPDATE` in the order of the accounts, one call per commit. */
import { randomUUID } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { connectPostgres } from '../../ledger-service/platform/postgres-pool.ts';

export type PlainLedger = Readonly<{
  /** Moves 100 units under a new identifier, and says which. */
  transfer(debit: number, credit: number): Promise<string>;
  /** Posts what was posted before. */
  repeat(identifier: string): Promise<void>;
  /** Asks for money of an account that has none and may owe none. */
  refused(credit: number): Promise<void>;
  /** Copies the rows of a transfer, `size` transfers per commit: what the disk and the indexes allow at most. */
  copyRate(size: number, milliseconds: number): Promise<number>;
  bytesPerTransfer(): Promise<number>;
  close(): Promise<void>;
}>;

const TABLES = `
  create schema plain;
  create table plain.accounts (id bigint primary key, balance bigint not null, version bigint not null, may_owe boolean not null)
    with (fillfactor = 50);
  create table plain.transfers (id uuid primary key, debit bigint not null, credit bigint not null, amount bigint not null,
    kind text not null, subject text not null, event_at timestamptz not null, recorded_at timestamptz not null);
  create table plain.entries (account_id bigint not null, version bigint not null, transfer_id uuid not null,
    amount bigint not null, balance_after bigint not null, primary key (account_id, version));
  create index on plain.transfers (subject);
  create function plain.transfer(identifier uuid, from_account bigint, to_account bigint, units bigint, about text,
    happened timestamptz) returns text language plpgsql as $$
  declare debited plain.accounts; credited plain.accounts;
  begin
    insert into plain.transfers values (identifier, from_account, to_account, units, 'payment.capture', about, happened, clock_timestamp())
      on conflict (id) do nothing;
    if not found then return 'replayed'; end if;
    perform from plain.accounts where id in (from_account, to_account) order by id for update;
    select * into debited from plain.accounts where id = from_account;
    select * into credited from plain.accounts where id = to_account;
    if not debited.may_owe and debited.balance < units then
      delete from plain.transfers where id = identifier;
      return 'refused';
    end if;
    update plain.accounts set balance = balance - units, version = version + 1 where id = from_account;
    update plain.accounts set balance = balance + units, version = version + 1 where id = to_account;
    insert into plain.entries values
      (from_account, debited.version + 1, identifier, -units, debited.balance - units),
      (to_account, credited.version + 1, identifier, units, credited.balance + units);
    return 'posted';
  end $$;
  create table plain.copied_transfers (like ledger.transfers including all);
  create table plain.copied_accounts (like ledger.accounts including defaults);`;

/** Accounts 0 … accounts − 1, a hot one after them, and a dry one after that. */
export async function createPlainLedger(
  url: string,
  options: Readonly<{ accounts: number; connections: number }>,
): Promise<PlainLedger> {
  const sql = connectPostgres(url, { max: options.connections, onnotice: () => {} });
  await sql.unsafe(TABLES);
  await sql`insert into plain.accounts select n, 0, 0, n <> ${options.accounts + 1} from generate_series(0, ${options.accounts + 1}) n`;
  const call = async (identifier: string, debit: number, credit: number, expected: string) => {
    const about = `pay_00${identifier.replaceAll('-', '').slice(0, 26)}`;
    const [row] = await sql`
      select plain.transfer(${identifier}::uuid, ${debit}::bigint, ${credit}::bigint, 100::bigint, ${about}::text, ${new Date().toISOString()}::timestamptz) as outcome`;
    if (row!.outcome !== expected) throw new Error(`${expected} was expected, not ${row!.outcome}`);
  };
  let copied = 0;
  return {
    async transfer(debit, credit) {
      const identifier = randomUUID();
      await call(identifier, debit, credit, 'posted');
      return identifier;
    },
    repeat: (identifier) => call(identifier, 0, 1, 'replayed'),
    refused: (credit) => call(randomUUID(), options.accounts + 1, credit, 'refused'),
    async copyRate(size, milliseconds) {
      const batches: [string, string][] = [];
      let spent = 0;
      let done = 0;
      while (spent < milliseconds) {
        batches.length = 0;
        for (let batch = 0; batch < 8; batch += 1) batches.push(copyText(size, options.accounts, () => (copied += 1)));
        const started = performance.now();
        for (const [transfers, accounts] of batches) {
          await sql.begin(async (transaction) => {
            await pipeline([transfers], await transaction`copy plain.copied_transfers from stdin`.writable());
            await pipeline([accounts], await transaction`copy plain.copied_accounts from stdin`.writable());
          });
          done += size;
        }
        spent += performance.now() - started;
      }
      return (done / spent) * 1_000;
    },
    async bytesPerTransfer() {
      const [row] = await sql`
        select (pg_total_relation_size('plain.transfers') + pg_total_relation_size('plain.entries'))::float8
          / (select count(*) from plain.transfers) as bytes`;
      return row!.bytes as number;
    },
    close: () => sql.end(),
  };
}

/** The rows that a batch of transfers writes: its transfers, and a new version of each account that it moved. */
function copyText(size: number, accounts: number, next: () => number): [string, string] {
  const now = new Date().toISOString();
  const touched = new Set<number>();
  let transfers = '';
  for (let place = 0; place < size; place += 1) {
    const number = next();
    const debit = Math.floor(Math.random() * accounts);
    const credit = (debit + 1 + Math.floor(Math.random() * (accounts - 1))) % accounts;
    touched.add(debit).add(credit);
    const subject = `pay_00${number.toString(36).padStart(26, '0')}`;
    const subjectKey = Math.floor(Math.random() * 2 ** 20);
    transfers += `${[now, now, number, number, debit, credit, subjectKey, 'post', 0, 0, randomUUID(), 100, 123_400, 123_400, 'payment.capture', subject, '\\N', '\\N'].join('\t')}\n`;
  }
  let rows = '';
  for (const account of touched) {
    rows += `${[100, now, account, 0, 0, `merchant/m${account}/payable`, 'EUR', 'credit', 'unlimited', 0, 123_400, 123_400, 0, 0].join('\t')}\n`;
  }
  return [transfers, rows];
}
