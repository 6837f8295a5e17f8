import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  customType,
  foreignKey,
  index,
  numeric,
  pgSchema,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';

/** The books. `shard` leads every key, so that the tables can be spread over machines as they are. */
export const ledger = pgSchema('ledger');

const minorUnits = (name: string) => numeric(name, { precision: 38, scale: 0, mode: 'bigint' });
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/**
 * One row per account and asset; `account_id` is made from path and asset.
 *
 * No index covers a balance and half of each page stays free (the migration sets fillfactor 50), so that an update of
 * balances stays within its page and touches no index.
 */
export const accounts = ledger.table(
  'accounts',
  {
    shard: smallint('shard').notNull(),
    accountId: uuid('account_id').notNull(),
    path: text('path').notNull(),
    asset: text('asset').notNull(),
    normalSide: text('normal_side', { enum: ['debit', 'credit'] }).notNull(),
    limitKind: text('limit_kind', { enum: ['unlimited', 'not_below_zero', 'net_debit_cap'] }).notNull(),
    limitAmount: minorUnits('limit_amount').notNull(),
    postedDebits: minorUnits('posted_debits').notNull().default(sql`0`),
    postedCredits: minorUnits('posted_credits').notNull().default(sql`0`),
    pendingDebits: minorUnits('pending_debits').notNull().default(sql`0`),
    pendingCredits: minorUnits('pending_credits').notNull().default(sql`0`),
    version: bigint('version', { mode: 'bigint' }).notNull().default(sql`0`),
  },
  (table) => [
    primaryKey({ name: 'accounts_key', columns: [table.shard, table.accountId] }),
    unique('accounts_path').on(table.shard, table.path, table.asset),
    check('accounts_pending_not_negative', sql`${table.pendingDebits} >= 0 and ${table.pendingCredits} >= 0`),
  ],
);

/** What happened, once per identifier. `content_hash` tells a repetition from another entry under the same name. */
export const journalEntries = ledger.table(
  'journal_entries',
  {
    shard: smallint('shard').notNull(),
    entryId: uuid('entry_id').notNull(),
    kind: text('kind').notNull(),
    subject: text('subject').notNull(),
    contentHash: bytes('content_hash').notNull(),
    eventAt: moment('event_at').notNull(),
    recordedAt: moment('recorded_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'journal_entries_key', columns: [table.shard, table.entryId] }),
    index('journal_entries_subject').on(table.shard, table.subject, table.recordedAt),
  ],
);

/**
 * One row carries both account lines: each side has the version of its account and the posted balance after it.
 *
 * The unique (account, version) pairs prove that no line of an account is missing. Rows are only ever added.
 */
export const transfers = ledger.table(
  'transfers',
  {
    debitVersion: bigint('debit_version', { mode: 'bigint' }).notNull(),
    creditVersion: bigint('credit_version', { mode: 'bigint' }).notNull(),
    transferId: uuid('transfer_id').notNull(),
    entryId: uuid('entry_id').notNull(),
    debitAccountId: uuid('debit_account_id').notNull(),
    creditAccountId: uuid('credit_account_id').notNull(),
    pendingId: uuid('pending_id'),
    shard: smallint('shard').notNull(),
    position: smallint('position').notNull(),
    kind: text('kind', { enum: ['post', 'pending', 'post_pending', 'void_pending', 'expire_pending'] }).notNull(),
    amount: minorUnits('amount').notNull(),
    debitBalanceAfter: minorUnits('debit_balance_after').notNull(),
    creditBalanceAfter: minorUnits('credit_balance_after').notNull(),
  },
  (table) => [
    primaryKey({ name: 'transfers_key', columns: [table.shard, table.transferId] }),
    unique('transfers_entry').on(table.shard, table.entryId, table.position),
    unique('transfers_debit_line').on(table.shard, table.debitAccountId, table.debitVersion),
    unique('transfers_credit_line').on(table.shard, table.creditAccountId, table.creditVersion),
    check('transfers_amount_positive', sql`${table.amount} > 0`),
  ],
);

/** What is still held of a pending transfer. */
export const holds = ledger.table(
  'holds',
  {
    shard: smallint('shard').notNull(),
    transferId: uuid('transfer_id').notNull(),
    remaining: minorUnits('remaining').notNull(),
    state: text('state', { enum: ['pending', 'posted', 'voided', 'expired'] }).notNull(),
    expiresAt: moment('expires_at'),
  },
  (table) => [
    primaryKey({ name: 'holds_key', columns: [table.shard, table.transferId] }),
    foreignKey({
      name: 'holds_transfer',
      columns: [table.shard, table.transferId],
      foreignColumns: [transfers.shard, transfers.transferId],
    }),
    index('holds_due').on(table.shard, table.expiresAt).where(sql`${table.state} = 'pending'`),
    check('holds_remaining', sql`${table.remaining} >= 0 and (${table.state} = 'pending') = (${table.remaining} > 0)`),
  ],
);
