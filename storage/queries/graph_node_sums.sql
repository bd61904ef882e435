-- Purpose: the columns of what places answered, from sums (graph_nodes_minutes, graph_nodes_hours).
-- Parameters: level, merge, histograms: as graph_edge_sums; by_operation: 1 for a row an operation.
-- Row: the columns of storage/graph-table.ts in their order. Cost: that of the statement that includes it.
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
