ALTER TABLE "bridge"."chain_calls" ADD COLUMN "grounds" jsonb;--> statement-breakpoint
ALTER TABLE "bridge"."chain_calls" ADD COLUMN "refused_with" text;