-- Spans of a table that an OpenTelemetry Collector writes (storage/adopt.ts): they pass through adopted_spans, which keeps nothing, and
-- the views on it derive what span_edges_view, span_arrivals_view and entities_view derive from spans.
CREATE TABLE adopted_spans AS spans ENGINE = Null;

CREATE MATERIALIZED VIEW adopted_span_edges_view TO span_edges AS
SELECT
  Timestamp,
  cityHash64(TraceId, SpanId) AS SpanKey,
  if(ParentSpanId = '', 0, cityHash64(TraceId, ParentSpanId)) AS ParentKey,
  arrayMap((t, s) -> cityHash64(t, s), `Links.TraceId`, `Links.SpanId`) AS LinkKeys,
  CAST(SpanKind, 'Enum8(\'Unspecified\' = 0, \'Internal\' = 1, \'Server\' = 2, \'Client\' = 3, \'Producer\' = 4, \'Consumer\' = 5)') AS Kind,
  Proxy, Outcome, ResponseCode, Duration,
  Tenant, Cluster, Namespace, Service, Version, Instance, Node, Operation, Protocol, Peer, PeerKind, ResponseFlags
FROM adopted_spans;

CREATE MATERIALIZED VIEW adopted_span_arrivals_view TO arrivals AS
SELECT Tenant, 'spans' AS Signal, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND) AS Bucket, count() AS RowCount,
  toDateTime64(max(Timestamp), 3) AS LastTimestamp
FROM adopted_spans GROUP BY Tenant, Bucket;

CREATE MATERIALIZED VIEW adopted_entities_view TO entities AS
SELECT Tenant, Cluster, Namespace, Service, Version, Instance, any(Node) AS Node, any(Runtime) AS Runtime, any(Isolation) AS Isolation,
  toDateTime(max(Timestamp)) AS LastSeen
FROM adopted_spans GROUP BY Tenant, Cluster, Namespace, Service, Version, Instance;

-- Which blocks of the adopted table were taken: the numbers that ClickHouse gives to every insert, and keeps through merges as a range.
-- Source is the table's UUID, so that a table made anew begins anew. 'started' without 'done': may have been taken in part.
CREATE TABLE adopted_blocks (
  Source UUID,
  Partition String,
  FirstBlock Int64,
  LastBlock Int64,
  State Enum8('started' = 1, 'done' = 2),
  SpanCount UInt64,
  At DateTime64(3) DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY (Source, Partition, FirstBlock)
SETTINGS non_replicated_deduplication_window = 10000;

-- Who reads the adopted table (storage/migration-lease.ts).
CREATE TABLE adoption_leases (
  Epoch UInt64,
  Owner String,
  Event Enum8('taken' = 1, 'alive' = 2, 'released' = 3),
  At DateTime64(3) DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY Epoch
TTL toDateTime(At) + INTERVAL 7 DAY WHERE Event = 'alive'
SETTINGS non_replicated_deduplication_window = 1000;

-- Times and ids of the adopted table's spans, for the way from a place to its traces; replaced while a table is adopted.
CREATE VIEW adopted_traces AS
SELECT Timestamp, TraceId, SpanId FROM adopted_spans;
