-- Access logs of Envoy, Istio and ztunnel: one row a request or connection and proxy that reports it.
-- Timestamp: when the request began. Tenant .. Node: the reporting proxy's workload. Src* and Dst*: who called whom (kind unknown: the
-- log does not say; external: outside of the mesh, PassthroughCluster, BlackHoleCluster). A version may be that of the subset.
-- Direction: inbound or outbound, seen from the reporter. Reporter: source and destination are sidecars; a gateway is a source; a
-- waypoint stands between both; ztunnel reports connections, its Direction says for which side.
-- ResponseFlags: comma-joined set, '' none; of ztunnel DENY or CONNECT, from its error. ResponseCode (HTTP), GrpcStatus and Attempts:
-- -1 not sent. Duration, UpstreamServiceTime (both ns), BytesReceived, BytesSent: -1 not sent. TraceId and SpanId: of the record, its
-- traceparent or its labels. Attributes: what has no column, and the operator's own keys.
CREATE TABLE access_logs (
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  TraceId String CODEC(ZSTD(1)),
  SpanId String CODEC(ZSTD(1)),
  Path String CODEC(ZSTD(1)),
  RequestId String CODEC(ZSTD(1)),
  DownstreamAddress String CODEC(ZSTD(1)),
  Authority String CODEC(ZSTD(1)),
  UserAgent String CODEC(ZSTD(1)),
  Direction Enum8('' = 0, 'inbound' = 1, 'outbound' = 2) CODEC(ZSTD(1)),
  Reporter Enum8('unknown' = 0, 'source' = 1, 'destination' = 2, 'gateway' = 3, 'waypoint' = 4, 'ztunnel' = 5) CODEC(ZSTD(1)),
  Tenant LowCardinality(String) CODEC(ZSTD(1)),
  Cluster LowCardinality(String) CODEC(ZSTD(1)),
  Namespace LowCardinality(String) CODEC(ZSTD(1)),
  Service LowCardinality(String) CODEC(ZSTD(1)),
  Version LowCardinality(String) CODEC(ZSTD(1)),
  Instance LowCardinality(String) CODEC(ZSTD(1)),
  Node LowCardinality(String) CODEC(ZSTD(1)),
  SrcKind Enum8('unknown' = 0, 'service' = 1, 'external' = 4) CODEC(ZSTD(1)),
  SrcCluster LowCardinality(String) CODEC(ZSTD(1)),
  SrcNamespace LowCardinality(String) CODEC(ZSTD(1)),
  SrcService LowCardinality(String) CODEC(ZSTD(1)),
  SrcVersion LowCardinality(String) CODEC(ZSTD(1)),
  SrcInstance LowCardinality(String) CODEC(ZSTD(1)),
  DstKind Enum8('unknown' = 0, 'service' = 1, 'external' = 4) CODEC(ZSTD(1)),
  DstCluster LowCardinality(String) CODEC(ZSTD(1)),
  DstNamespace LowCardinality(String) CODEC(ZSTD(1)),
  DstService LowCardinality(String) CODEC(ZSTD(1)),
  DstVersion LowCardinality(String) CODEC(ZSTD(1)),
  DstInstance LowCardinality(String) CODEC(ZSTD(1)),
  Protocol LowCardinality(String) CODEC(ZSTD(1)),
  Method LowCardinality(String) CODEC(ZSTD(1)),
  Operation LowCardinality(String) CODEC(ZSTD(1)),
  HttpVersion LowCardinality(String) CODEC(ZSTD(1)),
  ResponseFlags LowCardinality(String) CODEC(ZSTD(1)),
  ResponseDetails LowCardinality(String) CODEC(ZSTD(1)),
  FailureReason LowCardinality(String) CODEC(ZSTD(1)),
  UpstreamCluster LowCardinality(String) CODEC(ZSTD(1)),
  UpstreamHost LowCardinality(String) CODEC(ZSTD(1)),
  RouteName LowCardinality(String) CODEC(ZSTD(1)),
  Outcome Enum8('ok' = 0, 'degraded' = 1, 'failed' = 2, 'cancelled' = 3) CODEC(ZSTD(1)),
  ResponseCode Int16 CODEC(ZSTD(1)),
  GrpcStatus Int16 CODEC(ZSTD(1)),
  Attempts Int16 CODEC(ZSTD(1)),
  Duration Int64 CODEC(ZSTD(1)),
  UpstreamServiceTime Int64 CODEC(ZSTD(1)),
  BytesReceived Int64 CODEC(ZSTD(1)),
  BytesSent Int64 CODEC(ZSTD(1)),
  Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  IngestedAt DateTime64(3) DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (Tenant, toStartOfMinute(Timestamp), DstService, Timestamp)
SETTINGS non_replicated_deduplication_window = 10000;

-- New buckets for the analyzer, counted as those of spans are.
CREATE MATERIALIZED VIEW access_log_arrivals_view TO arrivals AS
SELECT Tenant, 'access_logs' AS Signal, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND) AS Bucket, count() AS RowCount,
  toDateTime64(max(Timestamp), 3) AS LastTimestamp
FROM access_logs GROUP BY Tenant, Bucket;
