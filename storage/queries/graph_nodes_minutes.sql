-- Purpose: what each place answered in whole minutes, from the sums that hold.
-- Parameters: tenant; sums: which hold, (start, revision); limit; those of graph_node_sums.
-- Row: graph_node_sums, one a place, busiest first.
-- Cost: as the edges', by rows of operations.
{{graph_node_sums}}
FROM operation_minutes
WHERE Tenant = {tenant:String} AND (Minute, Revision) IN {sums:Array(Tuple(DateTime, UInt64))}
GROUP BY ALL
ORDER BY RequestCount DESC
LIMIT {limit:UInt32}
