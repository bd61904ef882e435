-- Log records in the columns of the Collector's otel_logs, then the promoted identity.
CREATE TABLE logs (
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  TraceId String CODEC(ZSTD(1)),
  SpanId String CODEC(ZSTD(1)),
  TraceFlags UInt8,
  SeverityText LowCardinality(String) CODEC(ZSTD(1)),
  SeverityNumber UInt8,
  ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  Body String CODEC(ZSTD(1)),
  ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
  ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
  ScopeName String CODEC(ZSTD(1)),
  ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
  ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  EventName String CODEC(ZSTD(1)),
  Tenant LowCardinality(String) CODEC(ZSTD(1)),
  Cluster LowCardinality(String) CODEC(ZSTD(1)),
  Namespace LowCardinality(String) CODEC(ZSTD(1)),
  Service LowCardinality(String) CODEC(ZSTD(1)),
  Version LowCardinality(String) CODEC(ZSTD(1)),
  Instance LowCardinality(String) CODEC(ZSTD(1)),
  Node LowCardinality(String) CODEC(ZSTD(1)),
  IngestedAt DateTime64(3) DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (toStartOfMinute(Timestamp), Service, Timestamp)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE VIEW otel_logs AS
SELECT Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, ResourceSchemaUrl, ResourceAttributes,
  ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, LogAttributes, EventName
FROM logs;

-- Gauges and sums: one number a point. Kind says how to read it; StartTimestamp = epoch when the sender gave none.
CREATE TABLE metrics_numbers (
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  StartTimestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  MetricName LowCardinality(String) CODEC(ZSTD(1)),
  Kind Enum8('gauge' = 0, 'delta' = 1, 'cumulative' = 2) CODEC(ZSTD(1)),
  Monotonic UInt8 CODEC(ZSTD(1)),
  Unit LowCardinality(String) CODEC(ZSTD(1)),
  Value Float64 CODEC(ZSTD(1)),
  Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  ScopeName LowCardinality(String) CODEC(ZSTD(1)),
  Tenant LowCardinality(String) CODEC(ZSTD(1)),
  Cluster LowCardinality(String) CODEC(ZSTD(1)),
  Namespace LowCardinality(String) CODEC(ZSTD(1)),
  Service LowCardinality(String) CODEC(ZSTD(1)),
  Version LowCardinality(String) CODEC(ZSTD(1)),
  Instance LowCardinality(String) CODEC(ZSTD(1)),
  Node LowCardinality(String) CODEC(ZSTD(1)),
  IngestedAt DateTime64(3) DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (MetricName, toStartOfMinute(Timestamp), Instance, Timestamp)
SETTINGS non_replicated_deduplication_window = 10000;

-- Histograms, exponential histograms and summaries: one distribution a point.
-- histogram: Bounds are upper bounds, Counts has one more entry; exponential: Scale, ZeroCount, offsets and counts a side;
-- summary: Bounds are quantiles (0..1), Values their values. Min and Max are null when not sent.
CREATE TABLE metrics_distributions (
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  StartTimestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  MetricName LowCardinality(String) CODEC(ZSTD(1)),
  Shape Enum8('histogram' = 0, 'exponential' = 1, 'summary' = 2) CODEC(ZSTD(1)),
  Kind Enum8('gauge' = 0, 'delta' = 1, 'cumulative' = 2) CODEC(ZSTD(1)),
  Unit LowCardinality(String) CODEC(ZSTD(1)),
  ObservationCount UInt64 CODEC(ZSTD(1)),
  Sum Float64 CODEC(ZSTD(1)),
  Min Nullable(Float64) CODEC(ZSTD(1)),
  Max Nullable(Float64) CODEC(ZSTD(1)),
  Bounds Array(Float64) CODEC(ZSTD(1)),
  Counts Array(UInt64) CODEC(ZSTD(1)),
  Values Array(Float64) CODEC(ZSTD(1)),
  Scale Int32 CODEC(ZSTD(1)),
  ZeroCount UInt64 CODEC(ZSTD(1)),
  PositiveOffset Int32 CODEC(ZSTD(1)),
  NegativeOffset Int32 CODEC(ZSTD(1)),
  NegativeCounts Array(UInt64) CODEC(ZSTD(1)),
  Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  ScopeName LowCardinality(String) CODEC(ZSTD(1)),
  Tenant LowCardinality(String) CODEC(ZSTD(1)),
  Cluster LowCardinality(String) CODEC(ZSTD(1)),
  Namespace LowCardinality(String) CODEC(ZSTD(1)),
  Service LowCardinality(String) CODEC(ZSTD(1)),
  Version LowCardinality(String) CODEC(ZSTD(1)),
  Instance LowCardinality(String) CODEC(ZSTD(1)),
  Node LowCardinality(String) CODEC(ZSTD(1)),
  IngestedAt DateTime64(3) DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (MetricName, toStartOfMinute(Timestamp), Instance, Timestamp)
SETTINGS non_replicated_deduplication_window = 10000;
