-- Who may migrate (storage/migration-lease.ts). The deduplication window makes the row 'taken' of an epoch unique.
-- No TTL: epochs must go on counting, for a token of the past is never accepted again.
-- Cost: none when it exists.
CREATE TABLE IF NOT EXISTS schema_leases (
  Epoch UInt64,
  Owner String,
  Event Enum8('taken' = 1, 'alive' = 2, 'released' = 3),
  At DateTime64(3) DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY Epoch
SETTINGS non_replicated_deduplication_window = 1000
