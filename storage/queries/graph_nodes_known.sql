-- Purpose: what each place answered in a range as it was known at a time: computed anew from the spans stored by then.
-- Parameters: tenant; from, to: half-open range in whole buckets; known_at; level, merge, histograms, by_operation, limit: as graph_nodes.
-- Row: as graph_nodes; failures that began there and time of its own are not computed (0).
-- Cost: one hash join of the range's spans with their parents.
WITH
  toDateTime64({from:DateTime}, 9) AS from_time,
  toDateTime64({to:DateTime}, 9) AS to_time,
  sumMapIf([Slot], [toUInt64(1)], {histograms:UInt8} = 1) AS slots
SELECT
  if({merge:UInt8} = 1, '', e.Cluster) AS AtCluster,
  if({level:UInt8} >= 2, e.Namespace, '') AS AtNamespace,
  if({level:UInt8} >= 3, e.Service, '') AS AtService,
  if({level:UInt8} >= 4, e.Version, '') AS AtVersion,
  if({level:UInt8} >= 5, e.Instance, '') AS AtInstance,
  if({by_operation:UInt8} = 1, e.Operation, '') AS AtOperation,
  count() AS RequestCount,
  countIf(e.Outcome = 'failed') AS FailureCount,
  countIf(e.Outcome = 'degraded') AS DegradationCount,
  countIf(e.Outcome = 'cancelled') AS CancelledCount,
  0 AS OriginFailedCount,
  sum(e.Duration) AS TotalTime,
  0 AS SelfTime,
  if({histograms:UInt8} = 1, arrayMap(i -> slots.2[indexOf(slots.1, toUInt8(i))], range(96)), []) AS Histogram
FROM (
  SELECT *, toUInt8(if(Duration < 200000, 0, least(95, floor(log(Duration / 200000) / log(1.144)) + 1))) AS Slot
  FROM span_edges
  WHERE Tenant = {tenant:String} AND toStartOfMinute(Timestamp) >= toStartOfMinute(from_time) AND Timestamp >= from_time
    AND Timestamp < to_time AND Kind IN ('Server', 'Consumer') AND IngestedAt <= {known_at:DateTime64(3)}
  LIMIT 1 BY SpanKey
) AS e
LEFT ANY JOIN (
  SELECT SpanKey, Kind, Cluster, Namespace, Service
  FROM span_edges
  WHERE Tenant = {tenant:String} AND toStartOfMinute(Timestamp) >= toStartOfMinute(from_time - INTERVAL 60 SECOND)
    AND Timestamp >= from_time - INTERVAL 60 SECOND AND Timestamp < to_time + INTERVAL 5 SECOND
    AND IngestedAt <= {known_at:DateTime64(3)}
) AS p ON e.ParentKey = p.SpanKey
WHERE p.SpanKey = 0 OR p.Kind IN ('Client', 'Producer') OR (p.Service, p.Namespace, p.Cluster) != (e.Service, e.Namespace, e.Cluster)
GROUP BY AtCluster, AtNamespace, AtService, AtVersion, AtInstance, AtOperation
ORDER BY RequestCount DESC, AtService, AtOperation
LIMIT {limit:UInt32}
SETTINGS join_algorithm = 'parallel_hash', join_use_nulls = 0
