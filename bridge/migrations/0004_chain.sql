CREATE TABLE "bridge"."chain_key_conditions" (
	"shard" smallint NOT NULL,
	"chain_id" integer NOT NULL,
	"address" text NOT NULL,
	"funds_missing_since" timestamp (3) with time zone,
	"balance" numeric(38, 0),
	CONSTRAINT "chain_key_conditions_key" PRIMARY KEY("shard","chain_id","address")
);
--> statement-breakpoint
ALTER TABLE "bridge"."chain_calls" ADD COLUMN "repairs" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."chain_submissions" ADD COLUMN "first_sent_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "bridge"."chain_submissions" ADD COLUMN "attempt" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."chain_submissions" ADD COLUMN "refusals" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."chain_submissions" ADD COLUMN "refused_with" text;