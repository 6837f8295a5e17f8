ALTER TABLE "bridge"."chain_logs" ADD COLUMN "accepted" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."chain_logs" ADD COLUMN "generation" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "chain_logs_transaction" ON "bridge"."chain_logs" USING btree ("shard","chain_id","chain_hash");--> statement-breakpoint
CREATE INDEX "chain_logs_payment" ON "bridge"."chain_logs" USING btree ("shard","chain_id",("fields" ->> 'paymentIdentifier')) WHERE "bridge"."chain_logs"."event" = 'Authorized';