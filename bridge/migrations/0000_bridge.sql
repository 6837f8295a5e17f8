CREATE SCHEMA "bridge";
--> statement-breakpoint
CREATE SCHEMA "issuer_host";
--> statement-breakpoint
CREATE TABLE "bridge"."chain_blocks" (
	"shard" smallint NOT NULL,
	"chain_id" integer NOT NULL,
	"block_hash" text NOT NULL,
	"height" integer NOT NULL,
	"parent_hash" text NOT NULL,
	"mined_at" timestamp (3) with time zone NOT NULL,
	"chain_hashes" text[] NOT NULL,
	"canonical" boolean NOT NULL,
	"final" boolean NOT NULL,
	CONSTRAINT "chain_blocks_key" PRIMARY KEY("shard","chain_id","block_hash")
);
--> statement-breakpoint
CREATE TABLE "bridge"."chain_calls" (
	"shard" smallint NOT NULL,
	"call_id" text NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"sequence" integer NOT NULL,
	"recipient" text NOT NULL,
	"data" text NOT NULL,
	"value" numeric(38, 0) NOT NULL,
	"gas_limit" integer NOT NULL,
	"state" text NOT NULL,
	"signer" text,
	"nonce" integer,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"signed_at" timestamp (3) with time zone,
	"final_hash" text,
	"block_height" integer,
	"gas_used" integer,
	CONSTRAINT "chain_calls_key" PRIMARY KEY("shard","call_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."chain_keys" (
	"shard" smallint NOT NULL,
	"chain_id" integer NOT NULL,
	"address" text NOT NULL,
	"next_nonce" integer NOT NULL,
	CONSTRAINT "chain_keys_key" PRIMARY KEY("shard","chain_id","address")
);
--> statement-breakpoint
CREATE TABLE "bridge"."chain_logs" (
	"shard" smallint NOT NULL,
	"chain_id" integer NOT NULL,
	"block_hash" text NOT NULL,
	"log_index" integer NOT NULL,
	"ordinal" integer NOT NULL,
	"chain_hash" text NOT NULL,
	"height" integer NOT NULL,
	"address" text NOT NULL,
	"event" text NOT NULL,
	"fields" jsonb NOT NULL,
	"canonical" boolean NOT NULL,
	CONSTRAINT "chain_logs_key" PRIMARY KEY("shard","chain_id","block_hash","log_index")
);
--> statement-breakpoint
CREATE TABLE "bridge"."chain_submissions" (
	"shard" smallint NOT NULL,
	"chain_hash" text NOT NULL,
	"call_id" text NOT NULL,
	"raw" text NOT NULL,
	"signed_at" timestamp (3) with time zone NOT NULL,
	"sent_at" timestamp (3) with time zone,
	CONSTRAINT "chain_submissions_key" PRIMARY KEY("shard","chain_hash")
);
--> statement-breakpoint
CREATE TABLE "issuer_host"."card_accounts" (
	"shard" smallint NOT NULL,
	"instrument_token" text NOT NULL,
	"issuer_id" text NOT NULL,
	"currency" text NOT NULL,
	"balance" numeric(38, 0) NOT NULL,
	"held" numeric(38, 0) NOT NULL,
	"conduct" text NOT NULL,
	CONSTRAINT "card_accounts_key" PRIMARY KEY("shard","instrument_token"),
	CONSTRAINT "card_accounts_funded" CHECK ("issuer_host"."card_accounts"."held" >= 0 and "issuer_host"."card_accounts"."held" <= "issuer_host"."card_accounts"."balance")
);
--> statement-breakpoint
CREATE TABLE "issuer_host"."card_advices" (
	"shard" smallint NOT NULL,
	"advice_id" text NOT NULL,
	"retrieval_reference" text NOT NULL,
	"kind" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "card_advices_key" PRIMARY KEY("shard","advice_id")
);
--> statement-breakpoint
CREATE TABLE "issuer_host"."card_authorizations" (
	"shard" smallint NOT NULL,
	"retrieval_reference" text NOT NULL,
	"instrument_token" text NOT NULL,
	"response_code" text NOT NULL,
	"approved" numeric(38, 0) NOT NULL,
	"held" numeric(38, 0) NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"reversed_at" timestamp (3) with time zone,
	CONSTRAINT "card_authorizations_key" PRIMARY KEY("shard","retrieval_reference")
);
--> statement-breakpoint
CREATE TABLE "bridge"."exposures" (
	"shard" smallint NOT NULL,
	"asset" text NOT NULL,
	"open" numeric(38, 0) NOT NULL,
	"maximum" numeric(38, 0) NOT NULL,
	CONSTRAINT "exposures_key" PRIMARY KEY("shard","asset")
);
--> statement-breakpoint
CREATE TABLE "bridge"."instruments" (
	"shard" smallint NOT NULL,
	"instrument_id" text NOT NULL,
	"participant_id" text NOT NULL,
	"kind" text NOT NULL,
	"issuer_id" text,
	"asset" text,
	"address" text,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "instruments_key" PRIMARY KEY("shard","instrument_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."participants" (
	"shard" smallint NOT NULL,
	"participant_id" text NOT NULL,
	"kind" text NOT NULL,
	"display_name" text NOT NULL,
	"payout_asset" text,
	"acquirer_id" text,
	"address" text,
	"merchant_fee_basis_points" integer DEFAULT 0 NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "participants_key" PRIMARY KEY("shard","participant_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."payment_movements" (
	"shard" smallint NOT NULL,
	"payment_id" text NOT NULL,
	"sequence" integer NOT NULL,
	"kind" text NOT NULL,
	"state" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"target_amount" numeric(38, 0) NOT NULL,
	"spread_amount" numeric(38, 0) NOT NULL,
	"fee_amount" numeric(38, 0) NOT NULL,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"final_at" timestamp (3) with time zone,
	CONSTRAINT "payment_movements_key" PRIMARY KEY("shard","payment_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "bridge"."payments" (
	"shard" smallint NOT NULL,
	"payment_id" text NOT NULL,
	"quadrant" text NOT NULL,
	"phase" text NOT NULL,
	"merchant_id" text NOT NULL,
	"payer_id" text NOT NULL,
	"instrument_id" text NOT NULL,
	"issuer_id" text,
	"acquirer_id" text,
	"quote_id" text,
	"asset" text NOT NULL,
	"merchant_asset" text NOT NULL,
	"requested" numeric(38, 0) NOT NULL,
	"authorized" numeric(38, 0) NOT NULL,
	"captured" numeric(38, 0) NOT NULL,
	"voided" numeric(38, 0) NOT NULL,
	"refunded" numeric(38, 0) NOT NULL,
	"quoted_target" numeric(38, 0) NOT NULL,
	"quoted_spread" numeric(38, 0) NOT NULL,
	"interchange_basis_points" integer NOT NULL,
	"scheme_fee_basis_points" integer NOT NULL,
	"merchant_fee_basis_points" integer NOT NULL,
	"sequence" integer NOT NULL,
	"merchant_reference" text,
	"line_items" jsonb,
	"beneficiaries" jsonb,
	"funding_party_id" text,
	"decline_code" text,
	"terms" jsonb,
	"terms_hash" text,
	"signed_at" timestamp (3) with time zone,
	"reversal_due_at" timestamp (3) with time zone,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"authorization_expires_at" timestamp (3) with time zone NOT NULL,
	"refund_expires_at" timestamp (3) with time zone NOT NULL,
	"received_at" timestamp (3) with time zone NOT NULL,
	"final_at" timestamp (3) with time zone,
	CONSTRAINT "payments_key" PRIMARY KEY("shard","payment_id"),
	CONSTRAINT "payments_amounts" CHECK ("bridge"."payments"."authorized" <= "bridge"."payments"."requested" and "bridge"."payments"."captured" + "bridge"."payments"."voided" <= "bridge"."payments"."authorized" and "bridge"."payments"."refunded" <= "bridge"."payments"."captured" and "bridge"."payments"."captured" >= 0 and "bridge"."payments"."voided" >= 0 and "bridge"."payments"."refunded" >= 0)
);
--> statement-breakpoint
CREATE TABLE "bridge"."quotes" (
	"shard" smallint NOT NULL,
	"quote_id" text NOT NULL,
	"source_asset" text NOT NULL,
	"source_amount" numeric(38, 0) NOT NULL,
	"target_asset" text NOT NULL,
	"target_amount" numeric(38, 0) NOT NULL,
	"spread_amount" numeric(38, 0) NOT NULL,
	"rate_numerator" numeric(38, 0) NOT NULL,
	"rate_denominator" numeric(38, 0) NOT NULL,
	"rate_source" text NOT NULL,
	"observed_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"accepted_by" text,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "quotes_key" PRIMARY KEY("shard","quote_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."api_keys" (
	"shard" smallint NOT NULL,
	"key_id" text NOT NULL,
	"secret_hash" text NOT NULL,
	"display_name" text NOT NULL,
	"scopes" text[] NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "api_keys_key" PRIMARY KEY("shard","key_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."once_keys" (
	"shard" smallint NOT NULL,
	"caller_id" text NOT NULL,
	"idempotency_key" text NOT NULL,
	"operation" text NOT NULL,
	"request" jsonb NOT NULL,
	"resource_id" text NOT NULL,
	"outcome" jsonb,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "once_keys_key" PRIMARY KEY("shard","caller_id","idempotency_key")
);
--> statement-breakpoint
CREATE TABLE "bridge"."outbox" (
	"shard" smallint NOT NULL,
	"consumer" text NOT NULL,
	"event_id" text NOT NULL,
	"topic" text NOT NULL,
	"subject" text NOT NULL,
	"payload" jsonb NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"ordinal" integer NOT NULL,
	"attempts" smallint NOT NULL,
	"not_before" timestamp (3) with time zone,
	"last_error" text,
	"handled_at" timestamp (3) with time zone,
	CONSTRAINT "outbox_key" PRIMARY KEY("shard","consumer","event_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."settings" (
	"shard" smallint NOT NULL,
	"name" text NOT NULL,
	"value" jsonb NOT NULL,
	CONSTRAINT "settings_key" PRIMARY KEY("shard","name")
);
--> statement-breakpoint
CREATE TABLE "bridge"."chain_payouts" (
	"shard" smallint NOT NULL,
	"payment_id" text NOT NULL,
	"sequence" integer NOT NULL,
	"payout_id" text NOT NULL,
	"purpose" text NOT NULL,
	"state" text NOT NULL,
	"asset" text NOT NULL,
	"payee" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	"batch_id" text,
	"batch_index" integer,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"final_at" timestamp (3) with time zone,
	"chain_hash" text,
	"block_height" integer,
	CONSTRAINT "chain_payouts_key" PRIMARY KEY("shard","payment_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "bridge"."merchant_payouts" (
	"shard" smallint NOT NULL,
	"window_id" text NOT NULL,
	"merchant_id" text NOT NULL,
	"acquirer_id" text NOT NULL,
	"asset" text NOT NULL,
	"gross" numeric(38, 0) NOT NULL,
	"fees" numeric(38, 0) NOT NULL,
	"refunds" numeric(38, 0) NOT NULL,
	"carried_in" numeric(38, 0) NOT NULL,
	"paid" numeric(38, 0) NOT NULL,
	"carried_out" numeric(38, 0) NOT NULL,
	"paid_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "merchant_payouts_key" PRIMARY KEY("shard","window_id","merchant_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."obligations" (
	"shard" smallint NOT NULL,
	"payment_id" text NOT NULL,
	"sequence" integer NOT NULL,
	"kind" text NOT NULL,
	"window_id" text NOT NULL,
	"debtor" text NOT NULL,
	"creditor" text NOT NULL,
	"amount" numeric(38, 0) NOT NULL,
	CONSTRAINT "obligations_key" PRIMARY KEY("shard","payment_id","sequence","kind")
);
--> statement-breakpoint
CREATE TABLE "bridge"."presentments" (
	"shard" smallint NOT NULL,
	"payment_id" text NOT NULL,
	"sequence" integer NOT NULL,
	"window_id" text NOT NULL,
	"kind" text NOT NULL,
	"quadrant" text NOT NULL,
	"merchant_id" text NOT NULL,
	"acquirer_id" text,
	"amount" numeric(38, 0) NOT NULL,
	"interchange" numeric(38, 0) NOT NULL,
	"scheme_fee" numeric(38, 0) NOT NULL,
	"merchant_fee" numeric(38, 0) NOT NULL,
	"cleared_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "presentments_key" PRIMARY KEY("shard","payment_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "bridge"."settlement_windows" (
	"shard" smallint NOT NULL,
	"window_id" text NOT NULL,
	"asset" text NOT NULL,
	"calendar" text NOT NULL,
	"state" text NOT NULL,
	"opened_at" timestamp (3) with time zone NOT NULL,
	"closed_at" timestamp (3) with time zone,
	"settled_at" timestamp (3) with time zone,
	CONSTRAINT "settlement_windows_key" PRIMARY KEY("shard","window_id")
);
--> statement-breakpoint
ALTER TABLE "bridge"."instruments" ADD CONSTRAINT "instruments_owner" FOREIGN KEY ("shard","participant_id") REFERENCES "bridge"."participants"("shard","participant_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bridge"."payment_movements" ADD CONSTRAINT "payment_movements_payment" FOREIGN KEY ("shard","payment_id") REFERENCES "bridge"."payments"("shard","payment_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bridge"."obligations" ADD CONSTRAINT "obligations_of_presentment" FOREIGN KEY ("shard","payment_id","sequence") REFERENCES "bridge"."presentments"("shard","payment_id","sequence") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bridge"."presentments" ADD CONSTRAINT "presentments_of_window" FOREIGN KEY ("shard","window_id") REFERENCES "bridge"."settlement_windows"("shard","window_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "chain_blocks_height" ON "bridge"."chain_blocks" USING btree ("shard","chain_id","height") WHERE "bridge"."chain_blocks"."canonical";--> statement-breakpoint
CREATE INDEX "chain_blocks_unfinal" ON "bridge"."chain_blocks" USING btree ("shard","chain_id","height") WHERE "bridge"."chain_blocks"."canonical" and not "bridge"."chain_blocks"."final";--> statement-breakpoint
CREATE INDEX "chain_calls_due" ON "bridge"."chain_calls" USING btree ("shard","recorded_at","subject","sequence") WHERE "bridge"."chain_calls"."state" = 'due';--> statement-breakpoint
CREATE INDEX "chain_calls_signed" ON "bridge"."chain_calls" USING btree ("shard","nonce") WHERE "bridge"."chain_calls"."state" = 'signed';--> statement-breakpoint
CREATE INDEX "chain_calls_subject" ON "bridge"."chain_calls" USING btree ("shard","subject");--> statement-breakpoint
CREATE INDEX "chain_logs_height" ON "bridge"."chain_logs" USING btree ("shard","chain_id","height");--> statement-breakpoint
CREATE INDEX "chain_submissions_call" ON "bridge"."chain_submissions" USING btree ("shard","call_id");--> statement-breakpoint
CREATE INDEX "card_authorizations_card" ON "issuer_host"."card_authorizations" USING btree ("shard","instrument_token");--> statement-breakpoint
CREATE INDEX "payment_movements_due" ON "bridge"."payment_movements" USING btree ("shard","recorded_at") WHERE "bridge"."payment_movements"."state" = 'accepted';--> statement-breakpoint
CREATE UNIQUE INDEX "payments_reference" ON "bridge"."payments" USING btree ("shard","merchant_id","merchant_reference") WHERE "bridge"."payments"."phase" not in ('failed', 'declined');--> statement-breakpoint
CREATE UNIQUE INDEX "payments_terms" ON "bridge"."payments" USING btree ("shard","terms_hash") WHERE "bridge"."payments"."terms_hash" is not null;--> statement-breakpoint
CREATE INDEX "payments_listed" ON "bridge"."payments" USING btree ("shard","recorded_at","payment_id");--> statement-breakpoint
CREATE INDEX "payments_expiry" ON "bridge"."payments" USING btree ("shard","authorization_expires_at") WHERE "bridge"."payments"."phase" in ('open', 'requires_action');--> statement-breakpoint
CREATE INDEX "payments_unanswered" ON "bridge"."payments" USING btree ("shard","reversal_due_at") WHERE "bridge"."payments"."reversal_due_at" is not null;--> statement-breakpoint
CREATE INDEX "outbox_due" ON "bridge"."outbox" USING btree ("shard","consumer","recorded_at","ordinal") WHERE "bridge"."outbox"."handled_at" is null;--> statement-breakpoint
CREATE INDEX "outbox_subject" ON "bridge"."outbox" USING btree ("shard","subject");--> statement-breakpoint
CREATE INDEX "chain_payouts_due" ON "bridge"."chain_payouts" USING btree ("shard","recorded_at") WHERE "bridge"."chain_payouts"."state" = 'due';--> statement-breakpoint
CREATE UNIQUE INDEX "chain_payouts_item" ON "bridge"."chain_payouts" USING btree ("shard","batch_id","batch_index") WHERE "bridge"."chain_payouts"."batch_id" is not null;--> statement-breakpoint
CREATE INDEX "merchant_payouts_of" ON "bridge"."merchant_payouts" USING btree ("shard","merchant_id","asset","paid_at");--> statement-breakpoint
CREATE INDEX "obligations_window" ON "bridge"."obligations" USING btree ("shard","window_id");--> statement-breakpoint
CREATE INDEX "presentments_window" ON "bridge"."presentments" USING btree ("shard","window_id");--> statement-breakpoint
CREATE UNIQUE INDEX "settlement_windows_open" ON "bridge"."settlement_windows" USING btree ("shard","asset","calendar") WHERE "bridge"."settlement_windows"."state" = 'OPEN';--> statement-breakpoint
CREATE INDEX "settlement_windows_listed" ON "bridge"."settlement_windows" USING btree ("shard","opened_at");