ALTER TABLE "bridge"."chain_calls" ADD COLUMN "trace_context" text;--> statement-breakpoint
ALTER TABLE "bridge"."quotes" ADD COLUMN "owner_id" text;--> statement-breakpoint
ALTER TABLE "bridge"."outbox" ADD COLUMN "trace_context" text;