ALTER TABLE "bridge"."chain_calls" ADD COLUMN "grounds" jsonb;--> statement-breakpoint
ALTER TABLE "bridge"."chain_calls" ADD COLUMN "refused_with" text;--> statement-breakpoint
ALTER TABLE "bridge"."chain_payouts" ADD COLUMN "alone" boolean DEFAULT false NOT NULL;