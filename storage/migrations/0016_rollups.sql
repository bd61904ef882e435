-- The graph at grains of a minute and an hour, so that a day is read as 24 rows an edge: sums of edge_buckets and operation_buckets by
-- version (no instances), sources apart. Times are whole microseconds, for the sum's last digits would be most of a row.
-- Histograms end with the last sixteen buckets that are not all empty.
-- Revision: a minute whose buckets changed is summed anew under a new Revision; minute_rollups and hour_rollups say which holds. So a
-- new sum takes the place of the old at once, what has vanished vanishes, and nothing counts twice. Superseded rows are deleted later.
CREATE TABLE edge_minutes (
  Tenant LowCardinality(String),
  Minute DateTime CODEC(Delta(4), ZSTD(1)),
  Revision UInt64 CODEC(Delta(8), ZSTD(1)),
  Source Enum8('spans' = 0, 'access_logs' = 1, 'metrics' = 2) CODEC(ZSTD(1)),
  SrcKind Enum8('unknown' = 0, 'service' = 1, 'messaging' = 3, 'external' = 4) CODEC(ZSTD(1)),
  SrcCluster LowCardinality(String) CODEC(ZSTD(1)),
  SrcNamespace LowCardinality(String) CODEC(ZSTD(1)),
  SrcService LowCardinality(String) CODEC(ZSTD(1)),
  SrcVersion LowCardinality(String) CODEC(ZSTD(1)),
  DstKind Enum8('unknown' = 0, 'service' = 1, 'database' = 2, 'messaging' = 3, 'external' = 4) CODEC(ZSTD(1)),
  DstCluster LowCardinality(String) CODEC(ZSTD(1)),
  DstNamespace LowCardinality(String) CODEC(ZSTD(1)),
  DstService LowCardinality(String) CODEC(ZSTD(1)),
  DstVersion LowCardinality(String) CODEC(ZSTD(1)),
  Protocol LowCardinality(String) CODEC(ZSTD(1)),
  Evidence LowCardinality(String) CODEC(ZSTD(1)),
  CallerCalls UInt64 CODEC(T64, ZSTD(1)),
  CallerFailed UInt64 CODEC(T64, ZSTD(1)),
  CallerDegraded UInt64 CODEC(T64, ZSTD(1)),
  CallerCancelled UInt64 CODEC(T64, ZSTD(1)),
  CallerUs UInt64 CODEC(T64, LZ4),
  CallerHist Array(UInt32) CODEC(T64('bit'), ZSTD(1)),
  CalleeCalls UInt64 CODEC(T64, ZSTD(1)),
  CalleeFailed UInt64 CODEC(T64, ZSTD(1)),
  CalleeDegraded UInt64 CODEC(T64, ZSTD(1)),
  CalleeCancelled UInt64 CODEC(T64, ZSTD(1)),
  CalleeUs UInt64 CODEC(T64, LZ4),
  CalleeHist Array(UInt32) CODEC(T64('bit'), ZSTD(1)),
  NeverArrived UInt64 CODEC(T64, ZSTD(1)),
  OriginFailed UInt64 CODEC(T64, ZSTD(1)),
  GapUs UInt64 CODEC(T64, LZ4),
  ProxyUs UInt64 CODEC(T64, LZ4),
  Retries UInt64 CODEC(T64, ZSTD(1)),
  RequestBytes UInt64 CODEC(T64, LZ4),
  ResponseBytes UInt64 CODEC(T64, LZ4),
  SecuredCalls UInt64 CODEC(T64, ZSTD(1)),
  PlainCalls UInt64 CODEC(T64, ZSTD(1)),
  OffsetUs Int64 CODEC(T64, LZ4),
  OffsetCalls UInt64 CODEC(T64, ZSTD(1)),
  Flags Map(LowCardinality(String), UInt64) CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toStartOfHour(Minute)
PRIMARY KEY (Tenant, Minute, Revision)
ORDER BY (Tenant, Minute, Revision, Source, DstCluster, DstNamespace, DstService, DstVersion, SrcCluster, SrcNamespace, SrcService, SrcVersion)
SETTINGS ttl_only_drop_parts = 1, max_partitions_per_insert_block = 1000;

CREATE TABLE edge_hours (
  Tenant LowCardinality(String),
  Hour DateTime CODEC(Delta(4), ZSTD(1)),
  Revision UInt64 CODEC(Delta(8), ZSTD(1)),
  Source Enum8('spans' = 0, 'access_logs' = 1, 'metrics' = 2) CODEC(ZSTD(1)),
  SrcKind Enum8('unknown' = 0, 'service' = 1, 'messaging' = 3, 'external' = 4) CODEC(ZSTD(1)),
  SrcCluster LowCardinality(String) CODEC(ZSTD(1)),
  SrcNamespace LowCardinality(String) CODEC(ZSTD(1)),
  SrcService LowCardinality(String) CODEC(ZSTD(1)),
  SrcVersion LowCardinality(String) CODEC(ZSTD(1)),
  DstKind Enum8('unknown' = 0, 'service' = 1, 'database' = 2, 'messaging' = 3, 'external' = 4) CODEC(ZSTD(1)),
  DstCluster LowCardinality(String) CODEC(ZSTD(1)),
  DstNamespace LowCardinality(String) CODEC(ZSTD(1)),
  DstService LowCardinality(String) CODEC(ZSTD(1)),
  DstVersion LowCardinality(String) CODEC(ZSTD(1)),
  Protocol LowCardinality(String) CODEC(ZSTD(1)),
  Evidence LowCardinality(String) CODEC(ZSTD(1)),
  CallerCalls UInt64 CODEC(T64, ZSTD(1)),
  CallerFailed UInt64 CODEC(T64, ZSTD(1)),
  CallerDegraded UInt64 CODEC(T64, ZSTD(1)),
  CallerCancelled UInt64 CODEC(T64, ZSTD(1)),
  CallerUs UInt64 CODEC(T64, LZ4),
  CallerHist Array(UInt32) CODEC(T64('bit'), ZSTD(1)),
  CalleeCalls UInt64 CODEC(T64, ZSTD(1)),
  CalleeFailed UInt64 CODEC(T64, ZSTD(1)),
  CalleeDegraded UInt64 CODEC(T64, ZSTD(1)),
  CalleeCancelled UInt64 CODEC(T64, ZSTD(1)),
  CalleeUs UInt64 CODEC(T64, LZ4),
  CalleeHist Array(UInt32) CODEC(T64('bit'), ZSTD(1)),
  NeverArrived UInt64 CODEC(T64, ZSTD(1)),
  OriginFailed UInt64 CODEC(T64, ZSTD(1)),
  GapUs UInt64 CODEC(T64, LZ4),
  ProxyUs UInt64 CODEC(T64, LZ4),
  Retries UInt64 CODEC(T64, ZSTD(1)),
  RequestBytes UInt64 CODEC(T64, LZ4),
  ResponseBytes UInt64 CODEC(T64, LZ4),
  SecuredCalls UInt64 CODEC(T64, ZSTD(1)),
  PlainCalls UInt64 CODEC(T64, ZSTD(1)),
  OffsetUs Int64 CODEC(T64, LZ4),
  OffsetCalls UInt64 CODEC(T64, ZSTD(1)),
  Flags Map(LowCardinality(String), UInt64) CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(Hour)
PRIMARY KEY (Tenant, Hour, Revision)
ORDER BY (Tenant, Hour, Revision, Source, DstCluster, DstNamespace, DstService, DstVersion, SrcCluster, SrcNamespace, SrcService, SrcVersion)
SETTINGS ttl_only_drop_parts = 1, max_partitions_per_insert_block = 1000;

CREATE TABLE operation_minutes (
  Tenant LowCardinality(String),
  Minute DateTime CODEC(Delta(4), ZSTD(1)),
  Revision UInt64 CODEC(Delta(8), ZSTD(1)),
  Cluster LowCardinality(String) CODEC(ZSTD(1)),
  Namespace LowCardinality(String) CODEC(ZSTD(1)),
  Service LowCardinality(String) CODEC(ZSTD(1)),
  Version LowCardinality(String) CODEC(ZSTD(1)),
  Operation LowCardinality(String) CODEC(ZSTD(1)),
  Requests UInt64 CODEC(T64, ZSTD(1)),
  Failed UInt64 CODEC(T64, ZSTD(1)),
  Degraded UInt64 CODEC(T64, ZSTD(1)),
  Cancelled UInt64 CODEC(T64, ZSTD(1)),
  OriginFailed UInt64 CODEC(T64, ZSTD(1)),
  TotalUs UInt64 CODEC(T64, LZ4),
  SelfUs UInt64 CODEC(T64, LZ4),
  Hist Array(UInt32) CODEC(T64('bit'), ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toStartOfHour(Minute)
PRIMARY KEY (Tenant, Minute, Revision)
ORDER BY (Tenant, Minute, Revision, Cluster, Namespace, Service, Version, Operation)
SETTINGS ttl_only_drop_parts = 1, max_partitions_per_insert_block = 1000;

CREATE TABLE operation_hours (
  Tenant LowCardinality(String),
  Hour DateTime CODEC(Delta(4), ZSTD(1)),
  Revision UInt64 CODEC(Delta(8), ZSTD(1)),
  Cluster LowCardinality(String) CODEC(ZSTD(1)),
  Namespace LowCardinality(String) CODEC(ZSTD(1)),
  Service LowCardinality(String) CODEC(ZSTD(1)),
  Version LowCardinality(String) CODEC(ZSTD(1)),
  Operation LowCardinality(String) CODEC(ZSTD(1)),
  Requests UInt64 CODEC(T64, ZSTD(1)),
  Failed UInt64 CODEC(T64, ZSTD(1)),
  Degraded UInt64 CODEC(T64, ZSTD(1)),
  Cancelled UInt64 CODEC(T64, ZSTD(1)),
  OriginFailed UInt64 CODEC(T64, ZSTD(1)),
  TotalUs UInt64 CODEC(T64, LZ4),
  SelfUs UInt64 CODEC(T64, LZ4),
  Hist Array(UInt32) CODEC(T64('bit'), ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(Hour)
PRIMARY KEY (Tenant, Hour, Revision)
ORDER BY (Tenant, Hour, Revision, Cluster, Namespace, Service, Version, Operation)
SETTINGS ttl_only_drop_parts = 1, max_partitions_per_insert_block = 1000;

-- Which sum of a minute or hour holds; 0: its buckets have changed since, or it has none. The newest Stamp wins. Stamp is the server's clock
-- (microseconds): of a sum before its buckets were read, of a change after it was made; so a change during the reading is not lost.
-- At: the same by the analyzer's clock (seconds), from which waiting times are counted.
CREATE TABLE minute_rollups (
  Minute DateTime,
  Revision UInt64,
  At DateTime,
  Stamp UInt64
) ENGINE = ReplacingMergeTree(Stamp)
ORDER BY Minute;

CREATE TABLE hour_rollups (
  Hour DateTime,
  Revision UInt64,
  At DateTime,
  Stamp UInt64
) ENGINE = ReplacingMergeTree(Stamp)
ORDER BY Hour;
