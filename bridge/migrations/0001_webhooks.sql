CREATE TABLE "bridge"."events" (
	"shard" smallint NOT NULL,
	"subject" text NOT NULL,
	"sequence" integer NOT NULL,
	"event_id" text NOT NULL,
	"type" text NOT NULL,
	"owner_id" text,
	"data" jsonb NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "events_key" PRIMARY KEY("shard","subject","sequence")
);
--> statement-breakpoint
CREATE TABLE "bridge"."webhook_deliveries" (
	"shard" smallint NOT NULL,
	"endpoint_id" text NOT NULL,
	"event_id" text NOT NULL,
	"subject" text NOT NULL,
	"sequence" integer NOT NULL,
	"state" text NOT NULL,
	"attempts" integer NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"due_since" timestamp (3) with time zone NOT NULL,
	"not_before" timestamp (3) with time zone NOT NULL,
	"last_attempt_at" timestamp (3) with time zone,
	"last_status" integer,
	"last_failure" text,
	"ended_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_deliveries_key" PRIMARY KEY("shard","endpoint_id","event_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."webhook_endpoints" (
	"shard" smallint NOT NULL,
	"endpoint_id" text NOT NULL,
	"owner_id" text,
	"url" text NOT NULL,
	"event_types" text[] NOT NULL,
	"state" text NOT NULL,
	"disabled_because" text,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "webhook_endpoints_key" PRIMARY KEY("shard","endpoint_id")
);
--> statement-breakpoint
CREATE TABLE "bridge"."webhook_secrets" (
	"shard" smallint NOT NULL,
	"endpoint_id" text NOT NULL,
	"ordinal" integer NOT NULL,
	"secret" text NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_secrets_key" PRIMARY KEY("shard","endpoint_id","ordinal")
);
--> statement-breakpoint
ALTER TABLE "bridge"."api_keys" ADD COLUMN "participant_id" text;--> statement-breakpoint
CREATE UNIQUE INDEX "events_name" ON "bridge"."events" USING btree ("shard","event_id");--> statement-breakpoint
CREATE INDEX "events_time" ON "bridge"."events" USING brin ("shard","recorded_at");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_due" ON "bridge"."webhook_deliveries" USING btree ("shard","not_before") WHERE "bridge"."webhook_deliveries"."state" = 'due';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_order" ON "bridge"."webhook_deliveries" USING btree ("shard","endpoint_id","subject","sequence") WHERE "bridge"."webhook_deliveries"."state" = 'due';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_listed" ON "bridge"."webhook_deliveries" USING btree ("shard","endpoint_id","recorded_at","event_id");