import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  customType,
  foreignKey,
  index,
  integer,
  numeric,
  pgSchema,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

/** The books. `shard` leads every key, so that the tables can be spread over machines as they are. */
export const ledger = pgSchema('ledger');

const minorUnits = (name: string) => numeric(name, { precision: 38, scale: 0, mode: 'bigint' });
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const counter = (name: string) => bigint(name, { mode: 'bigint' });
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

export const transferKind = ledger.enum('transfer_kind', [
  'post',
  'pending',
  'post_pending',
  'void_pending',
  'expire_pending',
]);

/** Counts the accounts of a shard: an account's number needs four bytes in each of its lines, its name would need fifty. */
export const shards = ledger.table(
  'shards',
  {
    shard: smallint('shard').notNull(),
    accounts: integer('accounts').notNull(),
  },
  (table) => [primaryKey({ name: 'shards_key', columns: [table.shard] })],
);

/**
 * One row per account and asset.
 *
 * No index covers a balance and half of each page stays free (the migration sets fillfactor 50), so that an update of
 * balances stays within its page and touches no index.
 */
export const accounts = ledger.table(
  'accounts',
  {
    version: counter('version').notNull().default(sql`0`),
    /** When the last line was recorded; no line of this account is recorded before the one ahead of it. */
    recordedAt: moment('recorded_at').notNull(),
    accountId: integer('account_id').notNull(),
    /** The row of `account_terms` whose limit this one repeats. */
    revision: integer('revision').notNull(),
    shard: smallint('shard').notNull(),
    path: text('path').notNull(),
    asset: text('asset').notNull(),
    normalSide: text('normal_side', { enum: ['debit', 'credit'] }).notNull(),
    limitKind: text('limit_kind', { enum: ['unlimited', 'not_below_zero', 'net_debit_cap'] }).notNull(),
    limitAmount: minorUnits('limit_amount').notNull(),
    postedDebits: minorUnits('posted_debits').notNull().default(sql`0`),
    postedCredits: minorUnits('posted_credits').notNull().default(sql`0`),
    pendingDebits: minorUnits('pending_debits').notNull().default(sql`0`),
    pendingCredits: minorUnits('pending_credits').notNull().default(sql`0`),
  },
  (table) => [
    primaryKey({ name: 'accounts_key', columns: [table.shard, table.accountId] }),
    unique('accounts_path').on(table.shard, table.path, table.asset),
    check('accounts_pending_not_negative', sql`${table.pendingDebits} >= 0 and ${table.pendingCredits} >= 0`),
  ],
);

/** What was agreed for an account, from its opening on: a new limit is a new row. Rows are only ever added. */
export const accountTerms = ledger.table(
  'account_terms',
  {
    shard: smallint('shard').notNull(),
    accountId: integer('account_id').notNull(),
    revision: integer('revision').notNull(),
    path: text('path').notNull(),
    asset: text('asset').notNull(),
    normalSide: text('normal_side').notNull(),
    limitKind: text('limit_kind').notNull(),
    limitAmount: minorUnits('limit_amount').notNull(),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [primaryKey({ name: 'account_terms_key', columns: [table.shard, table.accountId, table.revision] })],
);

/**
 * One row carries both lines of a transfer: each side has the version of its account and the posted balance after it.
 * The transfers of an entry share its identifier; the first one also carries its kind and subject.
 *
 * The unique (account, version) pairs prove that no line of an account is missing. Rows are only ever added. The order
 * of the columns leaves no gaps between them: a transfer takes under 350 bytes, its index entries and its seal included.
 */
export const transfers = ledger.table(
  'transfers',
  {
    eventAt: moment('event_at').notNull(),
    recordedAt: moment('recorded_at').notNull(),
    debitVersion: counter('debit_version').notNull(),
    creditVersion: counter('credit_version').notNull(),
    debitAccountId: integer('debit_account_id').notNull(),
    creditAccountId: integer('credit_account_id').notNull(),
    /** Twenty bits of the subject's hash: its index is a quarter of what the subject itself would take. */
    subjectKey: integer('subject_key').notNull(),
    kind: transferKind('kind').notNull(),
    shard: smallint('shard').notNull(),
    position: smallint('position').notNull(),
    entryId: uuid('entry_id').notNull(),
    amount: minorUnits('amount').notNull(),
    debitBalanceAfter: minorUnits('debit_balance_after').notNull(),
    creditBalanceAfter: minorUnits('credit_balance_after').notNull(),
    entryKind: text('entry_kind'),
    subject: text('subject'),
    /** The hold that is taken or acted upon. */
    holdId: uuid('hold_id'),
    expiresAt: moment('expires_at'),
  },
  (table) => [
    primaryKey({ name: 'transfers_key', columns: [table.shard, table.entryId, table.position] }),
    uniqueIndex('transfers_debit_line').on(table.shard, table.debitAccountId, table.debitVersion),
    uniqueIndex('transfers_credit_line').on(table.shard, table.creditAccountId, table.creditVersion),
    index('transfers_subject').on(table.shard, table.subjectKey).where(sql`${table.position} = 0`),
    // What was recorded long after, or before, it happened: a balance by event time finds the rest beside its moment.
    index('transfers_debit_late')
      .on(table.shard, table.debitAccountId, table.eventAt)
      .where(sql`${table.recordedAt} - ${table.eventAt} not between interval '-1 minute' and interval '1 minute'`),
    index('transfers_credit_late')
      .on(table.shard, table.creditAccountId, table.eventAt)
      .where(sql`${table.recordedAt} - ${table.eventAt} not between interval '-1 minute' and interval '1 minute'`),
    check('transfers_amount_positive', sql`${table.amount} > 0`),
    check(
      'transfers_first',
      sql`(${table.position} = 0) = (${table.subject} is not null and ${table.entryKind} is not null)`,
    ),
    check('transfers_hold', sql`(${table.kind} = 'post') = (${table.holdId} is null)`),
  ],
);

/** What is still held of a pending transfer; the transfer that took the hold is `position` of `entry_id`. */
export const holds = ledger.table(
  'holds',
  {
    debitAccountId: integer('debit_account_id').notNull(),
    creditAccountId: integer('credit_account_id').notNull(),
    shard: smallint('shard').notNull(),
    position: smallint('position').notNull(),
    holdId: uuid('hold_id').notNull(),
    entryId: uuid('entry_id').notNull(),
    remaining: minorUnits('remaining').notNull(),
    state: text('state', { enum: ['pending', 'posted', 'voided', 'expired'] }).notNull(),
    expiresAt: moment('expires_at'),
  },
  (table) => [
    primaryKey({ name: 'holds_key', columns: [table.shard, table.holdId] }),
    foreignKey({
      name: 'holds_transfer',
      columns: [table.shard, table.entryId, table.position],
      foreignColumns: [transfers.shard, transfers.entryId, transfers.position],
    }),
    index('holds_due').on(table.shard, table.expiresAt).where(sql`${table.state} = 'pending'`),
    check('holds_remaining', sql`${table.remaining} >= 0 and (${table.state} = 'pending') = (${table.remaining} > 0)`),
  ],
);

/** What waits to be sealed, a row for each posting; it is written with what it names and goes when that is sealed. */
export const unsealed = ledger.table(
  'unsealed',
  {
    shard: smallint('shard').notNull(),
    unsealedId: uuid('unsealed_id').notNull(),
    /** Over every column of what is listed, until the seal takes it over. */
    hash: bytes('hash').notNull(),
    entryIds: uuid('entry_ids').array().notNull(),
    /** Account and revision, in turn. */
    terms: integer('terms').array().notNull(),
  },
  (table) => [primaryKey({ name: 'unsealed_key', columns: [table.shard, table.unsealedId] })],
);

/** The chain: each seal's hash is over the one before it and over every column of what it lists. */
export const seals = ledger.table(
  'seals',
  {
    shard: smallint('shard').notNull(),
    sealNumber: counter('seal_number').notNull(),
    sealedAt: moment('sealed_at').notNull(),
    hash: bytes('hash').notNull(),
    entryIds: uuid('entry_ids').array().notNull(),
    terms: integer('terms').array().notNull(),
  },
  (table) => [primaryKey({ name: 'seals_key', columns: [table.shard, table.sealNumber] })],
);
