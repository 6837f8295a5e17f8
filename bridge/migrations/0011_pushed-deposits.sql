CREATE TABLE "bridge"."chain_recipients" (
	"shard" smallint NOT NULL,
	"address" text NOT NULL,
	"subject" text NOT NULL,
	CONSTRAINT "chain_recipients_key" PRIMARY KEY("shard","address")
);
--> statement-breakpoint
CREATE TABLE "bridge"."deposit_debts" (
	"shard" smallint NOT NULL,
	"address" text NOT NULL,
	"asset" text NOT NULL,
	"payment_id" text NOT NULL,
	"owed" numeric(38, 0) NOT NULL,
	"dust" numeric(38, 0) NOT NULL,
	"not_before" timestamp (3) with time zone NOT NULL,
	"attempts" integer NOT NULL,
	"return_id" text,
	CONSTRAINT "deposit_debts_key" PRIMARY KEY("shard","address","asset")
);
--> statement-breakpoint
CREATE TABLE "bridge"."deposit_returns" (
	"shard" smallint NOT NULL,
	"return_id" text NOT NULL,
	"payment_id" text NOT NULL,
	"address" text NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"recipient" text NOT NULL,
	"state" text NOT NULL,
	"chain_hash" text,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"final_at" timestamp (3) with time zone,
	CONSTRAINT "deposit_returns_key" PRIMARY KEY("shard","return_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."deposit_transfers" (
	"shard" smallint NOT NULL,
	"transfer_id" text NOT NULL,
	"address" text NOT NULL,
	"payment_id" text,
	"asset" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"sender" text,
	"outcome" text NOT NULL,
	"held" numeric(38, 0) NOT NULL,
	"owed" numeric(38, 0) NOT NULL,
	"dust" numeric(38, 0) NOT NULL,
	"chain_hash" text,
	"height" integer NOT NULL,
	"mined_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "deposit_transfers_key" PRIMARY KEY("shard","transfer_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."deposits" (
	"shard" smallint NOT NULL,
	"payment_id" text NOT NULL,
	"address" text NOT NULL,
	"asset" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"destination" text NOT NULL,
	"return_to" text NOT NULL,
	"terms" jsonb NOT NULL,
	"state" text NOT NULL,
	"held" numeric(38, 0) NOT NULL,
	"pay_by" timestamp (3) with time zone NOT NULL,
	"sweep_before" timestamp (3) with time zone NOT NULL,
	"seen_height" integer,
	"seen_balance" numeric(38, 0),
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "deposits_key" PRIMARY KEY("shard","payment_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."suspense_items" (
	"shard" smallint NOT NULL,
	"item_id" text NOT NULL,
	"place" text NOT NULL,
	"payment_id" text,
	"asset" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"sender" text,
	"chain_hash" text,
	"height" integer NOT NULL,
	"state" text NOT NULL,
	"settled_to" text,
	"return_id" text,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"settled_at" timestamp (3) with time zone,
	CONSTRAINT "suspense_items_key" PRIMARY KEY("shard","item_id")
);
--> statement-breakpoint
ALTER TABLE "bridge"."deposit_debts" ADD CONSTRAINT "deposit_debts_of_deposit" FOREIGN KEY ("shard","payment_id") REFERENCES "bridge"."deposits"("shard","payment_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "deposit_debts_due" ON "bridge"."deposit_debts" USING btree ("shard","not_before") WHERE "bridge"."deposit_debts"."owed" > 0 and "bridge"."deposit_debts"."return_id" is null;--> statement-breakpoint
CREATE INDEX "deposit_returns_payment" ON "bridge"."deposit_returns" USING btree ("shard","payment_id");--> statement-breakpoint
CREATE INDEX "deposit_transfers_payment" ON "bridge"."deposit_transfers" USING btree ("shard","payment_id");--> statement-breakpoint
CREATE UNIQUE INDEX "deposits_address" ON "bridge"."deposits" USING btree ("shard","address");--> statement-breakpoint
CREATE INDEX "deposits_expiry" ON "bridge"."deposits" USING btree ("shard","sweep_before") WHERE "bridge"."deposits"."state" = 'open';--> statement-breakpoint
CREATE INDEX "deposits_listed" ON "bridge"."deposits" USING btree ("shard","recorded_at");--> statement-breakpoint
CREATE INDEX "suspense_items_listed" ON "bridge"."suspense_items" USING btree ("shard","recorded_at");--> statement-breakpoint
CREATE UNIQUE INDEX "suspense_items_return" ON "bridge"."suspense_items" USING btree ("shard","return_id") WHERE "bridge"."suspense_items"."return_id" is not null;