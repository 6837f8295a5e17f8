CREATE TABLE "bridge"."dispute_evidence" (
	"shard" smallint NOT NULL,
	"dispute_id" text NOT NULL,
	"number" integer NOT NULL,
	"statement" text NOT NULL,
	"files" jsonb NOT NULL,
	"submitted_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "dispute_evidence_key" PRIMARY KEY("shard","dispute_id","number")
);
--> statement-breakpoint
CREATE TABLE "bridge"."disputes" (
	"shard" smallint NOT NULL,
	"dispute_id" text NOT NULL,
	"payment_id" text NOT NULL,
	"merchant_id" text NOT NULL,
	"issuer_id" text NOT NULL,
	"acquirer_id" text,
	"reason_code" text NOT NULL,
	"issuer_reference" text,
	"asset" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"merchant_asset" text NOT NULL,
	"merchant_amount" numeric(38, 0) NOT NULL,
	"state" text NOT NULL,
	"cause" text,
	"chargeback_sequence" integer NOT NULL,
	"opened_at" timestamp (3) with time zone NOT NULL,
	"evidence_due_at" timestamp (3) with time zone NOT NULL,
	"due_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	CONSTRAINT "disputes_key" PRIMARY KEY("shard","dispute_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."merchant_reserves" (
	"shard" smallint NOT NULL,
	"reserve_id" text NOT NULL,
	"merchant_id" text NOT NULL,
	"asset" text NOT NULL,
	"cause" text NOT NULL,
	"subject" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"remaining" numeric(38, 0) NOT NULL,
	"state" text NOT NULL,
	"release_at" timestamp (3) with time zone NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "merchant_reserves_key" PRIMARY KEY("shard","reserve_id"),
	CONSTRAINT "merchant_reserves_amounts" CHECK ("bridge"."merchant_reserves"."remaining" >= 0 and "bridge"."merchant_reserves"."remaining" <= "bridge"."merchant_reserves"."amount")
);
--> statement-breakpoint
CREATE TABLE "bridge"."merchant_standings" (
	"shard" smallint NOT NULL,
	"merchant_id" text NOT NULL,
	"asset" text NOT NULL,
	"owed" numeric(38, 0) NOT NULL,
	"written_off" numeric(38, 0) NOT NULL,
	"reserve_basis_points" integer NOT NULL,
	"reserve_days" integer NOT NULL,
	"left_at" timestamp (3) with time zone,
	CONSTRAINT "merchant_standings_key" PRIMARY KEY("shard","merchant_id","asset"),
	CONSTRAINT "merchant_standings_amounts" CHECK ("bridge"."merchant_standings"."owed" >= 0 and "bridge"."merchant_standings"."written_off" >= 0 and "bridge"."merchant_standings"."reserve_basis_points" between 0 and 10000 and "bridge"."merchant_standings"."reserve_days" between 0 and 730)
);
--> statement-breakpoint
ALTER TABLE "bridge"."payments" DROP CONSTRAINT "payments_amounts";--> statement-breakpoint
ALTER TABLE "bridge"."payments" ADD COLUMN "charged_back" numeric(38, 0) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."chain_payouts" ADD COLUMN "netted" numeric(38, 0) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."chain_payouts" ADD COLUMN "withheld" numeric(38, 0) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."merchant_payouts" ADD COLUMN "chargebacks" numeric(38, 0) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."merchant_payouts" ADD COLUMN "representments" numeric(38, 0) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."merchant_payouts" ADD COLUMN "withheld" numeric(38, 0) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."merchant_payouts" ADD COLUMN "from_reserve" numeric(38, 0) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."merchant_payouts" ADD COLUMN "written_off" numeric(38, 0) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."merchant_payouts" ADD COLUMN "written_back" numeric(38, 0) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."dispute_evidence" ADD CONSTRAINT "dispute_evidence_of" FOREIGN KEY ("shard","dispute_id") REFERENCES "bridge"."disputes"("shard","dispute_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bridge"."disputes" ADD CONSTRAINT "disputes_payment" FOREIGN KEY ("shard","payment_id") REFERENCES "bridge"."payments"("shard","payment_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "disputes_of" ON "bridge"."disputes" USING btree ("shard","payment_id");--> statement-breakpoint
CREATE INDEX "disputes_listed" ON "bridge"."disputes" USING btree ("shard","opened_at","dispute_id");--> statement-breakpoint
CREATE INDEX "disputes_due" ON "bridge"."disputes" USING btree ("shard","due_at") WHERE "bridge"."disputes"."due_at" is not null;--> statement-breakpoint
CREATE INDEX "merchant_reserves_due" ON "bridge"."merchant_reserves" USING btree ("shard","release_at") WHERE "bridge"."merchant_reserves"."state" = 'held';--> statement-breakpoint
CREATE INDEX "merchant_reserves_of" ON "bridge"."merchant_reserves" USING btree ("shard","merchant_id","asset");--> statement-breakpoint
ALTER TABLE "bridge"."payments" ADD CONSTRAINT "payments_amounts" CHECK ("bridge"."payments"."authorized" <= "bridge"."payments"."requested" and "bridge"."payments"."captured" + "bridge"."payments"."voided" <= "bridge"."payments"."authorized" and "bridge"."payments"."refunded" + "bridge"."payments"."charged_back" <= "bridge"."payments"."captured" and "bridge"."payments"."charged_back" >= 0 and "bridge"."payments"."captured" >= 0 and "bridge"."payments"."voided" >= 0 and "bridge"."payments"."refunded" >= 0);--> statement-breakpoint
INSERT INTO "bridge"."merchant_standings"
  ("shard", "merchant_id", "asset", "owed", "written_off", "reserve_basis_points", "reserve_days")
SELECT DISTINCT ON (o.shard, o.merchant_id, o.asset) o.shard, o.merchant_id, o.asset, o.carried_out, 0, 0, 0
FROM "bridge"."merchant_payouts" o ORDER BY o.shard, o.merchant_id, o.asset, o.paid_at DESC, o.window_id DESC;--> statement-breakpoint
INSERT INTO "bridge"."merchant_standings"
  ("shard", "merchant_id", "asset", "owed", "written_off", "reserve_basis_points", "reserve_days")
SELECT a.shard, split_part(a.path, '/', 2), a.asset, a.posted_debits - a.posted_credits, 0, 0, 0
FROM "ledger"."accounts" a WHERE a.path LIKE 'merchant/%/receivable' AND a.posted_debits > a.posted_credits
ON CONFLICT DO NOTHING;
