CREATE TABLE "bridge"."node_votes" (
	"shard" smallint NOT NULL,
	"chain_id" integer NOT NULL,
	"node" text NOT NULL,
	"question" text NOT NULL,
	"subject" text NOT NULL,
	"said" text NOT NULL,
	"quorum_said" text NOT NULL,
	"times" integer NOT NULL,
	"first_at" timestamp (3) with time zone NOT NULL,
	"last_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "node_votes_key" PRIMARY KEY("shard","chain_id","node","question","subject")
);
--> statement-breakpoint
CREATE INDEX "node_votes_listed" ON "bridge"."node_votes" USING btree ("shard","chain_id","last_at");