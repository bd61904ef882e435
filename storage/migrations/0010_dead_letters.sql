-- What a replay of a dead letter needs: whose and what it is, how its body is written, how long it was, and which tables still want it.
-- Id names a letter: the same message set aside again has the same. Signal '' = a letter from before, which cannot be replayed.
-- RefusedTables = the tables that refused its rows while others took them; empty = none has them.
ALTER TABLE dead_letters
  ADD COLUMN Id String DEFAULT substring(lower(hex(SHA256(concat(Source, '|', Origin, '|', Body)))), 1, 16),
  ADD COLUMN Signal LowCardinality(String),
  ADD COLUMN Encoding LowCardinality(String),
  ADD COLUMN BodyEncoding Enum8('text' = 0, 'base64' = 1) DEFAULT if(position(Detail, 'body in base64') > 0, 'base64', 'text'),
  ADD COLUMN BodyBytes UInt64 DEFAULT length(Body),
  ADD COLUMN RefusedTables Array(LowCardinality(String));

-- What became of letters at replays; the newest mark of a letter holds.
CREATE TABLE dead_letter_marks (
  Tenant LowCardinality(String),
  LetterId String,
  At DateTime64(3),
  State Enum8('replayed' = 1, 'failed' = 2),
  Reason LowCardinality(String),
  Detail String,
  StoredRows UInt64
) ENGINE = ReplacingMergeTree(At)
ORDER BY (Tenant, LetterId)
SETTINGS non_replicated_deduplication_window = 10000;
