-- Bearer tokens, by the SHA-256 of their text: whoever reads this table cannot send with it.
-- Revoking writes the row again with a RevokedAt; newest Revision (unix ms of the command) wins, read with FINAL.
CREATE TABLE tokens (
  Tenant LowCardinality(String),
  Hash String,
  Name String,
  Scopes Array(LowCardinality(String)),
  CreatedAt DateTime64(3),
  RevokedAt Nullable(DateTime64(3)),
  Revision UInt64
) ENGINE = ReplacingMergeTree(Revision)
ORDER BY (Tenant, Hash)
SETTINGS non_replicated_deduplication_window = 10000;
