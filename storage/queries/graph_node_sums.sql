-- Purpose: the columns of what places answered, from sums (graph_nodes_minutes, graph_nodes_hours).
-- Parameters: at_cluster ... at_operation: the column that tells this part of a place at the level, or Untold where the level does not
--   carry it (storage/graph-columns.ts).
-- Row: the columns that storage/graph-table.ts reads, in its order. Cost: that of the statement that includes it.
WITH '' AS Untold
SELECT
  {at_cluster:Identifier},
  {at_namespace:Identifier},
  {at_service:Identifier},
  {at_version:Identifier},
  {at_instance:Identifier},
  {at_operation:Identifier},
  sum(Requests) AS RequestCount,
  sum(Failed),
  sum(Degraded),
  sum(Cancelled),
  sum(OriginFailed),
  sum(TotalUs) * 1000,
  sum(SelfUs) * 1000
