-- Purpose: what each place answered in whole minutes, from the sums that hold.
-- Parameters: tenant; sums: which hold, (start, revision); level, merge, histograms: as graph_edge_sums; by_operation: 1 for a row an operation; limit.
-- Row: the columns of storage/graph-table.ts in their order: the place, requests by outcome, times, latency histogram; busiest first.
-- Cost: as the edges', by rows of operations.
{{graph_node_sums}}
FROM operation_minutes
WHERE Tenant = {tenant:String} AND (Minute, Revision) IN {sums:Array(Tuple(DateTime, UInt64))}
GROUP BY ALL
ORDER BY RequestCount DESC
LIMIT {limit:UInt32}
