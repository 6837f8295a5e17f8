CREATE SCHEMA "ledger";
--> statement-breakpoint
CREATE TYPE "ledger"."transfer_kind" AS ENUM('post', 'pending', 'post_pending', 'void_pending', 'expire_pending');--> statement-breakpoint
CREATE TABLE "ledger"."account_terms" (
	"shard" smallint NOT NULL,
	"account_id" integer NOT NULL,
	"revision" integer NOT NULL,
	"path" text NOT NULL,
	"asset" text NOT NULL,
	"normal_side" text NOT NULL,
	"limit_kind" text NOT NULL,
	"limit_amount" numeric(38, 0) NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	CONSTRAINT "account_terms_key" PRIMARY KEY("shard","account_id","revision")
);
--> statement-breakpoint
CREATE TABLE "ledger"."accounts" (
	"version" bigint DEFAULT 0 NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"account_id" integer NOT NULL,
	"revision" integer NOT NULL,
	"shard" smallint NOT NULL,
	"path" text NOT NULL,
	"asset" text NOT NULL,
	"normal_side" text NOT NULL,
	"limit_kind" text NOT NULL,
	"limit_amount" numeric(38, 0) NOT NULL,
	"posted_debits" numeric(38, 0) DEFAULT 0 NOT NULL,
	"posted_credits" numeric(38, 0) DEFAULT 0 NOT NULL,
	"pending_debits" numeric(38, 0) DEFAULT 0 NOT NULL,
	"pending_credits" numeric(38, 0) DEFAULT 0 NOT NULL,
	CONSTRAINT "accounts_key" PRIMARY KEY("shard","account_id"),
	CONSTRAINT "accounts_path" UNIQUE("shard","path","asset"),
	CONSTRAINT "accounts_pending_not_negative" CHECK ("ledger"."accounts"."pending_debits" >= 0 and "ledger"."accounts"."pending_credits" >= 0)
) WITH (fillfactor = 50);
--> statement-breakpoint
CREATE TABLE "ledger"."holds" (
	"debit_account_id" integer NOT NULL,
	"credit_account_id" integer NOT NULL,
	"shard" smallint NOT NULL,
	"position" smallint NOT NULL,
	"hold_id" uuid NOT NULL,
	"entry_id" uuid NOT NULL,
	"remaining" numeric(38, 0) NOT NULL,
	"state" text NOT NULL,
	"expires_at" timestamp with time zone,
	CONSTRAINT "holds_key" PRIMARY KEY("shard","hold_id"),
	CONSTRAINT "holds_remaining" CHECK ("ledger"."holds"."remaining" >= 0 and ("ledger"."holds"."state" = 'pending') = ("ledger"."holds"."remaining" > 0))
);
--> statement-breakpoint
CREATE TABLE "ledger"."seals" (
	"shard" smallint NOT NULL,
	"seal_number" bigint NOT NULL,
	"sealed_at" timestamp with time zone NOT NULL,
	"hash" "bytea" NOT NULL,
	"entry_ids" uuid[] NOT NULL,
	"terms" integer[] NOT NULL,
	CONSTRAINT "seals_key" PRIMARY KEY("shard","seal_number")
);
--> statement-breakpoint
CREATE TABLE "ledger"."shards" (
	"shard" smallint NOT NULL,
	"accounts" integer NOT NULL,
	CONSTRAINT "shards_key" PRIMARY KEY("shard")
);
--> statement-breakpoint
CREATE TABLE "ledger"."transfers" (
	"event_at" timestamp with time zone NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"debit_version" bigint NOT NULL,
	"credit_version" bigint NOT NULL,
	"debit_account_id" integer NOT NULL,
	"credit_account_id" integer NOT NULL,
	"subject_key" integer NOT NULL,
	"kind" "ledger"."transfer_kind" NOT NULL,
	"shard" smallint NOT NULL,
	"position" smallint NOT NULL,
	"entry_id" uuid NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"debit_balance_after" numeric(38, 0) NOT NULL,
	"credit_balance_after" numeric(38, 0) NOT NULL,
	"entry_kind" text,
	"subject" text,
	"hold_id" uuid,
	"expires_at" timestamp with time zone,
	CONSTRAINT "transfers_key" PRIMARY KEY("shard","entry_id","position"),
	CONSTRAINT "transfers_amount_positive" CHECK ("ledger"."transfers"."amount" > 0),
	CONSTRAINT "transfers_first" CHECK (("ledger"."transfers"."position" = 0) = ("ledger"."transfers"."subject" is not null and "ledger"."transfers"."entry_kind" is not null)),
	CONSTRAINT "transfers_hold" CHECK (("ledger"."transfers"."kind" = 'post') = ("ledger"."transfers"."hold_id" is null))
);
--> statement-breakpoint
CREATE TABLE "ledger"."unsealed" (
	"shard" smallint NOT NULL,
	"unsealed_id" uuid NOT NULL,
	"hash" "bytea" NOT NULL,
	"entry_ids" uuid[] NOT NULL,
	"terms" integer[] NOT NULL,
	CONSTRAINT "unsealed_key" PRIMARY KEY("shard","unsealed_id")
);
--> statement-breakpoint
ALTER TABLE "ledger"."holds" ADD CONSTRAINT "holds_transfer" FOREIGN KEY ("shard","entry_id","position") REFERENCES "ledger"."transfers"("shard","entry_id","position") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "holds_due" ON "ledger"."holds" USING btree ("shard","expires_at") WHERE "ledger"."holds"."state" = 'pending';--> statement-breakpoint
CREATE UNIQUE INDEX "transfers_debit_line" ON "ledger"."transfers" USING btree ("shard","debit_account_id","debit_version");--> statement-breakpoint
CREATE UNIQUE INDEX "transfers_credit_line" ON "ledger"."transfers" USING btree ("shard","credit_account_id","credit_version");--> statement-breakpoint
CREATE INDEX "transfers_subject" ON "ledger"."transfers" USING btree ("shard","subject_key") WHERE "ledger"."transfers"."position" = 0;--> statement-breakpoint
CREATE INDEX "transfers_debit_late" ON "ledger"."transfers" USING btree ("shard","debit_account_id","event_at") WHERE "ledger"."transfers"."recorded_at" - "ledger"."transfers"."event_at" not between interval '-1 minute' and interval '1 minute';--> statement-breakpoint
CREATE INDEX "transfers_credit_late" ON "ledger"."transfers" USING btree ("shard","credit_account_id","event_at") WHERE "ledger"."transfers"."recorded_at" - "ledger"."transfers"."event_at" not between interval '-1 minute' and interval '1 minute';
--> statement-breakpoint
-- Ends a database transaction whose view of the books is out of date: it is run again as if the server had refused it.
CREATE FUNCTION "ledger"."refuse_stale_books"() RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RAISE EXCEPTION 'the books moved on' USING ERRCODE = '40001';
END $$;
