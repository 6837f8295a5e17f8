CREATE TABLE "bridge"."counterparty_limits" (
	"shard" smallint NOT NULL,
	"asset" text NOT NULL,
	"counterparty" text NOT NULL,
	"maximum" numeric(38, 0) NOT NULL,
	CONSTRAINT "counterparty_limits_key" PRIMARY KEY("shard","asset","counterparty")
);
--> statement-breakpoint
CREATE TABLE "bridge"."exposure_claims" (
	"shard" smallint NOT NULL,
	"subject" text NOT NULL,
	"asset" text NOT NULL,
	"counterparty" text NOT NULL,
	"open" numeric(38, 0) NOT NULL,
	CONSTRAINT "exposure_claims_key" PRIMARY KEY("shard","subject"),
	CONSTRAINT "exposure_claims_open" CHECK ("bridge"."exposure_claims"."open" >= 0)
);
--> statement-breakpoint
CREATE TABLE "bridge"."kill_switches" (
	"shard" smallint NOT NULL,
	"stopped" boolean NOT NULL,
	"reason" text NOT NULL,
	"changed_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "kill_switches_key" PRIMARY KEY("shard")
);
--> statement-breakpoint
CREATE TABLE "bridge"."operator_actions" (
	"shard" smallint NOT NULL,
	"action_id" text NOT NULL,
	"operator" text NOT NULL,
	"kind" text NOT NULL,
	"details" jsonb NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "operator_actions_key" PRIMARY KEY("shard","action_id")
);
--> statement-breakpoint
ALTER TABLE "bridge"."exposures" ADD COLUMN "counterparty_maximum" numeric(38, 0);--> statement-breakpoint
ALTER TABLE "bridge"."exposures" ADD COLUMN "minimum_inventory" numeric(38, 0) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."exposures" ADD COLUMN "high_basis_points" integer DEFAULT 8000 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."exposures" ADD COLUMN "low_basis_points" integer DEFAULT 7000 NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."exposures" ADD COLUMN "is_high" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "bridge"."exposures" ADD COLUMN "is_dry" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "exposure_claims_counterparty" ON "bridge"."exposure_claims" USING btree ("shard","asset","counterparty") WHERE "bridge"."exposure_claims"."open" > 0;--> statement-breakpoint
CREATE INDEX "operator_actions_listed" ON "bridge"."operator_actions" USING btree ("shard","recorded_at");--> statement-breakpoint
ALTER TABLE "bridge"."exposures" ADD CONSTRAINT "exposures_open" CHECK ("bridge"."exposures"."open" >= 0);