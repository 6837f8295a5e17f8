ALTER TABLE "bridge"."chain_calls" ADD COLUMN "grounds" jsonb;--> statement-breakpoint
ALTER TABLE "bridge"."chain_calls" ADD COLUMN "held_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "bridge"."chain_calls" ADD COLUMN "refused_with" text;