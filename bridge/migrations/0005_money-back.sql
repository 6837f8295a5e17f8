ALTER TABLE "bridge"."payment_movements" ADD COLUMN "escrow_sequence" integer;--> statement-breakpoint
ALTER TABLE "bridge"."payment_movements" ADD COLUMN "chain_final_at" timestamp (3) with time zone;--> statement-breakpoint
UPDATE "bridge"."payment_movements" m SET "escrow_sequence" = n.number
FROM (
  SELECT o.shard, o.payment_id, o.sequence,
    row_number() OVER (PARTITION BY o.shard, o.payment_id ORDER BY o.sequence) AS number
  FROM "bridge"."payment_movements" o JOIN "bridge"."payments" p ON p.shard = o.shard AND p.payment_id = o.payment_id
  WHERE p.terms IS NOT NULL AND (p.quadrant = 'cryptoToCrypto' OR o.kind <> 'refund')
) n
WHERE m.shard = n.shard AND m.payment_id = n.payment_id AND m.sequence = n.sequence;--> statement-breakpoint
UPDATE "bridge"."payment_movements" m SET "chain_final_at" = m.final_at
WHERE m.state = 'final' AND m.escrow_sequence IS NOT NULL;
--> statement-breakpoint
UPDATE "bridge"."payment_movements" m SET "chain_final_at" = r.cleared_at
FROM "bridge"."presentments" r
WHERE r.shard = m.shard AND r.payment_id = m.payment_id AND r.sequence = m.sequence
  AND m.escrow_sequence IS NOT NULL AND m.chain_final_at IS NULL;
