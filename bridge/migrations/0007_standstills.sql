CREATE TABLE "bridge"."asset_switches" (
	"shard" smallint NOT NULL,
	"asset" text NOT NULL,
	"paused" boolean NOT NULL,
	"reason" text NOT NULL,
	"changed_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "asset_switches_key" PRIMARY KEY("shard","asset")
);
--> statement-breakpoint
ALTER TABLE "bridge"."chain_calls" ADD COLUMN "retry_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "bridge"."chain_calls" ADD COLUMN "revert_reason" text;--> statement-breakpoint
ALTER TABLE "bridge"."chain_calls" ADD COLUMN "not_before" timestamp (3) with time zone;