-- Purpose: what each place answered in whole hours, from the sums that hold.
-- Parameters: tenant; sums: which hold, (start, revision); level, merge, histograms: as graph_edge_sums; by_operation: 1 for a row an operation; limit.
-- Row: the columns of storage/graph-table.ts in their order: the place, requests by outcome, times, latency histogram; busiest first.
-- Cost: as the edges', by rows of operations.
SELECT
  if({merge:UInt8} = 1, '', Cluster) AS AtCluster,
  if({level:UInt8} >= 2, Namespace, '') AS AtNamespace,
  if({level:UInt8} >= 3, Service, '') AS AtService,
  if({level:UInt8} >= 4, Version, '') AS AtVersion,
  '' AS AtInstance,
  if({by_operation:UInt8} = 1, Operation, '') AS AtOperation,
  sum(Requests) AS RequestCount,
  sum(Failed),
  sum(Degraded),
  sum(Cancelled),
  sum(OriginFailed),
  sum(TotalUs) * 1000,
  sum(SelfUs) * 1000,
  if({histograms:UInt8} = 1, sumForEach(if({histograms:UInt8} = 1, Hist, [])), [])
FROM operation_hours
WHERE Tenant = {tenant:String} AND (Hour, Revision) IN {sums:Array(Tuple(DateTime, UInt64))}
GROUP BY ALL
ORDER BY RequestCount DESC
LIMIT {limit:UInt32}
