-- Purpose: who called which operation in a range, from raw spans: edges of the buckets do not carry operations.
-- Parameters: tenant; from, to: half-open range (DateTime); known_at (DateTime64(3)): only spans stored by then; merge: 1 for
--   all clusters as one, ''; limit.
-- Row: caller (cluster, namespace, service, kind), callee with the operation that answered, protocol, calls by outcome, latency histogram,
--   all as the callee saw them. Calls whose parent span was lost are left out; roots have the kind 'unknown'.
--   Entries and their operations as in own_time.sql: a proxy's operation takes the application's route when the application has a span.
-- Cost: two hash joins over the range and a minute before: 0.5 CPU s for 1M spans.
WITH
  toDateTime64({from:DateTime}, 9) AS from_time,
  toDateTime64({to:DateTime}, 9) AS to_time
SELECT
  multiIf(e.Kind = 'Consumer', 'messaging', e.ParentKey = 0, 'unknown', 'service') AS FromKind,
  multiIf(FromKind = 'unknown' OR {merge:UInt8} = 1, '', FromKind = 'messaging' AND p.SpanKey = 0, e.Cluster, p.Cluster) AS FromCluster,
  if(FromKind = 'service', p.Namespace, '') AS FromNamespace,
  multiIf(FromKind = 'unknown', '', FromKind = 'messaging', e.Peer, p.Service) AS FromService,
  if({merge:UInt8} = 1, '', e.Cluster) AS AtCluster,
  e.Namespace AS AtNamespace,
  e.Service AS AtService,
  if(e.Proxy = 1 AND a.app_operation != '', a.app_operation, e.Operation) AS AtOperation,
  e.Protocol AS CallProtocol,
  count() AS Calls,
  countIf(e.Outcome = 'failed') AS Failures,
  countIf(e.Outcome = 'degraded') AS Degradations,
  countIf(e.Outcome = 'cancelled') AS Cancellations,
  sum(e.Duration) AS Ns,
  sumMap([toUInt8(if(e.Duration < 200000, 0, least(95, floor(log(e.Duration / 200000) / log(1.144)) + 1)))], [toUInt32(1)]) AS by_bucket,
  arrayMap(i -> by_bucket.2[indexOf(by_bucket.1, toUInt8(i))], range(96)) AS Histogram
FROM (
  SELECT * FROM span_edges
  WHERE Tenant = {tenant:String} AND IngestedAt <= {known_at:DateTime64(3)}
    AND toStartOfMinute(Timestamp) >= toStartOfMinute(from_time) AND Timestamp >= from_time AND Timestamp < to_time
    AND Kind IN ('Server', 'Consumer')
) AS e
LEFT ANY JOIN (
  SELECT SpanKey, Kind, Cluster, Namespace, Service
  FROM span_edges
  WHERE Tenant = {tenant:String} AND IngestedAt <= {known_at:DateTime64(3)}
    AND toStartOfMinute(Timestamp) >= toStartOfMinute(from_time - INTERVAL 60 SECOND)
    AND Timestamp >= from_time - INTERVAL 60 SECOND AND Timestamp < to_time + INTERVAL 5 SECOND
) AS p ON e.ParentKey = p.SpanKey
LEFT ANY JOIN (
  SELECT ParentKey, min(toString(Operation)) AS app_operation
  FROM span_edges
  WHERE Tenant = {tenant:String} AND IngestedAt <= {known_at:DateTime64(3)} AND ParentKey != 0 AND Kind = 'Server' AND Proxy = 0
    AND toStartOfMinute(Timestamp) >= toStartOfMinute(from_time)
    AND Timestamp >= from_time - INTERVAL 5 SECOND AND Timestamp < to_time + INTERVAL 60 SECOND
  GROUP BY ParentKey
) AS a ON e.SpanKey = a.ParentKey
WHERE if(p.SpanKey = 0, e.ParentKey = 0 OR e.Kind = 'Consumer',
  p.Kind IN ('Client', 'Producer') OR (p.Service, p.Namespace, p.Cluster) != (e.Service, e.Namespace, e.Cluster))
GROUP BY FromKind, FromCluster, FromNamespace, FromService, AtCluster, AtNamespace, AtService, AtOperation, CallProtocol
ORDER BY Calls DESC, AtService, AtOperation, FromService
LIMIT {limit:UInt32}
SETTINGS join_algorithm = 'parallel_hash', join_use_nulls = 0
