-- Purpose: what each place answered in 10-second buckets: of minutes that are not summed yet or have changed since, or by instance.
-- Parameters: tenant; minutes: of which to read; from_s, to_s: half-open range, unix seconds; level, merge, histograms: as graph_edge_sums; by_operation: 1 for a row an operation; limit.
-- Row: the columns of storage/graph-table.ts in their order: the place, requests by outcome, times, latency histogram; busiest first.
-- Cost: as the edges', by rows of operations.
SELECT
  if({merge:UInt8} = 1, '', Cluster) AS AtCluster,
  if({level:UInt8} >= 2, Namespace, '') AS AtNamespace,
  if({level:UInt8} >= 3, Service, '') AS AtService,
  if({level:UInt8} >= 4, Version, '') AS AtVersion,
  if({level:UInt8} >= 5, Instance, '') AS AtInstance,
  if({by_operation:UInt8} = 1, Operation, '') AS AtOperation,
  sum(Requests) AS RequestCount,
  sum(Failed),
  sum(Degraded),
  sum(Cancelled),
  sum(OriginFailed),
  sum(TotalNs),
  sum(SelfNs),
  if({histograms:UInt8} = 1, sumForEach(if({histograms:UInt8} = 1, Hist, [])), [])
FROM operation_buckets
WHERE Tenant = {tenant:String} AND toStartOfMinute(Bucket) IN {minutes:Array(DateTime)}
  AND Bucket >= toDateTime({from_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
GROUP BY ALL
ORDER BY RequestCount DESC
LIMIT {limit:UInt32}
