-- What each instance did in some buckets, by operation; writes to operation_buckets_staging.
-- Parameters: from, to (DateTime, multiples of 10 s, half-open).
-- Requests = entry spans (as in pair_edges.sql). Own time of a span = its duration minus the union of its children's intervals,
--   clipped to it; summed over everything but Client and Producer spans (their rest is network and callee time and belongs to
--   the edge), save an application's Client span around its own proxy's: the rest of that is this process waiting for CPU
--   (rows with operation ''). SelfHist = distribution of own time over the Server and Consumer spans, the proxy's and the
--   application's each for itself: time before the application takes a request (paused, starting) is the proxy's own time. OriginFailed = failed spans below which nothing failed.
--   A proxy's operation takes the application's route when the application has a span. Nothing is joined across tenants.
-- Cost: two hash joins over the window plus margins, children grouped by parent.
INSERT INTO operation_buckets_staging
WITH
  toDateTime64({from:DateTime}, 9) AS from_time,
  toDateTime64({to:DateTime}, 9) AS to_time
SELECT * EXCEPT (hist_map, self_map) FROM (
SELECT
  Tenant, Bucket, Cluster, Namespace, Service, Version, Instance, Node, Operation, Protocol,
  countIf(entry) AS Requests,
  countIf(entry AND Outcome = 'failed') AS Failed,
  countIf(entry AND Outcome = 'degraded') AS Degraded,
  countIf(entry AND Outcome = 'cancelled') AS Cancelled,
  sum(origin) AS OriginFailed,
  sumIf(Duration, entry) AS TotalNs,
  toUInt64(sum(self)) AS SelfNs,
  arrayMap(i -> hist_map.2[indexOf(hist_map.1, toUInt8(i))], range(96)) AS Hist,
  arrayMap(i -> self_map.2[indexOf(self_map.1, toUInt8(i))], range(96)) AS SelfHist,
  CAST(sumMap(flags, arrayMap(f -> toUInt64(1), flags)), 'Map(LowCardinality(String), UInt64)') AS Flags,
  sumMapIf([toUInt8(if(Duration < 200000, 0, least(95, floor(log(Duration / 200000) / log(1.144)) + 1)))], [toUInt32(1)], entry) AS hist_map,
  sumMapIf([toUInt8(if(self < 200000, 0, least(95, floor(log(self / 200000) / log(1.144)) + 1)))], [toUInt32(1)], work) AS self_map
FROM (
  SELECT
    s.Tenant AS Tenant, toStartOfInterval(toDateTime(s.Timestamp), INTERVAL 10 SECOND) AS Bucket,
    s.Cluster AS Cluster, s.Namespace AS Namespace, s.Service AS Service, s.Version AS Version, s.Instance AS Instance, s.Node AS Node,
    multiIf(s.Kind = 'Client', '', s.Proxy = 1 AND c.app_operation != '', c.app_operation, s.Operation) AS Operation,
    if(s.Kind = 'Client', '', s.Protocol) AS Protocol, s.Outcome AS Outcome, s.Duration AS Duration,
    s.Kind IN ('Server', 'Consumer') AND (p.SpanKey = 0 OR p.Kind IN ('Client', 'Producer')
      OR (p.Service, p.Namespace, p.Cluster) != (s.Service, s.Namespace, s.Cluster)) AS entry,
    s.Kind IN ('Server', 'Consumer') AS work,
    s.Kind != 'Client' AND s.Outcome = 'failed' AND c.failed = 0 AS origin,
    toUnixTimestamp64Nano(s.Timestamp) AS t0,
    greatest(0, toInt64(s.Duration) - if(empty(c.starts), 0, toInt64(arrayReduce('intervalLengthSum',
      arrayMap(x -> greatest(x, t0), c.starts),
      arrayMap((x, y) -> greatest(least(x, t0 + toInt64(s.Duration)), greatest(y, t0)), c.ends, c.starts))))) AS self,
    if(s.ResponseFlags = '' OR s.Kind = 'Client', [], splitByChar(',', toString(s.ResponseFlags))) AS flags
  FROM (
    SELECT *, cityHash64(Tenant) AS salt
    FROM span_edges
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(from_time) AND Timestamp >= from_time AND Timestamp < to_time
      AND Kind != 'Producer' AND NOT (Kind = 'Client' AND Proxy = 1)
  ) AS s
  LEFT ANY JOIN (
    SELECT bitXor(SpanKey, cityHash64(Tenant)) AS key, SpanKey, Kind, Cluster, Namespace, Service
    FROM span_edges
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(from_time - INTERVAL 60 SECOND)
      AND Timestamp >= from_time - INTERVAL 60 SECOND AND Timestamp < to_time + INTERVAL 5 SECOND
  ) AS p ON bitXor(s.ParentKey, s.salt) = p.key
  LEFT ANY JOIN (
    SELECT bitXor(ParentKey, cityHash64(Tenant)) AS key, groupArray(toUnixTimestamp64Nano(Timestamp)) AS starts,
      groupArray(toUnixTimestamp64Nano(Timestamp) + toInt64(Duration)) AS ends,
      max(Outcome = 'failed') AS failed,
      minIf(toString(Operation), Kind = 'Server' AND Proxy = 0) AS app_operation,
      max(Kind = 'Client' AND Proxy = 1) AS own_proxy
    FROM span_edges
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(from_time - INTERVAL 5 SECOND)
      AND Timestamp >= from_time - INTERVAL 5 SECOND AND Timestamp < to_time + INTERVAL 60 SECOND AND ParentKey != 0
    GROUP BY key
  ) AS c ON bitXor(s.SpanKey, s.salt) = c.key
  WHERE s.Kind != 'Client' OR c.own_proxy = 1
)
GROUP BY Tenant, Bucket, Cluster, Namespace, Service, Version, Instance, Node, Operation, Protocol
)
SETTINGS join_algorithm = 'parallel_hash', join_use_nulls = 0
