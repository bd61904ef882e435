-- Purpose: the edges of whole minutes with histograms, from the sums that hold.
-- Parameters: tenant; sums: which hold, (start, revision); limit: rows a source; those of graph_edge_sums.
-- Row: graph_edge_sums, graph_edge_histograms, one an edge and source, busiest first.
-- Cost: 0.05 CPU s for 5,000 edges and 15 minutes (least of several on a busy machine).
{{graph_edge_sums}},
{{graph_edge_histograms}}
FROM edge_minutes
WHERE Tenant = {tenant:String} AND (Minute, Revision) IN {sums:Array(Tuple(DateTime, UInt64))}
GROUP BY ALL
ORDER BY greatest(CallerRequests, CalleeRequests) DESC
LIMIT {limit:UInt32} BY Source
