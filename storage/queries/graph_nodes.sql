-- Purpose: what each place answered in a range, summed over its buckets, at one level of detail.
-- Parameters: tenant; from_s, to_s: half-open range, unix seconds, multiples of 10; level: 1 cluster, 2 namespace, 3 service,
--   4 version, 5 instance; by_operation: 1 for a row an operation of the level's place; limit.
-- Row: the place (parts the level does not carry are ''), requests by outcome, latency histogram.
-- Cost: as graph_edges.
SELECT
  Cluster AS AtCluster,
  if({level:UInt8} >= 2, Namespace, '') AS AtNamespace,
  if({level:UInt8} >= 3, Service, '') AS AtService,
  if({level:UInt8} >= 4, Version, '') AS AtVersion,
  if({level:UInt8} >= 5, Instance, '') AS AtInstance,
  if({by_operation:UInt8} = 1, Operation, '') AS AtOperation,
  sum(Requests) AS RequestCount,
  sum(Failed) AS FailureCount,
  sum(Degraded) AS DegradationCount,
  sumForEach(Hist) AS Histogram
FROM operation_buckets
WHERE Tenant = {tenant:String}
  AND Bucket >= toDateTime({from_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
GROUP BY AtCluster, AtNamespace, AtService, AtVersion, AtInstance, AtOperation
ORDER BY RequestCount DESC, AtService, AtOperation
LIMIT {limit:UInt32}
