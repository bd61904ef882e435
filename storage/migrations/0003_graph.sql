-- The service graph at a grain of 10 seconds; one row an edge and bucket.
-- The two sides are kept apart: Caller* is what the caller's last span before the wire saw (logical requests), Callee* what the
-- callee's first span saw (attempts that arrived). Virtual callees (Dst Kind database, messaging, external, or service without
-- telemetry) have a caller side only; roots (SrcKind unknown, SrcService '') a callee side only. A messaging destination is a node:
-- producer -> destination has a caller side, destination (SrcKind messaging) -> consumer a callee side.
-- NeverArrived: caller calls for which no callee span exists; OriginFailed: caller failures below which nothing failed;
-- GapNs: caller time not covered by the callee's span (network, queue, proxies). Flags: the caller's response flags.
-- Hist: see model/histogram.ts.
-- Minute partitions are replaced as a whole when late spans arrive (storage/queries), so nothing counts twice.
CREATE TABLE edge_buckets (
  Tenant LowCardinality(String),
  Bucket DateTime,
  SrcKind Enum8('unknown' = 0, 'service' = 1, 'messaging' = 3),
  SrcCluster LowCardinality(String),
  SrcNamespace LowCardinality(String),
  SrcService LowCardinality(String),
  SrcVersion LowCardinality(String),
  SrcInstance LowCardinality(String),
  DstKind Enum8('service' = 1, 'database' = 2, 'messaging' = 3, 'external' = 4),
  DstCluster LowCardinality(String),
  DstNamespace LowCardinality(String),
  DstService LowCardinality(String),
  DstVersion LowCardinality(String),
  DstInstance LowCardinality(String),
  Protocol LowCardinality(String),
  Evidence LowCardinality(String),
  CallerCalls UInt64,
  CallerFailed UInt64,
  CallerDegraded UInt64,
  CallerCancelled UInt64,
  CallerNs UInt64,
  CallerHist Array(UInt32),
  CalleeCalls UInt64,
  CalleeFailed UInt64,
  CalleeDegraded UInt64,
  CalleeCancelled UInt64,
  CalleeNs UInt64,
  CalleeHist Array(UInt32),
  NeverArrived UInt64,
  OriginFailed UInt64,
  GapNs UInt64,
  Flags Map(LowCardinality(String), UInt64)
) ENGINE = MergeTree
PARTITION BY toStartOfMinute(Bucket)
ORDER BY (Tenant, Bucket, DstService, SrcService)
SETTINGS max_partitions_per_insert_block = 1000;
CREATE TABLE edge_buckets_staging AS edge_buckets;

-- What each instance did for its callers at a grain of 10 seconds: requests it answered, failures that began there (no callee
-- failed), time of its own (not spent in a callee), by operation.
CREATE TABLE operation_buckets (
  Tenant LowCardinality(String),
  Bucket DateTime,
  Cluster LowCardinality(String),
  Namespace LowCardinality(String),
  Service LowCardinality(String),
  Version LowCardinality(String),
  Instance LowCardinality(String),
  Node LowCardinality(String),
  Operation LowCardinality(String),
  Protocol LowCardinality(String),
  Requests UInt64,
  Failed UInt64,
  Degraded UInt64,
  Cancelled UInt64,
  OriginFailed UInt64,
  TotalNs UInt64,
  SelfNs UInt64,
  Hist Array(UInt32),
  SelfHist Array(UInt32),
  Flags Map(LowCardinality(String), UInt64)
) ENGINE = MergeTree
PARTITION BY toStartOfMinute(Bucket)
ORDER BY (Tenant, Bucket, Service, Instance)
SETTINGS max_partitions_per_insert_block = 1000;
CREATE TABLE operation_buckets_staging AS operation_buckets;

-- Which buckets were analysed, from how many arrived rows: the analyzer's watermark, newest Revision wins.
CREATE TABLE analyzed_buckets (
  Tenant LowCardinality(String),
  Bucket DateTime,
  RowCount UInt64,
  Revision UInt64
) ENGINE = ReplacingMergeTree(Revision)
PARTITION BY toDate(Bucket)
ORDER BY (Tenant, Bucket);
