-- Purpose: what each place answered in whole hours, from the sums that hold.
-- Parameters: tenant; sums: which hold, (start, revision); limit; those of graph_node_sums.
-- Row: graph_node_sums, one a place, busiest first.
-- Cost: as the edges', by rows of operations.
{{graph_node_sums}}
FROM operation_hours
WHERE Tenant = {tenant:String} AND (Hour, Revision) IN {sums:Array(Tuple(DateTime, UInt64))}
GROUP BY ALL
ORDER BY RequestCount DESC
LIMIT {limit:UInt32}
