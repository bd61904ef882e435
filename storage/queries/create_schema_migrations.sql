-- The progress of migrations, by statement (storage/migrate.ts). Position counts the statements of a file from 0; the row
-- 'complete' has the checksum of the file, the others that of the statement.
-- Cost: none when it exists.
CREATE TABLE IF NOT EXISTS schema_migrations (
  Name String,
  Position UInt16,
  State Enum8('started' = 1, 'failed' = 2, 'done' = 3, 'complete' = 4),
  Checksum String,
  At DateTime64(3) DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY (Name, Position, State)
