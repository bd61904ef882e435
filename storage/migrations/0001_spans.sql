-- Spans as they came: the columns of the Collector's otel_traces, then Faultline's promoted ones.
-- Ordered by minute and trace, so that one trace is one granule; no value bloom filters (they cost half of the insert).
-- Promoted: identity resolved at ingest (Tenant .. Node), Operation (a route template), Outcome and ResponseCode by protocol
-- (gRPC status when Protocol = 'grpc', HTTP status otherwise, -1 unknown), Proxy (1 sidecar or gateway), Peer (the callee that
-- a Client or Producer span names) with PeerKind, Runtime and Isolation (classes of model/entity.ts).
CREATE TABLE spans (
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  TraceId String CODEC(ZSTD(1)),
  SpanId String CODEC(ZSTD(1)),
  ParentSpanId String CODEC(ZSTD(1)),
  TraceState String CODEC(ZSTD(1)),
  SpanName LowCardinality(String) CODEC(ZSTD(1)),
  SpanKind LowCardinality(String) CODEC(ZSTD(1)),
  ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  ScopeName String CODEC(ZSTD(1)),
  ScopeVersion String CODEC(ZSTD(1)),
  SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  Duration UInt64 CODEC(ZSTD(1)),
  StatusCode LowCardinality(String) CODEC(ZSTD(1)),
  StatusMessage String CODEC(ZSTD(1)),
  `Events.Timestamp` Array(DateTime64(9)) CODEC(ZSTD(1)),
  `Events.Name` Array(LowCardinality(String)) CODEC(ZSTD(1)),
  `Events.Attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  `Links.TraceId` Array(String) CODEC(ZSTD(1)),
  `Links.SpanId` Array(String) CODEC(ZSTD(1)),
  `Links.TraceState` Array(String) CODEC(ZSTD(1)),
  `Links.Attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  Tenant LowCardinality(String) CODEC(ZSTD(1)),
  Cluster LowCardinality(String) CODEC(ZSTD(1)),
  Namespace LowCardinality(String) CODEC(ZSTD(1)),
  Service LowCardinality(String) CODEC(ZSTD(1)),
  Version LowCardinality(String) CODEC(ZSTD(1)),
  Instance LowCardinality(String) CODEC(ZSTD(1)),
  Node LowCardinality(String) CODEC(ZSTD(1)),
  Operation LowCardinality(String) CODEC(ZSTD(1)),
  Protocol LowCardinality(String) CODEC(ZSTD(1)),
  Peer LowCardinality(String) CODEC(ZSTD(1)),
  ResponseFlags LowCardinality(String) CODEC(ZSTD(1)),
  Runtime LowCardinality(String) CODEC(ZSTD(1)),
  Isolation LowCardinality(String) CODEC(ZSTD(1)),
  Outcome Enum8('ok' = 0, 'degraded' = 1, 'failed' = 2, 'cancelled' = 3) CODEC(ZSTD(1)),
  ResponseCode Int16 CODEC(ZSTD(1)),
  Proxy UInt8 CODEC(ZSTD(1)),
  PeerKind Enum8('' = 0, 'service' = 1, 'database' = 2, 'messaging' = 3, 'external' = 4) CODEC(ZSTD(1)),
  IngestedAt DateTime64(3) DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (toStartOfMinute(Timestamp), TraceId)
SETTINGS non_replicated_deduplication_window = 10000;

-- The narrow copy that pairing and listings read. Keys are hashes of (trace, span); 0 = no parent.
CREATE TABLE span_edges (
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  SpanKey UInt64 CODEC(NONE),
  ParentKey UInt64 CODEC(ZSTD(1)),
  LinkKeys Array(UInt64) CODEC(ZSTD(1)),
  Kind Enum8('Unspecified' = 0, 'Internal' = 1, 'Server' = 2, 'Client' = 3, 'Producer' = 4, 'Consumer' = 5) CODEC(ZSTD(1)),
  Proxy UInt8 CODEC(ZSTD(1)),
  Outcome Enum8('ok' = 0, 'degraded' = 1, 'failed' = 2, 'cancelled' = 3) CODEC(ZSTD(1)),
  ResponseCode Int16 CODEC(ZSTD(1)),
  Duration UInt64 CODEC(ZSTD(1)),
  Tenant LowCardinality(String) CODEC(ZSTD(1)),
  Cluster LowCardinality(String) CODEC(ZSTD(1)),
  Namespace LowCardinality(String) CODEC(ZSTD(1)),
  Service LowCardinality(String) CODEC(ZSTD(1)),
  Version LowCardinality(String) CODEC(ZSTD(1)),
  Instance LowCardinality(String) CODEC(ZSTD(1)),
  Node LowCardinality(String) CODEC(ZSTD(1)),
  Operation LowCardinality(String) CODEC(ZSTD(1)),
  Protocol LowCardinality(String) CODEC(ZSTD(1)),
  Peer LowCardinality(String) CODEC(ZSTD(1)),
  PeerKind Enum8('' = 0, 'service' = 1, 'database' = 2, 'messaging' = 3, 'external' = 4) CODEC(ZSTD(1)),
  ResponseFlags LowCardinality(String) CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toStartOfHour(Timestamp)
ORDER BY (toStartOfMinute(Timestamp), Service, Timestamp)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW span_edges_view TO span_edges AS
SELECT
  Timestamp,
  cityHash64(TraceId, SpanId) AS SpanKey,
  if(ParentSpanId = '', 0, cityHash64(TraceId, ParentSpanId)) AS ParentKey,
  arrayMap((t, s) -> cityHash64(t, s), `Links.TraceId`, `Links.SpanId`) AS LinkKeys,
  CAST(SpanKind, 'Enum8(\'Unspecified\' = 0, \'Internal\' = 1, \'Server\' = 2, \'Client\' = 3, \'Producer\' = 4, \'Consumer\' = 5)') AS Kind,
  Proxy, Outcome, ResponseCode, Duration,
  Tenant, Cluster, Namespace, Service, Version, Instance, Node, Operation, Protocol, Peer, PeerKind, ResponseFlags
FROM spans;

-- How many rows of each 10-second bucket have arrived: the analyzer compares these counts with those it has used, so
-- "which buckets are new or changed" needs no clock and misses no slow insert.
CREATE TABLE arrivals (
  Tenant LowCardinality(String),
  Signal LowCardinality(String),
  Bucket DateTime,
  RowCount SimpleAggregateFunction(sum, UInt64),
  LastTimestamp SimpleAggregateFunction(max, DateTime64(3))
) ENGINE = AggregatingMergeTree
PARTITION BY toDate(Bucket)
ORDER BY (Signal, Bucket, Tenant)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW span_arrivals_view TO arrivals AS
SELECT Tenant, 'spans' AS Signal, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND) AS Bucket, count() AS RowCount,
  toDateTime64(max(Timestamp), 3) AS LastTimestamp
FROM spans GROUP BY Tenant, Bucket;

-- What is known of each instance, newest row wins.
CREATE TABLE entities (
  Tenant LowCardinality(String),
  Cluster LowCardinality(String),
  Namespace LowCardinality(String),
  Service LowCardinality(String),
  Version LowCardinality(String),
  Instance String,
  Node LowCardinality(String),
  Runtime LowCardinality(String),
  Isolation LowCardinality(String),
  LastSeen DateTime
) ENGINE = ReplacingMergeTree(LastSeen)
ORDER BY (Tenant, Cluster, Namespace, Service, Version, Instance)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW entities_view TO entities AS
SELECT Tenant, Cluster, Namespace, Service, Version, Instance, any(Node) AS Node, any(Runtime) AS Runtime, any(Isolation) AS Isolation,
  toDateTime(max(Timestamp)) AS LastSeen
FROM spans GROUP BY Tenant, Cluster, Namespace, Service, Version, Instance;

-- The exact shape of the Collector's clickhouseexporter, so that Grafana and others read it as they are.
CREATE VIEW otel_traces AS
SELECT Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, ResourceAttributes, ScopeName,
  ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage, `Events.Timestamp`, `Events.Name`, `Events.Attributes`,
  `Links.TraceId`, `Links.SpanId`, `Links.TraceState`, `Links.Attributes`
FROM spans;
