CREATE SCHEMA "ledger";
--> statement-breakpoint
CREATE TABLE "ledger"."accounts" (
	"shard" smallint NOT NULL,
	"account_id" uuid NOT NULL,
	"path" text NOT NULL,
	"asset" text NOT NULL,
	"normal_side" text NOT NULL,
	"limit_kind" text NOT NULL,
	"limit_amount" numeric(38, 0) NOT NULL,
	"posted_debits" numeric(38, 0) DEFAULT 0 NOT NULL,
	"posted_credits" numeric(38, 0) DEFAULT 0 NOT NULL,
	"pending_debits" numeric(38, 0) DEFAULT 0 NOT NULL,
	"pending_credits" numeric(38, 0) DEFAULT 0 NOT NULL,
	"version" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "accounts_key" PRIMARY KEY("shard","account_id"),
	CONSTRAINT "accounts_path" UNIQUE("shard","path","asset"),
	CONSTRAINT "accounts_pending_not_negative" CHECK ("ledger"."accounts"."pending_debits" >= 0 and "ledger"."accounts"."pending_credits" >= 0)
) WITH (fillfactor = 50);
--> statement-breakpoint
CREATE TABLE "ledger"."holds" (
	"shard" smallint NOT NULL,
	"transfer_id" uuid NOT NULL,
	"remaining" numeric(38, 0) NOT NULL,
	"state" text NOT NULL,
	"expires_at" timestamp with time zone,
	CONSTRAINT "holds_key" PRIMARY KEY("shard","transfer_id"),
	CONSTRAINT "holds_remaining" CHECK ("ledger"."holds"."remaining" >= 0 and ("ledger"."holds"."state" = 'pending') = ("ledger"."holds"."remaining" > 0))
);
--> statement-breakpoint
CREATE TABLE "ledger"."journal_entries" (
	"shard" smallint NOT NULL,
	"entry_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"event_at" timestamp with time zone NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	CONSTRAINT "journal_entries_key" PRIMARY KEY("shard","entry_id")
);
--> statement-breakpoint
CREATE TABLE "ledger"."transfers" (
	"debit_version" bigint NOT NULL,
	"credit_version" bigint NOT NULL,
	"transfer_id" uuid NOT NULL,
	"entry_id" uuid NOT NULL,
	"debit_account_id" uuid NOT NULL,
	"credit_account_id" uuid NOT NULL,
	"pending_id" uuid,
	"shard" smallint NOT NULL,
	"position" smallint NOT NULL,
	"kind" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"debit_balance_after" numeric(38, 0) NOT NULL,
	"credit_balance_after" numeric(38, 0) NOT NULL,
	CONSTRAINT "transfers_key" PRIMARY KEY("shard","transfer_id"),
	CONSTRAINT "transfers_entry" UNIQUE("shard","entry_id","position"),
	CONSTRAINT "transfers_debit_line" UNIQUE("shard","debit_account_id","debit_version"),
	CONSTRAINT "transfers_credit_line" UNIQUE("shard","credit_account_id","credit_version"),
	CONSTRAINT "transfers_amount_positive" CHECK ("ledger"."transfers"."amount" > 0)
);
--> statement-breakpoint
ALTER TABLE "ledger"."holds" ADD CONSTRAINT "holds_transfer" FOREIGN KEY ("shard","transfer_id") REFERENCES "ledger"."transfers"("shard","transfer_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "holds_due" ON "ledger"."holds" USING btree ("shard","expires_at") WHERE "ledger"."holds"."state" = 'pending';--> statement-breakpoint
CREATE INDEX "journal_entries_subject" ON "ledger"."journal_entries" USING btree ("shard","subject","recorded_at");