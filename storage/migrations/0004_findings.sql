-- What the analyzer found. Entities are the ids of model/entity.ts; *Json columns hold the types of model/ as JSON.
-- Newest Revision (unix ns of the cycle that wrote it) wins; read with FINAL or argMax.
CREATE TABLE anomalies (
  Tenant LowCardinality(String),
  Bucket DateTime,
  EntityId String,
  Indicator LowCardinality(String),
  Direction Enum8('up' = 1, 'down' = -1),
  PValue Float64,
  Effect Float64,
  Observed Float64,
  Expected Float64,
  Unit LowCardinality(String),
  Revision UInt64
) ENGINE = ReplacingMergeTree(Revision)
PARTITION BY toDate(Bucket)
ORDER BY (Tenant, Bucket, EntityId, Indicator);

CREATE TABLE incidents (
  Tenant LowCardinality(String),
  Id String,
  Status Enum8('OPEN' = 1, 'RESOLVED' = 2, 'WITHDRAWN' = 3),
  Title String,
  StartedAt DateTime64(3),
  DetectedAt DateTime64(3),
  ResolvedAt Nullable(DateTime64(3)),
  SymptomsJson String,
  ImpactJson String,
  LocalizationId String,
  Revision UInt64
) ENGINE = ReplacingMergeTree(Revision)
ORDER BY (Tenant, Id);

CREATE TABLE localizations (
  Tenant LowCardinality(String),
  Id String,
  Verdict LowCardinality(String),
  Reason String,
  RangeFrom DateTime64(3),
  RangeTo DateTime64(3),
  BaselineFrom DateTime64(3),
  BaselineTo DateTime64(3),
  Onset Nullable(DateTime64(3)),
  CausesJson String,
  RejectedJson String,
  Revision UInt64
) ENGINE = ReplacingMergeTree(Revision)
ORDER BY (Tenant, Id);

CREATE TABLE changes (
  Tenant LowCardinality(String),
  Id String,
  At DateTime64(3),
  Kind LowCardinality(String),
  EntityId String,
  Summary String,
  Before String,
  After String,
  Origin LowCardinality(String),
  IngestedAt DateTime64(3) DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(IngestedAt)
PARTITION BY toYYYYMM(At)
ORDER BY (Tenant, At, Id)
SETTINGS non_replicated_deduplication_window = 10000;

-- The alert outbox: a row is written before the attempt and again after it; newest Revision wins.
-- Key = incident id : transition : target, so that a replayed incident is told once.
CREATE TABLE alert_deliveries (
  Tenant LowCardinality(String),
  Key String,
  IncidentId String,
  Transition LowCardinality(String),
  Target LowCardinality(String),
  Status Enum8('PENDING' = 1, 'DELIVERED' = 2, 'GIVEN_UP' = 3),
  Attempts UInt16,
  NextAttemptAt DateTime64(3),
  LastError String,
  CreatedAt DateTime64(3),
  Revision UInt64
) ENGINE = ReplacingMergeTree(Revision)
ORDER BY (Tenant, Key);

CREATE TABLE dead_letters (
  Tenant LowCardinality(String),
  At DateTime64(3) DEFAULT now64(3),
  Source LowCardinality(String),
  Origin String,
  Reason LowCardinality(String),
  Detail String,
  Body String CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(At)
ORDER BY (Tenant, At)
SETTINGS non_replicated_deduplication_window = 10000;
